// Takes records from the spool, sends them in batches, and settles each when its answer comes.
//
// Always: records of a subject are sent in the order of commit; what is not settled is sent again, oldest first, with
// the same id and bytes (go-back-N). Never: a timer, promise, closure or string for a message.
//
//   shut ──> probing: one record ──stored──> opening: one more with each answer, up to the whole window
//    ^          │ refused                      │ refused
//    └──────────┴──────────────────────────────┘  the owner waits, then probes
//
// What is on its way behind a refused record may still be stored, where room appeared in between: such a record comes
// before the refused one. So the window opens slowly: while a stream is full, few are on their way.
import type { Msg } from '@nats-io/transport-node'
import type { Channel } from '../../market/channel.ts'
import { writeInteger } from '../../wire/bytes.ts'
import { type Outcome, PUBLISHED_DIGITS, type SinkContext, stampPublished } from '../sink.ts'
import { type Chunk, SETTLED } from '../spool.ts'
import { type Answer, readAnswer, REFUSED, type Refusal, refusal, sequenceOf, STORED } from './answer.ts'
import { commandHead, messageBytes, roomFor, writeCommand } from './command.ts'
import { SLOTS, Window } from './window.ts'
import { subjectBytes, type Wire } from './wire.ts'

/** Bytes handed to the socket at once. */
const BATCH_BYTES = 256 * 1024
/** Batches that may wait for the kernel; then the socket is full and we wait for answers. */
const BATCHES_MAX = 4
const SENT_MAX = SETTLED - 1

export interface PublisherEvents {
  /** A record was stored, for the first time since `probe`. */
  readonly onStored: () => void
  /** The publisher shut itself: call `probe` after a while. */
  readonly onRefused: (refusal: Refusal) => void
  /** A record was given up, because it can never be stored. */
  readonly onGivenUp: (problem: string) => void
}

export interface PublisherTime {
  nowMs(): number
  nowUs(): number
}

export class Publisher {
  readonly window = new Window()
  /** Records sent more than once, each time counted. */
  resent = 0
  /** Records settled, ever. */
  settled = 0
  /** Everything outstanding has a higher sequence than this in the stream, if it is stored at all; 0 when unknown. */
  sequenceFloor = 0

  readonly #context: SinkContext
  readonly #stream: string
  readonly #events: PublisherEvents
  readonly #time: PublisherTime
  readonly #heads: Uint8Array[] = []
  readonly #batches: Buffer[] = []
  readonly #digits = new Uint8Array(PUBLISHED_DIGITS)
  #batchesUsed = 0
  #limit = 0
  #wire: Wire | undefined = undefined
  #inbox = ''
  #tokenAt = 0
  #payloadMax = 0

  constructor(context: SinkContext, stream: string, time: PublisherTime, events: PublisherEvents) {
    this.#context = context
    this.#stream = stream
    this.#time = time
    this.#events = events
  }

  /** Sends over this connection from now on, and hears answers under `inbox`; shut until `probe` or `start`. */
  attach(wire: Wire, inbox: string, payloadMax: number): void {
    this.#wire = wire
    this.#inbox = inbox
    this.#tokenAt = inbox.length + 1
    this.#payloadMax = payloadMax
    this.#heads.length = 0
    this.#batches.length = 0
    this.#batchesUsed = 0
  }

  /** The connection is gone. What was outstanding stays known until `start` or `probe`, see `settleStored`. */
  detach(): void {
    this.#wire = undefined
    this.#limit = 0
  }

