// A client of OKX in memory, for the tests of the exchange.
import type { Market } from '../../../crds/names.ts'
import { attach } from '../client.ts'
import type { Exchange } from '../exchange.ts'

export interface Data {
  readonly arg: { readonly channel: string; readonly instId?: string; readonly instType?: string }
  readonly action?: 'snapshot' | 'update'
  // whatever the channel has; tests say what they look for
  readonly data: readonly Record<string, never>[]
}

export interface OkxClient {
  readonly texts: readonly string[]
  readonly connection: ReturnType<typeof attach>['connection']
  /** Code of the close; undefined while it is open. */
  code(): number | undefined
  request(op: 'subscribe' | 'unsubscribe', ...args: readonly object[]): void
  /** Frames of data of one channel, in their order. */
  data(channel: string): readonly Data[]
  /** Answers and notices. */
  events(): readonly Record<string, unknown>[]
}

export function okxClient(exchange: Exchange, market: Market, path: 'public' | 'business' = 'public'): OkxClient {
  const client = attach((wire) => exchange.connect(market, `/ws/v5/${path}`, wire))
  const read = () => client.texts.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text))
  return {
    texts: client.texts,
    connection: client.connection,
    code: () => client.code,
    request: (op, ...args) => client.connection.message(JSON.stringify({ id: 'a1', op, args })),
    data: (channel) => read().filter((frame: Data) => frame.data !== undefined && frame.arg.channel === channel),
    events: () => read().filter(({ event }) => event !== undefined),
  }
}

/** The `data` of a REST answer. @throws where its code is not 0 */
export async function rows<T>(exchange: Exchange, market: Market, path: string): Promise<T[]> {
  const answer = await exchange.request(market, `/api/v5/${path}`)
  const { code, data } = JSON.parse(answer?.body ?? '')
  if (code !== '0') throw new Error(`${path}: ${answer?.body}`)
  return data
}
