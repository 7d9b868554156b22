// The live table as text: a pure function of the status, what came before it, and the size of the terminal.
//
// From top to bottom: who and how long and the sink; a row for each channel; what came in and what became of it; what is
// wrong. Always: no line is wider than the terminal and there are no more lines than it has rows. Where not all channels
// fit, those in trouble and the busiest are shown, in the order in which they always stand.
import type { ChannelState } from '../market/messages.ts'
import { sum } from '../status.ts'
import type { ChannelStatus, CollectorStatus } from '../status.ts'
import { printable } from './escape.ts'
import { bytes, clock, count, rate, span, sparkline } from './format.ts'
import { paint } from './paint.ts'
import type { Piece, Style } from './paint.ts'

const HISTORY_SECONDS = 20
const SPOOL_BAR = 10
const PROBLEMS_MAX = 3

const STATES: Record<ChannelState, { readonly style: Style | undefined; readonly trouble: number }> = {
  live: { style: 'green', trouble: 0 },
  quiet: { style: 'dim', trouble: 0 },
  stale: { style: 'yellow', trouble: 1 },
  down: { style: 'red', trouble: 2 },
}

export interface View {
  readonly columns: number
  readonly rows: number
  readonly color: boolean
}

/** Messages a second of each channel in the last twenty seconds, by the channel's name; the last one is now. */
export type History = ReadonlyMap<string, readonly number[]>

/** The history one second later; channels that are gone are forgotten. */
export function remember(history: History, status: CollectorStatus): History {
  return new Map(
    status.channels.map((c) => {
      const name = nameOf(c)
      return [name, [...(history.get(name) ?? []), c.perSecond].slice(-HISTORY_SECONDS)]
    }),
  )
}

/** The table, its lines joined by line breaks, without one at the end. */
export function renderTable(status: CollectorStatus, history: History, view: View): string {
  const problems = problemLines(status)
  const one = sharedBy(status.channels)
  const around = 6 + problems.length
  const shown = choose(status.channels, history, Math.max(1, view.rows - around))
  const hidden = status.channels.length - shown.length
  const lines: Piece[][] = [
    headerLine(status, one),
    [],
    ...channelLines(shown, history, one, view.columns),
    ...(hidden > 0 ? [[[` and ${hidden} more`, 'dim'] as const]] : []),
    [],
    ...ledgerLines(status),
    ...problems,
  ]
  return lines
    .slice(0, view.rows)
    .map((pieces) => paint(pieces, view.columns, view.color))
    .join('\n')
}

function headerLine({ name, startedMs, atMs, ready, sink, spool }: CollectorStatus, one: Shared): Piece[] {
  const full = spool.bytesMax === 0 ? 0 : Math.min(1, spool.bytesUsed / spool.bytesMax)
  const bar = Math.round(full * SPOOL_BAR)
  return [
    [` ${printable(name, 63)}`, 'bold'],
    ...[one.exchange, one.market].filter((word) => word !== undefined).map((word) => `  ${word}`),
    `  ${clock((atMs - startedMs) / 1000)}  `,
    ready ? ['ready', 'green'] : ['not ready', 'yellow'],
    `  ${sink.kind} `,
    sink.connected ? ['connected', 'green'] : ['away', 'red'],
    '  spool ',
    ['█'.repeat(bar), full < 0.5 ? 'green' : full < 0.9 ? 'yellow' : 'red'],
    ['░'.repeat(SPOOL_BAR - bar), 'dim'],
    ` ${Math.round(full * 100)} % of ${bytes(spool.bytesMax)}`,
  ]
}

interface Column {
  readonly title: string
  readonly cell: (channel: ChannelStatus) => Piece
  /** Numbers stand to the right, and in at least this many characters, so that the table does not twitch. */
  readonly right?: number
  /** Columns leave in this order when the terminal is too narrow; those without a number stay. */
  readonly leaves?: number
}

const LEAVES_LAST = 7

function columnsOf(history: History, sparkWidth: number, one: Shared): Column[] {
  return [
    { title: 'EXCHANGE', cell: (c) => c.exchange, leaves: one.exchange === undefined ? 4 : 0 },
    { title: 'MARKET', cell: (c) => c.market, leaves: one.market === undefined ? 7 : 0 },
    { title: 'SYMBOL', cell: (c) => printable(c.symbol, 32) },
    { title: 'TYPE', cell: (c) => (c.interval === undefined ? c.type : `${c.type} ${printable(c.interval, 4)}`) },
    { title: 'STATE', cell: (c) => [c.state.padEnd(5), STATES[c.state].style] },
    { title: 'MSG/S', cell: (c) => rate(c.perSecond), right: 7 },
    {
      title: `LAST ${sparkWidth} S`,
      cell: (c) => [sparkline(history.get(nameOf(c)) ?? [], sparkWidth), 'cyan'],
      leaves: 3,
    },
    { title: 'P50', cell: (c) => span(c.p50), right: 6, leaves: 1 },
    { title: 'P99', cell: (c) => span(c.p99), right: 6, leaves: 5 },
    { title: 'GAPS', cell: (c) => [count(c.gaps), c.gaps > 0 ? 'yellow' : 'dim'], right: 4, leaves: 6 },
    { title: 'AGE', cell: (c) => span(c.age), right: 6, leaves: 2 },
  ]
}

