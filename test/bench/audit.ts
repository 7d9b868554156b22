// audit: messages audited from files, against JSON.parse of the same lines, which are given to it as strings.
//
// Ours does all that `marketprism audit --dir` does: it reads the files, checks each message, follows ids, sequences and
// candles, and rebuilds every book. The messages are made by our own intake, of the frames of every shape that it knows:
// sizes in base, and in contracts with the raw figure beside; with and without times, ends and sequences. The figure is
// that of the slowest mix.
import assert from 'node:assert'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DataType, ExchangeName } from '../../crds/names.ts'
import { readFolder } from '../../collector/audit/folder.ts'
import { continuity, roomOf } from '../../collector/exchanges/registry.ts'
import type { Room } from '../../collector/exchanges/room.ts'
import type { Message } from '../../collector/market/messages.ts'
import { audit, type Stored } from '../../collector/quality/audit/audit.ts'
import { listingOf } from '../support/intake.ts'
import {
  depthSnapshot,
  START_MS,
  tape,
  type Tape,
  type TapeMarket,
  tapeOf,
  type TapeType,
  venueSymbols,
} from './frames.ts'
import { compare, cpuSeconds, type Comparison, type Sample } from './measure.ts'
import { type Intake, openIntake, plansOf } from './ours.ts'
import { round, type Figure } from './results.ts'
import type { Context } from './suite.ts'
import type { Strand } from './tapes/strand.ts'
import { VENUES } from './tapes/venues.ts'

/** What is measured apart, and together. */
const MIXES: Readonly<Record<string, readonly DataType[]>> = {
  trades: ['trade'],
  tickers: ['ticker'],
  klines: ['kline'],
  books: ['orderbook'],
  others: ['funding_rate', 'open_interest', 'liquidation'],
}
const MARKETS = ['spot', 'perpetual'] as const satisfies readonly TapeMarket[]
/** Frames of each type and kind of market, and how many symbols share them. */
const FRAMES = 2048
const SYMBOLS = 2
const DEPTH = 1000

/** Lines by the folder that they lie in. */
type Lines = Map<string, string[]>

export async function auditFiles({ rounds }: Context): Promise<Record<string, Figure>> {
  const stored = Object.entries(MIXES).map(([name, types]) => [name, linesOf(types)] as const)
  const mixes = [...stored, ['all', together(stored.map(([, lines]) => lines))] as const]
  const comparisons = new Map<string, Comparison>()
  for (const [name, lines] of mixes) comparisons.set(name, await compareMix(lines, rounds))
  const ratios = [...comparisons].map(([name, { ratio }]) => [name, round(ratio)] as const)
  const all = comparisons.get('all') as Comparison
  const detail = {
    'by mix': Object.fromEntries(ratios),
    'ours, M messages/s': round(all.ours / 1e6),
    'JSON.parse, M messages/s': round(all.peer / 1e6),
    rounds: all.rounds,
    'middle half': [round(all.low), round(all.high)],
  }
  return { audit: { value: Math.min(...[...comparisons.values()].map(({ ratio }) => ratio)), detail } }
}

function together(all: readonly Lines[]): Lines {
  const lines: Lines = new Map()
  for (const [folder, own] of all.flatMap((one) => [...one])) lines.set(folder, [...(lines.get(folder) ?? []), ...own])
  return lines
}

