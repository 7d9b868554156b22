// Clients and shorthands for the tests of this room.
import type { Market } from '../../../crds/names.ts'
import { attach } from '../client.ts'
import { type Exchange, type ExchangeOptions, startExchange } from '../exchange.ts'
import type { TrueBook } from '../venue.ts'

export const PATH = '/ws/api/v2'

export function startDeribit(options: ExchangeOptions): Promise<Exchange> {
  return startExchange({ exchange: 'deribit', virtual: true, ...options })
}

export interface DeribitClient {
  readonly texts: string[]
  readonly code: number | undefined
  /** Sends a request and gives the answer, which the exchange makes at once. */
  call(method: string, params?: unknown): { id: number; result?: unknown; error?: { code: number; message: string } }
  subscribe(...channels: string[]): unknown
}

export function connectDeribit(exchange: Exchange, market: Market): DeribitClient {
  const client = attach((wire) => exchange.connect(market, PATH, wire))
  let id = 0
  const call: DeribitClient['call'] = (method, params) => {
    client.connection.message(JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }))
    return JSON.parse(client.texts.find((text) => text.startsWith(`{"jsonrpc":"2.0","id":${id},`))!)
  }
  return {
    texts: client.texts,
    get code() {
      return client.code
    },
    call,
    subscribe: (...channels) => call('public/subscribe', { channels }),
  }
}

/** The answer of REST, read. */
export async function ask(exchange: Exchange, market: Market, path: string) {
  const answer = await exchange.request(market, `/api/v2/public/${path}`)
  return { status: answer!.status, ...JSON.parse(answer!.body) }
}

/** The truth as numbers. */
export function asNumbers(book: TrueBook | undefined) {
  const levels = (side: TrueBook['bids']) => side.map(([price, size]) => [Number(price), Number(size)])
  return book && { seq: book.seq, bids: levels(book.bids), asks: levels(book.asks) }
}
