// connect.p95: from the start of a collector to the first message of each of its ten sockets, acknowledged.
//
// In between lie the connection to NATS and the creation of the stream, the venue's instruments by REST, ten
// WebSockets, and twenty subscriptions of a hundred streams each. Every start gives ten figures, one a socket; the 95th
// percentile is over all of them.
import assert from 'node:assert'
import { venueSymbols } from './frames.ts'
import { quantile } from './measure.ts'
import { round, type Figure } from './results.ts'
import { manifest, startCollector, startExchange, startStore, until, type ExchangeProcess, type Store } from './rig.ts'
import type { Context } from './suite.ts'

const SOCKETS = 10
/** Streams that a socket carries at Binance in our plan. */
const STREAMS_A_SOCKET = 200
const TYPES = ['trade', 'ticker'] as const
const STREAM_OF: Record<string, (typeof TYPES)[number]> = { aggTrade: 'trade', bookTicker: 'ticker' }
const SYMBOLS = (SOCKETS * STREAMS_A_SOCKET) / TYPES.length
/** Orders a second over all symbols. */
const RATE = 5_000
const STARTS = 5

export async function connect({ quick }: Context): Promise<Record<string, Figure>> {
  const store = await startStore()
  const args = ['--symbols', venueSymbols(SYMBOLS).join(','), '--rate', String(RATE), '--levels', '10']
  const exchange = await startExchange(args)
  try {
    const firsts: number[] = []
    const starts = quick ? 1 : STARTS
    for (let start = 0; start < starts; start++)
      firsts.push(...(await firstMessages(store, exchange, `connect${start}`)))
    const detail = {
      'p50, s': round(quantile(firsts, 0.5)),
      'slowest, s': round(quantile(firsts, 1)),
      starts,
      sockets: SOCKETS,
      streams: SOCKETS * STREAMS_A_SOCKET,
    }
    return { 'connect.p95': { value: quantile(firsts, 0.95), detail } }
  } finally {
    await exchange.close()
    await store.close()
  }
}

/** Seconds to the first message of each socket. */
async function firstMessages(store: Store, exchange: ExchangeProcess, stream: string): Promise<number[]> {
  const feed = { exchange: 'binance', market: 'spot', symbols: ['*'], types: TYPES, endpoints: exchange.urls.spot }
  const collector = await startCollector({ manifest: manifest(store.server, stream, [feed]), sink: 'ours' })
  let seconds: number[] = []
  await until('a message from every socket', async () => {
    const channels = await collector.firsts()
    const { connections } = await exchange.ledger()
    seconds = connections
      .filter(({ closed }) => closed === undefined)
      .flatMap(({ streams }) => {
        const known = Object.keys(streams).flatMap((name) => channels[channelOf(name)] ?? [])
        return known.length === 0 ? [] : [Math.min(...known)]
      })
    return seconds.length === SOCKETS
  })
  await collector.close()
  assert(seconds.length === SOCKETS)
  await store.manager.streams.delete(stream)
  return seconds
}

/** `aaausdt@aggTrade` is `trade AAA-USDT`. */
function channelOf(stream: string): string {
  const [symbol = '', kind = ''] = stream.split('@')
  return `${STREAM_OF[kind]} ${symbol.toUpperCase().replace(/USDT$/, '-USDT')}`
}
