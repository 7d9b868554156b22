// The program as users run it, killed in the middle and started again, and ended in order.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import type { Market } from '../../crds/names.ts'
import { type Message, message } from '../../collector/market/messages.ts'
import type { CollectorStatus } from '../../collector/status.ts'
import { type Exchange, startExchange } from '../exchange/exchange.ts'
import { describeWithNats, startNats } from '../nats.ts'
import {
  folder,
  jetstream,
  manifest,
  type Program,
  type Simulated,
  startRun,
  until,
  type WantedFeeds,
} from './collect.ts'
import { audit, compare, storedIn } from './proof.ts'

vi.setConfig({ testTimeout: 60_000 })

const SYMBOLS = { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT'] }
const MISSED = 30

/** An exchange, three symbols of it, and one as it names it itself. */
interface Venue extends WantedFeeds {
  readonly exchange: Simulated
  readonly venueSymbols: readonly string[]
  readonly market: Market
  readonly watched: string
}

const BINANCE: Venue = {
  exchange: 'binance',
  symbols: SYMBOLS,
  venueSymbols: ['BTCUSDT', 'ETHUSDT'],
  market: 'spot',
  watched: 'BTCUSDT',
}
const VENUES: readonly Venue[] = [
  BINANCE,
  {
    exchange: 'okx',
    symbols: { spot: ['BTC-USDT'], perpetual: ['BTC-USDT', 'BTC-USD'] },
    venueSymbols: ['BTC-USDT', 'BTC-USDT-SWAP', 'BTC-USD-SWAP'],
    market: 'spot',
    watched: 'BTC-USDT',
  },
  {
    exchange: 'deribit',
    symbols: { perpetual: ['BTC-USD', 'ETH-USD', 'BTC-USDC'] },
    venueSymbols: ['BTC-PERPETUAL', 'ETH-PERPETUAL', 'BTC_USDC-PERPETUAL'],
    market: 'perpetual',
    watched: 'BTC-PERPETUAL',
  },
]

/** A market that goes on while nobody listens. */
function market({ exchange, symbols, venueSymbols }: Venue = BINANCE): Promise<Exchange> {
  const markets = Object.keys(symbols) as Market[]
  return startExchange({ exchange, markets, symbols: venueSymbols, rate: 100, levels: 60 })
}

function isCollecting({ channels }: CollectorStatus): boolean {
  return channels.length === 12 && channels.every(({ made, inSync }) => made > 1 && inSync !== false)
}

/** SIGTERM; how it ended, and after how many seconds. */
async function terminate(run: Program): Promise<{ code: number | NodeJS.Signals; seconds: number }> {
  const begin = performance.now()
  run.child.kill('SIGTERM')
  return { code: await run.ended, seconds: (performance.now() - begin) / 1000 }
}

/** Kills it in the middle, lets the market go on, starts it again and ends it in order. */
async function interrupted(exchange: Exchange, file: string, venue: Venue = BINANCE): Promise<Program> {
  const traded = () => exchange.truth[venue.market].trades(venue.watched).length
  await using first = startRun(file)
  await first.until('all channels have messages', isCollecting)
  first.child.kill('SIGKILL')
  expect(await first.ended).toBe('SIGKILL')
  const before = traded()
  await until('trades were missed', () => traded() >= before + MISSED)
  await using second = startRun(file)
  await second.until('all channels have messages', isCollecting)
  const { code, seconds } = await terminate(second)
  expect([code, second.stderr()]).toEqual([0, expect.anything()])
  expect(seconds).toBeLessThan(10)
  expect(second.summary()).toMatchObject({ balanced: true, messages: { spooled: 0 } })
  return second
}

function check(exchange: Exchange, stored: readonly Message[]): void {
  const { wrong, trades, announced } = compare(stored, exchange.truth)
  expect(wrong).toEqual([])
  expect([trades > 2 * MISSED, announced]).toEqual([true, 0])
  expect(stored.filter((m) => m.type === 'trade' && m.filled).length).toBeGreaterThan(MISSED)
  const gaps = stored.filter((m) => m.type === 'gap')
  expect(new Set(gaps.map(({ of, reason }) => `${of} ${reason}`))).toEqual(
    new Set(['orderbook restart', 'ticker restart', 'kline restart']),
  )
}

describeWithNats('a node that is drained', () => {
  it('C015: its collector ends within ten seconds, and with its successor beside it nothing is missing', async () => {
    await using nats = await startNats()
    using place = folder()
    const exchange = await startExchange({ symbols: ['BTCUSDT', 'ETHUSDT'], rate: 500, levels: 60 })
    try {
      const symbols = { perpetual: ['BTC-USDT', 'ETH-USDT'] }
      const wanted = manifest(exchange, { symbols, sink: jetstream(nats.url, 'MARKET') })
      const file = place.write('collector.yaml', wanted)
      const lives = ({ channels }: CollectorStatus) => channels.length === 8 && channels.every(({ made }) => made > 20)
      await using first = startRun(file)
      await first.until('it collects', lives)
      await using second = startRun(file)
      await second.until('its successor collects, too', lives)
      const { code, seconds } = await terminate(first)
      expect([code, seconds < 10, first.summary().balanced]).toEqual([0, true, true])
      const before = exchange.truth.perpetual.trades('BTCUSDT').length
      await until('trades went on', () => exchange.truth.perpetual.trades('BTCUSDT').length > before + MISSED)
      expect((await terminate(second)).code).toBe(0)
      const stored = await storedIn(nats.url, 'MARKET')
      const { wrong, trades, announced } = compare(stored, exchange.truth)
      expect([wrong, announced, trades > MISSED]).toEqual([[], 0, true])
      expect(stored.filter((m) => m.type === 'gap')).toEqual([])
      expect(await audit('--stream', 'MARKET', '--nats', nats.url)).toMatchObject({ code: 0, report: { findings: [] } })
    } finally {
      await exchange.close()
    }
  })
})

describeWithNats('a collector that was killed and is started again', () => {
  it.concurrent.each(VENUES)('fills what JetStream lacks of $exchange, or announces it', async (venue) => {
    await using nats = await startNats()
    using place = folder()
    const exchange = await market(venue)
    try {
      const wanted = manifest(exchange, { ...venue, sink: jetstream(nats.url, 'MARKET') })
      await interrupted(exchange, place.write('collector.yaml', wanted), venue)
      expect(await audit('--stream', 'MARKET', '--nats', nats.url)).toMatchObject({ code: 0, report: { findings: [] } })
      check(exchange, await storedIn(nats.url, 'MARKET'))
    } finally {
      await exchange.close()
    }
  })

  it.concurrent('fills what its files lack, or announces it', async () => {
    using place = folder()
    const exchange = await market()
    try {
      const dir = join(place.path, 'data')
      await interrupted(
        exchange,
        place.write('collector.yaml', manifest(exchange, { symbols: SYMBOLS, sink: { file: { path: dir } } })),
      )
      expect(await audit('--dir', dir)).toMatchObject({ code: 0, report: { findings: [] } })
      check(exchange, messagesIn(dir))
    } finally {
      await exchange.close()
    }
  })

  it.concurrent.each(['*', '*depth'])('is out at once while it waits for REST %s, which fails', async (path) => {
    using place = folder()
    const exchange = await market()
    try {
      exchange.faults.add({ kind: 'rest', path, status: 503 })
      const wanted = manifest(exchange, { symbols: SYMBOLS, sink: { file: { path: join(place.path, 'data') } } })
      await using run = startRun(place.write('collector.yaml', wanted))
      await run.until('it has tried for a while', ({ addresses }) => addresses.every(({ failures }) => failures >= 5))
      const { code, seconds } = await terminate(run)
      expect([code, run.summary().balanced]).toEqual([0, true])
      expect(seconds).toBeLessThan(6)
    } finally {
      await exchange.close()
    }
  })

  it('is out within ten seconds when its sink is away, and says what it could not store', async () => {
    await using nats = await startNats()
    using place = folder()
    const exchange = await market()
    try {
      const wanted = manifest(exchange, { symbols: SYMBOLS, sink: jetstream(nats.url, 'MARKET') })
      await using run = startRun(place.write('collector.yaml', wanted))
      await run.until('all channels have messages', isCollecting)
      await nats.kill()
      await run.until('messages wait', ({ spool }) => spool.pending > 100)
      const { code, seconds } = await terminate(run)
      expect(seconds).toBeLessThan(10)
      const { messages, balanced } = run.summary()
      expect([code, balanced, messages.spooled > 100]).toEqual([0, true, true])
    } finally {
      await exchange.close()
    }
  })
})

/** All messages in a folder of the file sink, in the order of each file. */
function messagesIn(dir: string): Message[] {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ndjson'))
  return files
    .toSorted()
    .flatMap((name) => readFileSync(join(dir, name), 'utf8').trimEnd().split('\n'))
    .map((line) => message.parse(JSON.parse(line)))
}
