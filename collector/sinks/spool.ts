// The spool: every message lives here from the moment it is encoded until the sink acknowledged it.
//
// In: encoders write id and payload bytes behind one another into the open chunk and commit. Out: the one sink walks
// the cursor over the records, sends them, and settles each. Always: records are taken in the order of commit; at most
// `bytesMax` bytes of chunks exist; a chunk is freed when it is sealed and all of its records are settled.
// Never: it does not wait, does not do I/O, reads no clock. When it is full the writer is told before it encodes
// (`open` returns undefined); what to give up is the writer's decision (see SHARES).
import assert from 'node:assert'
import type { MessageType } from '../../crds/names.ts'

/** Share of the spool that a type may fill while the sink is away: books are given up first, trades last. */
export const SHARES: Record<MessageType, number> = {
  orderbook: 0.5,
  ticker: 0.6,
  kline: 0.7,
  open_interest: 0.7,
  lsr_top_position: 0.7,
  lsr_all_account: 0.7,
  volatility_index: 0.7,
  funding_rate: 0.8,
  liquidation: 0.9,
  trade: 0.9,
  instrument: 0.95,
  state: 0.95,
  gap: 1,
}

/** Of what the spool is made: bytes of a chunk, unless a record is larger, and records in it. */
export interface ChunkSize {
  readonly bytes: number
  readonly records: number
}

const CHUNKS: ChunkSize = { bytes: 256 * 1024, records: 2048 }
const FREE_CHUNKS_MAX = 16

/** A run of records. Columns are parallel; only the first `count` rows are in use. */
export class Chunk {
  readonly bytes: Buffer
  /** Start of record i: the id, then the payload at `payload[i]`, up to `end[i]`. */
  readonly start: Int32Array
  readonly payload: Int32Array
  readonly end: Int32Array
  /** Index of the channel, see Channels.list. */
  readonly channel: Int32Array
  /** Time at the socket, µs. */
  readonly received: Float64Array
  /** How often the sink has sent the record; 255 once it is settled. For the sink. */
  readonly sent: Uint8Array
  count = 0
  settled = 0
  sealed = false
  next: Chunk | undefined = undefined

  constructor({ bytes, records }: ChunkSize) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
    this.start = new Int32Array(records)
    this.payload = new Int32Array(records)
    this.end = new Int32Array(records)
    this.channel = new Int32Array(records)
    this.received = new Float64Array(records)
    this.sent = new Uint8Array(records)
  }

  reset(): void {
    this.count = 0
    this.settled = 0
    this.sealed = false
    this.sent.fill(0)
    this.next = undefined
  }
}

/** A place in the spool: the next record is `chunk` at `index`. */
export interface Cursor {
  chunk: Chunk
  index: number
}

/** What `sent` of a settled record holds. */
export const SETTLED = 255

export class Spool {
  readonly bytesMax: number
  /** Bytes of the chunks in use. */
  bytesUsed: number
  /** Records ever committed, and of them settled. */
  committed = 0
  settled = 0
  /** The sink's place; records behind it have been taken, but stay until they are settled. */
  readonly cursor: Cursor
  /** Called after a commit unless `isAwake`; set by the owner of the sink, who wakes that once for many. */
  onCommit: () => void = () => {}
  /** Set by a commit; whoever wakes the sink clears it before the sink takes what there is. */
  isAwake = false
  /** Where the next record begins in the chunk that `open` returned. */
  at = 0

  readonly #chunks: ChunkSize
  #head: Chunk
  #tail: Chunk
  readonly #free: Chunk[] = []

  constructor(bytesMax: number, chunks = CHUNKS) {
    assert(bytesMax >= 4 * chunks.bytes, `spool: bytesMax must be at least ${4 * chunks.bytes}`)
    this.bytesMax = bytesMax
    this.bytesUsed = chunks.bytes
    this.#chunks = chunks
    this.#head = new Chunk(chunks)
    this.#tail = this.#head
    this.cursor = { chunk: this.#head, index: 0 }
  }

  /** Records committed and not settled. */
  get pending(): number {
    return this.committed - this.settled
  }

  /**
   * Room for a record of at most `bytes`: the buffer to write into, from `at` on.
   * undefined when that would fill more than `share` of the spool; nothing is changed then.
   */
  open(bytes: number, share: number): Buffer | undefined {
    const tail = this.#tail
    const isRoom = tail.count < this.#chunks.records && tail.bytes.length - this.at >= bytes
    if (isRoom && this.bytesUsed <= share * this.bytesMax) return tail.bytes
    return this.#openSlow(bytes, share)
  }

  /** The record written at `at`: its id ends where `payload` begins, its payload at `end`. */
  commit(channel: number, payload: number, end: number, received: number): void {
    const tail = this.#tail
    const i = tail.count
    tail.start[i] = this.at
    tail.payload[i] = payload
    tail.end[i] = end
    tail.channel[i] = channel
    tail.received[i] = received
    tail.count = i + 1
    this.at = end
    this.committed += 1
    if (!this.isAwake) {
      this.isAwake = true
      this.onCommit()
    }
  }

  /** Whether the cursor stands on a record, after moving it over an exhausted chunk. The sink then adds one to its index. */
  next(): boolean {
    const cursor = this.cursor
    while (cursor.index >= cursor.chunk.count) {
      const next = cursor.chunk.next
      if (next === undefined) return false
      cursor.chunk = next
      cursor.index = 0
    }
    return true
  }

  /** Ends a record's life. False when it was settled before: a late second acknowledgement. */
  settle(chunk: Chunk, index: number): boolean {
    if (chunk.sent[index] === SETTLED) return false
    chunk.sent[index] = SETTLED
    chunk.settled += 1
    this.settled += 1
    if (chunk === this.#head && chunk.sealed && chunk.settled === chunk.count) this.#release()
    return true
  }

  #openSlow(bytes: number, share: number): Buffer | undefined {
    const tail = this.#tail
    const chunks = this.#chunks
    if (tail.count < chunks.records && tail.bytes.length - this.at >= bytes) return undefined
    const size = Math.max(bytes, chunks.bytes)
    if (this.bytesUsed + size > share * this.bytesMax) return undefined
    const chunk = (size === chunks.bytes && this.#free.pop()) || new Chunk({ ...chunks, bytes: size })
    chunk.reset()
    tail.sealed = true
    tail.next = chunk
    this.#tail = chunk
    this.at = 0
    this.bytesUsed += size
    if (tail === this.#head && tail.settled === tail.count) this.#release()
    return chunk.bytes
  }

  /** Frees settled chunks from the head on; the cursor steps off them first. */
  #release(): void {
    while (this.#head.sealed && this.#head.settled === this.#head.count) {
      const chunk = this.#head
      assert(chunk.next !== undefined)
      this.#head = chunk.next
      this.bytesUsed -= chunk.bytes.length
      if (this.cursor.chunk === chunk) {
        this.cursor.chunk = chunk.next
        this.cursor.index = 0
      }
      if (chunk.bytes.length === this.#chunks.bytes && this.#free.length < FREE_CHUNKS_MAX) this.#free.push(chunk)
    }
  }
}
