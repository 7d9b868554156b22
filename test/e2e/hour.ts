// An hour of all exchanges in a minute: their clocks run 60 times as fast over real sockets, faults of every kind come
// at times drawn from a seed, and `marketprism run`, the program as it is, publishes to JetStream.
//
// What runs fast is the venues: trades, books, cadences, lives of sockets, and the windows of their limits. What does
// not is the collector: it waits, pings, retries, takes snapshots and keeps budgets as it always does, so an hour's
// troubles must be mended within one minute's budgets, a sixtieth of what the venues would allow. Where a venue waits
// for an answer (pongs, heartbeats) it waits as long as it does in real time. Event times run ahead of ours by up to an
// hour, so `clockSkew` passes. Always: loopback only, and it ends: each wait has a maximum.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ROOMS } from '../../collector/exchanges/registry.ts'
import type { Gap, Message } from '../../collector/market/messages.ts'
import type { CollectorStatus } from '../../collector/status.ts'
import { type Exchange, startExchange } from '../exchange/exchange.ts'
import type { FaultSpec } from '../exchange/faults.ts'
import type { Limits } from '../exchange/venue.ts'
import { between, type Random, random } from '../history.ts'
import { startNats } from '../nats.ts'
import { folder, jetstream, manifestOf, type Program, type Simulated, startRun } from './collect.ts'
import { audit, compare, storedIn } from './proof.ts'

export interface HourOptions {
  readonly seed: number
  /** Of simulated time, with faults. */
  readonly minutes: number
  /** So many times faster than life. */
  readonly pace: number
  /** A folder for what was stored, in the order of storage, and what each connection was sent, where something is wrong. */
  readonly keep?: string | undefined
}

export interface Hour {
  readonly seed: number
  /** Exit code of the collector, and whether its account balances. */
  readonly code: number | string
  readonly balanced: boolean
  readonly channels: number
  readonly frames: number
  readonly messages: number
  /** Fetched by REST. */
  readonly filled: number
  /** Sockets that were lost, and those replaced as planned. */
  readonly lost: number
  readonly planned: number
  /** By type and reason. */
  readonly gaps: Readonly<Record<string, number>>
  /** Faults that acted, by kind. */
  readonly faults: Readonly<Record<string, number>>
  /** What audit finds, and what differs from what the exchanges know to be true; nothing where all is well. */
  readonly wrong: readonly string[]
}

const EXCHANGES = [...new Set(ROOMS.map(({ exchange }) => exchange))] as readonly Simulated[]
const STREAM = 'HOUR'
/** Orders a second of simulated time on each market, and its symbols. */
const RATE = 3
const SYMBOLS = 2
const LEVELS = 60
/** After the faults, of real time: books that lost sync come back where the budgets allow. */
const CALM_MS = 3_000

/** Plays one hour, or so many minutes of it. */
export async function playHour({ seed, minutes, pace, keep }: HourOptions): Promise<Hour> {
  await using nats = await startNats()
  using place = folder()
  const rng = random(seed)
  const exchanges = new Map<Simulated, Exchange>()
  try {
    for (const exchange of EXCHANGES) {
      const options = { seed, symbols: SYMBOLS, rate: RATE, levels: LEVELS, limits: patient(pace) }
      exchanges.set(exchange, await startExchange({ exchange, pace, ...options }))
    }
    await using run = startRun(place.write('collector.yaml', wanted(exchanges, nats.url)))
    await run.until('all channels are settled', ({ ready }) => ready)
    await trouble([...exchanges.values()], rng, (minutes * 60_000) / pace)
    const faults = faultsOf([...exchanges.values()])
    await pause(CALM_MS)
    const status = run.lines.findLast((line) => isStatus(line)) as CollectorStatus
    run.child.kill('SIGTERM')
    const code = await run.ended
    const stored = await storedIn(nats.url, STREAM)
    const wrong = await wrongIn(stored, exchanges, nats.url)
    if (keep !== undefined && wrong.length > 0) keepIn(keep, `hour-${seed}`, stored, exchanges)
    return { seed, code, faults, ...accountOf(run, status, stored), wrong }
  } finally {
    await Promise.all([...exchanges.values()].map((exchange) => exchange.close()))
  }
}

