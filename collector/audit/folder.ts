// Reads back what the file sink wrote; sinks/file/path.ts says where it lies.
//
// In: a folder. Out: its messages, subject by subject, each subject's files in the order in which they were written.
// Always: at most one piece of a file and one line are in memory. Never: follows a link, or takes a name for granted.
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { DATA_TYPES, OWN_TYPES } from '../../crds/names.ts'
import type { Stored } from '../quality/audit/audit.ts'
import { parseSubject } from '../quality/audit/channel.ts'
import { newer, parseFileName, type FileId } from '../sinks/file/path.ts'

export interface FolderOptions {
  readonly dir: string
  /** Files of periods that ended before are left out, µs. */
  readonly since?: number
  /** By `{type}.{exchange}.{market}.{symbol}`: files keep no prefix. */
  readonly isWanted: (subject: string) => boolean
  /** Told, in a sentence, what was left out. */
  readonly onNote: (text: string) => void
}

/** Yields the messages of a folder in batches. Throws when the folder cannot be read. */
export async function* readFolder(options: FolderOptions): AsyncGenerator<readonly Stored[]> {
  for (const tokens of await subjectsIn(options.dir, [])) {
    const subject = tokens.join('.')
    if (tokens.length < LEVELS || parseSubject(subject) === undefined) {
      options.onNote(`${tokens.join('/')}: not a folder of ours ({type}/{exchange}/{market}/{symbol}); left out.`)
    } else if (options.isWanted(subject)) {
      yield* readSubject(subject, join(options.dir, ...tokens), options)
    }
  }
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

async function* readSubject(subject: string, dir: string, options: FolderOptions): AsyncGenerator<readonly Stored[]> {
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

/** Bytes that are read at once, and the most that one line may have. */
const PIECE_BYTES = 1024 * 1024
const LINE_BYTES_MAX = 64 * 1024 * 1024
const NEWLINE = 0x0a
/** What zlib says of gzip and zstd alike when a file ends too early. */
const CUT_SHORT = 'Z_BUF_ERROR'

async function* readFile(
  subject: string,
  dir: string,
  name: string,
  options: FolderOptions,
): AsyncGenerator<readonly Stored[]> {
  let rest: Buffer[] = []
  let restBytes = 0
  try {
    for await (const piece of open(join(dir, name)) as AsyncIterable<Buffer>) {
      const end = piece.lastIndexOf(NEWLINE)
      if (end >= 0) {
        yield linesOf(subject, Buffer.concat([...rest, piece.subarray(0, end)]).toString())
        ;[rest, restBytes] = [[], 0]
      }
      rest.push(piece.subarray(end + 1))
      restBytes += piece.length - end - 1
      if (restBytes > LINE_BYTES_MAX) throw new Error(`a line is longer than ${LINE_BYTES_MAX} bytes`)
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === CUT_SHORT) {
      options.onNote(`${subject} ${name}: ends before its compression does, as a writer that was killed leaves it.`)
    } else {
      rest = []
      yield [{ subject, text: '', unreadable: `${name} cannot be read: ${message}` }]
    }
  }
  const text = Buffer.concat(rest).toString()
  if (text !== '') yield [{ subject, text, unfinished: `${subject} ${name}` }]
}

function open(path: string): Readable {
  const file = createReadStream(path, { highWaterMark: PIECE_BYTES })
  if (path.endsWith('.ndjson')) return file
  const inflate = path.endsWith('.gz')
    ? createGunzip({ chunkSize: PIECE_BYTES })
    : createZstdDecompress({ chunkSize: PIECE_BYTES })
  return pipeline(file, inflate, () => {})
}

function linesOf(subject: string, text: string): Stored[] {
  const lines: Stored[] = []
  for (let at = 0; at <= text.length;) {
    const newline = text.indexOf('\n', at)
    const end = newline < 0 ? text.length : newline
    if (end > at) lines.push({ subject, text: text.slice(at, end) })
    at = end + 1
  }
  return lines
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
