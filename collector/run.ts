// `marketprism run`: reads the manifest, opens what it asks for, shows it, and ends with an account.
import { readFileSync, watchFile, unwatchFile } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Logger } from 'pino'
import { parseDuration } from '../crds/duration.ts'
import type { Work } from '../crds/shard.ts'
import { sink } from '../crds/sink.ts'
import { certificateClock } from './certificates.ts'
import { openCollector, type RunningCollector } from './collector.ts'
import { realClock } from './connection/clock.ts'
import { type Health, serveHealth } from './health.ts'
import { logLevel, openLog } from './log.ts'
import { openMetrics } from './metrics.ts'
import { watchRuntime } from './runtime.ts'
import { openSink } from './sinks/open.ts'
import { imbalance } from './status.ts'
import { printable } from './terminal/escape.ts'
import { canDraw, showJson, showLines, showTable } from './terminal/show.ts'
import { summary, summaryRecord } from './terminal/summary.ts'
import { findingText, readWork } from './validate.ts'

/** After SIGTERM everything is closed within this, which leaves some of the promised ten seconds for a busy machine. */
export const CLOSE_DEADLINE_MS = 8_000
const HEALTH_PORT = 8080
const WATCH_MS = 500
/** Longer ones no timer can wait. */
const DURATION_MS_MAX = 24 * 24 * 3_600_000
const MESSAGE_LENGTH_MAX = 500

interface Flags {
  readonly file: string
  readonly nats: string | undefined
  readonly out: string | undefined
  readonly durationMs: number | undefined
  readonly watch: boolean
  readonly json: boolean
  readonly port: number
  readonly level: ReturnType<typeof logLevel>
}

/** Runs until a signal, or for the duration. @returns the exit code, see main.ts */
export async function runCommand(args: readonly string[]): Promise<number> {
  let flags: Flags
  try {
    flags = readFlags(args)
  } catch (error) {
    return refuse(error)
  }
  const collector = load(flags)
  if (collector === undefined) return 1
  const screen = openScreen(flags, collector)
  const log = openLog({ level: flags.level, ...(screen.draws ? { readable: true, write: screen.write } : {}) })
  let running: RunningCollector
  try {
    running = await openCollector({
      collector,
      openSink: (context) => openSink(collector.spec.sink, context, { log, clock: realClock }),
      log,
      clock: realClock,
      random: Math.random,
    })
  } catch (error) {
    return refuse(error)
  }
  const runtime = watchRuntime()
  const certificateExpiresMs = certificateClock(collector.spec, () => performance.now())
  const metrics = openMetrics({ latencies: running.latencies, runtime, certificateExpiresMs })
  let health: Health
  try {
    health = await serveHealth({
      port: flags.port,
      status: () => running.status(),
      progress: () => running.progress(),
      metricsText: (status) => metrics.text(status),
      verify: () => running.verify(),
    })
  } catch (error) {
    runtime.close()
    await running.close(0)
    return refuse(error)
  }
  log.info({ port: health.port, collector: collector.metadata.name }, 'collecting')
  const show = screen.show(running, log)
  const stopReloading = reloadOn(flags, log, running, collector)
  log.info({ reason: await untilTold(flags.durationMs) }, 'ending')
  stopReloading()
  const status = await running.close(CLOSE_DEADLINE_MS)
  show.close()
  runtime.close()
  await health.close()
  screen.end(flags.json ? `${JSON.stringify(summaryRecord(status))}\n` : summary(status))
  return imbalance(status.ledger).length === 0 ? 0 : 1
}

/** Says what cannot be understood or opened. @returns the exit code */
function refuse(error: unknown): number {
  process.stderr.write(`run: ${printable((error as Error).message, MESSAGE_LENGTH_MAX)}\n`)
  return 2
}

