import { pino } from 'pino'
import { expect, it } from 'vitest'
import type { Collector } from '../crds/collector.ts'
import { checkCollector } from '../crds/faults.ts'
import { type Exchange, startExchange } from '../test/exchange/exchange.ts'
import { openCollector } from './collector.ts'
import { type Clock, realClock } from './connection/clock.ts'
import type { Message } from './market/messages.ts'
import type { Sink, SinkContext } from './sinks/sink.ts'
import { imbalance } from './status.ts'

/** A sink that keeps all. */
function keeper({ spool, onSettled }: SinkContext, stored: Message[]): Sink {
  return {
    kind: 'stdout',
    status: { connected: true, problem: undefined, lastSettledMs: 0, outstanding: 0 },
    open: () => Promise.resolve(),
    last: () => Promise.resolve(new Map()),
    flush() {
      while (spool.next()) {
        const { chunk, index } = spool.cursor
        spool.cursor.index += 1
        const text = chunk.bytes.toString('utf8', chunk.payload[index], chunk.end[index])
        stored.push(JSON.parse(text.replace(/\d{16}\}$/, '0}')) as Message)
        onSettled('acknowledged', chunk, index)
        spool.settle(chunk, index)
      }
    },
    close: () => Promise.resolve(),
  }
}

function manifest({ urls }: Exchange, quality: object): Collector {
  const feed = {
    exchange: 'binance',
    market: 'spot',
    symbols: ['BTC-USDT', 'ETH-USDT'],
    types: ['trade', 'orderbook', 'ticker'],
  }
  const { collector } = checkCollector({
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'checked' },
    spec: { feeds: [{ ...feed, endpoints: urls.spot }], sink: { stdout: {} }, quality },
  })
  if (collector === undefined) throw new Error('the manifest has faults')
  return collector
}

/** Ours is so far ahead of the venue's. */
const late: Clock = { ...realClock, nowUs: () => realClock.nowUs() + 10_000_000 }

function isOf(symbol: string) {
  return (m: Message): boolean => m.symbol === symbol
}

function isFlagged(m: Message): boolean {
  return 'flags' in m && m.flags?.join() === 'clock_skew'
}

/** Ids between trades that are in no gap between them. */
function holes(messages: readonly Message[]): string[] {
  let last = Number.NaN
  return messages.flatMap((m) => {
    const before = last
    if (m.type === 'gap') last = Number(m.before_id) - 1
    else if (m.type === 'trade') last = Number(m.id)
    return m.type === 'trade' && last !== before + 1 && !Number.isNaN(before) ? [`${before} to ${m.id}`] : []
  })
}

it('a clean market fails no check, its books agree with tickers and snapshots, and a policy that changes holds at once', async () => {
  const exchange = await startExchange({ symbols: ['BTCUSDT', 'ETHUSDT'], rate: 100 })
  const stored: Message[] = []
  const running = await openCollector({
    collector: manifest(exchange, {}),
    openSink: (context) => keeper(context, stored),
    log: pino({ level: 'silent' }),
    clock: late,
    random: Math.random,
  })
  const books = () => running.status().channels.filter(({ type }) => type === 'orderbook')
  await expect.poll(() => books().map(({ best }) => (best?.equal ?? 0) >= 2), { timeout: 20_000 }).toEqual([true, true])
  expect(books().map(({ best }) => best?.differs)).toEqual([0, 0])
  expect((await running.verify()).map(({ symbol, agreement }) => [symbol, agreement])).toEqual([
    ['BTC-USDT', 'equal'],
    ['ETH-USDT', 'equal'],
  ])
  const failed = running
    .status()
    .channels.flatMap(({ failures }) => Object.values(failures).flatMap(Object.values)) as number[]
  expect(failed.reduce((all, n) => all + n, 0)).toBe(0)
  expect(stored.filter((m) => 'flags' in m)).toEqual([])

  await running.apply(manifest(exchange, { clockSkew: 'drop', thresholds: { behindSeconds: 1 } }))
  await expect.poll(() => running.status().ledger.messagesDropped['quality'], { timeout: 10_000 }).toBeGreaterThan(2)
  await running.apply(manifest(exchange, { clockSkew: 'flag', thresholds: { behindSeconds: 1 } }))
  await expect.poll(() => stored.some(isFlagged), { timeout: 10_000 }).toBe(true)
  const trades = stored
    .filter((m) => m.type === 'trade' || (m.type === 'gap' && m.of === 'trade'))
    .filter(isOf('BTC-USDT'))
  expect(holes(trades)).toEqual([])
  expect(stored.some((m) => m.type === 'gap' && m.reason === 'quality')).toBe(true)
  const status = await running.close(1000)
  await exchange.close()
  expect(imbalance(status.ledger)).toEqual([])
})
