// Binance's WebSocket: the combined wrapper, requests and answers.
import type { Control, Protocol } from '../../connection/protocol.ts'
import { CLOSE_BRACE, COLON, QUOTE, ascii, findByte, viewOf } from '../../wire/bytes.ts'
import { isRecord, recordOf } from '../../wire/general.ts'
import type { Envelope } from '../room.ts'

const HEAD = ascii('{"stream":"')
const DATA = ascii('","data":')
/** Eight bytes of each as a double, which for ASCII is no NaN: equal when the bytes are. */
const HEAD_EIGHT = HEAD.readDoubleLE(0)
const HEAD_REST = HEAD.readInt32LE(HEAD.length - 4)
const DATA_EIGHT = DATA.readDoubleLE(0)
const NAME_MAX = 128

/** Finds the parts of `{"stream":"<name>","data":<object>}`. */
export function openCombined(bytes: Buffer, envelope: Envelope): boolean {
  const view = viewOf(bytes)
  const from = bytes.byteOffset
  const { length } = bytes
  if (length < HEAD.length + DATA.length) return false
  if (view.getFloat64(from, true) !== HEAD_EIGHT || view.getInt32(from + HEAD.length - 4, true) !== HEAD_REST)
    return false
  const last = Math.min(NAME_MAX, length - DATA.length)
  const pos = findByte(view, from + HEAD.length, from + last + 1, QUOTE) - from
  if (pos > last || view.getFloat64(from + pos, true) !== DATA_EIGHT || bytes[pos + 8] !== COLON) return false
  if (bytes[length - 1] !== CLOSE_BRACE) return false
  envelope.nameStart = HEAD.length
  envelope.nameEnd = pos
  envelope.dataStart = pos + DATA.length
  envelope.dataEnd = length - 1
  return true
}

/**
 * What both markets have in common.
 * @param requestsPerSecondMax spot 5, futures 10; pings and pongs count
 */
export function protocol(requestsPerSecondMax: number): Protocol {
  return {
    subscribe: (streams, id) => JSON.stringify({ method: 'SUBSCRIBE', params: streams, id }),
    unsubscribe: (streams, id) => JSON.stringify({ method: 'UNSUBSCRIBE', params: streams, id }),
    control,
    streamsPerSocketMax: 200,
    streamsPerRequestMax: 100,
    requests: [{ max: requestsPerSecondMax, windowMs: 1_000 }],
    keepAlivesCount: true,
    lifeMs: 24 * 3_600_000,
  }
}

/** Reads an answer or a notice (spot docs "Live subscribing", `serverShutdown` since 2026-05-08). */
export function control(text: string): Control {
  const value = recordOf(text)
  if (value === undefined) return { kind: 'unknown' }
  if (value['e'] === 'serverShutdown' || value['stream'] === '!serverShutdown') return { kind: 'leave' }
  const id = typeof value['id'] === 'number' ? value['id'] : undefined
  // Two shapes of errors: {"code":2,"msg":"…"} and {"error":{"code":2,"msg":"…"},"id":1}.
  const error = isRecord(value['error']) ? value['error'] : value
  if (typeof error['msg'] === 'string') return { kind: 'refused', id, message: error['msg'] }
  return value['result'] === null && id !== undefined ? { kind: 'ack', id } : { kind: 'unknown' }
}
