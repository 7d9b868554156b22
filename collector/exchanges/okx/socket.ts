// OKX's WebSocket: the wrapper of its frames, requests and answers.
import type { Control, Protocol } from '../../connection/protocol.ts'
import { CLOSE_BRACE, QUOTE, ascii, findByte, viewOf } from '../../wire/bytes.ts'
import { type Shape, isRecord, recordOf } from '../../wire/general.ts'
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

const HEAD = ascii('{"arg":{')
const NAME_START = HEAD.length - 1
const ACTION = ascii(',"action":"')
const DATA = ascii(',"data":')
/** Eight bytes of each as a double, which for ASCII is no NaN: equal when the bytes are. */
const HEAD_WORD = HEAD.readDoubleLE(0)
const ACTION_WORD = ACTION.readDoubleLE(0)
const ACTION_REST = ACTION.readInt32LE(ACTION.length - 4)
const DATA_WORD = DATA.readDoubleLE(0)
const NAME_MAX = 192

/** Finds the parts of `{"arg":<name>,"data":<data>}`; what stands between `arg` and `data` belongs to the name. */
export function openArgument(b: Buffer, envelope: Envelope): boolean {
  const view = viewOf(b)
  const from = b.byteOffset
  const end = b.length - 1
  // Behind the name at least this and a byte of data.
  const last = Math.min(NAME_MAX, end - DATA.length - 1)
  if (last < HEAD.length || b[end] !== CLOSE_BRACE || view.getFloat64(from, true) !== HEAD_WORD) return false
  let pos = findByte(view, from + HEAD.length, from + last + 1, CLOSE_BRACE) - from + 1
  if (view.getFloat64(from + pos, true) === ACTION_WORD) {
    pos += ACTION.length
    if (pos > last || view.getInt32(from + pos - 4, true) !== ACTION_REST) return false
    while (b[pos] !== QUOTE) if (++pos > last) return false
    pos += 1
  }
  if (pos > last || view.getFloat64(from + pos, true) !== DATA_WORD) return false
  envelope.nameStart = NAME_START
  envelope.nameEnd = pos
  envelope.dataStart = pos + DATA.length
  envelope.dataEnd = end
  return true
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
  const value = recordOf(text)
  if (value === undefined) return { kind: 'unknown' }
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
