// What `marketprism run` shows while it runs: a live table in a terminal, a log line now and then elsewhere, or one JSON
// line a second for machines.
//
// In: the status, asked for once a second. Always: the terminal is left as it was found, however the process ends
// (other than by SIGKILL). Never: a reader that does not keep up makes the process wait or grow; it misses lines.
import type { CollectorStatus } from '../status.ts'
import { sum } from '../status.ts'
import { asciiJson } from './escape.ts'
import type { History } from './rows.ts'
import { remember, renderTable } from './table.ts'

const SECOND_MS = 1000
const LINE_MS = 5000

/** The part of a terminal, or of what stands in for one, that is used. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  readonly writableNeedDrain: boolean
  write(text: string): unknown
  on(event: 'resize', listener: () => void): unknown
  off(event: 'resize', listener: () => void): unknown
}

export interface Show {
  /** Writes lines, each ended, without disturbing what is shown: for the log. */
  print(lines: string): void
  /** Ends it; the last state stays on the screen. */
  close(): void
}

/** Whether a live table can be drawn: a terminal that can move its cursor. */
export function canDraw(out: Pick<Output, 'isTTY'>, environment: NodeJS.ProcessEnv): boolean {
  return out.isTTY === true && environment['TERM'] !== 'dumb'
}

const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
// A line with characters of two columns must not run over into the next one.
const WRAP_OFF = '\x1b[?7l'
const WRAP_ON = '\x1b[?7h'
const CLEAR_LINE_END = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'
const CLEAR_ALL = '\x1b[2J\x1b[H'

/** Draws the live table in place, once a second and when the size of the terminal changes. */
export function showTable(out: Output, status: () => CollectorStatus, color: boolean): Show {
  let history: History = new Map()
  let frame = ''
  let height = 0

  const top = () => (height > 1 ? `\r\x1b[${height - 1}A` : '\r')
  const draw = (before: string) => {
    const lines = frame.split('\n')
    out.write(`${before}${lines.join(`${CLEAR_LINE_END}\r\n`)}${CLEAR_LINE_END}${CLEAR_BELOW}`)
    height = lines.length
  }
  const render = (before: string) => {
    // The last column stays free: after a character in it, clearing to the end of the line would take that one away.
    const view = { columns: (out.columns || 80) - 1, rows: out.rows || 24, color }
    frame = renderTable(status(), history, view)
    draw(before)
  }
  const tick = () => {
    history = remember(history, status())
    if (!out.writableNeedDrain) render(top())
  }
  const resize = () => render(CLEAR_ALL)
  const restore = () => out.write(`${WRAP_ON}${SHOW_CURSOR}\n`)

  process.once('exit', restore)
  out.on('resize', resize)
  out.write(`${HIDE_CURSOR}${WRAP_OFF}`)
  tick()
  const timer = setInterval(tick, SECOND_MS)
  return {
    print(lines) {
      draw(`${top()}${CLEAR_BELOW}${WRAP_ON}${lines.replaceAll('\n', '\r\n')}${WRAP_OFF}`)
    },
    close() {
      clearInterval(timer)
      out.off('resize', resize)
      process.off('exit', restore)
      tick()
      restore()
    },
  }
}

/** Writes the whole status as one line of JSON each second, and a last one at the end. */
export function showJson(out: Output, status: () => CollectorStatus): Pick<Show, 'close'> {
  const write = () => {
    if (!out.writableNeedDrain) out.write(`${asciiJson(status())}\n`)
  }
  return every(SECOND_MS, write)
}

/** Logs how it goes every five seconds. */
export function showLines(
  log: { info(fields: Record<string, unknown>, message: string): void },
  status: () => CollectorStatus,
): Pick<Show, 'close'> {
  return every(LINE_MS, () => log.info(lineFields(status()), 'collecting'))
}

function every(ms: number, write: () => void): Pick<Show, 'close'> {
  const timer = setInterval(write, ms)
  return {
    close() {
      clearInterval(timer)
      write()
    },
  }
}

function lineFields({ channels, sink, spool, ledger, ready }: CollectorStatus) {
  return {
    ready,
    channels: channels.length,
    live: channels.filter((c) => c.state === 'live').length,
    messagesPerSecond: Math.round(channels.reduce((all, c) => all + c.perSecond, 0)),
    made: ledger.messagesMade,
    acknowledged: ledger.messagesAcknowledged,
    duplicate: ledger.messagesDuplicate,
    dropped: sum(ledger.messagesDropped),
    refused: sum(ledger.framesRefused),
    gaps: ledger.gaps,
    spoolBytes: spool.bytesUsed,
    sink: sink.connected ? 'connected' : (sink.problem ?? 'away'),
  }
}
