// `marketprism audit`: is all there in a stream or a folder, and if not, what is missing?
//
// Exit codes: 0 whole, 1 something is missing without a gap, wrong or not readable, 2 nothing could be audited.
import { parseArgs } from 'node:util'
import { parseDuration } from '../../crds/duration.ts'
import { audit, type Stored } from '../quality/audit/audit.ts'
import type { Continuity } from '../quality/audit/channel.ts'
import { asciiJson, printable } from '../terminal/escape.ts'
import { readFolder } from './folder.ts'
import { matches, patternFault, withGaps } from './pattern.ts'
import { renderReport } from './render.ts'
import { connect, type Environment, type ServerFlags, serverFault } from './server.ts'
import { readStream } from './stream.ts'

export const AUDIT_USAGE = `Usage: marketprism audit (--stream NAME [--nats URL] [--creds FILE] [--tls-ca FILE] | --dir FOLDER)
                         [--subject PATTERN] [--since WHEN] [--json]

Reads all that a JetStream stream or a folder of the file sink holds, and says what is missing, late, doubled or wrong.

  --stream NAME      the stream
  --nats URL         its server (nats://127.0.0.1:4222)
  --creds FILE       who we are there: a credentials file; or else, in the environment, never on the command line,
                     NATS_USER and NATS_PASSWORD, or NATS_TOKEN
  --tls-ca FILE      the certificate authorities that its certificate may be of, PEM; tls://… asks for TLS without it
  --dir FOLDER       the folder; its subjects have no prefix: trade.binance.spot.BTC-USDT
  --subject PATTERN  report on these subjects alone: 'market.trade.>', '*.*.*.*.BTC-USDT'
  --since WHEN       leave out what was stored before: 30m, 24h, 2026-11-25T08:00:00Z (a folder: whole files)
  --json             the whole report as JSON

What cannot be known is not called whole: the column continuity says by what a hole would be seen, 'none' that by nothing.

Exit code: 0 nothing wrong; 1 something is missing without a gap, or wrong; 2 nothing could be audited.
`

/** Where a command writes; `process` is one. */
export interface AuditIo {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

/** Runs `marketprism audit` with its own arguments; resolves to the exit code and never rejects. */
export async function auditCommand(
  args: readonly string[],
  io: AuditIo,
  continuity: Continuity,
  env: Environment = process.env,
): Promise<0 | 1 | 2> {
  try {
    const asked = parseAsked(args, Date.now(), env)
    if (asked === 'help') {
      io.stdout.write(AUDIT_USAGE)
      return 0
    }
    const sourceNotes: string[] = []
    const isWanted = (subject: string) => asked.subject === undefined || matches(asked.subject, subject)
    const source = open(asked, env, (note) => sourceNotes.length < NOTES_MAX && sourceNotes.push(note))
    const audited = await audit(source, { continuity, isWanted })
    const report = { ...audited, notes: [...sourceNotes, ...audited.notes] }
    if (report.channels.length === 0) throw new Error(`there is no message of ours; ${whereToLook(asked)}`)
    io.stdout.write(asked.json ? `${asciiJson(report)}\n` : renderReport(report))
    return report.whole ? 0 : 1
  } catch (error) {
    io.stderr.write(`audit: ${printable(error instanceof Error ? error.message : String(error), 500)}\n`)
    if (error instanceof UsageFault) io.stderr.write(AUDIT_USAGE)
    return 2
  }
}

const NOTES_MAX = 100

/** What was asked for. */
export interface Asked extends ServerFlags {
  readonly stream: string | undefined
  readonly dir: string | undefined
  readonly subject: string | undefined
  /** µs */
  readonly since: number | undefined
  readonly json: boolean
}

class UsageFault extends Error {
  override readonly name = 'UsageFault'
}

const OPTIONS = {
  stream: { type: 'string' },
  nats: { type: 'string' },
  creds: { type: 'string' },
  'tls-ca': { type: 'string' },
  dir: { type: 'string' },
  subject: { type: 'string' },
  since: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** @throws UsageFault with a sentence that says what to write instead. */
function parseAsked(args: readonly string[], nowMs: number, env: Environment): Asked | 'help' {
  const { stream, nats, creds, 'tls-ca': tlsCa, dir, subject, since, json, help } = parseOptions(args)
  if (help) return 'help'
  if ((stream === undefined) === (dir === undefined)) throw new UsageFault('say either --stream NAME or --dir FOLDER')
  const isServerNamed = [nats, creds, tlsCa].some((flag) => flag !== undefined)
  if (isServerNamed && dir !== undefined) {
    throw new UsageFault('--nats, --creds and --tls-ca go with --stream, not with --dir')
  }
  const fault = subject === undefined ? undefined : patternFault(subject)
  if (fault !== undefined) throw new UsageFault(`--subject: ${fault}`)
  const server = { nats: nats ?? 'nats://127.0.0.1:4222', creds, tlsCa }
  const wrong = dir === undefined ? serverFault(server, env) : undefined
  if (wrong !== undefined) throw new UsageFault(wrong)
  const sinceUs = since === undefined ? undefined : parseSince(since, nowMs)
  return { stream, ...server, dir, subject, since: sinceUs, json }
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values
  } catch (cause) {
    throw new UsageFault((cause as Error).message, { cause })
  }
}

/** µs of a time, or of a span before now. */
function parseSince(text: string, nowMs: number): number {
  const time = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?Z)?$/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return time * 1000
  try {
    return (nowMs - parseDuration(text)) * 1000
  } catch (cause) {
    throw new UsageFault(`--since: '${text}' is no time; write one such as 24h or 2026-11-25T08:00:00Z`, { cause })
  }
}

async function* open(
  asked: Asked,
  env: Environment,
  onNote: (text: string) => void,
): AsyncGenerator<readonly Stored[]> {
  const { stream, dir, subject } = asked
  const since = asked.since === undefined ? {} : { since: asked.since }
  const patterns = subject === undefined ? ['>'] : withGaps(subject)
  if (dir !== undefined) {
    yield* readFolder({ dir, ...since, onNote, isWanted: (name) => patterns.some((pattern) => matches(pattern, name)) })
  } else if (stream !== undefined) {
    const nc = await connect(asked, env)
    try {
      yield* readStream({ nc, stream, subjects: patterns, ...since })
    } finally {
      await nc.close()
    }
  }
}

function whereToLook({ stream, dir, subject, since }: Asked): string {
  const filters = subject === undefined && since === undefined ? '' : ', --subject and --since'
  return stream === undefined ? `look at the folder ${dir}${filters}` : `look at the stream ${stream}${filters}`
}
