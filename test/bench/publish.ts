// publish.jetstream: from the socket to acknowledged and stored, against the client library's own publish.
//
// An exchange in its own process sends trades on schedule, faster than either side can publish, whether they are read
// or not. Both sides are the whole collector with a spool that takes all of them; only the sink differs. The rate is
// that of trades from the read of the first to the acknowledgement of the last. A run counts only when the stream
// holds as many trades as were sent.
import assert from 'node:assert'
import { rates } from './decode.ts'
import { venueSymbols } from './frames.ts'
import { compare, type Rounds, type Sample } from './measure.ts'
import type { Figure } from './results.ts'
import { isSubscribed, manifest, startCollector, startExchange, startStore, until } from './rig.ts'
import type { Context } from './suite.ts'

const SYMBOLS = 20
const RATE = 400_000
const TRADES = 300_000
const TRADES_QUICK = 60_000
/** Of the slower side on a busy machine. */
const ACKNOWLEDGED_SECONDS_MAX = 240
const QUICK_ROUNDS: Rounds = { warmUp: 0, min: 2, max: 2, error: 1 }
const PUBLISH_ROUNDS: Rounds = { warmUp: 1, min: 5, max: 9, error: 0.04 }

export async function publish({ quick }: Context): Promise<Record<string, Figure>> {
  const store = await startStore()
  const exchange = await startExchange(['--symbols', venueSymbols(SYMBOLS).join(','), '--rate', '0'])
  const trades = quick ? TRADES_QUICK : TRADES
  let bytes = 0
  let streams = 0
  const side = (sink: 'ours' | 'plain') => async (): Promise<Sample> => {
    const stream = `bench${++streams}`
    const feed = {
      exchange: 'binance',
      market: 'spot',
      symbols: ['*'],
      types: ['trade'],
      endpoints: exchange.urls.spot,
    }
    const collector = await startCollector({ manifest: manifest(store.server, stream, [feed]), sink })
    await until('subscribed', () => isSubscribed(exchange, 1))
    await exchange.load(RATE, trades / RATE)
    await until(
      'all trades acknowledged',
      async () => (await collector.progress()).trades >= trades,
      ACKNOWLEDGED_SECONDS_MAX,
    )
    const { seconds } = await collector.progress()
    const sent = await exchange.report()
    const stored = await store.count(stream, `${stream}.trade.>`)
    assert(sent.frames === trades && stored === trades, `publish: sent ${sent.frames}, stored ${stored}`)
    bytes = Math.round(sent.bytes / sent.frames)
    await collector.close()
    await store.manager.streams.delete(stream)
    return { units: trades, seconds }
  }
  try {
    const comparison = await compare(side('ours'), side('plain'), quick ? QUICK_ROUNDS : PUBLISH_ROUNDS)
    const detail = rates(comparison, "the library's own publish", { 'bytes a frame': bytes, 'trades a run': trades })
    return { 'publish.jetstream': { value: comparison.ratio, detail } }
  } finally {
    await exchange.close()
    await store.close()
  }
}