async function compareMix(lines: Lines, rounds: Context['rounds']): Promise<Comparison> {
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-bench-audit-'))
  try {
    for (const [folder, own] of lines) {
      mkdirSync(join(dir, folder), { recursive: true })
      writeFileSync(join(dir, folder, '2026-09-21T13.ndjson'), `${own.join('\n')}\n`)
    }
    const all = [...lines.values()].flat()
    await using _ = await stayOpen(dir)
    return await compare(
      () => auditAll(dir, all.length),
      () => parseAll(all),
      rounds,
    )
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/**
 * An audit that does not end before it is disposed of. V8 throws compiled code away once the last object of its classes
 * is gone; that happens between two samples, and never to a process that audits once.
 */
async function stayOpen(dir: string): Promise<AsyncDisposable> {
  const [isRead, isOver] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  async function* source(): AsyncGenerator<readonly Stored[]> {
    yield* read(dir)
    isRead.resolve()
    await isOver.promise
  }
  const done = audit(source(), { continuity })
  await isRead.promise
  return {
    async [Symbol.asyncDispose]() {
      isOver.resolve()
      await done
    },
  }
}

function read(dir: string): AsyncGenerator<readonly Stored[]> {
  return readFolder({ dir, isWanted: () => true, onNote: () => {} })
}

async function auditAll(dir: string, count: number): Promise<Sample> {
  const before = cpuSeconds()
  const report = await audit(read(dir), { continuity })
  const seconds = cpuSeconds() - before
  assert.deepEqual([report.findings, report.messages], [[], count])
  return { units: count, seconds }
}

function parseAll(lines: readonly string[]): Sample {
  let objects = 0
  const before = cpuSeconds()
  for (let i = 0; i < lines.length; i++) {
    const message = JSON.parse(lines[i] as string) as { received?: unknown }
    if (message.received !== undefined) objects += 1
  }
  const seconds = cpuSeconds() - before
  assert.equal(objects, lines.length)
  return { units: objects, seconds }
}

function linesOf(types: readonly DataType[]): Lines {
  const lines: Lines = new Map()
  const put = (text: string) => {
    const m = JSON.parse(text) as Message
    const folder = join(m.type, m.exchange, m.market, m.symbol)
    const own = lines.get(folder)
    if (own === undefined) lines.set(folder, [text])
    else own.push(text)
  }
  for (const type of types) {
    if (isOfFrames(type)) for (const market of MARKETS) binanceTexts(type, market).forEach(put)
    for (const { exchange, strands } of VENUES) {
      for (const strand of strands[type] ?? []) textsOf(exchange, type, strand).forEach(put)
    }
  }
  return lines
}

function isOfFrames(type: DataType): type is TapeType {
  return type === 'trade' || type === 'ticker' || type === 'kline' || type === 'orderbook'
}

function binanceTexts(type: TapeType, market: TapeMarket): string[] {
  const names = venueSymbols(SYMBOLS)
  const snapshot = Buffer.from(depthSnapshot(market, DEPTH))
  const listings = names.map((name) => listingOf(name.replace(/USDT$/, '-USDT'), name))
  const intake = openIntake({
    room: roomOf('binance', market) as Room,
    plans: plansOf(type, listings, DEPTH),
    snapshots: new Map(names.map((name) => [name, snapshot])),
    startUs: START_MS * 1000,
  })
  return play(intake, tape(type, market, names, FRAMES))
}

function textsOf(exchange: ExchangeName, type: DataType, { market, listing, make, snapshot }: Strand): string[] {
  const listings = Array.from({ length: SYMBOLS }, (_, i) => listing(i))
  const names = listings.map(({ venueSymbol }) => venueSymbol)
  const startUs = START_MS * 1000
  const intake = openIntake({
    room: roomOf(exchange, market) as Room,
    plans: plansOf(type, listings, DEPTH),
    startUs,
  })
  for (const name of names) if (snapshot !== undefined) intake.frame(Buffer.from(snapshot(name)), startUs)
  return play(intake, tapeOf(make, names, FRAMES))
}

function play(intake: Intake, { frames }: Tape): string[] {
  const texts: string[] = []
  frames.forEach((frame, i) => {
    intake.frame(frame, (START_MS + i) * 1000)
    intake.drain((bytes) => texts.push(bytes.toString()))
  })
  assert(texts.length >= frames.length, `benchmark: ${frames.length} frames made ${texts.length} messages`)
  return texts
}
