// Two collectors of one Collector, and all that can happen to them, so that each of their metrics moves: what an exchange
// does wrong, a sink that does not answer or is away, a clock that is wrong, a manifest that changes.
//
// Always: both are scraped throughout, as Prometheus does it, and each step waits until it is seen.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { METRICS } from '../../collector/metrics.ts'
import type { DataType } from '../../crds/names.ts'
import { makeCertificate } from '../credentials.ts'
import { type Exchange, startExchange } from '../exchange/exchange.ts'
import type { FaultSpec } from '../exchange/faults.ts'
import { type NatsServer, startNats } from '../nats.ts'
import { folder, jetstream, manifest, type Program, startRun } from './collect.ts'
import { Moves } from './moves.ts'

const SCRAPE_MS = 250
/** For so long a step may be without the effect that it is there for. */
const STEP_MS_MAX = 60_000
const C = 'marketprism_collector_'

interface Stirred {
  readonly exchange: Exchange
  readonly nats: NatsServer
  readonly moves: Moves
  readonly programs: readonly [Program, Program]
  /** Writes another manifest for the first, and has it taken up. */
  change(types: readonly string[]): void
}

/** One thing that happens, and the metrics that must have moved by its end. */
interface Step {
  readonly moves: readonly string[]
  act(world: Stirred): void | Promise<void>
  /** Puts it right again. */
  undo?(world: Stirred): void | Promise<void>
}

const faults = (...specs: FaultSpec[]): Pick<Step, 'act' | 'undo'> => ({
  act: ({ exchange }) => specs.forEach((spec) => exchange.faults.add(spec)),
  undo: ({ exchange }) => exchange.faults.clear(),
})

const STEPS: readonly Step[] = [
  {
    moves: ['messages_foreign_total', 'messages_duplicate_total', 'rest_weight_used', 'rest_connections_total'],
    act: () => {},
  },
  {
    moves: [
      'frames_refused_total',
      'frames_repeated_total',
      'gaps_total',
      'order_books_in_sync',
      'order_book_checks_total',
    ],
    ...faults(
      { kind: 'truncate', stream: '*', next: 20 },
      { kind: 'duplicate', stream: '*', next: 20 },
      { kind: 'sequence_gap', symbol: '*', of: 'orderbook', count: 3 },
      { kind: 'sequence_gap', symbol: '*', of: 'trade', count: 3 },
    ),
  },
  { moves: ['checks_failed_total'], ...faults({ kind: 'clock_skew', ms: 120_000 }) },
  {
    moves: ['reconnects_total', 'sessions', 'channels', 'order_books_in_sync'],
    ...faults({ kind: 'refuse', seconds: 5 }, { kind: 'close', stream: '*' }),
  },
  {
    moves: ['rest_failures_total', 'rest_breaker'],
    ...faults({ kind: 'rest', status: 503 }, { kind: 'sequence_gap', symbol: '*', of: 'orderbook', count: 3 }),
  },
  {
    moves: ['rest_blocked_until_timestamp_seconds'],
    ...faults(
      { kind: 'rest', status: 429, retryAfterSeconds: 3 },
      { kind: 'sequence_gap', symbol: '*', of: 'orderbook', count: 3 },
    ),
  },
  {
    // The server does not answer, for longer than a pod is ready without it, and than a spool holds.
    moves: [
      'sink_resent_total',
      'sink_outstanding',
      'spool_bytes',
      'spool_messages',
      'ready',
      'messages_dropped_total',
    ],
    act: ({ nats }) => void process.kill(nats.pid, 'SIGSTOP'),
    undo: ({ nats }) => void process.kill(nats.pid, 'SIGCONT'),
  },
  {
    moves: ['sink_connected', 'sink_last_acknowledged_timestamp_seconds'],
    act: ({ nats }) => nats.kill(),
    undo: ({ nats }) => nats.restart(),
  },
  { moves: ['feed_subscribed', 'order_books'], act: ({ change }) => change(['trade', 'ticker']) },
  { moves: ['memory_limit_bytes'], act: limitMemory, undo: unlimitMemory },
]

/** Does all of it. @returns the metrics that have not moved */
export async function stirCollector(say: (text: string) => void = () => {}): Promise<string[]> {
  await using open = new AsyncDisposableStack()
  const moves = new Moves(Object.keys(METRICS))
  const world = await openWorld(open, moves)
  for (const { moves: wanted, act, undo } of STEPS) {
    await act(world)
    const names = wanted.map((name) => C + name)
    const still = () => moves.still().filter((name) => names.includes(name))
    for (const end = performance.now() + STEP_MS_MAX; still().length > 0; await pause(SCRAPE_MS)) {
      if (performance.now() > end) break
    }
    if (still().length > 0) say(`in vain: ${still().join(' ')}`)
    await undo?.(world)
  }
  return moves.still()
}

