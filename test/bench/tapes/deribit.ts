// Frames as Deribit v2 sends them in 2026: inverse perpetuals in dollars, linear ones in base, all numbers JSON's, in the
// key order of its pages and golden files.
import { changes, type Frame, MIDDLE, START_MS, type Turn } from '../frames.ts'
import { type Instruments, type Strand, strand, type Venue } from './strand.ts'

const LEVELS = 1000
const CHANGES_MAX = 12
const INVERSE: Instruments = {
  market: 'perpetual',
  quote: 'USD',
  venueSymbol: (base) => `${base}-PERPETUAL`,
  sizing: { kind: 'inverse', value: '1' },
}
const LINEAR: Instruments = {
  market: 'perpetual',
  quote: 'USDC',
  venueSymbol: (base) => `${base}_USDC-PERPETUAL`,
  sizing: { kind: 'base' },
}

const frame = (channel: string, data: string): string =>
  `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"${channel}","data":${data}}}`

/** Prices are multiples of a half. */
const tick = (value: number): string => (Math.round(value * 2) / 2).toFixed(1)
const price = (random: () => number): string => tick(MIDDLE + random() * 100)
/** Dollars in tens of inverse ones, base of linear ones. */
const sizer =
  ({ sizing }: Instruments) =>
  (value: number): string =>
    sizing.kind === 'inverse' ? (10 * Math.ceil(value * 300)).toFixed(1) : String(Number(value.toFixed(4)))
const times = (lasts: number) => [{ key: 'timestamp', by: lasts }]

/** Trades in one batch, by turns. */
const BATCHES = [1, 1, 2, 1, 1, 1, 3, 1] as const
const TRADES_A_ROUND = BATCHES.reduce((sum: number, count) => sum + count, 0)
const FIRST_TRADE = 210_000_000

/** @param liquidates what stands in the last trade of a batch beside the rest */
function batch(instruments: Instruments, liquidates: string): (turn: Turn) => Frame {
  const size = sizer(instruments)
  return ({ symbol, turn, turns, random, at, lasts }) => {
    const place = turn % BATCHES.length
    const count = BATCHES[place] as number
    const before = BATCHES.slice(0, place).reduce((sum: number, one) => sum + one, 0)
    const seq = FIRST_TRADE + Math.floor(turn / BATCHES.length) * TRADES_A_ROUND + before
    const trades = Array.from(
      { length: count },
      (_, i) =>
        `{"trade_seq":${seq + i},"trade_id":"${2 * (seq + i)}","timestamp":${at},"tick_direction":${i % 4},"price":${price(random)},` +
        `"mark_price":${(MIDDLE + random()).toFixed(2)},"index_price":${(MIDDLE + random()).toFixed(2)},` +
        `"instrument_name":"${symbol}","direction":"${random() < 0.5 ? 'buy' : 'sell'}",${i === count - 1 ? liquidates : ''}` +
        `"contracts":${size(random()).replace(/0\.0$/, '.0')},"amount":${size(random() + 0.0001)}}`,
    )
    const by = (turns / BATCHES.length) * TRADES_A_ROUND
    const advances = [{ key: 'trade_seq', by }, { key: 'trade_id', by: 2 * by }, ...times(lasts)]
    const text = frame(`trades.${symbol}.100ms`, `[${trades.join(',')}]`)
    return { text, advances, messages: liquidates === '' ? count : 1 }
  }
}

/** Its stream is that of funding rates and open interest, too; everything changes with each. */
function ticker(instruments: Instruments): (turn: Turn) => Frame {
  const size = sizer(instruments)
  const coins = (random: () => number) => (random() * 1e5).toFixed(4)
  return ({ symbol, turn, random, at, lasts }) => {
    const bid = Math.round(random() * 200) / 2 + MIDDLE
    const text = frame(
      `ticker.${symbol}.100ms`,
      `{"timestamp":${at},"state":"open","stats":{"high":64500.0,"low":63000.5,"price_change":${(random() * 2 - 1).toFixed(4)},` +
        `"volume":${coins(random)},"volume_usd":${(random() * 1e9).toFixed(1)},"volume_notional":${(random() * 1e9).toFixed(1)}},` +
        `"index_price":${(MIDDLE + random()).toFixed(2)},"instrument_name":"${symbol}","last_price":${price(random)},` +
        `"settlement_price":63000.12,"min_price":62500.5,"max_price":65500.0,"open_interest":${size(random() * 1e4)},` +
        `"mark_price":${(MIDDLE + random()).toFixed(2)},"best_ask_price":${tick(bid + 0.5)},"best_bid_price":${tick(bid)},` +
        `"interest_value":${(random() * 2 - 1).toFixed(12)},"estimated_delivery_price":${(MIDDLE + random()).toFixed(2)},` +
        `"best_ask_amount":${size(random() + 0.0001)},"best_bid_amount":${size(random() + 0.0001)},` +
        `"current_funding":${rate(random, turn)},"funding_8h":${rate(random, turn)}}`,
    )
    return { text, advances: times(lasts) }
  }
}

