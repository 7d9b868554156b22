// Records for a sink under test: trades, candles and book deltas of made-up symbols, put into a spool as the encoders put them.
import assert from 'node:assert'
import { type Channel, Channels } from '../collector/market/channel.ts'
import type { Outcome, SinkContext } from '../collector/sinks/sink.ts'
import { SHARES, Spool } from '../collector/sinks/spool.ts'

const RECEIVED_US = 1_790_000_000_000_000

/** A spool with its channels, and what a sink said of its records. */
export interface Feed {
  readonly context: SinkContext
  readonly spool: Spool
  readonly outcomes: Record<Outcome, number>
  /** Commits trade `id`; false when the spool is full. */
  trade(id: number, symbol?: string): boolean
  /** Commits a trade of BTC-USDT whose message id ends in this. */
  keyed(key: string): boolean
  /** Commits a delta of `bytes` payload bytes or somewhat more; false when the spool is full for books. */
  delta(seq: number, bytes?: number, symbol?: string): boolean
  /** Commits the push of a candle of BTC-USDT that is stamped so many ms after the first. */
  kline(interval: string, ms: number): boolean
}

export function feed(options: { readonly prefix?: string; readonly bytesMax?: number } = {}): Feed {
  const channels = new Channels(options.prefix ?? 'market')
  const spool = new Spool(options.bytesMax ?? 64 * 1024 * 1024)
  const outcomes: Record<Outcome, number> = { acknowledged: 0, duplicate: 0, refused: 0 }
  const onSettled: SinkContext['onSettled'] = (outcome) => {
    outcomes[outcome] += 1
  }
  const channel = (type: 'trade' | 'orderbook', symbol: string): Channel =>
    channels.of({ exchange: 'binance', market: 'spot', type, symbol })
  const candles = (interval: string): Channel =>
    channels.of({ exchange: 'binance', market: 'spot', type: 'kline', symbol: 'BTC-USDT', interval })
  return {
    context: { spool, channels, onSettled },
    spool,
    outcomes,
    trade: (id, symbol = 'BTC-USDT') => put(spool, channel('trade', symbol), `${id}`, tradeJson(symbol, id)),
    keyed: (key) => put(spool, channel('trade', 'BTC-USDT'), key, tradeJson('BTC-USDT', 0)),
    delta: (seq, bytes = 0, symbol = 'BTC-USDT') =>
      put(spool, channel('orderbook', symbol), `${seq - 1}:${seq}:${RECEIVED_US}`, deltaJson(symbol, seq, bytes)),
    kline: (interval, ms) => put(spool, candles(interval), klineKey(interval, ms), klineJson(interval, ms)),
  }
}

function put(spool: Spool, channel: Channel, key: string, json: string): boolean {
  const id = Buffer.from(`${channel.idHead}${key}`, 'latin1')
  const payload = Buffer.from(json)
  const to = spool.open(id.length + payload.length, SHARES[channel.type])
  if (to === undefined) return false
  const at = spool.at
  id.copy(to, at)
  payload.copy(to, at + id.length)
  spool.commit(channel.index, at + id.length, at + id.length + payload.length, RECEIVED_US)
  return true
}

const TAIL = '"published":0000000000000000}'

function tradeJson(symbol: string, id: number): string {
  return unpublished({ ...head('trade', symbol), id: `${id}`, price: '50000.10', size: '0.002', side: 'buy', ...times })
}

function deltaJson(symbol: string, seq: number, bytes: number): string {
  const level: [string, string] = ['50000.10', '0.5']
  const bids = Array.from({ length: 1 + Math.ceil(bytes / 20) }, () => level)
  const content = { kind: 'delta', prev_seq: seq - 1, prev_ts: RECEIVED_US, seq, bids, asks: [] }
  return unpublished({ ...head('orderbook', symbol), ...content, ...times })
}

function klineKey(interval: string, ms: number): string {
  return `${interval}:${RECEIVED_US}:${RECEIVED_US + ms * 1000}`
}

function klineJson(interval: string, ms: number): string {
  const prices = { open: '1', high: '2', low: '1', close: '2', volume: '10', closed: false }
  const ts = RECEIVED_US + ms * 1000
  const candle = { interval, open_time: RECEIVED_US, ...prices, ts, received: RECEIVED_US }
  return unpublished({ ...head('kline', 'BTC-USDT'), ...candle })
}

const times = { ts: RECEIVED_US, received: RECEIVED_US }

function head(type: string, symbol: string): object {
  return { v: 1, type, exchange: 'binance', market: 'spot', symbol }
}

function unpublished(message: object): string {
  const json = JSON.stringify(message)
  assert(json.endsWith('}'))
  return `${json.slice(0, -1)},${TAIL}`
}