  /** Sends everything that is not settled again, the whole window at once. */
  start(): void {
    this.window.rewind(this.#context.spool.cursor)
    this.#limit = SLOTS
    this.flush()
  }

  /** Sends the oldest record that is not settled, and opens the window with what is stored. */
  probe(): void {
    this.window.rewind(this.#context.spool.cursor)
    this.#limit = 1
    this.flush()
  }

  /** Sends nothing until `start` or `probe`. */
  shut(): void {
    this.#limit = 0
  }

  flush(): void {
    const wire = this.#wire
    if (wire === undefined || this.#limit === 0) return
    const { spool } = this.#context
    const { cursor } = spool
    const { window } = this
    let batch: Buffer | undefined = undefined
    let at = 0
    let nowMs = 0
    while (window.hasRoom(this.#limit) && spool.next()) {
      const { chunk, index } = cursor
      if (chunk.sent[index] === SETTLED) {
        cursor.index += 1
        continue
      }
      const head = this.#head(chunk.channel[index] as number)
      const bytes = messageBytes(chunk, index)
      if (bytes > this.#payloadMax) {
        cursor.index += 1
        this.#tooLarge(chunk, index, bytes)
        continue
      }
      const room = head.length + roomFor(bytes)
      if (batch === undefined || batch.length - at < room) {
        if (batch !== undefined) wire.send(batch.subarray(0, at))
        batch = this.#takeBatch(wire, room)
        at = 0
        if (batch === undefined) return
        if (nowMs === 0) nowMs = this.#time.nowMs()
        writeInteger(this.#digits, 0, this.#time.nowUs())
      }
      cursor.index += 1
      if (chunk.sent[index] === 0) stampPublished(chunk, index, this.#digits)
      const end = writeCommand(batch, at, head, window.nextToken, chunk, index)
      if (end === -1) {
        this.#badId(chunk, index)
        continue
      }
      at = end
      window.add(chunk, index, nowMs)
      const sent = chunk.sent[index] as number
      if (sent > 0) this.resent += 1
      if (sent < SENT_MAX) chunk.sent[index] = sent + 1
    }
    if (batch !== undefined && at > 0) wire.send(batch.subarray(0, at))
  }

  /** Takes one message that came to the inbox. */
  answered(message: Msg): void {
    const slot = this.window.slotOf(this.#tokenOf(subjectBytes(message)))
    if (slot === -1) return
    const answer = readAnswer(message)
    if (answer === REFUSED) this.#refused(slot, refusal(message, this.#stream))
    else this.#stored(slot, answer, message)
  }

  /** How many records are outstanding under each subject. */
  outstandingBySubject(): Map<string, number> {
    const counts = new Map<string, number>()
    this.window.forEach((slot) => {
      const { subject } = this.#channelAt(this.window.chunkAt(slot), this.window.indexAt(slot))
      counts.set(subject, (counts.get(subject) ?? 0) + 1)
    })
    return counts
  }

  /** Settles what the stream is known to hold: outstanding records with one of these message ids. */
  settleStored(ids: ReadonlySet<string>): void {
    this.window.forEach((slot) => {
      const chunk = this.window.chunkAt(slot)
      const index = this.window.indexAt(slot)
      const id = chunk.bytes.toString('latin1', chunk.start[index], chunk.payload[index])
      if (ids.has(id)) this.#settle(slot, 'acknowledged')
    })
  }

  #tokenOf(subject: Uint8Array): number {
    let token = 0
    for (let i = this.#tokenAt; i < subject.length; i++) token = token * 10 + (subject[i] as number) - 0x30
    return token
  }

  #stored(slot: number, answer: Answer, message: Msg): void {
    const sent = this.window.chunkAt(slot).sent[this.window.indexAt(slot)] as number
    if (answer === STORED && this.window.isFirst(slot)) this.sequenceFloor = sequenceOf(message)
    // A duplicate of what we sent twice ourselves is the answer that got lost, and no news of anybody else.
    this.#settle(slot, answer === STORED || sent > 1 ? 'acknowledged' : 'duplicate')
    if (this.#limit === 0 || this.#limit === SLOTS) return
    if (this.#limit === 1) this.#events.onStored()
    this.#limit += 1
  }

  #refused(slot: number, why: Refusal): void {
    if (why.forGood) {
      this.#settle(slot, 'refused')
      this.#events.onGivenUp(why.problem)
      return
    }
    if (this.#limit === 0) return
    this.#limit = 0
    this.#events.onRefused(why)
  }

  #settle(slot: number, outcome: Outcome): void {
    const chunk = this.window.chunkAt(slot)
    const index = this.window.indexAt(slot)
    this.window.settle(slot)
    this.#end(chunk, index, outcome)
  }

  #end(chunk: Chunk, index: number, outcome: Outcome): void {
    this.settled += 1
    this.#context.onSettled(outcome, chunk, index)
    this.#context.spool.settle(chunk, index)
  }

  #tooLarge(chunk: Chunk, index: number, bytes: number): void {
    const { subject } = this.#channelAt(chunk, index)
    this.#end(chunk, index, 'refused')
    const limit = `max_payload of the NATS server (${this.#payloadMax})`
    this.#events.onGivenUp(`${subject}: a message of ${bytes} bytes was given up; raise ${limit}`)
  }

  #badId(chunk: Chunk, index: number): void {
    const { subject } = this.#channelAt(chunk, index)
    this.#end(chunk, index, 'refused')
    this.#events.onGivenUp(
      `${subject}: a message was given up, its id holds a byte that no header may hold; report this`,
    )
  }

  #channelAt(chunk: Chunk, index: number): Channel {
    return this.#context.channels.list[chunk.channel[index] as number] as Channel
  }

  #head(channel: number): Uint8Array {
    const subject = (this.#context.channels.list[channel] as Channel).subject
    return (this.#heads[channel] ??= commandHead(subject, this.#inbox))
  }

  /** A batch that the kernel has taken whole may be written again; undefined when all are still on their way. */
  #takeBatch(wire: Wire, bytesMin: number): Buffer | undefined {
    if (wire.pendingBytes === 0) this.#batchesUsed = 0
    if (this.#batchesUsed === BATCHES_MAX) return undefined
    this.#batchesUsed += 1
    if (bytesMin > BATCH_BYTES) return Buffer.allocUnsafeSlow(bytesMin)
    return (this.#batches[this.#batchesUsed - 1] ??= Buffer.allocUnsafeSlow(BATCH_BYTES))
  }
}