/** Venues wait for answers as long as they do in real time. */
function patient(pace: number): Partial<Limits> {
  return { pongWithinMs: 60_000 * pace, idleMs: 30_000 * pace }
}

function wanted(exchanges: ReadonlyMap<string, Exchange>, natsUrl: string): object {
  const feeds = ROOMS.map(({ exchange, market, types }) => ({
    exchange,
    market,
    symbols: ['*'],
    types: Object.keys(types),
    options: { orderbook: { depth: 50, snapshotSeconds: 5 } },
    endpoints: exchanges.get(exchange)?.urls[market],
  }))
  return manifestOf(feeds, { name: 'hour', sink: jetstream(natsUrl, STREAM), spec: { quality: { clockSkew: 'pass' } } })
}

/** Lets so much real time pass, in which each exchange meets faults of every kind; then there are none. */
async function trouble(exchanges: readonly Exchange[], rng: Random, ms: number): Promise<void> {
  const plan = exchanges.flatMap((exchange) => FAULTS.map((draw) => ({ exchange, draw, at: rng() * ms * 0.9 })))
  const begin = performance.now()
  for (const { exchange, draw, at } of plan.toSorted((a, b) => a.at - b.at)) {
    await pause(Math.max(0, begin + at - performance.now()))
    const fault = draw(rng)
    if (fault === 'shutdown') exchange.shutdownNotice()
    else exchange.faults.add(fault)
  }
  await pause(Math.max(0, begin + ms - performance.now()))
  for (const exchange of exchanges) exchange.faults.clear()
}

const CLOSE_CODES = [1000, 1001, 1006, 1008] as const
const BOOKS = ['*@depth*', '*"books"*', 'book.*'] as const
const TRADES = ['*@aggTrade', '*"trades-all"*', 'trades.*'] as const
const HOSTILE = [
  '{"stream":',
  '{"arg":{"channel":"books"},"data":[',
  '{"jsonrpc":"2.0","method":"subscription"',
  '[]',
] as const

type Draw = (rng: Random) => FaultSpec | 'shutdown'

/**
 * A fault of each kind, some of them twice; patterns that name no stream of an exchange do nothing there. Sockets are
 * lost a few times only: who lost several within half a minute of real time waits for up to half an hour of theirs.
 */
const FAULTS: readonly Draw[] = [
  ...TRADES.map((stream) => () => ({ kind: 'drop', stream, probability: 0.3, next: 40 }) as const),
  ...BOOKS.map((stream) => () => ({ kind: 'drop', stream, probability: 0.1, next: 6 }) as const),
  () => ({ kind: 'drop', probability: 0.05, next: 50 }),
  () => ({ kind: 'duplicate', probability: 0.5, next: 500 }),
  () => ({ kind: 'reorder', probability: 0.1, next: 30 }),
  () => ({ kind: 'corrupt', probability: 0.2, next: 30, bytes: 30 }),
  () => ({ kind: 'truncate', probability: 0.2, next: 30 }),
  (rng) => ({ kind: 'delay', ms: between(rng, 100, 5_000), seconds: 60 }),
  () => ({ kind: 'stall', seconds: 60 }),
  () => ({ kind: 'stall', pongs: false, seconds: 60 }),
  (rng) => ({ kind: 'close', code: CLOSE_CODES[between(rng, 0, CLOSE_CODES.length - 1)] as 1006, seconds: 1 }),
  () => ({ kind: 'close', probability: 0.001, next: 2 }),
  () => ({ kind: 'refuse', status: 503, next: 2 }),
  () => ({ kind: 'refuse', next: 2 }),
  () => ({ kind: 'rest', status: 429, retryAfterSeconds: 2, next: 2 }),
  () => ({ kind: 'rest', status: 503, next: 3 }),
  () => ({ kind: 'rest', delayMs: 30_000, next: 3 }),
  () => ({ kind: 'rest', hang: true, next: 1 }),
  (rng) => ({ kind: 'sequence_gap', of: 'trade', count: between(rng, 1, 20) }),
  (rng) => ({ kind: 'sequence_gap', of: 'orderbook', count: between(rng, 1, 20) }),
  () => ({ kind: 'sequence_restart', of: 'trade' }),
  () => ({ kind: 'sequence_restart', of: 'orderbook' }),
  (rng) => ({ kind: 'clock_skew', ms: between(rng, -5_000, 5_000), seconds: 120 }),
  (rng) => ({ kind: 'inject', text: HOSTILE[between(rng, 0, HOSTILE.length - 1)] as string }),
  () => ({ kind: 'inject', text: '{}', binary: true }),
  () => 'shutdown',
]

