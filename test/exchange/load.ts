// Load: trades at a fixed rate, whether they are read or not. Frames are made beforehand; for each one only its ids and
// times are overwritten, and many go out in one write to the raw socket, past the WebSocket library and the faults.
// Always: ids of a stream rise by one; a frame carries the time at which it was due, so lateness shows as age.
import * as z from 'zod'
import { realTime } from './clock.ts'
import type { Connection } from './host.ts'
import type { Samples } from './venue.ts'

export const loadSpec = z.strictObject({
  rate: z.number().positive().max(10_000_000).describe('frames a second over all trade streams that are subscribed'),
  seconds: z.number().positive().max(86_400).describe('how long'),
})
export type LoadSpec = z.input<typeof loadSpec>

export interface LoadReport {
  readonly running: boolean
  readonly frames: number
  readonly bytes: number
  readonly seconds: number
  /** The longest that a frame was written after it was due, ms. */
  readonly lateMsMax: number
  /** True when it ended early because a reader was too far behind. */
  readonly overrun: boolean
}

export interface Load {
  report(): LoadReport
  /** When it is over. */
  readonly done: Promise<LoadReport>
  stop(): void
}

interface Template {
  readonly frame: Buffer
  /** Where the numbers stand. */
  readonly ids: readonly number[]
  readonly times: readonly number[]
}

interface Lane {
  readonly connection: Connection
  readonly stream: string
  readonly templates: readonly Template[]
  readonly perMs: number
  next: number
}

const UNREAD_BYTES_MAX = 256 * 1024 * 1024
const FIRST_ID = 1_000_000_000
const WAKE_MS = 1
const FRAMES_AT_ONCE_MAX = 20_000

/** @throws when no open connection is subscribed to a stream of trades */
export function startLoad(connections: Iterable<Connection>, asked: LoadSpec): Load {
  const spec = loadSpec.parse(asked)
  const lanes = [...connections].flatMap(lanesOf)
  if (lanes.length === 0)
    throw new Error('no connection is subscribed to a stream of trades: subscribe first, then start the load')
  const total = Math.floor(spec.rate * spec.seconds)
  const started = realTime()
  const state = { running: true, frames: 0, bytes: 0, seconds: 0, lateMsMax: 0, overrun: false }
  let finish: (report: LoadReport) => void = () => {}
  const done = new Promise<LoadReport>((resolve) => (finish = resolve))
  const end = () => {
    if (!state.running) return
    Object.assign(state, { running: false, seconds: (realTime() - started) / 1_000 })
    for (const { connection, stream, next } of lanes) connection.entry.sentRange(stream, FIRST_ID, next)
    finish({ ...state })
  }
  const dueMs = (index: number) => started + (index * 1_000) / spec.rate
  const turn = () => {
    if (!state.running) return
    const now = realTime()
    const upTo = Math.min(total, Math.floor(((now - started) * spec.rate) / 1_000), state.frames + FRAMES_AT_ONCE_MAX)
    if (upTo > state.frames) {
      state.lateMsMax = Math.max(state.lateMsMax, now - dueMs(state.frames))
      state.bytes += send(lanes, state.frames, upTo, dueMs)
      state.frames = upTo
    }
    state.overrun = lanes.some(({ connection }) => connection.buffered() > UNREAD_BYTES_MAX)
    if (state.frames >= total || state.overrun) end()
    else if (upTo < Math.floor(((now - started) * spec.rate) / 1_000)) setImmediate(turn)
    else setTimeout(turn, WAKE_MS)
  }
  turn()
  return { report: () => ({ ...state }), done, stop: end }
}

function lanesOf(connection: Connection): Lane[] {
  return [...connection.session.streams()].flatMap((stream) => {
    const samples = connection.session.samples(stream)
    if (samples === undefined) return []
    const templates = samples.texts.map((text) => template(connection.session.wrap({ stream, text, id: 0 }), samples))
    return [{ connection, stream, templates, perMs: samples.perMs, next: 0 }]
  })
}

/** A whole WebSocket frame (RFC 6455, section 5.2): final, text, not masked. */
function template(text: string, { ids, times }: Samples): Template {
  const payload = Buffer.from(text)
  const head =
    payload.length < 126
      ? Buffer.of(0x81, payload.length)
      : Buffer.of(0x81, 126, payload.length >> 8, payload.length & 0xff)
  if (payload.length > 0xffff) throw new Error('a trade of more than 64 KiB')
  const find = (key: string) => {
    const value = payload.indexOf(`"${key}":`) + key.length + 3
    return head.length + value + payload.subarray(value).findIndex((byte) => byte >= 0x30 && byte <= 0x39)
  }
  return { frame: Buffer.concat([head, payload]), ids: ids.map(find), times: times.map(find) }
}

/** Writes the frames from one index to another, one write for each connection; the answer counts bytes. */
function send(lanes: readonly Lane[], from: number, upTo: number, dueMs: (index: number) => number): number {
  const batches = new Map<Connection, Batch>(
    lanes.map(({ connection }) => [connection, { bytes: Buffer.alloc(0), length: 0 }]),
  )
  const time = new Digits()
  const id = new Digits()
  for (let index = from; index < upTo; index++) {
    const lane = lanes[index % lanes.length]!
    const batch = batches.get(lane.connection)!
    const template = lane.templates[lane.next % lane.templates.length]!
    const at = append(batch, template.frame)
    time.set(Math.floor(dueMs(index) * lane.perMs))
    id.set(FIRST_ID + lane.next++)
    for (const offset of template.times) time.write(batch.bytes, at + offset)
    for (const offset of template.ids) id.write(batch.bytes, at + offset)
  }
  let sent = 0
  for (const [connection, { bytes, length }] of batches) {
    if (length > 0) connection.raw(bytes.subarray(0, length))
    sent += length
  }
  return sent
}

interface Batch {
  bytes: Buffer
  length: number
}

function append(batch: Batch, frame: Buffer): number {
  const at = batch.length
  if (at + frame.length > batch.bytes.length) {
    const grown = Buffer.allocUnsafe(Math.max(64 * 1024, batch.bytes.length * 2))
    batch.bytes.copy(grown)
    batch.bytes = grown
  }
  frame.copy(batch.bytes, at)
  batch.length += frame.length
  return at
}

const DIGITS_MAX = 16
const HALF = 100_000_000

/** Decimal digits of a whole number below 10^16 that is written several times. */
class Digits {
  readonly #bytes = new Uint8Array(DIGITS_MAX)
  #value = -1
  #start = DIGITS_MAX

  set(value: number): void {
    if (value === this.#value) return
    this.#value = value
    // halves are small integers, whose division is many times cheaper than that of a double or its toString
    const high = Math.floor(value / HALF) | 0
    let at = this.#fill((value - high * HALF) | 0, DIGITS_MAX, high > 0 ? 8 : 1)
    if (high > 0) at = this.#fill(high, DIGITS_MAX - 8, 1)
    this.#start = at
  }

  write(target: Buffer, at: number): void {
    const start = this.#start
    for (let i = start; i < DIGITS_MAX; i++) target[at + i - start] = this.#bytes[i]!
  }

  #fill(value: number, end: number, digitsMin: number): number {
    let left = value
    let at = end
    while (left > 0 || at > end - digitsMin) {
      const above = (left / 10) | 0
      this.#bytes[--at] = 0x30 + left - above * 10
      left = above
    }
    return at
  }
}
