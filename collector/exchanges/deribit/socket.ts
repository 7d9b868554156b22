// Deribit's WebSocket: JSON-RPC 2.0, notifications of subscriptions, heartbeats.
import type { Control, Protocol } from '../../connection/protocol.ts'
import { CLOSE_BRACE, COLON, QUOTE, ascii, findByte, viewOf } from '../../wire/bytes.ts'
import { isRecord, recordOf } from '../../wire/general.ts'
import type { Envelope } from '../room.ts'

const HEAD = ascii('{"jsonrpc":"2.0","method":"subscription","params":{"channel":"')
const DATA = ascii('","data":')
const WORD = 8
/** Eight bytes of each as a double, which for ASCII is no NaN: equal when the bytes are. The last one overlaps. */
const HEAD_WORDS = Float64Array.from({ length: Math.floor(HEAD.length / WORD) }, (_, i) => HEAD.readDoubleLE(WORD * i))
const HEAD_LAST = HEAD.readDoubleLE(HEAD.length - WORD)
const DATA_WORD = DATA.readDoubleLE(0)
const NAME_MAX = 128

/** Finds the parts of `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"<name>","data":<data>}}`. */
export function openNotification(bytes: Buffer, envelope: Envelope): boolean {
  const end = bytes.length - 2
  if (end < HEAD.length + DATA.length || bytes[end] !== CLOSE_BRACE || bytes[end + 1] !== CLOSE_BRACE) return false
  const view = viewOf(bytes)
  const from = bytes.byteOffset
  for (let i = 0; i < HEAD_WORDS.length; i++) {
    if (view.getFloat64(from + WORD * i, true) !== HEAD_WORDS[i]) return false
  }
  if (view.getFloat64(from + HEAD.length - WORD, true) !== HEAD_LAST) return false
  const last = Math.min(HEAD.length + NAME_MAX, end - DATA.length)
  const pos = findByte(view, from + HEAD.length, from + last + 1, QUOTE) - from
  if (pos > last || view.getFloat64(from + pos, true) !== DATA_WORD || bytes[pos + WORD] !== COLON) return false
  envelope.nameStart = HEAD.length
  envelope.nameEnd = pos
  envelope.dataStart = pos + DATA.length
  envelope.dataEnd = end
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
  // One request for a socket: the credits are those of the address, whatever the number of its sockets.
  streamsPerRequestMax: 500,
  // Credits: 3,000 of 30,000 for each call, 10,000 more each second.
  requests: [{ max: 10, windowMs: 3_000 }],
  keepAlivesCount: true,
  lifeMs: Infinity,
  greeting: [request(NOBODY, 'public/set_heartbeat', { interval: HEARTBEAT_SECONDS })],
}

/** Reads an answer, a heartbeat, or a question whether we are there ("Session management"). */
export function control(text: string): Control {
  const value = recordOf(text)
  if (value === undefined) return { kind: 'unknown' }
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
