// The file sink: NDJSON in a folder for each type, exchange, market and symbol, and a file for each hour
// (or another period).
//
// Work is done in rounds, one at a time: take what the spool holds, sort it by file, append to each file once, settle.
// "Settled" means written; with `fsyncMs` it means synced. Always: a file holds whole lines only, also after
// a crash; a round that failed (disk full) is done again, and no line of it is in a file twice. Never: a record is given
// up because the disk is full or the folder cannot be written; a name from a venue becomes a path unchecked.
import { mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fullJitterMs } from '../connection/backoff.ts'
import type { Timer } from '../connection/clock.ts'
import type { Channel, Series } from '../market/channel.ts'
import type { Message } from '../market/messages.ts'
import { printable } from '../terminal/escape.ts'
import { writeInteger } from '../wire/bytes.ts'
import { Files, type PeriodFile } from './file/files.ts'
import { type Compression, encodeMember } from './file/member.ts'
import { folderOf, HOUR_MS, newer, parseFileName, periodOf, placeOf } from './file/path.ts'
import { lastLine, looksBack } from './file/tail.ts'
import { inLanes } from './lanes.ts'
import { LastOf } from './read.ts'
import {
  PUBLISHED_DIGITS,
  type Sink,
  type SinkContext,
  type SinkStatus,
  type SinkWorld,
  stampPublished,
} from './sink.ts'
import type { Chunk } from './spool.ts'
import { Trouble } from './trouble.ts'

export interface FileOptions {
  readonly dir: string
  readonly compression?: Compression
  /** Time that a file stands for; an hour by default. */
  readonly periodMs?: number
  /** A file that has reached this size is followed by another part; 1 GiB by default. */
  readonly rotateBytes?: number
  /** How often what was written is forced to the disk; 0: after every write; absent: never. */
  readonly fsyncMs?: number
  /** How long lines are gathered into one compressed member; 1 s by default. */
  readonly flushMs?: number
  /** Files open at a time; 256 by default. */
  readonly openFilesMax?: number
}

const ROTATE_BYTES = 1024 * 1024 * 1024
const FLUSH_MS = 1_000
const OPEN_FILES_MAX = 256
/** A round takes at most this much from the spool, so that what it copies is bounded. */
const ROUND_BYTES_MAX = 4 * 1024 * 1024
const RETRY_BASE_MS = 250
const RETRY_MS_MAX = 5_000
/** Files that are looked into for the last messages under one subject, newest first. */
const LOOK_FILES_MAX = 3
const LOOK_LANES_MAX = 8
const LINE_FEED = 0x0a

/** Lines for one file, and the records that they are. */
interface Portion {
  readonly file: PeriodFile
  readonly chunks: Chunk[]
  readonly indexes: number[]
  bytes: number
}

export function fileSink(options: FileOptions, context: SinkContext, world: SinkWorld): Sink {
  return new FileSink(options, context, world)
}

class FileSink implements Sink {
  readonly kind = 'file'
  readonly #options: FileOptions
  readonly #context: SinkContext
  readonly #world: SinkWorld
  readonly #trouble: Trouble
  readonly #files: Files
  readonly #compression: Compression
  readonly #periodMs: number
  readonly #fsyncMs: number | undefined
  readonly #digits = new Uint8Array(PUBLISHED_DIGITS)
  /** By channel: its file of the period last written. */
  readonly #current: PeriodFile[] = []
  /** Taken and not written. */
  readonly #todo: Portion[] = []
  /** Written and not synced, where only that settles. */
  #unsynced: Portion[] = []
  #round: Promise<void> | undefined = undefined
  #timer: Timer | undefined = undefined
  #roundMs = Number.NEGATIVE_INFINITY
  #syncedMs = Number.NEGATIVE_INFINITY
  #lastSettledMs = 0
  #failures = 0
  #closing = false
  #closed = false

  constructor(options: FileOptions, context: SinkContext, world: SinkWorld) {
    const {
      compression = 'none',
      periodMs = HOUR_MS,
      rotateBytes = ROTATE_BYTES,
      openFilesMax = OPEN_FILES_MAX,
    } = options
    this.#options = options
    this.#context = context
    this.#world = world
    this.#trouble = new Trouble('file', world.log, () => world.clock.nowMs())
    this.#compression = compression
    this.#periodMs = periodMs
    this.#fsyncMs = options.fsyncMs
    const syncOnClose = options.fsyncMs !== undefined
    this.#files = new Files({ compression, periodMs, rotateBytes, openFilesMax, syncOnClose })
  }

