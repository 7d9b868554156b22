// A collector for end-to-end tests: in this process, or as the program that users start.
//
// Always: what waits, waits for a condition, and fails with the last status after WAIT_MS_MAX.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { Collector } from '../../crds/collector.ts'
import { checkCollector } from '../../crds/faults.ts'
import type { DataType, Market } from '../../crds/names.ts'
import { openCollector, type RunningCollector } from '../../collector/collector.ts'
import { type Clock, realClock } from '../../collector/connection/clock.ts'
import { openLog } from '../../collector/log.ts'
import { openSink } from '../../collector/sinks/open.ts'
import type { CollectorStatus } from '../../collector/status.ts'
import type { summaryRecord } from '../../collector/terminal/summary.ts'
import type { Exchange, ExchangeOptions } from '../exchange/exchange.ts'

const WAIT_MS_MAX = 40_000
const POLL_MS = 10
const CLOSE_MS = 5_000
const MAIN = resolve(import.meta.dirname, '../../collector/main.ts')
const COMPILED = resolve(import.meta.dirname, '../../node_modules/.cache/compiled')

export const TYPES: readonly DataType[] = ['trade', 'orderbook', 'ticker', 'kline']

/** The exchanges that can be simulated. */
export type Simulated = NonNullable<ExchangeOptions['exchange']>

/** What a collector takes of one simulated exchange. */
export interface WantedFeeds {
  /** `binance` by default. */
  readonly exchange?: Simulated
  /** Symbols by market. */
  readonly symbols: Partial<Record<Market, readonly string[]>>
  readonly types?: readonly DataType[]
  readonly orderbook?: { readonly depth?: number; readonly snapshotSeconds?: number }
}

/** What a manifest of these tests says. */
export interface Wanted extends WantedFeeds {
  readonly name?: string
  /** Where it goes: `spec.sink`. */
  readonly sink: object
  /** `spec` beside feeds and sink. */
  readonly spec?: object
}

/** A NATS sink that manages a stream of its own; the prefix is the stream's name in lower case. */
export function jetstream(url: string, name: string, stream: object = {}): object {
  return { nats: { servers: [url], prefix: name.toLowerCase(), stream: { name, manage: 'collector', ...stream } } }
}

/** The manifest, as a user writes it, of what is wanted from a simulated exchange. */
export function manifest(exchange: Pick<Exchange, 'urls'>, wanted: Wanted): object {
  return manifestOf(feedsOf(exchange, wanted), wanted)
}

/** A feed for each market. */
export function feedsOf({ urls }: Pick<Exchange, 'urls'>, wanted: WantedFeeds): object[] {
  const { exchange = 'binance', symbols, types = TYPES, orderbook } = wanted
  return Object.entries(symbols).map(([market, list]) => ({
    exchange,
    market,
    symbols: list,
    types,
    endpoints: urls[market as Market],
    ...(types.includes('orderbook') && { options: { orderbook: { depth: 200, snapshotSeconds: 3600, ...orderbook } } }),
  }))
}

export function manifestOf(feeds: readonly object[], { name = 'e2e', sink, spec }: Omit<Wanted, 'symbols'>): object {
  return {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name },
    spec: { feeds, sink, ...spec },
  }
}

