// The demo's live table as text. Pure.

/** One exchange, as it stands. */
export interface Row {
  readonly exchange: string
  /** Channels that are live, and all; undefined before the operator has heard of them. */
  readonly channels: { readonly live: number; readonly total: number } | undefined
  /** In JetStream. */
  readonly messages: number
  readonly perSecond: number
}

const COLUMNS = ['EXCHANGE', 'CHANNELS LIVE', 'MESSAGES', 'PER SECOND'] as const

/** The table, its last line the sum. */
export function table(rows: readonly Row[]): string {
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0)
  const cells = [
    [...COLUMNS],
    ...rows.map(({ exchange, channels, messages, perSecond }) => [
      exchange,
      channels === undefined ? '…' : `${channels.live} of ${channels.total}`,
      grouped(messages),
      grouped(Math.round(perSecond)),
    ]),
    ['all', '', grouped(sum(({ messages }) => messages)), grouped(Math.round(sum(({ perSecond }) => perSecond)))],
  ]
  const widths = COLUMNS.map((_, i) => Math.max(...cells.map((line) => (line[i] ?? '').length)))
  return cells.map((line) => line.map((text, i) => aligned(text, widths[i] ?? 0, i === 0)).join('   ')).join('\n')
}

function aligned(text: string, width: number, isLeft: boolean): string {
  return isLeft ? text.padEnd(width) : text.padStart(width)
}

/** `12,345` */
function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