/** Frames that a fault took, by its kind, and what else was refused. */
function faultsOf(exchanges: readonly Exchange[]): Record<string, number> {
  const counts: Record<string, number> = {}
  const add = (kind: string, n: number) => (counts[kind] = (counts[kind] ?? 0) + n)
  for (const exchange of exchanges) {
    const { connections, refused, rest } = exchange.ledger()
    add('refuse', refused)
    for (const { statuses } of rest) {
      for (const [status, n] of Object.entries(statuses)) if (status !== '200') add(`rest ${status}`, n)
    }
    for (const { streams } of connections) {
      for (const { faults } of Object.values(streams)) {
        for (const [kind, taken] of Object.entries(faults)) add(kind, taken.frames)
      }
    }
  }
  return counts
}

function accountOf(run: Program, status: CollectorStatus, stored: readonly Message[]) {
  const { balanced, frames, messages } = run.summary()
  const gaps = Map.groupBy(
    stored.filter((m): m is Gap => m.type === 'gap'),
    ({ of, reason }) => `${of} ${reason}`,
  )
  return {
    balanced,
    channels: status.channels.length,
    frames: frames.received,
    messages: messages.made,
    filled: stored.filter((m) => m.type === 'trade' && m.filled).length,
    lost: status.sessions.reduce((n, { lost }) => n + lost, 0),
    planned: status.sessions.reduce((n, { planned }) => n + planned, 0),
    gaps: Object.fromEntries([...gaps].map(([what, all]) => [what, all.length])),
  }
}

async function wrongIn(stored: readonly Message[], exchanges: ReadonlyMap<string, Exchange>, natsUrl: string) {
  const { code, report } = await audit('--stream', STREAM, '--nats', natsUrl)
  const findings = report.findings.map((finding) => JSON.stringify(finding))
  if (code !== 0 && findings.length === 0) findings.push(`audit ends with ${code}`)
  const untrue = [...exchanges].flatMap(([name, { truth }]) =>
    compare(
      stored.filter(({ exchange }) => exchange === name),
      truth,
    ).wrong.map((sentence) => `${name} ${sentence}`),
  )
  return [...findings, ...untrue]
}

/** Leaves what a fault can be looked for in: `NAME.jsonl` and for each exchange `NAME-EXCHANGE.json`. */
function keepIn(to: string, name: string, stored: readonly Message[], exchanges: ReadonlyMap<string, Exchange>): void {
  mkdirSync(to, { recursive: true })
  writeFileSync(join(to, `${name}.jsonl`), stored.map((m) => `${JSON.stringify(m)}\n`).join(''))
  for (const [exchange, { ledger }] of exchanges) {
    writeFileSync(join(to, `${name}-${exchange}.json`), JSON.stringify(ledger({ ids: true })))
  }
}

function isStatus(line: unknown): boolean {
  return typeof line === 'object' && line !== null && 'ledger' in line
}
