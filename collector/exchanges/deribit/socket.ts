// Deribit's WebSocket: JSON-RPC 2.0, notifications of subscriptions, heartbeats.
import type { Control, Protocol } from '../../connection/protocol.ts'
import { isRecord } from '../../wire/general.ts'
import type { Envelope } from '../room.ts'

const HEAD = Buffer.from('{"jsonrpc":"2.0","method":"subscription","params":{"channel":"')
const DATA = Buffer.from('","data":')
const NAME_MAX = 128
const CLOSE_BRACE = 0x7d
const QUOTE = 0x22

/** Finds the parts of `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"<name>","data":<data>}}`. */
export function openNotification(bytes: Buffer, envelope: Envelope): boolean {
  const end = bytes.length - 2
  if (bytes[end] !== CLOSE_BRACE || bytes[end + 1] !== CLOSE_BRACE || !stands(bytes, 0, HEAD)) return false
  let pos = HEAD.length
  while (bytes[pos] !== QUOTE) if (++pos - HEAD.length > NAME_MAX || pos >= end) return false
  if (!stands(bytes, pos, DATA)) return false
  envelope.nameStart = HEAD.length
  envelope.nameEnd = pos
  envelope.dataStart = pos + DATA.length
  envelope.dataEnd = end
  return true
}

function stands(bytes: Buffer, pos: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[pos + i] !== wanted[i]) return false
  return true
}

/** Of our own requests that nobody waits for. */
const NOBODY = 0
const HEARTBEAT_SECONDS = 30
/** Too much was asked, or the venue is busy: the page says to ask again later. */
const LATER = new Set([10028, 10040, 10041, 10047, 10066, 11051, 11094, 13028, 13888])

function request(id: number, method: string, params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params })
}

export const protocol: Protocol = {
  subscribe: (channels, id) => request(id, 'public/subscribe', { channels }),
  unsubscribe: (channels, id) => request(id, 'public/unsubscribe', { channels }),
  control,
  streamsPerSocketMax: 500,
  streamsPerRequestMax: 100,
  // Credits: 3,000 of 30,000 for each call, refilled within ten seconds.
  requests: [{ max: 10, windowMs: 3_000 }],
  keepAlivesCount: true,
  lifeMs: Infinity,
  greeting: [request(NOBODY, 'public/set_heartbeat', { interval: HEARTBEAT_SECONDS })],
}

/** Reads an answer, a heartbeat, or a question whether we are there ("Session management"). */
export function control(text: string): Control {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'unknown' }
  }
  if (!isRecord(value)) return { kind: 'unknown' }
  if (value['method'] === 'heartbeat') return heartbeat(value['params'])
  // Notifications of a channel that was given back a moment ago.
  if (value['method'] === 'subscription') return { kind: 'ignored' }
  const { id, error, result } = value
  if (id === NOBODY) return { kind: 'ignored' }
  const of = typeof id === 'number' ? id : undefined
  if (isRecord(error)) {
    const message = `${String(error['code'])} ${String(error['message'])}`
    return { kind: LATER.has(Number(error['code'])) ? 'later' : 'refused', id: of, message }
  }
  if (of === undefined || !Array.isArray(result)) return { kind: 'unknown' }
  // Channels that it does not know are left out, in silence.
  return { kind: 'ack', id: of, accepted: result.filter((name) => typeof name === 'string') }
}

function heartbeat(params: unknown): Control {
  const isQuestion = isRecord(params) && params['type'] === 'test_request'
  return isQuestion ? { kind: 'answer', text: request(NOBODY, 'public/test', {}) } : { kind: 'ignored' }
}