/** Title and rows, as many columns as fit; the line of bars gives way first. */
function channelLines(channels: readonly ChannelStatus[], history: History, one: Shared, room: number): Piece[][] {
  let columns = columnsOf(history, HISTORY_SECONDS, one)
  let widths = widthsOf(columns, channels)
  if (widthOf(widths) > room) {
    columns = columnsOf(history, HISTORY_SECONDS / 2, one)
    widths = widthsOf(columns, channels)
  }
  for (let leaves = 0; leaves <= LEAVES_LAST && widthOf(widths) > room; leaves++) {
    columns = columns.filter((column) => column.leaves !== leaves)
    widths = widthsOf(columns, channels)
  }
  const line = (cell: (column: Column) => Piece): Piece[] =>
    columns.flatMap((column, i) => [i === 0 ? ' ' : '  ', pad(cell(column), widths[i] as number, column.right)])
  return [line((column) => [column.title, 'dim']), ...channels.map((c) => line((column) => column.cell(c)))]
}

/** What all channels have in common; it stands in the first line. */
interface Shared {
  readonly exchange: string | undefined
  readonly market: string | undefined
}

function sharedBy(channels: readonly ChannelStatus[]): Shared {
  const [first] = channels
  return {
    exchange: channels.every((c) => c.exchange === first?.exchange) ? first?.exchange : undefined,
    market: channels.every((c) => c.market === first?.market) ? first?.market : undefined,
  }
}

/** Which channels are shown: all that fit, else those in trouble and then the busiest of the last twenty seconds. */
function choose(channels: readonly ChannelStatus[], history: History, rows: number): readonly ChannelStatus[] {
  if (channels.length <= rows) return channels
  const busy = new Map(channels.map((c) => [c, (history.get(nameOf(c)) ?? []).reduce((a, b) => a + b, 0)]))
  const weight = (c: ChannelStatus) => STATES[c.state].trouble
  const worst = channels.toSorted((a, b) => weight(b) - weight(a) || (busy.get(b) ?? 0) - (busy.get(a) ?? 0))
  const chosen = new Set(worst.slice(0, Math.max(1, rows - 1)))
  return channels.filter((c) => chosen.has(c))
}

function ledgerLines({ ledger: l }: CollectorStatus): Piece[][] {
  const refused = sum(l.framesRefused)
  const dropped = sum(l.messagesDropped)
  return [
    [
      [' frames    ', 'dim'],
      `${count(l.framesReceived)} received = ${count(l.framesData)} data + ${count(l.framesControl)} control + `,
      [`${count(refused)} refused`, refused > 0 ? 'yellow' : undefined],
      '    ',
      [`${count(l.gaps)} gaps`, l.gaps > 0 ? 'yellow' : undefined],
    ],
    [
      [' messages  ', 'dim'],
      `${count(l.messagesMade)} made = ${count(l.messagesAcknowledged)} acknowledged + `,
      `${count(l.messagesDuplicate)} duplicate + `,
      [`${count(dropped)} dropped`, dropped > 0 ? 'red' : undefined],
      ` + ${count(l.messagesSpooled)} spooled`,
    ],
  ]
}

/** What is wrong, a line each: the sink, then channels, worst first. */
function problemLines({ sink, channels }: CollectorStatus): Piece[][] {
  const lines: Piece[][] = []
  if (sink.problem !== undefined) lines.push([[` ${sink.kind}: `, 'red'], printable(sink.problem)])
  const worst = channels
    .filter((c) => STATES[c.state].trouble > 0 && c.detail !== undefined)
    .toSorted((a, b) => STATES[b.state].trouble - STATES[a.state].trouble)
  for (const c of worst.slice(0, PROBLEMS_MAX - lines.length)) {
    const who = [c.exchange, c.market, printable(c.symbol, 32), c.type].join(' ')
    lines.push([[` ${who} ${c.state}: `, STATES[c.state].style], printable(c.detail as string)])
  }
  return lines
}

function widthsOf(columns: readonly Column[], channels: readonly ChannelStatus[]): number[] {
  const width = (piece: Piece) => (typeof piece === 'string' ? piece : piece[0]).length
  return columns.map(({ title, cell, right }) =>
    Math.max(title.length, right ?? 0, ...channels.map((c) => width(cell(c)))),
  )
}

function widthOf(widths: readonly number[]): number {
  return widths.reduce((all, width) => all + width, 0) + 2 * (widths.length - 1) + 1
}

function pad(piece: Piece, width: number, right: number | undefined): Piece {
  const [text, style] = typeof piece === 'string' ? [piece, undefined] : piece
  return [right ? text.padStart(width) : text.padEnd(width), style]
}

function nameOf(c: ChannelStatus): string {
  return `${c.exchange}.${c.market}.${c.symbol}.${c.type}.${c.interval}`
}