/** Waits until `look` gives something. @throws Error that says what was waited for, and `state()`, after WAIT_MS_MAX */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  state: () => unknown = () => '',
): Promise<T> {
  const deadline = Date.now() + WAIT_MS_MAX
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}\n${JSON.stringify(state(), null, 1)}`)
    await pause(POLL_MS)
  }
}

export interface Collecting {
  readonly running: RunningCollector
  /** Waits for a status that satisfies, as of the last tick. */
  until(what: string, holds: (status: CollectorStatus) => boolean): Promise<CollectorStatus>
  apply(wanted: object): Promise<void>
  /** Ends in order; the last status. */
  close(): Promise<CollectorStatus>
  [Symbol.asyncDispose](): Promise<void>
}

/** Runs a manifest in this process. Logs go nowhere unless LOG_LEVEL says so. */
export async function collect(manifested: object, clock: Clock = realClock): Promise<Collecting> {
  const collector = read(manifested)
  const log = openLog({ level: (process.env['LOG_LEVEL'] as 'debug' | undefined) ?? 'silent', readable: true })
  const running = await openCollector({
    collector,
    openSink: (context) => openSink(collector.spec.sink, context, { log, clock: realClock }),
    log,
    clock,
    random: Math.random,
  })
  let end: Promise<CollectorStatus> | undefined
  const close = () => (end ??= running.close(CLOSE_MS))
  return {
    running,
    until: (what, holds) => {
      const look = () => holds(running.status()) && running.status()
      return until(what, look, () => running.status())
    },
    apply: (changed) => running.apply(read(changed)),
    close,
    [Symbol.asyncDispose]: async () => void (await close()),
  }
}

function read(manifested: object): Collector {
  const { collector, faults } = checkCollector(manifested)
  if (collector === undefined) throw new Error(JSON.stringify(faults))
  return collector
}

export type Summary = ReturnType<typeof summaryRecord>

export interface Program {
  readonly child: ChildProcess
  /** Lines of stdout, each as JSON where it is some. */
  readonly lines: readonly unknown[]
  readonly stdout: () => string
  readonly stderr: () => string
  /** Waits for a status line that satisfies; of `run --json`. */
  until(what: string, holds: (status: CollectorStatus) => boolean): Promise<CollectorStatus>
  /** Waits until stderr says it. */
  says(what: string | RegExp): Promise<void>
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** The summary at the end of `run --json`. */
  summary(): Summary
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts `marketprism` with these arguments, or another program of the repository. */
export function start(args: readonly string[], program: string = MAIN, cwd: string = process.cwd()): Program {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd, env: quickly() })
  const stopped = (): boolean => child.kill('SIGKILL')
  process.once('exit', stopped)
  const lines: unknown[] = []
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(json(line)))
  const ended = once(child, 'close').then(([code, signal]) => {
    process.off('exit', stopped)
    return (code ?? signal) as number | NodeJS.Signals
  })
  const status = () => lines.findLast((line) => isRecord(line) && 'ledger' in line) as CollectorStatus | undefined
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const fail = (what: string) => new Error(`it ended before ${what}: ${stdout.slice(-500)} ${stderr.slice(-2000)}`)
  return {
    child,
    lines,
    stdout: () => stdout,
    stderr: () => stderr,
    until: (what, holds) =>
      until(
        what,
        () => {
          const last = status()
          if (last !== undefined && holds(last)) return last
          if (isOver()) throw fail(what)
          return undefined
        },
        () => [status(), stderr.slice(-2000)],
      ),
    says: async (what) => {
      const says = () => (typeof what === 'string' ? stderr.includes(what) : what.test(stderr))
      await until(
        `it says ${what}`,
        () => {
          if (says()) return true
          if (isOver()) throw fail(`it said ${what}`)
          return undefined
        },
        () => stderr.slice(-2000),
      )
    },
    ended,
    summary: () => lines.findLast((line) => isRecord(line) && 'balanced' in line) as Summary,
    [Symbol.asyncDispose]: async () => {
      if (!isOver()) child.kill('SIGKILL')
      await ended
    },
  }
}

/** The environment with a cache of compiled code, which halves the start; coverage needs code without it. */
function quickly(): NodeJS.ProcessEnv {
  if (process.env['NODE_V8_COVERAGE'] !== undefined) return process.env
  return { ...process.env, NODE_COMPILE_CACHE: COMPILED }
}

/** `marketprism run --json` of a manifest, on a free port. */
export function startRun(file: string, ...args: string[]): Program {
  return start(['run', '-f', file, '--json', '--port', '0', ...args])
}

function json(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return line
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** A folder that goes with the test, and a way to write manifests into it. */
export interface Folder {
  readonly path: string
  /** Writes a file; returns its path. */
  write(name: string, content: string | object): string
  [Symbol.dispose](): void
}

export function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'marketprism-e2e-'))
  return {
    path,
    write(name, content) {
      writeFileSync(join(path, name), typeof content === 'string' ? content : JSON.stringify(content))
      return join(path, name)
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
