// Where a message lies: {dir}/{type}/{exchange}/{market}/{symbol}/{YYYY-MM-DDTHH}[.{part}].ndjson[.gz|.zst],
// by the period (UTC, an hour by default) in which it was received; the name is the period's beginning, with minutes
// (T14-30) where periods are not whole hours. Parts come from rotation by size.
import { join } from 'node:path'
import type { Compression } from './member.ts'

const ENDINGS: Record<Compression, string> = { none: '.ndjson', gzip: '.ndjson.gz', zstd: '.ndjson.zst' }
export const HOUR_MS = 3_600_000
/** A name that may be a folder: no separator, no leading dot; letters of any alphabet, since some symbols are Chinese words. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}_.-]{0,63}$/u

/** What of a channel its folder is made of. */
export interface Place {
  readonly type: string
  readonly exchange: string
  readonly market: string
  readonly symbol: string
}

/** The folder of a channel; undefined when one of its names may not be one. */
export function folderOf(dir: string, { type, exchange, market, symbol }: Place): string | undefined {
  const names = [type, exchange, market, symbol]
  return names.every((name) => NAME.test(name)) ? join(dir, ...names) : undefined
}

/** The place that a subject names: its last four tokens. */
export function placeOf(subject: string): Place | undefined {
  const [type, exchange, market, symbol] = subject.split('.').slice(-4)
  if (type === undefined || exchange === undefined || market === undefined || symbol === undefined) return undefined
  return { type, exchange, market, symbol }
}

/** Number of the period since the epoch. */
export function periodOf(receivedUs: number, periodMs: number): number {
  return Math.floor(receivedUs / (periodMs * 1000))
}

/** What the names of a period's files begin with. */
export function periodName(period: number, periodMs: number): string {
  const begin = new Date(period * periodMs).toISOString()
  return begin.slice(0, periodMs % HOUR_MS === 0 ? 13 : 16).replace(':', '-')
}

export function fileName(begin: string, part: number, compression: Compression): string {
  return `${begin}${part === 0 ? '' : `.${part}`}${ENDINGS[compression]}`
}

export interface FileId {
  /** As {@link periodName} gives it: in the order of time as text, too. */
  readonly begin: string
  readonly part: number
  readonly compression: Compression
}

const FILE_NAME = /^(\d{4}-\d\d-\d\dT\d\d(?:-\d\d)?)(?:\.(\d{1,6}))?(\.ndjson(?:\.gz|\.zst)?)$/

/** Takes a file's name apart; undefined when it is none of ours. */
export function parseFileName(name: string): FileId | undefined {
  const [, begin, part = '0', ending] = FILE_NAME.exec(name) ?? []
  const compression = Object.entries(ENDINGS).find(([, one]) => one === ending)?.[0] as Compression | undefined
  return begin === undefined || compression === undefined ? undefined : { begin, part: Number(part), compression }
}

/** Newest first. */
export function newer(a: FileId, b: FileId): number {
  if (a.begin === b.begin) return b.part - a.part
  return a.begin < b.begin ? 1 : -1
}