  get status(): SinkStatus {
    return {
      connected: this.#failures === 0,
      problem: this.#trouble.problem,
      lastSettledMs: this.#lastSettledMs,
      outstanding: [...this.#todo, ...this.#unsynced].reduce((sum, { chunks }) => sum + chunks.length, 0),
    }
  }

  async open(): Promise<void> {
    try {
      await mkdir(this.#options.dir, { recursive: true })
    } catch (cause) {
      throw new Error(explain(cause, this.#options.dir), { cause })
    }
  }

  async last<S extends Series>(all: readonly S[]): Promise<Map<S, Message>> {
    const last = new LastOf(all)
    await inLanes(last.subjects, LOOK_LANES_MAX, async (subject) => {
      const place = placeOf(subject)
      const folder = place && folderOf(this.#options.dir, place)
      if (folder !== undefined) await findLast(folder, subject, last)
    })
    const { found, skipped } = last
    if (skipped > 0) this.#world.log.warn({ sink: 'file', skipped }, 'stored messages that are not ours were skipped')
    return found
  }

  flush(): void {
    if (this.#round !== undefined || this.#failures > 0 || !this.#context.spool.next()) return
    const waitMs = this.#waitMs()
    if (waitMs > 0) this.#later(waitMs)
    else this.#begin()
  }

  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#world
    this.#closing = true
    const over = Promise.withResolvers<void>()
    const deadline = clock.setTimeout(over.resolve, deadlineMs)
    await Promise.race([this.#drain(), over.promise])
    this.#closed = true
    await Promise.race([this.#files.close(), over.promise])
    clock.clearTimeout(deadline)
    clock.clearTimeout(this.#timer)
  }

  async #drain(): Promise<void> {
    while (this.#context.spool.pending > 0 && !this.#closed) {
      if (this.#failures > 0) await this.#pause(this.#retryMs())
      this.#begin()
      await this.#round
    }
  }

  /** How long the next round waits: compressed lines are gathered, unless there are many. */
  #waitMs(): number {
    if (this.#compression === 'none' || this.#context.spool.bytesUsed > ROUND_BYTES_MAX) return 0
    return this.#roundMs + (this.#options.flushMs ?? FLUSH_MS) - this.#world.clock.nowMs()
  }

  #retryMs(): number {
    return RETRY_BASE_MS + fullJitterMs(this.#failures, RETRY_BASE_MS, RETRY_MS_MAX, this.#world.random ?? Math.random)
  }

  /** Begins a round after a while, unless one is planned. */
  #later(waitMs: number): void {
    this.#timer ??= this.#world.clock.setTimeout(() => this.#begin(), waitMs)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#world.clock.setTimeout(resolve, ms))
  }

  #begin(): void {
    const { clock } = this.#world
    clock.clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#round !== undefined || this.#closed) return
    this.#roundMs = clock.nowMs()
    this.#round = this.#work().then(
      () => this.#ended(undefined),
      (error: unknown) => this.#ended(error),
    )
  }

  #ended(error: unknown): void {
    this.#round = undefined
    if (error === undefined) {
      this.#failures = 0
      this.#trouble.recover()
    } else {
      this.#failures += 1
      this.#trouble.complain(explain(error, this.#options.dir))
    }
    if (this.#closing) return
    if (this.#failures > 0) return this.#later(this.#retryMs())
    this.flush()
    if (this.#unsynced.length > 0) this.#later(this.#untilSyncMs())
  }

  async #work(): Promise<void> {
    if (this.#todo.length === 0) this.#take()
    let newest = 0
    for (let portion = this.#todo[0]; portion !== undefined; portion = this.#todo[0]) {
      await this.#files.append(portion.file, await encodeMember(linesOf(portion), this.#compression))
      this.#todo.shift()
      newest = Math.max(newest, portion.file.period)
      if (this.#fsyncMs === undefined) this.#settle(portion)
      else this.#unsynced.push(portion)
    }
    if (this.#unsynced.length > 0 && (this.#closing || this.#untilSyncMs() <= 0)) await this.#sync()
    // The period before stays open: what was received at its end may be written a moment later.
    if (newest > 0) await this.#files.endBefore(newest - 1)
  }

  #untilSyncMs(): number {
    return this.#syncedMs + (this.#fsyncMs ?? 0) - this.#world.clock.nowMs()
  }

  async #sync(): Promise<void> {
    await this.#files.sync()
    this.#syncedMs = this.#world.clock.nowMs()
    const synced = this.#unsynced
    this.#unsynced = []
    synced.forEach((portion) => this.#settle(portion))
  }

  /** Moves what the spool holds, up to a bound, to `todo`. */
  #take(): void {
    const { spool } = this.#context
    const { cursor } = spool
    const portions = new Map<PeriodFile, Portion>()
    writeInteger(this.#digits, 0, this.#world.clock.nowUs())
    for (let bytes = 0; bytes < ROUND_BYTES_MAX && spool.next();) {
      const { chunk, index } = cursor
      // Before anything is settled: that may free the chunk that the cursor stands in.
      cursor.index += 1
      const file = this.#fileOf(chunk, index)
      if (file === undefined) {
        this.#refuse(chunk, index)
        continue
      }
      let portion = portions.get(file)
      if (portion === undefined) {
        portion = { file, chunks: [], indexes: [], bytes: 0 }
        portions.set(file, portion)
      }
      stampPublished(chunk, index, this.#digits)
      portion.chunks.push(chunk)
      portion.indexes.push(index)
      const size = (chunk.end[index] as number) - (chunk.payload[index] as number) + 1
      portion.bytes += size
      bytes += size
    }
    this.#todo.push(...portions.values())
  }

  #fileOf(chunk: Chunk, index: number): PeriodFile | undefined {
    const channel = chunk.channel[index] as number
    const period = periodOf(chunk.received[index] as number, this.#periodMs)
    const current = this.#current[channel]
    if (current?.period === period) return current
    const folder = folderOf(this.#options.dir, this.#context.channels.list[channel] as Channel)
    if (folder === undefined) return undefined
    const file = this.#files.of(folder, period)
    this.#current[channel] = file
    return file
  }

  #settle({ chunks, indexes }: Portion): void {
    const { spool, onSettled } = this.#context
    for (let i = 0; i < chunks.length; i++) {
      onSettled('acknowledged', chunks[i] as Chunk, indexes[i] as number)
      spool.settle(chunks[i] as Chunk, indexes[i] as number)
    }
    this.#lastSettledMs = this.#world.clock.nowMs()
  }

  /** Gives up a record whose names may not become a path: they passed the allow-list of subjects, so this is our fault. */
  #refuse(chunk: Chunk, index: number): void {
    const { symbol } = this.#context.channels.list[chunk.channel[index] as number] as Channel
    this.#trouble.mention(`symbol '${printable(symbol)}' cannot be the name of a folder; report this`)
    this.#context.onSettled('refused', chunk, index)
    this.#context.spool.settle(chunk, index)
  }
}

function linesOf({ chunks, indexes, bytes }: Portion): Buffer {
  const lines = Buffer.allocUnsafe(bytes)
  let at = 0
  for (let i = 0; i < chunks.length; i++) {
    const chunk = chunks[i] as Chunk
    const index = indexes[i] as number
    at += chunk.bytes.copy(lines, at, chunk.payload[index], chunk.end[index])
    lines[at++] = LINE_FEED
  }
  return lines
}

/** Finds the last message of each series in the newest files of a folder. */
async function findLast(folder: string, subject: string, last: LastOf<Series>): Promise<void> {
  const names = await readdir(folder).catch((): string[] => [])
  const files = names.flatMap((name) => {
    const id = parseFileName(name)
    return id === undefined ? [] : [{ name, id }]
  })
  files.sort((a, b) => newer(a.id, b.id))
  let newest: Buffer | undefined
  for (const { name, id } of files.slice(0, LOOK_FILES_MAX)) {
    await using file = await open(join(folder, name))
    const { size } = await file.stat()
    if (newest === undefined) {
      newest = await lastLine(file, size, id.compression)
      if (newest === undefined) continue
      last.takeNewest(subject, newest)
    }
    if (!last.isMissing(subject)) return
    for await (const lines of looksBack(file, size, id.compression)) {
      last.takeOlder(subject, lines)
      if (!last.isMissing(subject)) return
    }
  }
}

function explain(error: unknown, dir: string): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return `the disk of ${dir} is full (${code}): free space or enlarge the volume`
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return `${dir} cannot be written (${code}): make it writable for the user that runs the collector`
  }
  if (code === 'EMFILE' || code === 'ENFILE') return `too many files are open (${code}): raise the limit (ulimit -n)`
  return `${dir} cannot be written: ${printable(message)}`
}
