// Takes records from the spool, sends them in batches, and settles each when its answer comes.
//
// Always: records of a subject are sent in the order of commit; what is not settled is sent again, oldest first, with
// the same id and bytes (go-back-N). Never: a timer, promise, closure or string for a message.
//
//   shut ──> probing: one record ──stored──> opening: one more with each answer, up to the whole window
//    ^          │ refused                      │ refused
//    └──────────┴──────────────────────────────┘  the owner waits, then probes
//
// Records go one by one, each with its own answer; or, where the server offers it and many wait that were never sent
// before, as a batch (ingest.ts). One by one, what is on its way behind a refused record may still be stored, where
// room appeared in between. So the window opens slowly: while a stream is full, few are on their way.
import type { Msg } from '@nats-io/transport-node'
import type { Channel } from '../../market/channel.ts'
import { writeInteger } from '../../wire/bytes.ts'
import { type Outcome, PUBLISHED_DIGITS, type SinkContext, stampPublished } from '../sink.ts'
import { type Chunk, SETTLED } from '../spool.ts'
import { type Answer, readAnswer, REFUSED, type Refusal, refusal, sequenceOf, STORED } from './answer.ts'
import { hasCleanId, messageBytes } from './command.ts'
import { Ingest } from './ingest.ts'
import { Outbox } from './outbox.ts'
import { Repeats } from './repeats.ts'
import { SLOTS, Window } from './window.ts'
import { subjectBytes, type Wire } from './wire.ts'

const SENT_MAX = SETTLED - 1
/** Fewer than these are sent one by one. */
const BATCH_RECORDS_MIN = 64
/** Once somebody else stored a record before us, all are sent one by one for so long, so that each such is counted. */
const ONE_BY_ONE_MS = 60_000
const LAST_OF_BATCH_REPLY = 0x49 // I
/** Random characters of the inbox that name our batches: 62 ** 10 possibilities. */
const TAG_LENGTH = 10

export interface PublisherEvents {
  /** A record was stored, for the first time since `probe`. */
  readonly onStored: () => void
  /** The publisher shut itself: call `probe` after a while. */
  readonly onRefused: (refusal: Refusal) => void
  /** A record was given up, because it can never be stored. */
  readonly onGivenUp: (event: string) => void
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
  /** Everything outstanding has a higher sequence than this in the stream, if it is stored at all. */
  sequenceFloor: number | undefined = undefined

  readonly #context: SinkContext
  readonly #stream: string
  readonly #events: PublisherEvents
  readonly #time: PublisherTime
  readonly #digits = new Uint8Array(PUBLISHED_DIGITS)
  readonly #repeats = new Repeats()
  #outbox: Outbox | undefined = undefined
  #ingest = new Ingest('')
  #batches = false
  #oneByOneUntilMs = 0
  #limit = 0
  #tokenAt = 0
  #payloadMax = 0

  constructor(context: SinkContext, stream: string, time: PublisherTime, events: PublisherEvents) {
    this.#context = context
    this.#stream = stream
    this.#time = time
    this.#events = events
  }

  /**
   * Sends over this connection from now on, and hears answers below `inbox`, a subject that nobody else has.
   * Shut until `probe` or `start`.
   */
  attach(wire: Wire, inbox: string, payloadMax: number): void {
    this.#ingest = new Ingest(inbox.slice(-TAG_LENGTH))
    this.#outbox = new Outbox(wire, inbox, this.#ingest)
    this.#tokenAt = inbox.length + 1
    this.#payloadMax = payloadMax
  }

  /** The connection is gone. What was outstanding stays known until `start` or `probe`, see `settleStored`. */
  detach(): void {
    this.#outbox = undefined
    this.#limit = 0
  }

  /**
   * Sends everything that is not settled again, the whole window at once.
   * @param batches whether the stream takes batches.
   */
  start(batches: boolean): void {
    this.#batches = batches
    this.#rewind(SLOTS)
  }

  /** Sends the oldest record that is not settled, and opens the window with what is stored. */
  probe(): void {
    this.#rewind(1)
  }

  /** Sends nothing until `start` or `probe`. */
  shut(): void {
    this.#limit = 0
  }

