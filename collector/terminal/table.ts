// The live table as text: a pure function of the status, what came before it, and the size of the terminal.
//
// From top to bottom: who and how long and the sink; a row for each channel; what came in and what became of it; what is
// wrong. Always: no line is wider than the terminal and there are no more lines than it has rows. Where not all channels
// fit, several share a row (rows.ts), and if that is not enough, those in trouble and the busiest are shown.
import type { ChannelState } from '../market/messages.ts'
import { sum } from '../status.ts'
import type { ChannelStatus, CollectorStatus } from '../status.ts'
import { printable } from './escape.ts'
import { bytes, clock, count, rate, span, sparkline } from './format.ts'
import { paint } from './paint.ts'
import type { Piece, Style } from './paint.ts'
import { type History, nameOf, type Row, rowsOf, TROUBLE } from './rows.ts'

const HISTORY_SECONDS = 20
const SPOOL_BAR = 10
const PROBLEMS_MAX = 3

const STYLES: Record<ChannelState, Style> = { live: 'green', quiet: 'dim', stale: 'yellow', down: 'red' }

export interface View {
  readonly columns: number
  readonly rows: number
  readonly color: boolean
}

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
  const { rows, note } = rowsOf(status.channels, history, Math.max(1, view.rows - around))
  const lines: Piece[][] = [
    headerLine(status, one),
    [],
    ...channelLines(rows, one, view.columns),
    ...(note === undefined ? [] : [[[` ${note}`, 'dim'] as const]]),
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
  readonly cell: (row: Row) => Piece
  /** Numbers stand to the right, and in at least this many characters, so that the table does not twitch. */
  readonly right?: number
  /** Columns leave in this order when the terminal is too narrow; those without a number stay. */
  readonly leaves?: number
}

const LEAVES_LAST = 8

function columnsOf(sparkWidth: number, one: Shared): Column[] {
  return [
    { title: 'EXCHANGE', cell: (c) => c.exchange, leaves: one.exchange === undefined ? 8 : 0 },
    { title: 'MARKET', cell: (c) => c.market, leaves: one.market === undefined ? 7 : 0 },
    { title: 'SYMBOL', cell: (c) => printable(c.symbol, 32) },
    { title: 'TYPE', cell: (c) => printable(c.type, 24) },
    { title: 'STATE', cell: (c) => [c.state.padEnd(5), STYLES[c.worst]] },
    { title: 'MSG/S', cell: (c) => rate(c.perSecond), right: 7 },
    { title: `LAST ${sparkWidth} S`, cell: (c) => [sparkline(c.past, sparkWidth), 'cyan'], leaves: 3 },
    { title: 'P50', cell: (c) => span(c.p50), right: 6, leaves: 1 },
    { title: 'P99', cell: (c) => span(c.p99), right: 6, leaves: 5 },
    { title: 'GAPS', cell: (c) => [count(c.gaps), c.gaps > 0 ? 'yellow' : 'dim'], right: 4, leaves: 6 },
    { title: 'AGE', cell: (c) => span(c.age), right: 6, leaves: 2 },
  ]
}

/** Title and rows, as many columns as fit; the line of bars gives way first. */
function channelLines(rows: readonly Row[], one: Shared, room: number): Piece[][] {
  let columns = columnsOf(HISTORY_SECONDS, one)
  let widths = widthsOf(columns, rows)
  if (widthOf(widths) > room) {
    columns = columnsOf(HISTORY_SECONDS / 2, one)
    widths = widthsOf(columns, rows)
  }
  for (let leaves = 0; leaves <= LEAVES_LAST && widthOf(widths) > room; leaves++) {
    columns = columns.filter((column) => column.leaves !== leaves)
    widths = widthsOf(columns, rows)
  }
  const line = (cell: (column: Column) => Piece): Piece[] =>
    columns.flatMap((column, i) => [i === 0 ? ' ' : '  ', pad(cell(column), widths[i] as number, column.right)])
  return [line((column) => [column.title, 'dim']), ...rows.map((row) => line((column) => column.cell(row)))]
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
    .filter((c) => TROUBLE[c.state] > 0 && c.detail !== undefined)
    .toSorted((a, b) => TROUBLE[b.state] - TROUBLE[a.state])
  for (const c of worst.slice(0, PROBLEMS_MAX - lines.length)) {
    const who = [c.exchange, c.market, printable(c.symbol, 32), c.type].join(' ')
    lines.push([[` ${who} ${c.state}: `, STYLES[c.state]], printable(c.detail as string)])
  }
  return lines
}

function widthsOf(columns: readonly Column[], rows: readonly Row[]): number[] {
  const width = (piece: Piece) => (typeof piece === 'string' ? piece : piece[0]).length
  return columns.map(({ title, cell, right }) =>
    Math.max(title.length, right ?? 0, ...rows.map((row) => width(cell(row)))),
  )
}

function widthOf(widths: readonly number[]): number {
  return widths.reduce((all, width) => all + width, 0) + 2 * (widths.length - 1) + 1
}

function pad(piece: Piece, width: number, right: number | undefined): Piece {
  const [text, style] = typeof piece === 'string' ? [piece, undefined] : piece
  return [right ? text.padStart(width) : text.padEnd(width), style]
}
