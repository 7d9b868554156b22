// The stdout sink: a line of JSON for each message.
//
// "Settled" means that the stream took the line and has written it out. Always: at most one write is under way, so a
// slow reader holds messages back in the spool. A reader that has gone (EPIPE) ends the sink: nothing is written any more,
// and `status` says so.
import type { Writable } from 'node:stream'
import type { Series } from '../market/channel.ts'
import type { Message } from '../market/messages.ts'
import { printable } from '../terminal/escape.ts'
import { writeInteger } from '../wire/bytes.ts'
import {
  PUBLISHED_DIGITS,
  type Sink,
  type SinkContext,
  type SinkStatus,
  type SinkWorld,
  stampPublished,
} from './sink.ts'
import type { Chunk } from './spool.ts'

/** Lines handed over at once. */
const BATCH_BYTES = 64 * 1024
const END_OF_LINE = Buffer.from('\n')

/** @param out where the lines go; process.stdout outside tests. */
export function stdoutSink(context: SinkContext, world: SinkWorld, out: Writable): Sink {
  return new StdoutSink(context, world, out)
}

class StdoutSink implements Sink {
  readonly kind = 'stdout'
  readonly #context: SinkContext
  readonly #world: SinkWorld
  readonly #out: Writable
  readonly #chunks: Chunk[] = []
  readonly #indexes: number[] = []
  readonly #digits = new Uint8Array(PUBLISHED_DIGITS)
  readonly #idle = Promise.withResolvers<void>()
  #writing = false
  #closing = false
  #problem: string | undefined = undefined
  #lastSettledMs = 0

  constructor(context: SinkContext, world: SinkWorld, out: Writable) {
    this.#context = context
    this.#world = world
    this.#out = out
  }

  get status(): SinkStatus {
    return {
      connected: this.#problem === undefined,
      problem: this.#problem,
      lastSettledMs: this.#lastSettledMs,
      outstanding: this.#chunks.length,
    }
  }

  open(): Promise<void> {
    this.#out.on('error', this.#broke)
    return Promise.resolve()
  }

  /** Nothing is stored, so there is nothing to take up. */
  last<S extends Series>(): Promise<Map<S, Message>> {
    return Promise.resolve(new Map())
  }

  flush(): void {
    const { spool } = this.#context
    if (this.#writing || this.#problem !== undefined || !spool.next()) return
    this.#writing = true
    this.#out.write(this.#take(), this.#written)
  }

  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#world
    this.#closing = true
    this.flush()
    if (!this.#writing) this.#idle.resolve()
    const deadline = clock.setTimeout(this.#idle.resolve, deadlineMs)
    await this.#idle.promise
    clock.clearTimeout(deadline)
    this.#out.off('error', this.#broke)
  }

  /** The next lines, as one buffer of their own: the stream may hold it for long. */
  #take(): Buffer {
    const { spool } = this.#context
    const { cursor } = spool
    const parts: Buffer[] = []
    writeInteger(this.#digits, 0, this.#world.clock.nowUs())
    for (let bytes = 0; bytes < BATCH_BYTES && spool.next(); cursor.index += 1) {
      const { chunk, index } = cursor
      stampPublished(chunk, index, this.#digits)
      const line = chunk.bytes.subarray(chunk.payload[index], chunk.end[index])
      parts.push(line, END_OF_LINE)
      bytes += line.length + 1
      this.#chunks.push(chunk)
      this.#indexes.push(index)
    }
    return Buffer.concat(parts)
  }

  readonly #written = (error?: Error | null): void => {
    if (error) return this.#broke(error)
    const { spool, onSettled } = this.#context
    for (let i = 0; i < this.#chunks.length; i++) {
      onSettled('acknowledged', this.#chunks[i] as Chunk, this.#indexes[i] as number)
      spool.settle(this.#chunks[i] as Chunk, this.#indexes[i] as number)
    }
    this.#chunks.length = 0
    this.#indexes.length = 0
    this.#lastSettledMs = this.#world.clock.nowMs()
    this.#writing = false
    this.flush()
    if (this.#closing && !this.#writing) this.#idle.resolve()
  }

  readonly #broke = (error: NodeJS.ErrnoException): void => {
    if (this.#problem === undefined) {
      const why = error.code === 'EPIPE' ? 'its reader has gone' : printable(error.message)
      this.#problem = `stdout cannot be written: ${why}; start the collector again, or write to another sink`
      this.#world.log.warn({ sink: 'stdout' }, this.#problem)
    }
    this.#idle.resolve()
  }
}
