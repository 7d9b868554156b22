// The files of a sink: opened where the last run left off, rotated by period and size, a bounded number open at a time.
//
// Always: a file holds whole lines or members only; after a write that failed it is cut back before anything else is
// written. Never: two writes to one file at a time.
import { constants, type FileHandle, mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Compression } from './member.ts'
import { fileName, parseFileName, periodName } from './path.ts'
import { wholeBytes } from './tail.ts'

/** One channel's file of one period. */
export interface PeriodFile {
  readonly folder: string
  readonly period: number
  part: number
  /** Whole bytes in it; undefined before it was opened for the first time. */
  size: number | undefined
  handle: FileHandle | undefined
  /** Written since it was last synced. */
  dirty: boolean
}

export interface FilesOptions {
  readonly compression: Compression
  readonly periodMs: number
  /** A file that has reached this size is followed by another part. */
  readonly rotateBytes: number
  readonly openFilesMax: number
  readonly syncOnClose: boolean
}

export class Files {
  readonly #options: FilesOptions
  /** By folder and period; the least recently written first. */
  readonly #files = new Map<string, PeriodFile>()
  #open = 0

  constructor(options: FilesOptions) {
    this.#options = options
  }

  of(folder: string, period: number): PeriodFile {
    const key = keyOf(folder, period)
    let file = this.#files.get(key)
    if (file === undefined) {
      file = { folder, period, part: 0, size: undefined, handle: undefined, dirty: false }
      this.#files.set(key, file)
    }
    return file
  }

  /** Appends whole lines or one member. When it fails, nothing of it is in the file, or will be cut off. */
  async append(file: PeriodFile, bytes: Buffer): Promise<void> {
    const key = keyOf(file.folder, file.period)
    this.#files.delete(key)
    this.#files.set(key, file)
    if (file.size !== undefined && file.size >= this.#options.rotateBytes) await this.#rotate(file)
    const handle = file.handle ?? (await this.#openFile(file))
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, done)
        done += bytesWritten
      }
    } catch (error) {
      // Opened again it is cut back to its size, whatever arrived of this.
      await this.#close(file).catch(() => {})
      throw error
    }
    file.size = (file.size ?? 0) + bytes.length
    file.dirty = true
  }

  /** Syncs what was written. */
  async sync(): Promise<void> {
    for (const file of this.#files.values()) {
      if (!file.dirty || file.handle === undefined) continue
      await file.handle.sync()
      file.dirty = false
    }
  }

  /** Closes the files of periods before this one. */
  async endBefore(period: number): Promise<void> {
    for (const [key, file] of this.#files) {
      if (file.period >= period) continue
      await this.#close(file)
      this.#files.delete(key)
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await this.#close(file)
    this.#files.clear()
  }

  async #rotate(file: PeriodFile): Promise<void> {
    await this.#close(file)
    file.part += 1
    file.size = undefined
  }

  async #openFile(file: PeriodFile): Promise<FileHandle> {
    if (this.#open >= this.#options.openFilesMax) await this.#closeOldest()
    const { compression, periodMs, rotateBytes } = this.#options
    const begin = periodName(file.period, periodMs)
    if (file.size === undefined) {
      await mkdir(file.folder, { recursive: true })
      file.part = Math.max(file.part, await lastPart(file.folder, begin, compression))
    }
    const path = join(file.folder, fileName(begin, file.part, compression))
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o644)
    this.#open += 1
    file.handle = handle
    try {
      const { size } = await handle.stat()
      const whole = file.size ?? (await wholeBytes(handle, size, compression))
      // A file that somebody else compressed is left alone.
      if (whole === undefined || (file.size === undefined && whole >= rotateBytes)) {
        await this.#rotate(file)
        return await this.#openFile(file)
      }
      if (size > whole) await handle.truncate(whole)
      file.size = whole
      return handle
    } catch (error) {
      await this.#close(file).catch(() => {})
      throw error
    }
  }

  async #closeOldest(): Promise<void> {
    for (const file of this.#files.values()) {
      if (file.handle !== undefined) return this.#close(file)
    }
  }

  async #close(file: PeriodFile): Promise<void> {
    const { handle } = file
    if (handle === undefined) return
    file.handle = undefined
    this.#open -= 1
    try {
      if (file.dirty && this.#options.syncOnClose) await handle.sync()
      file.dirty = false
    } finally {
      await handle.close()
    }
  }
}

function keyOf(folder: string, period: number): string {
  return `${folder}/${period}`
}

/** The highest part of a period that exists; 0 when none does. */
async function lastPart(folder: string, begin: string, compression: Compression): Promise<number> {
  const parts = (await readdir(folder)).flatMap((name) => {
    const found = parseFileName(name)
    return found?.begin === begin && found.compression === compression ? [found.part] : []
  })
  return Math.max(0, ...parts)
}
