// JSON-RPC as Deribit wraps it: results and errors with the times at which the request came and went, in microseconds.
import { object, quoted } from './json.ts'
import { Refusal } from './rpc.ts'

/** What comes with a request. */
export interface Head {
  /** JSON; undefined where the request has none. */
  readonly id: string | undefined
  /** When it came, ms. */
  readonly now: number
}

const USUAL_MICROSECONDS = 120

export function resultText(head: Head, result: string): string {
  return object({ ...front(head), result, ...times(head) })
}

export function errorText(head: Head, { code, message, data }: Refusal): string {
  const more = data && object(Object.fromEntries(Object.entries(data).map(([key, value]) => [key, quoted(value)])))
  return object({
    ...front(head),
    error: object({ message: quoted(message), data: more, code: String(code) }),
    ...times(head),
  })
}

/** A notification of a channel. */
export function notification(channel: string, data: string): string {
  return `{"jsonrpc":"2.0","method":"subscription","params":{"channel":${quoted(channel)},"data":${data}}}`
}

export function heartbeatText(type: 'heartbeat' | 'test_request'): string {
  return `{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"${type}"}}`
}

function front({ id }: Head): Record<string, string | undefined> {
  return { jsonrpc: '"2.0"', id }
}

function times({ now }: Head): Record<string, string> {
  const came = Math.floor(now * 1_000)
  const [usIn, usOut] = [String(came), String(came + USUAL_MICROSECONDS)]
  return { usIn, usOut, usDiff: String(USUAL_MICROSECONDS), testnet: 'false' }
}

/** What was wrong; anything but a {@link Refusal} is thrown on. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  throw error
}

export const TOO_MANY: Refusal = new Refusal(10_028, 'too_many_requests')
/** What REST says where a fault has it fail. */
export const FAILURE: string = object({ jsonrpc: '"2.0"', error: '{"message":"temporarily_unavailable","code":13028}' })