/** As the venue prints them: small ones with an exponent. Never that of the turn before. */
function rate(random: () => number, turn: number): string {
  const steps = 2 * Math.floor(random() * 1e4) + (turn % 2)
  return String(Number((random() < 0.8 ? 1 : -1) * steps * 1e-8).toFixed(8)).replace(
    /^(-?)0\.0{6}([1-9])([0-9])$/,
    '$1$2.$3e-7',
  )
}

function kline(): (turn: Turn) => Frame {
  const open = START_MS - (START_MS % 60_000)
  return ({ symbol, random }) => {
    const text = frame(
      `chart.trades.${symbol}.1`,
      `{"volume":${(random() * 10).toFixed(8)},"tick":${open},"open":${price(random)},"low":${price(random)},` +
        `"high":${price(random)},"cost":${(10 * Math.ceil(random() * 60_000)).toFixed(1)},"close":${price(random)}}`,
    )
    return { text, advances: [] }
  }
}

const FIRST_CHANGE = 90_000_000_000
const CHANGES_A_FRAME = 11

function bookChange(instruments: Instruments): (turn: Turn) => Frame {
  const size = sizer(instruments)
  return ({ symbol, turn, turns, random, at, lasts }) => {
    const rows = (sign: 1 | -1) =>
      changes(random, 1 + Math.floor(random() * CHANGES_MAX), LEVELS).map((one) => {
        const action = one.size === 0 ? 'delete' : random() < 0.5 ? 'new' : 'change'
        return `["${action}",${tick(MIDDLE + sign * one.level * 0.5)},${one.size === 0 ? '0.0' : size(one.size)}]`
      })
    const before = FIRST_CHANGE + turn * CHANGES_A_FRAME
    const by = turns * CHANGES_A_FRAME
    const text = frame(
      `book.${symbol}.100ms`,
      `{"type":"change","timestamp":${at},"prev_change_id":${before},"instrument_name":"${symbol}",` +
        `"change_id":${before + CHANGES_A_FRAME},"bids":[${rows(-1).join(',')}],"asks":[${rows(1).join(',')}]}`,
    )
    return { text, advances: [{ key: 'prev_change_id', by }, { key: 'change_id', by }, ...times(lasts)] }
  }
}

function bookSnapshot(instruments: Instruments): (symbol: string) => string {
  const size = sizer(instruments)(1.5)
  const rows = (sign: 1 | -1) =>
    Array.from({ length: LEVELS }, (_, i) => `["new",${tick(MIDDLE + sign * (i + 1) * 0.5)},${size}]`)
  return (symbol) =>
    frame(
      `book.${symbol}.100ms`,
      `{"type":"snapshot","timestamp":${START_MS - 1},"instrument_name":"${symbol}","change_id":${FIRST_CHANGE},` +
        `"bids":[${rows(-1).join(',')}],"asks":[${rows(1).join(',')}]}`,
    )
}

/** The two indices that there are. */
const INDEXED = ['BTC', 'ETH'] as const

function volatilityIndex({ symbol, random, at, lasts }: Turn): Frame {
  const name = `${symbol.slice(0, 3).toLowerCase()}_usd`
  const text = frame(
    `deribit_volatility_index.${name}`,
    `{"volatility":${Number((50 + random() * 10).toFixed(4))},"timestamp":${at},"index_name":"${name}"}`,
  )
  return { text, advances: times(lasts) }
}

const both = (make: (instruments: Instruments) => Strand['make']): Strand[] =>
  [INVERSE, LINEAR].map((instruments) => strand(instruments, make(instruments)))

const index = strand(INVERSE, volatilityIndex)

export const deribit: Venue = {
  exchange: 'deribit',
  strands: {
    trade: both((instruments) => batch(instruments, '')),
    orderbook: [INVERSE, LINEAR].map((one) => strand(one, bookChange(one), bookSnapshot(one))),
    ticker: both(ticker),
    kline: both(kline),
    funding_rate: both(ticker),
    open_interest: both(ticker),
    liquidation: both((instruments) => batch(instruments, '"liquidation":"T",')),
    volatility_index: [
      {
        ...index,
        symbols: INDEXED.length,
        listing: (i) => {
          const base = INDEXED[i] as string
          return { ...index.listing(i), symbol: `${base}-USD`, venueSymbol: `${base}-PERPETUAL`, base }
        },
      },
    ],
  },
}
