// OKX's WebSocket: the wrapper of its frames, requests and answers.
import type { Control, Protocol } from '../../connection/protocol.ts'
import { isRecord, type Shape } from '../../wire/general.ts'
import type { Envelope } from '../room.ts'

/** Keys of an argument in the venue's order; a stream's name is an argument written so. */
const ARGUMENT = ['channel', 'instType', 'instFamily', 'instId'] as const

/** `{"arg":{"channel":…,"instId":…},"action":"update","data":[…]}`; only books have an action. */
export const WRAPPER: Shape = {
  arg: { channel: 'value', instType: 'optional', instFamily: 'optional', instId: 'optional' },
  action: 'optional',
  data: 'value',
}

/** The name of a stream: its argument as it is subscribed and as frames name it. */
export function streamOf(argument: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(argument, [...ARGUMENT])
}

const HEAD_LENGTH = '{"arg":'.length
const DATA_LENGTH = ',"data":'.length
const ACTION_LENGTH = ',"action":"'.length
const NAME_MAX = 192

/** Finds the parts of `{"arg":<name>,"data":<data>}`; what stands between `arg` and `data` belongs to the name. */
export function openArgument(b: Buffer, envelope: Envelope): boolean {
  // Written out byte by byte: as loops over constants it costs as much as reading the values.
  if (b[0] !== 0x7b || b[1] !== 0x22 || b[2] !== 0x61 || b[3] !== 0x72 || b[4] !== 0x67 || b[5] !== 0x22) return false
  if (b[6] !== 0x3a || b[7] !== 0x7b) return false
  let pos = HEAD_LENGTH + 1
  while (b[pos] !== 0x7d) if (++pos > NAME_MAX || pos >= b.length) return false
  pos += 1
  if (isAction(b, pos)) {
    pos += ACTION_LENGTH
    while (b[pos] !== 0x22) if (++pos > NAME_MAX || pos >= b.length) return false
    pos += 1
  }
  if (!isData(b, pos) || b[b.length - 1] !== 0x7d) return false
  envelope.nameStart = HEAD_LENGTH
  envelope.nameEnd = pos
  envelope.dataStart = pos + DATA_LENGTH
  envelope.dataEnd = b.length - 1
  return true
}

/** `,"data":` */
function isData(b: Buffer, at: number): boolean {
  if (b[at] !== 0x2c || b[at + 1] !== 0x22 || b[at + 2] !== 0x64 || b[at + 3] !== 0x61) return false
  return b[at + 4] === 0x74 && b[at + 5] === 0x61 && b[at + 6] === 0x22 && b[at + 7] === 0x3a
}

/** `,"action":"` */
function isAction(b: Buffer, at: number): boolean {
  if (b[at] !== 0x2c || b[at + 1] !== 0x22 || b[at + 2] !== 0x61 || b[at + 3] !== 0x63 || b[at + 4] !== 0x74)
    return false
  if (b[at + 5] !== 0x69 || b[at + 6] !== 0x6f || b[at + 7] !== 0x6e || b[at + 8] !== 0x22) return false
  return b[at + 9] === 0x3a && b[at + 10] === 0x22
}

export const protocol: Protocol = {
  subscribe: (streams, id) => request('subscribe', streams, id),
  unsubscribe: (streams, id) => request('unsubscribe', streams, id),
  control,
  // The page advises fewer than 30 books a connection, and any stream may be one.
  streamsPerSocketMax: 29,
  streamsPerRequestMax: 29,
  requests: [{ max: 480, windowMs: 3_600_000 }],
  lifeMs: Infinity,
  textPing: 'ping',
}

function request(op: string, streams: readonly string[], id: number): string {
  return `{"id":"${id}","op":"${op}","args":[${streams.join(',')}]}`
}

/** Codes of errors that pass: 60014 too frequent, 64007 an error of theirs, 50001 and 50013 busy, 50011 too many. */
const PASSING = new Set(['60014', '64007', '50001', '50011', '50013'])
const CLOSING = '64008'
/** What an error says of the argument that it refuses, e.g. `channel:candle1m,instId:BTC-USDT doesn't exist`. */
const REFUSED = /\bchannel:([\w-]+)((?:, ?\w+:[\w-]+)*) doesn't exist/

/** Reads an answer or a notice ("Subscribe", "Notification", "Connection count limit" of the docs, 2026-08-03). */
export function control(text: string): Control {
  if (text === 'pong') return { kind: 'ignored' }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'unknown' }
  }
  if (!isRecord(value)) return { kind: 'unknown' }
  const { event, arg, code, msg } = value
  // 2022's answers and some of today's have no id.
  const id = typeof value['id'] === 'string' && /^\d{1,15}$/.test(value['id']) ? Number(value['id']) : undefined
  if ((event === 'subscribe' || event === 'unsubscribe') && isRecord(arg)) {
    return { kind: 'ack', id, streams: [streamOf(arg)], to: event }
  }
  if (event === 'channel-conn-count') return { kind: 'ignored' }
  if (code === CLOSING) return { kind: 'leave' }
  if (event !== 'error' || typeof code !== 'string') return { kind: 'unknown' }
  const message = `${code} ${typeof msg === 'string' ? msg : ''}`.trimEnd()
  if (PASSING.has(code)) return { kind: 'later', id, message }
  const stream = refusedStream(msg)
  return { kind: 'refused', id, message, ...(stream === undefined ? {} : { streams: [stream] }) }
}

function refusedStream(msg: unknown): string | undefined {
  const [, channel, rest = ''] = (typeof msg === 'string' ? REFUSED.exec(msg) : undefined) ?? []
  if (channel === undefined) return undefined
  const others = rest.split(',').slice(1)
  return streamOf({ channel, ...Object.fromEntries(others.map((pair) => pair.trim().split(':') as [string, string])) })
}
