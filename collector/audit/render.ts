// A report for a person: a table of the channels, their sum, and what is wrong with what to do about it.
import { FINDINGS, type ChannelReport, type Finding, type FindingKind, type Report } from '../quality/audit/report.ts'
import { OWN_TYPES } from '../../crds/names.ts'
import { printable } from '../terminal/escape.ts'
import { count } from '../terminal/format.ts'

/** Several lines, each ended, of printable characters. */
export function renderReport(report: Report): string {
  const lines = [...table(report.channels), '', ...total(report), ...wrong(report), ...notes(report)]
  return `${lines.join('\n')}\n`
}

type Column = readonly [title: string, align: 'left' | 'right', cell: (c: ChannelReport) => string]

const COLUMNS: readonly Column[] = [
  ['channel', 'left', (c) => printable(c.interval === undefined ? c.subject : `${c.subject} ${c.interval}`)],
  ['messages', 'right', (c) => count(c.messages)],
  ['continuity', 'left', (c) => (isOurs(c) ? '' : c.continuity)],
  ['first (UTC)', 'left', (c) => seconds(c.first)],
  ['last', 'left', (c) => seconds(c.last)],
  ['late', 'right', (c) => some(c.late)],
  ['again', 'right', (c) => some(c.duplicates)],
  ['filled', 'right', (c) => some(c.filled)],
  ['flagged', 'right', (c) => some(c.flagged)],
  ['gaps', 'right', (c) => some(Object.values(c.gaps).reduce((sum, n) => sum + n, 0))],
  ['announced', 'right', (c) => some(c.missing.announced)],
  ['missing', 'right', (c) => some(c.missing.unannounced)],
  ['broken', 'right', (c) => some(c.broken + c.unread)],
  ['snapshots', 'right', (c) => some(c.book?.snapshots ?? 0)],
  ['in sync', 'right', (c) => (c.book === undefined ? '' : percent(c.book.inSync))],
  ['candles', 'right', (c) => (c.candles === undefined ? '' : `${c.candles.closed}/${c.candles.begun}`)],
  ['unseen', 'right', (c) => some(c.candles?.unseen ?? 0)],
]

/** Columns in which no channel has anything are left out. */
function table(channels: readonly ChannelReport[]): string[] {
  const columns = COLUMNS.map(([title, align, cell]) => ({ title, align, cells: channels.map(cell) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''))
    .map((column) => ({ ...column, width: Math.max(column.title.length, ...column.cells.map((cell) => cell.length)) }))
  const line = (texts: readonly string[]) =>
    columns
      .map(({ align, width }, i) =>
        align === 'left' ? (texts[i] ?? '').padEnd(width) : (texts[i] ?? '').padStart(width),
      )
      .join('  ')
      .trimEnd()
  return [
    line(columns.map(({ title }) => title)),
    ...channels.map((_, row) => line(columns.map(({ cells }) => cells[row] ?? ''))),
  ]
}

function total({ messages, channels, whole }: Report): string[] {
  const sum = (of: (c: ChannelReport) => number) => channels.reduce((all, c) => all + of(c), 0)
  const missing = sum((c) => c.missing.unannounced)
  const announced = sum((c) => c.missing.announced)
  return [
    `${count(messages)} messages read, ${channels.length} channels; ` +
      `missing and announced: ${announced}, missing and not announced: ${missing}.`,
    whole ? wholeText(channels) : 'NOT WHOLE.',
  ]
}

/** Nothing is called whole that cannot be known. */
function wholeText(channels: readonly ChannelReport[]): string {
  const unknown = channels.filter((c) => c.continuity === 'none' && !isOurs(c)).length
  if (unknown === 0) return 'Whole: all that is missing is announced.'
  const which = unknown === channels.length ? 'any channel' : `${count(unknown)} of the channels`
  return `Nothing is wrong. Whole where it can be known: nothing tells what ${which} may lack (continuity: none).`
}

const ourTypes: ReadonlySet<string | undefined> = new Set(OWN_TYPES)

/** Whether these are messages about data rather than data. */
function isOurs({ subject }: ChannelReport): boolean {
  return ourTypes.has(subject.split('.').at(-4))
}

function wrong({ findings, findingsMore }: Report): string[] {
  const kinds = (Object.keys(FINDINGS) as FindingKind[]).filter((kind) => findings.some((f) => f.kind === kind))
  const more = findingsMore === 0 ? [] : ['', `and ${count(findingsMore)} more of these kinds`]
  return [
    ...kinds.flatMap((kind) => [
      '',
      `${kind}: ${FINDINGS[kind]}`,
      ...findings.filter((f) => f.kind === kind).map(finding),
    ]),
    ...more,
  ]
}

function finding({ subject, interval, from, to, text }: Finding): string {
  const name = printable(interval === undefined ? subject : `${subject} ${interval}`)
  const times = from === undefined ? '' : ` ${exact(from)}${to === undefined || to === from ? '' : ` to ${exact(to)}`}`
  return `  ${name}${times}: ${printable(text)}`
}

function notes({ notes: all }: Report): string[] {
  return all.length === 0 ? [] : ['', ...all.map((text) => `note: ${printable(text)}`)]
}

function some(n: number): string {
  return n === 0 ? '' : count(n)
}

/** Rounded down: a book that was ever out of sync is never at 100 %. */
function percent(share: number): string {
  return share === 1 ? '100 %' : `${(Math.floor(share * 1000) / 10).toFixed(1)} %`
}

function seconds(us: number | undefined): string {
  return us === undefined ? '' : exact(us).slice(0, 19)
}

/** `2026-09-21 14:13:20.123Z` */
function exact(us: number): string {
  return new Date(us / 1000).toISOString().replace('T', ' ')
}
