// The log: pino to stderr, one JSON object a line, or one readable line where a person looks on.
//
// Always: a message is a constant sentence and what varies is a field; whatever the fields hold, a line has nothing but
// printable characters. Never: a fault that repeats fills the log, see {@link limited}.
import { pino } from 'pino'
import type { Logger } from 'pino'
import { printable } from './terminal/escape.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const FIELD_LENGTH_MAX = 500
const COLORS: Record<string, string> = { warn: '33', error: '31', fatal: '31' }

export interface LogOptions {
  readonly level: LogLevel
  /** Readable lines instead of JSON; by default where stderr is a terminal. */
  readonly readable?: boolean
  readonly color?: boolean
  /** Where lines go, each ended; stderr by default. */
  readonly write?: (line: string) => void
}

/** The level that a flag or the environment asks for, `info` by default. Throws what to write instead. */
export function logLevel(flag: string | undefined, environment: NodeJS.ProcessEnv): LogLevel {
  const asked = flag ?? environment['LOG_LEVEL'] ?? 'info'
  const level = LOG_LEVELS.find((known) => known === asked.toLowerCase())
  if (level !== undefined) return level
  const where = flag === undefined ? 'LOG_LEVEL' : '--log-level'
  throw new Error(`${where}: '${printable(asked, 20)}' is not a level; write one of ${LOG_LEVELS.join(', ')}`)
}

/** Opens the log. */
export function openLog({
  level,
  readable = process.stderr.isTTY === true,
  color = process.stderr.isTTY === true && process.stderr.hasColors(),
  write = (line) => void process.stderr.write(line),
}: LogOptions): Logger {
  const line = readable ? (json: string) => readableLine(json, color) : asciiLine
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (json: string) => write(line(json)) },
  )
}

/** JSON keeps control bytes as escapes; this does the same to all that is not ASCII. */
function asciiLine(json: string): string {
  return json.replace(/[^ -~\n]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

interface Line extends Record<string, unknown> {
  readonly level: string
  readonly time: string
  readonly msg?: string
}

function readableLine(json: string, color: boolean): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Line
  const label = level.toUpperCase().padEnd(5)
  const code = color ? COLORS[level] : undefined
  const painted = code === undefined ? label : `\x1b[${code}m${label}\x1b[0m`
  const rest = Object.entries(fields).map(([key, value]) => `  ${printable(key, 40)}=${readableValue(value)}`)
  return `${time.slice(11, 23)} ${painted} ${printable(msg ?? '', FIELD_LENGTH_MAX)}${rest.join('')}\n`
}

function readableValue(value: unknown): string {
  // Of an error its message is for people; where it was thrown stands in the JSON form.
  const said = (value as { message?: unknown } | null)?.message ?? value
  const text = typeof said === 'string' ? said : JSON.stringify(said)
  const safe = printable(text, FIELD_LENGTH_MAX)
  return typeof said === 'string' && /[\s"=]/.test(safe) ? `"${safe.replaceAll('"', '\\"')}"` : safe
}

/** How often a fault that goes on is logged. */
const REPEAT_MS = 60_000
const FAULTS_MAX = 1000
const OTHER_FAULTS = 'other faults'

type Say = (fields: Record<string, unknown>, message: string) => void
type Fault = (key: string, fields: Record<string, unknown>, message: string) => void

/**
 * A log for faults that may come a thousand times a second: one of a key is logged at once, then at most once a minute,
 * with the number of those since the last line as `times`.
 */
export function limited(log: { warn: Say; error: Say }): { readonly warn: Fault; readonly error: Fault } {
  const pending = new Map<string, { times: number; last: () => void }>()

  const report = (level: 'warn' | 'error'): Fault => {
    return (key, fields, message) => {
      // With so many faults at once one more says nothing new: the rest are counted together.
      const name = pending.has(key) || pending.size < FAULTS_MAX ? key : OTHER_FAULTS
      const fault = pending.get(name)
      if (fault !== undefined) {
        fault.times += 1
        fault.last = () => log[level]({ ...fields, times: fault.times }, message)
        return
      }
      log[level](fields, message)
      watch(name)
    }
  }
  const watch = (key: string) => {
    const fault = { times: 0, last: () => {} }
    pending.set(key, fault)
    setTimeout(() => {
      pending.delete(key)
      if (fault.times === 0) return
      fault.last()
      watch(key)
    }, REPEAT_MS).unref()
  }
  return { warn: report('warn'), error: report('error') }
}
