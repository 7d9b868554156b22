// Binance's WebSocket: the combined wrapper, requests and answers.
import type { Control, Protocol } from '../../connection/protocol.ts'
import { isRecord } from '../../wire/general.ts'
import type { Envelope } from '../room.ts'

const HEAD_LENGTH = '{"stream":"'.length
const DATA_LENGTH = '","data":'.length
const NAME_MAX = 128

/** Finds the parts of `{"stream":"<name>","data":<object>}`. */
export function openCombined(bytes: Buffer, envelope: Envelope): boolean {
  if (!isHead(bytes)) return false
  let pos = HEAD_LENGTH
  while (bytes[pos] !== 0x22) if (++pos > NAME_MAX || pos >= bytes.length) return false
  if (!isData(bytes, pos) || bytes[bytes.length - 1] !== 0x7d) return false
  envelope.nameStart = HEAD_LENGTH
  envelope.nameEnd = pos
  envelope.dataStart = pos + DATA_LENGTH
  envelope.dataEnd = bytes.length - 1
  return true
}

// Written out byte by byte: as loops over constants they cost as much as reading all values of a trade.

/** `{"stream":"` */
function isHead(b: Buffer): boolean {
  if (b[0] !== 0x7b || b[1] !== 0x22 || b[2] !== 0x73 || b[3] !== 0x74 || b[4] !== 0x72 || b[5] !== 0x65) return false
  return b[6] === 0x61 && b[7] === 0x6d && b[8] === 0x22 && b[9] === 0x3a && b[10] === 0x22
}

/** `","data":` */
function isData(b: Buffer, at: number): boolean {
  if (b[at + 1] !== 0x2c || b[at + 2] !== 0x22 || b[at + 3] !== 0x64 || b[at + 4] !== 0x61) return false
  return b[at + 5] === 0x74 && b[at + 6] === 0x61 && b[at + 7] === 0x22 && b[at + 8] === 0x3a
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
    requestsPerSecondMax,
    lifeMs: 24 * 3_600_000,
  }
}

/** Reads an answer or a notice (spot docs "Live subscribing", `serverShutdown` since 2026-05-08). */
export function control(text: string): Control {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'unknown' }
  }
  if (!isRecord(value)) return { kind: 'unknown' }
  if (value['e'] === 'serverShutdown' || value['stream'] === '!serverShutdown') return { kind: 'leave' }
  const id = typeof value['id'] === 'number' ? value['id'] : undefined
  // Two shapes of errors: {"code":2,"msg":"…"} and {"error":{"code":2,"msg":"…"},"id":1}.
  const error = isRecord(value['error']) ? value['error'] : value
  if (typeof error['msg'] === 'string') return { kind: 'refused', id, message: error['msg'] }
  return value['result'] === null && id !== undefined ? { kind: 'ack', id } : { kind: 'unknown' }
}
