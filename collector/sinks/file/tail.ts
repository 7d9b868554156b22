// The end of a file that may have been cut off: where its whole lines or members end, and its last line.
import type { FileHandle } from 'node:fs/promises'
import { type Compression, decodeMember, HEAD_BYTES, memberBytes } from './member.ts'

const LINE_FEED = 0x0a
const READ_BYTES = 64 * 1024

/** A whole member, by its place. */
interface Extent {
  readonly start: number
  readonly end: number
}

/**
 * Bytes up to which the file is whole; what follows was cut off by a crash.
 * undefined when a compressed file is not made of our members, so that nothing can be said.
 */
export async function wholeBytes(
  file: FileHandle,
  size: number,
  compression: Compression,
): Promise<number | undefined> {
  if (compression === 'none') return lastLineFeed(file, size)
  const last = await lastMember(file, size, compression)
  return last === undefined ? undefined : last.end
}

/** The last whole line, without its line feed; undefined when there is none. */
export async function lastLine(file: FileHandle, size: number, compression: Compression): Promise<Buffer | undefined> {
  if (compression !== 'none') {
    const member = await lastMember(file, size, compression)
    if (member === undefined || member.end === 0) return undefined
    const lines = await decodeMember(await read(file, member.start, member.end), compression)
    return lines.subarray(lines.lastIndexOf(LINE_FEED, -2) + 1, lines.length - 1)
  }
  const end = await lastLineFeed(file, size)
  if (end === 0) return undefined
  return read(file, await lastLineFeed(file, end - 1), end - 1)
}

/** The place behind the last line feed before `end`; 0 when there is none. */
async function lastLineFeed(file: FileHandle, end: number): Promise<number> {
  while (end > 0) {
    const start = Math.max(0, end - READ_BYTES)
    const at = (await read(file, start, end)).lastIndexOf(LINE_FEED)
    if (at !== -1) return start + at + 1
    end = start
  }
  return 0
}

/** The last whole member; both 0 in an empty file, undefined when the file does not begin with one of ours. */
async function lastMember(file: FileHandle, size: number, compression: Compression): Promise<Extent | undefined> {
  let last: Extent = { start: 0, end: 0 }
  for (;;) {
    const start = last.end
    const head = await read(file, start, Math.min(size, start + HEAD_BYTES))
    const bytes = memberBytes(head, compression)
    if (bytes === undefined && start === 0 && size >= HEAD_BYTES) return undefined
    if (bytes === undefined || start + bytes > size) return last
    last = { start, end: start + bytes }
  }
}

async function read(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(end - start)
  let filled = 0
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, start + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return into.subarray(0, filled)
}
