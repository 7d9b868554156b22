// The end of a file that may have been cut off: where its whole lines or members end, and its last line.
import type { FileHandle } from 'node:fs/promises'
import { type Compression, decodeMember, HEAD_BYTES, memberBytes } from './member.ts'

const LINE_FEED = 0x0a
const READ_BYTES = 64 * 1024
/** More than a line of a type that has several series. */
const LINE_BYTES = 4 * 1024
/** How many times as far back each look goes. */
const LOOK_GROWTH = 1.5

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

/**
 * Whole lines in looks from the end back, of which each lies further from the one before, to the beginning: the newest line
 * first. All of the last ones; of what lies further back only a part.
 */
export async function* looksBack(file: FileHandle, size: number, compression: Compression): AsyncGenerator<Buffer[]> {
  if (compression !== 'none') {
    const members = (await membersOf(file, size, compression)) ?? []
    for (const i of placesBack(members.length)) {
      const { start, end } = members[i] as Extent
      yield linesBack(await decodeMember(await read(file, start, end), compression))
    }
    return
  }
  const whole = await lastLineFeed(file, size)
  for (const i of placesBack(Math.ceil(whole / READ_BYTES))) yield linesBack(await linesFrom(file, i, whole))
}

/** The lines that begin in one part of a file of whole lines. */
async function linesFrom(file: FileHandle, part: number, whole: number): Promise<Buffer> {
  const start = Math.max(0, part * READ_BYTES - 1)
  const bytes = await read(file, start, Math.min(whole, (part + 1) * READ_BYTES + LINE_BYTES))
  const begin = part === 0 ? 0 : bytes.indexOf(LINE_FEED) + 1
  const last = bytes.indexOf(LINE_FEED, (part + 1) * READ_BYTES - 1 - start)
  return bytes.subarray(begin, (last < 0 ? bytes.lastIndexOf(LINE_FEED) : last) + 1)
}

/** Of `count` places those to look at: the last ones, then fewer and fewer, and the first. */
function placesBack(count: number): number[] {
  const steps = [0, 1, 2, 3]
  for (let back = 4; back < count; back = Math.ceil(back * LOOK_GROWTH)) steps.push(back)
  return [...new Set([...steps.map((back) => count - 1 - back).filter((i) => i >= 0), ...(count > 0 ? [0] : [])])]
}

function linesBack(lines: Buffer): Buffer[] {
  const out: Buffer[] = []
  for (let end = lines.length - 1; end > 0;) {
    const start = lines.lastIndexOf(LINE_FEED, end - 1) + 1
    out.push(lines.subarray(start, end))
    end = start - 1
  }
  return out
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
  const members = await membersOf(file, size, compression)
  return members === undefined ? undefined : (members.at(-1) ?? { start: 0, end: 0 })
}

/** All whole members; undefined when the file does not begin with one of ours. */
async function membersOf(file: FileHandle, size: number, compression: Compression): Promise<Extent[] | undefined> {
  const members: Extent[] = []
  for (let start = 0; ;) {
    const head = await read(file, start, Math.min(size, start + HEAD_BYTES))
    const bytes = memberBytes(head, compression)
    if (bytes === undefined && start === 0 && size >= HEAD_BYTES) return undefined
    if (bytes === undefined || start + bytes > size) return members
    members.push({ start, end: start + bytes })
    start += bytes
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
