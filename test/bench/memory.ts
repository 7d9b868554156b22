// memory.rss: what a collector of 200 books of 1,000 levels needs at 20,000 messages a second, and whether it stays there.
//
// Books and tickers come from a simulated market, trades on schedule from an exchange of its own, so that the ids of both
// do not get in each other's way. One minute, or ten with --long.
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
const STREAMS_A_REQUEST = 100
/** What is stored is not looked at. */
const STREAM = { maxBytes: '256Mi', discard: 'old' }
const LOOK_MS = 500
const MB = 1e6

export async function memory({ quick, long }: Context): Promise<Record<string, Figure>> {
  const store = await startStore()
  const symbols = ['--symbols', venueSymbols(SYMBOLS).join(',')]
  const market = await startExchange([...symbols, '--levels', String(LEVELS), '--rate', String(ORDERS_A_SECOND)])
  const schedule = await startExchange([...symbols, '--rate', '0'])
  const seconds = SECONDS[quick ? 'quick' : long ? 'long' : 'normal']
  try {
    const all = { exchange: 'binance', market: 'spot', symbols: ['*'] }
    const options = { orderbook: { depth: LEVELS } }
    const feeds = [
      { ...all, types: ['orderbook', 'ticker'], options, endpoints: market.urls.spot },
      { ...all, types: ['trade'], endpoints: schedule.urls.spot },
    ]
    const collector = await startCollector({ manifest: manifest(store.server, 'memory', feeds, STREAM), sink: 'ours' })
    await until('subscribed', () => isSubscribed(schedule, SYMBOLS / STREAMS_A_REQUEST))
    await until('books subscribed', () => isSubscribed(market, (2 * SYMBOLS) / STREAMS_A_REQUEST))
    await schedule.load(TRADES_A_SECOND, seconds)
    const sizesMb: number[] = []
    const { trades: before } = await collector.progress()
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(LOOK_MS)) {
      sizesMb.push((await collector.progress()).rssBytes / MB)
    }
    const { trades, cpuSeconds, heapBytes, bufferBytes } = await collector.progress()
    const ledger = await collector.close()
    const third = Math.floor(sizesMb.length / 3)
    const growth = median(sizesMb.slice(-third)) - median(sizesMb.slice(-2 * third, -third))
    const detail = {
      'largest, MB': round(Math.max(...sizesMb)),
      'objects, MB': round(heapBytes / MB),
      'buffers, MB': round(bufferBytes / MB),
      'last third less the one before, MB': round(growth),
      seconds,
      'trades a second': Math.round((trades - before) / seconds),
      'messages a second': Math.round(ledger.messagesMade / seconds),
      'dropped messages': Object.values(ledger.messagesDropped).reduce((sum, count) => sum + count, 0),
      'processor, cores': round(cpuSeconds / seconds),
    }
    return { 'memory.rss': { value: median(sizesMb.slice(-Math.ceil(sizesMb.length / 10))), detail } }
  } finally {
    await market.close()
    await schedule.close()
    await store.close()
  }
}