async function openWorld(open: AsyncDisposableStack, moves: Moves): Promise<Stirred> {
  const exchange = await startExchange({ symbols: ['BTCUSDT', 'ETHUSDT'], rate: 200, levels: 60 })
  open.defer(() => exchange.close())
  const place = open.use(folder())
  const cert = secretsIn(place)
  const tls = cert === '' ? undefined : `tls { cert_file: "${cert}/tls.crt", key_file: "${cert}/tls.key" }`
  const nats = open.use(await startNats(tls === undefined ? {} : { config: tls }))
  const written = (name: string, secret: string, types: readonly string[]) => {
    const sink = jetstream(nats.url, 'STIRRED') as { nats: object }
    const secure = { servers: [nats.url.replace('nats:', 'tls:')], tls: { secret: { name: secret } } }
    const wanted = manifest(exchange, {
      name,
      symbols: { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT'] },
      types: types as DataType[],
      sink: { nats: { ...sink.nats, ...(tls === undefined ? {} : secure) } },
      spec: { spool: { bytesMax: secret === 'one' ? '1Mi' : '2Mi' } },
    })
    return place.write(`${secret}.json`, wanted)
  }
  const types = ['trade', 'orderbook', 'ticker', 'kline']
  const secretsBefore = process.env['MARKETPRISM_SECRETS_DIR']
  process.env['MARKETPRISM_SECRETS_DIR'] = join(place.path, 'secrets')
  open.defer(() => setVariable('MARKETPRISM_SECRETS_DIR', secretsBefore))
  const first = open.use(startRun(written('majors', 'one', types)))
  const second = open.use(startOtherwise(() => startRun(written('majors', 'two', types))))
  const programs = [first, second] as const
  const ended = new AbortController()
  const scraping = programs.map((program, i) => scrape(program, `collector-${i}`, moves, ended.signal))
  open.defer(async () => {
    ended.abort()
    await Promise.all(scraping)
  })
  await Promise.all(programs.map((program) => program.until('it is ready', ({ ready }) => ready)))
  return {
    exchange,
    nats,
    moves,
    programs,
    change(changed) {
      written('majors', 'one', changed)
      first.child.kill('SIGHUP')
    },
  }
}

/**
 * Secrets `one` and `two`, which expire at other times; the server shows the certificate of the first.
 * @returns the folder of the first; empty where no certificate can be made
 */
function secretsIn(place: ReturnType<typeof folder>): string {
  const [server, other] = [makeCertificate(2), makeCertificate(1)]
  if (server === undefined || other === undefined) return ''
  for (const [name, made] of Object.entries({ one: server, two: other })) {
    const dir = join(place.path, 'secrets', name)
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'ca.crt'), server.cert)
    writeFileSync(join(dir, 'tls.crt'), made.cert)
    writeFileSync(join(dir, 'tls.key'), made.key, { mode: 0o600 })
  }
  return join(place.path, 'secrets', 'one')
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

/** With other limits of its heap and of its file descriptors. */
function startOtherwise(start: () => Program): Program {
  const before = process.env['NODE_OPTIONS']
  process.env['NODE_OPTIONS'] = '--max-old-space-size=300'
  const program = start()
  setVariable('NODE_OPTIONS', before)
  try {
    execFileSync('prlimit', ['--nofile=777:777', '--pid', String(program.child.pid)])
  } catch {
    // Not here: both have the same limit then.
  }
  return program
}

async function scrape(program: Program, name: string, moves: Moves, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const port = /"port":(\d+)/.exec(program.stderr())?.[1]
    const text = port === undefined ? undefined : await textOf(port)
    if (text !== undefined) moves.take(name, text)
    await pause(SCRAPE_MS)
  }
}

function textOf(port: string): Promise<string | undefined> {
  return fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => undefined,
  )
}

const GROUPS = [
  { folder: '/sys/fs/cgroup/memory/marketprism-stir', limit: 'memory.limit_in_bytes' },
  { folder: '/sys/fs/cgroup/marketprism-stir', limit: 'memory.max' },
] as const

/** A container's limit, as far as this machine lets us set one: as root. */
function limitMemory({ programs: [first] }: Stirred): void {
  for (const { folder: dir, limit } of GROUPS) {
    try {
      mkdirSync(dir, { recursive: true })
      if (!existsSync(join(dir, limit))) continue
      writeFileSync(join(dir, limit), String(1 << 30))
      writeFileSync(join(dir, 'cgroup.procs'), String(first.child.pid))
      return
    } catch {
      // Not root, or a read-only file system: the metric stays as it is, and is said to.
    }
  }
}

function unlimitMemory({ programs: [first] }: Stirred): void {
  for (const { folder: dir } of GROUPS) {
    try {
      writeFileSync(join(dir, '..', 'cgroup.procs'), String(first.child.pid))
      rmdirSync(dir)
    } catch {
      // There was none.
    }
  }
}
