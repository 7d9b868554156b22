// Where a collector publishes to: a store of messages by id, and a sink before it that may be away.
//
// Always: a message is stored when it is sent and acknowledged a little later; where the acknowledgement was lost it is
// sent again, as to JetStream. What is stored outlives the collector.
import assert from 'node:assert'
import type { Series } from '../../collector/market/channel.ts'
import { intervalOf, type Message, message, messageKey } from '../../collector/market/messages.ts'
import type { Outcome, Sink, SinkContext, SinkStatus } from '../../collector/sinks/sink.ts'
import { stampPublished } from '../../collector/sinks/sink.ts'
import type { Chunk } from '../../collector/sinks/spool.ts'
import type { Clock } from '../exchange/clock.ts'

/** A stored message. */
export interface Stored {
  readonly id: string
  readonly message: Message
  /** See {@link contentOf}. */
  readonly content: string
  /** Which of the collectors, one after the other or side by side, published it first. */
  readonly by: number
}

/** One in so many messages is held against the public schema. */
const CHECKED_EVERY = 40

export class Store {
  readonly messages: Stored[] = []
  /** Ids of trades that one collector made twice. */
  readonly twice: string[] = []
  /** Same id, other content. */
  readonly impure: (readonly [string, string])[] = []
  readonly #byId = new Map<string, string>()
  readonly #last = new Map<string, Message>()

  /** The last message of each series. */
  last<S extends Series>(all: readonly S[]): Map<S, Message> {
    const last = new Map<S, Message>()
    for (const series of all) {
      const m = this.#last.get(keyOf(series))
      if (m !== undefined) last.set(series, m)
    }
    return last
  }

  /** @returns false when it was there */
  add(id: string, subject: string, m: Message, content: string, by: number): boolean {
    const known = this.#byId.get(id)
    if (known !== undefined) {
      // Of a book as much is published as is wanted; and a change is told in one frame or in two.
      if (known !== content && m.type !== 'orderbook') this.impure.push([known, content])
      return false
    }
    this.#byId.set(id, content)
    const interval = intervalOf(m)
    const of = m.type === 'gap' ? { of: m.of } : {}
    this.#last.set(keyOf({ subject, ...(interval !== undefined && { interval }), ...of }), m)
    this.messages.push({ id, message: m, content, by })
    return true
  }
}

function keyOf({ subject, interval, of }: Series): string {
  return `${subject} ${of ?? ''} ${interval ?? ''}`
}

/** Where what each publisher adds begins: judgements and times of ours. */
const OWN = [',"pending":{', ',"flags":[', ',"received":']

/** What a payload says, without what each publisher adds, and how it was had. */
export function contentOf(payload: string): string {
  const ends = OWN.map((key) => payload.lastIndexOf(key)).filter((at) => at > 0)
  return payload.slice(0, Math.min(...ends)).replace(',"filled":true', '')
}

interface Sent {
  readonly chunk: Chunk
  readonly index: number
  readonly outcome: Outcome
  readonly dueMs: number
}

const TURN_MS = 50
const ACK_MS = 30

export class StoreSink implements Sink {
  readonly kind = 'nats'
  readonly #context: SinkContext
  readonly #store: Store
  readonly #clock: Clock
  readonly #by: number
  #isAway = false
  #isClosed = false
  #lastSettledMs = 0
  #flight: Sent[] = []
  readonly #trades = new Set<string>()
  #count = 0
  #stop = () => {}

  constructor(context: SinkContext, store: Store, clock: Clock, by: number) {
    this.#context = context
    this.#store = store
    this.#clock = clock
    this.#by = by
  }

  get status(): SinkStatus {
    const outstanding = this.#flight.length
    return { connected: !this.#isAway, problem: undefined, lastSettledMs: this.#lastSettledMs, outstanding }
  }

  set away(away: boolean) {
    this.#isAway = away
    if (!away) return
    // Acknowledgements are lost on the way.
    const lost = this.#flight
    this.#flight = []
    const again = lost.map((sent): Sent => ({ ...sent, outcome: 'duplicate', dueMs: 0 }))
    for (const { chunk, index } of again) chunk.sent[index] = (chunk.sent[index] as number) + 1
    this.#flight = again
  }

  open(): Promise<void> {
    this.#stop = this.#clock.every(TURN_MS, TURN_MS, () => this.#turn())
    return Promise.resolve()
  }

  last<S extends Series>(all: readonly S[]): Promise<Map<S, Message>> {
    if (this.#isAway) return Promise.reject(new Error('the store is away'))
    return Promise.resolve(this.#store.last(all))
  }

  flush(): void {
    // It has its own turns.
  }

  /** As a process ends that is told to. */
  close(): Promise<void> {
    if (!this.#isAway) {
      this.#turn()
      this.#settle(Infinity)
    }
    this.kill()
    return Promise.resolve()
  }

  /** The process is gone, with what it had not sent. */
  kill(): void {
    this.#isClosed = true
    this.#stop()
  }

  /** What was made too late to be sent. */
  left(): string[] {
    const { spool } = this.#context
    const out: string[] = []
    for (; spool.next(); spool.cursor.index += 1) {
      const { chunk, index } = spool.cursor
      out.push(chunk.bytes.toString('utf8', chunk.payload[index], chunk.end[index]))
    }
    return out
  }

  #turn(): void {
    if (this.#isAway || this.#isClosed) return
    this.#settle(this.#clock.now())
    const { spool } = this.#context
    if (spool.pending === this.#flight.length) return
    const digits = Buffer.from(String(Math.floor(this.#clock.now() * 1000)))
    while (spool.next()) {
      const { chunk, index } = spool.cursor
      this.#send(chunk, index, digits)
      spool.cursor.index += 1
    }
  }

  #send(chunk: Chunk, index: number, digits: Buffer): void {
    stampPublished(chunk, index, digits)
    const [start, payload, end] = [chunk.start[index], chunk.payload[index], chunk.end[index]]
    const id = chunk.bytes.toString('utf8', start, payload)
    const text = chunk.bytes.toString('utf8', payload, end)
    const m = JSON.parse(text) as Message
    const channel = this.#context.channels.list[chunk.channel[index] as number]
    assert(channel !== undefined)
    if (this.#count++ % CHECKED_EVERY === 0) {
      message.parse(m)
      const { type, exchange, market, symbol } = m
      assert.equal(id, ['market', type, exchange, market, symbol, messageKey(m)].join(':'), 'the id of its message')
    }
    if (m.type === 'trade') {
      if (this.#trades.has(id)) this.#store.twice.push(id)
      this.#trades.add(id)
    }
    const isNew = this.#store.add(id, channel.subject, m, contentOf(text), this.#by)
    chunk.sent[index] = isNew ? 1 : 2
    const outcome = isNew ? 'acknowledged' : 'duplicate'
    this.#flight.push({ chunk, index, outcome, dueMs: this.#clock.now() + ACK_MS })
  }

  #settle(nowMs: number): void {
    const { spool, onSettled } = this.#context
    let done = 0
    for (const { chunk, index, outcome, dueMs } of this.#flight) {
      if (dueMs > nowMs) break
      done += 1
      onSettled(outcome, chunk, index)
      spool.settle(chunk, index)
    }
    if (done === 0) return
    this.#flight.splice(0, done)
    this.#lastSettledMs = Math.floor(this.#clock.now())
  }
}
