// memory.rss: what a collector of 200 books of 1,000 levels needs at 20,000 messages a second, and whether it stays there.
//
// Trades come on schedule, books and tickers from the simulated market; both run for one minute, or for ten with --long.
// The figure is the median of the last tenth of the time; growth compares the last third with the one before it.
import { setTimeout as pause } from 'node:timers/promises'
import { venueSymbols } from './frames.ts'
import { median } from './measure.ts'
import { round, type Figure } from './results.ts'
import { isSubscribed, manifest, startCollector, startExchange, startStore, until } from './rig.ts'
import type { Context } from './suite.ts'

const SYMBOLS = 200
const LEVELS = 1000
const TRADES_A_SECOND = 18_000
/** Orders a second in the simulated market: enough for every book to change in every tenth of a second. */
const ORDERS_A_SECOND = 4_000
const SECONDS = { quick: 15, normal: 60, long: 600 }
const LOOK_MS = 500
const MB = 1e6

export async function memory({ quick, long }: Context): Promise<Record<string, Figure>> {
  const store = await startStore()
  const sizes = ['--levels', String(LEVELS), '--rate', String(ORDERS_A_SECOND)]
  const exchange = await startExchange(['--symbols', venueSymbols(SYMBOLS).join(','), ...sizes])
  const seconds = SECONDS[quick ? 'quick' : long ? 'long' : 'normal']
  try {
    const feed = {
      exchange: 'binance',
      market: 'spot',
      symbols: ['*'],
      types: ['trade', 'orderbook'],
      options: { orderbook: { depth: LEVELS, snapshotSeconds: 60 } },
      endpoints: exchange.urls.spot,
    }
    const small = { maxBytes: '256Mi', discard: 'old' }
    const collector = await startCollector({
      manifest: manifest(store.server, 'memory', [feed], small),
      sink: 'ours',
      samplesMax: 0,
    })
    await until('subscribed', () => isSubscribed(exchange, (2 * SYMBOLS) / 100))
    await exchange.load(TRADES_A_SECOND, seconds)
    const sizesMb: number[] = []
    const { trades: before } = await collector.progress()
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(LOOK_MS)) {
      sizesMb.push((await collector.progress()).rssBytes / MB)
    }
    const { trades, cpuSeconds } = await collector.progress()
    const ledger = await collector.close()
    const third = Math.floor(sizesMb.length / 3)
    const growth = median(sizesMb.slice(-third)) - median(sizesMb.slice(-2 * third, -third))
    const detail = {
      'largest, MB': round(Math.max(...sizesMb)),
      'last third less the one before, MB': round(growth),
      seconds,
      'trades a second': Math.round((trades - before) / seconds),
      'messages a second': Math.round(ledger.messagesMade / seconds),
      'dropped messages': Object.values(ledger.messagesDropped).reduce((sum, count) => sum + count, 0),
      'processor, cores': round(cpuSeconds / seconds),
    }
    return { 'memory.rss': { value: median(sizesMb.slice(-Math.ceil(sizesMb.length / 10))), detail } }
  } finally {
    await exchange.close()
    await store.close()
  }
}
