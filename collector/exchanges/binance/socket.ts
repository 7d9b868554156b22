// Binance's WebSocket: the combined wrapper, requests and answers.
import type { Control, Protocol } from '../../connection/protocol.ts'
import { isRecord } from '../../wire/general.ts'
import { ascii } from '../../wire/bytes.ts'
import type { Envelope } from '../room.ts'

const HEAD = ascii('{"stream":"')
const DATA = ascii('","data":')
const NAME_MAX = 128

/** Finds the parts of `{"stream":"<name>","data":<object>}`. */
export function openCombined(bytes: Buffer, envelope: Envelope): boolean {
  for (let i = 0; i < HEAD.length; i++) if (bytes[i] !== HEAD[i]) return false
  let pos = HEAD.length
  const nameMax = pos + NAME_MAX
  while (bytes[pos] !== 0x22) if (++pos > nameMax || pos >= bytes.length) return false
  for (let i = 0; i < DATA.length; i++) if (bytes[pos + i] !== DATA[i]) return false
  if (bytes[bytes.length - 1] !== 0x7d) return false
  envelope.nameStart = HEAD.length
  envelope.nameEnd = pos
  envelope.dataStart = pos + DATA.length
  envelope.dataEnd = bytes.length - 1
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
