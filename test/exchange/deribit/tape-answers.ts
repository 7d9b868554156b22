// What REST and requests over the socket are answered from a recording, as far as it was played.
import { array, float, object, quoted } from './json.ts'
import type { Tape } from '../tape.ts'
import type { Past } from './recorded.ts'
import type { Backend } from './rpc.ts'
import type { SessionFile } from './session-file.ts'

type Ticker = Readonly<Record<string, number | string | null>> & {
  readonly stats: Readonly<Record<string, number | null>>
}

/** @param now the time by the venue's clock, ms */
export function tapeAnswers(file: SessionFile, tape: Tape, past: Past, now: () => number): Backend {
  const ticker = (instrument: string) => past.last(`ticker.${instrument}.100ms`)?.text
  return {
    now,
    instruments: () => file.infos,
    trades: (instrument) => {
      const shift = tape.shift(instrument, 'trade')
      const known = (file.trades.get(instrument) ?? []).filter((trade) => trade.known <= tape.played)
      return known
        .filter(({ seq }) => seq + shift > 0)
        .map(({ seq, time, text }) => ({
          seq: seq + shift,
          time,
          text: () => text.replace(/"trade_seq":\d+/u, `"trade_seq":${seq + shift}`),
        }))
    },
    ticker,
    book: (instrument, depth) => {
      const newest = past.newest(instrument)
      const book = newest === undefined ? undefined : past.bookAt(instrument, newest.seq)
      if (book === undefined) return undefined
      const side = (levels: typeof book.bids) => array(levels.slice(0, depth).map(([p, s]) => `[${p},${s}]`))
      const seq = book.seq + tape.shift(instrument, 'orderbook')
      const own = object({ change_id: String(seq), bids: side(book.bids), asks: side(book.asks) })
      const fields = ticker(instrument)
      return fields === undefined ? own : `${fields.slice(0, -1)},${own.slice(1)}`
    },
    summary: (instrument) => {
      const text = ticker(instrument)
      return text === undefined ? undefined : summary(JSON.parse(text))
    },
    // nothing of these was recorded
    fundingHistory: () => [],
    chart: () => object({ ticks: '[]', status: '"no_data"' }),
    volatility: () => [],
  }
}

function summary(ticker: Ticker): string {
  const value = (of: unknown) => (typeof of === 'number' ? float(of) : 'null')
  // an empty side stands as 0 in the ticker
  const best = (of: unknown) => (of === 0 ? 'null' : value(of))
  const [base = ''] = String(ticker['instrument_name']).split(/[-_]/u)
  return object({
    instrument_name: quoted(String(ticker['instrument_name'])),
    base_currency: quoted(base),
    bid_price: best(ticker['best_bid_price']),
    ask_price: best(ticker['best_ask_price']),
    mark_price: value(ticker['mark_price']),
    last: value(ticker['last_price']),
    high: value(ticker.stats['high']),
    low: value(ticker.stats['low']),
    volume: value(ticker.stats['volume'] ?? 0),
    open_interest: value(ticker['open_interest']),
    creation_timestamp: String(ticker['timestamp']),
  })
}
