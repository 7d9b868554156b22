// Reads back what the file sink wrote; sinks/file/path.ts says where it lies.
//
// In: a folder. Out: its messages, subject by subject, each subject's files in the order in which they were written.
// Always: at most one piece of a file and one line are in memory. Never: follows a link, or takes a name for granted.
import { createReadStream } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { DATA_TYPES, OWN_TYPES } from '../../crds/names.ts'
import type { Stored } from '../quality/audit/audit.ts'
import { parseSubject } from '../quality/audit/channel.ts'
import { newer, parseFileName, type FileId } from '../sinks/file/path.ts'
import { LineBuffer, NEWLINE, PIECE_BYTES } from './lines.ts'

export interface FolderOptions {
  readonly dir: string
  /** Files of periods that ended before are left out, µs. */
  readonly since?: number
  /** By `{type}.{exchange}.{market}.{symbol}`: files keep no prefix. */
  readonly isWanted: (subject: string) => boolean
  /** Told, in a sentence, what was left out. */
  readonly onNote: (text: string) => void
}

/** Yields the messages of a folder in batches, each valid until the next one is asked for. Throws when the folder cannot be read. */
export async function* readFolder(options: FolderOptions): AsyncGenerator<readonly Stored[]> {
  const lines = new LineBuffer()
  for (const tokens of await subjectsIn(options.dir, [])) {
    const subject = tokens.join('.')
    if (tokens.length < LEVELS || parseSubject(subject) === undefined) {
      options.onNote(`${tokens.join('/')}: not a folder of ours ({type}/{exchange}/{market}/{symbol}); left out.`)
    } else if (options.isWanted(subject)) {
      yield* readSubject(subject, join(options.dir, ...tokens), { ...options, lines })
    }
  }
}

/** One buffer serves all files, one after the other. */
interface FileOptions extends FolderOptions {
  readonly lines: LineBuffer
}

const LEVELS = 4

const types: ReadonlySet<string> = new Set([...DATA_TYPES, ...OWN_TYPES])

/** The folders four levels down, as the names on the way to them, sorted; one that is no type is not entered. */
async function subjectsIn(dir: string, above: readonly string[]): Promise<string[][]> {
  if (above.length === 1 && !types.has(above[0] as string)) return [[...above]]
  const entries = await readdir(join(dir, ...above), { withFileTypes: true })
  const below = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => [...above, name])
    .toSorted((a, b) => compare(a.at(-1) as string, b.at(-1) as string))
  if (above.length === LEVELS - 1) return below
  return (await Promise.all(below.map((names) => subjectsIn(dir, names)))).flat()
}

async function* readSubject(subject: string, dir: string, options: FileOptions): AsyncGenerator<readonly Stored[]> {
  const files: { name: string; id: FileId }[] = []
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const id = parseFileName(entry.name)
    if (id !== undefined && entry.isFile()) files.push({ name: entry.name, id })
    else options.onNote(`${subject}: ${entry.name} is not a file of ours ({period}[.N].ndjson[.gz|.zst]); left out.`)
  }
  files.sort((a, b) => newer(b.id, a.id))
  const first =
    options.since === undefined
      ? ''
      : (files.findLast(({ id }) => beginOf(id) <= (options.since as number))?.id.begin ?? '')
  for (const { name, id } of files) {
    if (id.begin >= first) yield* readFile(subject, dir, name, options)
  }
}

/** When a file's period begins, µs. */
function beginOf({ begin }: FileId): number {
  const [hour, minutes = '00'] = [begin.slice(0, 13), begin.slice(14) || undefined]
  return Date.parse(`${hour}:${minutes}:00Z`) * 1000
}

const NOTHING = Buffer.alloc(0)
/** What zlib says of gzip and zstd alike when a file ends too early. */
const CUT_SHORT = 'Z_BUF_ERROR'

async function* readFile(
  subject: string,
  dir: string,
  name: string,
  { lines, onNote }: FileOptions,
): AsyncGenerator<readonly Stored[]> {
  lines.clear()
  try {
    for await (const end of name.endsWith('.ndjson')
      ? readPlain(join(dir, name), lines)
      : inflate(join(dir, name), lines)) {
      yield linesOf(subject, lines.bytes, end)
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === CUT_SHORT) {
      onNote(`${subject} ${name}: ends before its compression does, as a writer that was killed leaves it.`)
    } else {
      lines.clear()
      yield [{ subject, bytes: NOTHING, start: 0, end: 0, unreadable: `${name} cannot be read: ${message}` }]
    }
  }
  const end = lines.used
  if (end > 0) yield [{ subject, bytes: lines.bytes, start: 0, end, unfinished: `${subject} ${name}` }]
}

/** Yields how many bytes of whole lines stand at the beginning of the buffer, until the file ends. */
async function* readPlain(path: string, lines: LineBuffer): AsyncGenerator<number> {
  await using file = await open(path)
  for (;;) {
    const { bytesRead } = await file.read(lines.space(), 0)
    if (bytesRead === 0) return
    const end = lines.add(bytesRead)
    if (end > 0) yield end
    lines.drop(end)
  }
}

/** The same of a compressed file. */
async function* inflate(path: string, lines: LineBuffer): AsyncGenerator<number> {
  const unpack = path.endsWith('.gz')
    ? createGunzip({ chunkSize: PIECE_BYTES })
    : createZstdDecompress({ chunkSize: PIECE_BYTES })
  for await (const piece of pipeline(createReadStream(path), unpack, () => {}) as AsyncIterable<Buffer>) {
    const end = lines.add(piece.copy(lines.space()))
    if (end > 0) yield end
    lines.drop(end)
  }
}

function linesOf(subject: string, bytes: Buffer, all: number): Stored[] {
  const lines: Stored[] = []
  for (let start = 0; start < all;) {
    const end = bytes.indexOf(NEWLINE, start)
    if (end > start) lines.push({ subject, bytes, start, end })
    start = end + 1
  }
  return lines
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
