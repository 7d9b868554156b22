// latency.*: how late a trade is at 20,000 a second, each sent on schedule whether or not the ones before were read.
//
// The clock of a message starts when it was due at the venue, which stands in its frame: a stall of the collector, and
// of the socket before it, counts against every message that it held up. That is a little more than was promised, which
// begins at the socket's read; the delays since the read stand in the details. Due times are whole milliseconds,
// rounded down, so half a millisecond of each figure is not ours.
import assert from 'node:assert'
import { venueSymbols } from './frames.ts'
import { median } from './measure.ts'
import { round, type Figure } from './results.ts'
import { isSubscribed, manifest, startCollector, startExchange, startStore, until, type Delays } from './rig.ts'
import type { Context } from './suite.ts'

const RATE = 20_000
/** Compiling what is new to the process is no delay of a collector that runs. */
const WARM_UP_SECONDS = 3
const SECONDS = 10
const SECONDS_QUICK = 3
const RUNS = 5
const SYMBOLS = 50

export async function latency({ quick }: Context): Promise<Record<string, Figure>> {
  const runs: Delays[] = []
  const seconds = quick ? SECONDS_QUICK : SECONDS
  for (let run = 0; run < (quick ? 1 : RUNS); run++) runs.push(await measureDelays(seconds))
  const figure = (name: 'acked' | 'written', sinceRead: 'ackedSinceRead' | 'writtenSinceRead'): Figure => {
    const of = (column: keyof Omit<Delays, 'messages'>, q: 'p50' | 'p99' | 'max') => {
      return round(median(runs.map((delays) => delays[column][q])))
    }
    return {
      value: of(name, 'p99'),
      detail: {
        'p50, ms': of(name, 'p50'),
        'largest, ms': of(name, 'max'),
        'since the read: p50, ms': of(sinceRead, 'p50'),
        'since the read: p99, ms': of(sinceRead, 'p99'),
        runs: runs.length,
        'messages a run': RATE * seconds,
      },
    }
  }
  return { 'latency.p99': figure('acked', 'ackedSinceRead'), 'latency.sink': figure('written', 'writtenSinceRead') }
}

async function measureDelays(seconds: number): Promise<Delays> {
  const store = await startStore()
  const exchange = await startExchange(['--symbols', venueSymbols(SYMBOLS).join(','), '--rate', '0'])
  try {
    const [warmUp, max] = [RATE * WARM_UP_SECONDS, RATE * seconds]
    const feed = {
      exchange: 'binance',
      market: 'spot',
      symbols: ['*'],
      types: ['trade'],
      endpoints: exchange.urls.spot,
    }
    const job = { manifest: manifest(store.server, 'latency', [feed]), sink: 'ours', samples: { warmUp, max } } as const
    const collector = await startCollector(job)
    await until('subscribed', () => isSubscribed(exchange, 1))
    await exchange.load(RATE, WARM_UP_SECONDS + seconds)
    await until('all trades acknowledged', async () => (await collector.progress()).trades >= warmUp + max)
    const delays = await collector.delays()
    await collector.close()
    assert(delays.messages === max)
    return delays
  } finally {
    await exchange.close()
    await store.close()
  }
}
