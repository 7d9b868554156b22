// Records that repeat the id of the one before of their channel: a snapshot of a book that did not change meanwhile, a candle
// as it stood before a gap. The answer to a batch does not say that such a one was stored before.
import type { Chunk } from '../spool.ts'

/** Ids of a channel differ in their last characters, if at all. */
const COMPARED = 20

/** Always: finds each repetition of the record before; never keeps a record. Others may look like one, now and then. */
export class Repeats {
  /** By channel: what stands for the id of its last record, and of which batch that was. */
  readonly #ids: number[] = []
  readonly #batches: number[] = []
  #batch = 0

  /** What comes from now on is compared with what comes from now on. */
  begin(): void {
    this.#batch += 1
  }

  /** Whether this record repeats the one before of its channel; the next is compared with it. */
  has(chunk: Chunk, index: number): boolean {
    const channel = chunk.channel[index] as number
    const id = markOf(chunk, index)
    const isRepeated = this.#batches[channel] === this.#batch && this.#ids[channel] === id
    this.#batches[channel] = this.#batch
    this.#ids[channel] = id
    return isRepeated
  }
}

/** A number that is the same for the same id (FNV-1a of its end, from its length on). */
function markOf({ bytes, start, payload }: Chunk, index: number): number {
  const from = start[index] as number
  const end = payload[index] as number
  let mark = (0x811c9dc5 ^ (end - from)) | 0
  for (let i = Math.max(from, end - COMPARED); i < end; i++) mark = Math.imul(mark ^ (bytes[i] as number), 0x01000193)
  return mark
}