function readFlags(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      file: { type: 'string', short: 'f' },
      nats: { type: 'string' },
      out: { type: 'string' },
      duration: { type: 'string' },
      watch: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      port: { type: 'string', default: String(HEALTH_PORT) },
      'log-level': { type: 'string' },
    },
  })
  if (values.file === undefined) throw new Error('no manifest named; write marketprism run -f collector.yaml.')
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`--port '${values.port}' is no port; write a number from 0 to 65535.`)
  }
  const durationMs = values.duration === undefined ? undefined : parseDuration(values.duration)
  if (durationMs !== undefined && durationMs > DURATION_MS_MAX) {
    throw new Error(`--duration ${values.duration} is too long; write at most 576h, or leave it out.`)
  }
  return {
    file: values.file,
    nats: values.nats,
    out: values.out,
    durationMs,
    watch: values.watch,
    json: values.json,
    port,
    level: logLevel(values['log-level'], process.env),
  }
}

/** Reads the manifest and says what is wrong with it, or what this version does not act on. */
function load({ file, nats, out }: Flags): Work | undefined {
  let text: string
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    refuse(new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}); name a file that can.`))
    return undefined
  }
  const { work, faults, notes } = readWork(text, file)
  for (const finding of [...faults, ...notes]) process.stderr.write(`${findingText(finding)}\n`)
  if (work === undefined || (nats === undefined && out === undefined)) return work
  const { data, error } = sink.safeParse(
    nats === undefined ? { file: { path: out } } : { nats: { servers: [nats], stream: { manage: 'collector' } } },
  )
  for (const { message } of error?.issues ?? []) process.stderr.write(`run: ${printable(message)}\n`)
  return data === undefined ? undefined : { ...work, spec: { ...work.spec, sink: data } }
}

/** What is shown, and where: a table, JSON lines, or log lines; messages on stdout leave no place for the first two. */
function openScreen({ json }: Flags, { spec }: Work) {
  const toStdout = spec.sink.stdout !== undefined
  const draws = !json && !toStdout && canDraw(process.stdout, process.env)
  let print: (line: string) => void = (line) => void process.stderr.write(line)
  return {
    draws,
    write: (line: string) => print(line),
    show(running: RunningCollector, log: Logger): { close(): void } {
      const status = () => running.status()
      if (json && !toStdout) return showJson(process.stdout, status)
      if (!draws) return showLines(log, status)
      const table = showTable(
        process.stdout,
        status,
        process.stdout.hasColors() && process.env['NO_COLOR'] === undefined,
      )
      print = (line) => table.print(line)
      return {
        close() {
          print = (line) => void process.stderr.write(line)
          table.close()
        },
      }
    },
    end(text: string): void {
      ;(toStdout ? process.stderr : process.stdout).write(text)
    },
  }
}

/** Takes up the changed manifest on SIGHUP, and with --watch when the file changes. */
function reloadOn(flags: Flags, log: Logger, running: RunningCollector, begun: Work): () => void {
  const fixed = ({ spec }: Work) => JSON.stringify([spec.sink, spec.spool])
  const reload = () => {
    const collector = load(flags)
    if (collector === undefined) {
      log.error('the changed manifest has faults; the old one stays in force')
      return
    }
    if (fixed(collector) !== fixed(begun)) log.warn('sink and spool stay as they were; start again to change them')
    log.info('taking up the changed manifest')
    void running.apply(collector)
  }
  process.on('SIGHUP', reload)
  if (flags.watch) watchFile(flags.file, { interval: WATCH_MS }, reload)
  return () => {
    process.off('SIGHUP', reload)
    if (flags.watch) unwatchFile(flags.file, reload)
  }
}

/** Resolves with the reason to end: a signal, the duration is over, or nobody reads what we print. */
function untilTold(durationMs: number | undefined): Promise<string> {
  return new Promise((resolve) => {
    const timer = durationMs === undefined ? undefined : setTimeout(() => resolve('the duration is over'), durationMs)
    const told = (signal: string) => {
      clearTimeout(timer)
      resolve(signal)
    }
    process.once('SIGINT', () => told('SIGINT'))
    process.once('SIGTERM', () => told('SIGTERM'))
    process.stdout.on('error', () => told('stdout was closed'))
  })
}