  flush(): void {
    const outbox = this.#outbox
    const { spool } = this.#context
    if (outbox === undefined || this.#limit === 0 || !spool.next()) return
    const { cursor } = spool
    const { window } = this
    const nowMs = this.#time.nowMs()
    writeInteger(this.#digits, 0, this.#time.nowUs())
    const batching = this.#isBatching(nowMs)
    if (batching) this.#repeats.begin()
    // The first of them goes alone: its answer says whether somebody else stored it before. So does one of an id that the
    // batch has.
    let batched = false
    while (window.hasRoom(this.#limit) && spool.next()) {
      const { chunk, index } = cursor
      const sent = chunk.sent[index] as number
      if (sent === SETTLED) {
        cursor.index += 1
        continue
      }
      if (messageBytes(chunk, index) > this.#payloadMax || !hasCleanId(chunk, index)) {
        // First the cursor: settling may free the chunk that it stands in.
        cursor.index += 1
        this.#giveUp(chunk, index)
        continue
      }
      if (sent === 0) stampPublished(chunk, index, this.#digits)
      const { subject } = this.#channelAt(chunk, index)
      const isRepeated = batching && this.#repeats.has(chunk, index)
      if (!outbox.write(subject, window.nextToken, batched && sent === 0 && !isRepeated, chunk, index)) break
      batched = batching
      cursor.index += 1
      window.add(chunk, index, nowMs)
      if (sent > 0) this.resent += 1
      if (sent < SENT_MAX) chunk.sent[index] = sent + 1
    }
    outbox.flush()
  }

  /** Takes one message that came to the inbox. */
  answered(message: Msg): void {
    const subject = subjectBytes(message)
    if (subject[subject.length - 1] === LAST_OF_BATCH_REPLY) return this.#batchAnswered(message)
    const slot = this.window.slotOf(this.#tokenOf(subject))
    if (slot === -1) return
    const answer = readAnswer(message)
    if (answer === REFUSED) this.#refused(slot, refusal(message, this.#stream))
    else this.#stored(slot, answer, message)
  }

  /** For each subject with outstanding records, among how many messages behind `sequenceFloor` they are, if stored. */
  outstandingBySubject(): Map<string, number> {
    const counts = new Map<string, number>()
    this.window.forEach((slot) => {
      const { subject } = this.#channelAt(this.window.chunkAt(slot), this.window.indexAt(slot))
      // The floor may lag by what a window holds.
      counts.set(subject, (counts.get(subject) ?? SLOTS) + 1)
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

  #rewind(limit: number): void {
    this.window.rewind(this.#context.spool.cursor)
    this.#ingest.clear()
    this.#limit = limit
    this.flush()
  }

  #isBatching(nowMs: number): boolean {
    if (!this.#batches || this.#limit < SLOTS || nowMs < this.#oneByOneUntilMs) return false
    const ready = this.#context.spool.pending - this.window.outstanding
    return Math.min(ready, SLOTS - this.window.span) >= BATCH_RECORDS_MIN
  }

  #tokenOf(subject: Uint8Array): number {
    let token = 0
    for (let i = this.#tokenAt; i < subject.length; i++) token = token * 10 + (subject[i] as number) - 0x30
    return token
  }

  #batchAnswered(message: Msg): void {
    const answer = this.#ingest.read(message)
    if (answer === undefined) return
    const { token, from, to, sequence, refused } = answer
    for (let i = from; i < to; i++) {
      const slot = this.window.slotOf(token, i)
      if (sequence !== undefined && this.window.isFirst(slot)) this.sequenceFloor = sequence
      if (slot !== -1) this.#settle(slot, 'acknowledged')
    }
    if (refused) this.#shut(refusal(message, this.#stream))
  }

  #stored(slot: number, answer: Answer, message: Msg): void {
    const sent = this.window.chunkAt(slot).sent[this.window.indexAt(slot)] as number
    if (answer === STORED && this.window.isFirst(slot)) this.sequenceFloor = sequenceOf(message)
    // A duplicate of what we sent twice ourselves is the answer that got lost, and no news of anybody else.
    const foreign = answer !== STORED && sent === 1
    if (foreign) this.#oneByOneUntilMs = this.#time.nowMs() + ONE_BY_ONE_MS
    this.#settle(slot, foreign ? 'duplicate' : 'acknowledged')
    if (this.#limit === 0 || this.#limit === SLOTS) return
    if (this.#limit === 1) this.#events.onStored()
    this.#limit += 1
  }

  #refused(slot: number, why: Refusal): void {
    if (!why.forGood) return this.#shut(why)
    this.#settle(slot, 'refused')
    this.#events.onGivenUp(why.problem)
  }

  #shut(why: Refusal): void {
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

  #giveUp(chunk: Chunk, index: number): void {
    const { subject } = this.#channelAt(chunk, index)
    const bytes = messageBytes(chunk, index)
    this.#end(chunk, index, 'refused')
    const why =
      bytes > this.#payloadMax
        ? `it has ${bytes} bytes; raise max_payload of the NATS server (${this.#payloadMax})`
        : 'its id holds a byte that no header may hold; report this'
    this.#events.onGivenUp(`${subject}: ${why}`)
  }

  #channelAt(chunk: Chunk, index: number): Channel {
    return this.#context.channels.list[chunk.channel[index] as number] as Channel
  }
}
