// Frames as OKX v5 sends them in 2026: spot in base, swaps in contracts, in the key order of its pages and golden files.
//
// Sizes of books: the recording of 2022 has 8, 23 and 43 levels a frame in the mean of its three instruments.
import { changes, type Frame, MIDDLE, START_MS, type Turn } from '../frames.ts'
import { type Instruments, type Strand, strand, type Venue } from './strand.ts'

const LEVELS = 400
const CHANGES_MAX = 24
const SPOT: Instruments = {
  market: 'spot',
  quote: 'USDT',
  venueSymbol: (base) => `${base}-USDT`,
  sizing: { kind: 'base' },
}
const SWAP: Instruments = {
  market: 'perpetual',
  quote: 'USDT',
  venueSymbol: (base) => `${base}-USDT-SWAP`,
  sizing: { kind: 'linear', multiplier: '0.01' },
}

const frame = (channel: string, instId: string, data: string, action = ''): string =>
  `{"arg":{"channel":"${channel}","instId":"${instId}"}${action},"data":[${data}]}`

/** As the venue prints: no zeros at the end. */
const short = (value: number, places: number): string => String(Number(value.toFixed(places)))
const price = (random: () => number): string => short(MIDDLE + random() * 100, 1)
const side = (random: () => number): string => (random() < 0.5 ? 'buy' : 'sell')
/** Base of spot, contracts of swaps. */
const sizer = (market: Strand['market']) => (value: number) => short(value, market === 'spot' ? 8 : 2)
const times = (lasts: number) => [{ key: 'ts', by: lasts }]

const FIRST_TRADE = 880_000_000

function trade({ market }: Instruments): (turn: Turn) => Frame {
  const size = sizer(market)
  return ({ symbol, turn, turns, random, at, lasts }) => ({
    text: frame(
      'trades-all',
      symbol,
      `{"instId":"${symbol}","tradeId":"${FIRST_TRADE + turn}","px":"${price(random)}","sz":"${size(random() * 3 + 0.01)}",` +
        `"side":"${side(random)}","source":"0","ts":"${at}"}`,
    ),
    advances: [{ key: 'tradeId', by: turns }, ...times(lasts)],
  })
}

function ticker({ market }: Instruments): (turn: Turn) => Frame {
  const size = sizer(market)
  const instType = market === 'spot' ? 'SPOT' : 'SWAP'
  return ({ symbol, random, at, lasts }) => {
    const bid = MIDDLE + random() * 100
    return {
      text: frame(
        'tickers',
        symbol,
        `{"instType":"${instType}","instId":"${symbol}","last":"${short(bid, 1)}","lastSz":"${size(random() * 3 + 0.01)}",` +
          `"askPx":"${short(bid + 0.1, 1)}","askSz":"${size(random() * 9 + 0.01)}","bidPx":"${short(bid, 1)}",` +
          `"bidSz":"${size(random() * 9 + 0.01)}","open24h":"63000","high24h":"64500","low24h":"62800",` +
          `"volCcy24h":"${short(random() * 1e9, 8)}","vol24h":"${short(random() * 1e5, 8)}","sodUtc0":"63500",` +
          `"sodUtc8":"63400","ts":"${at}"}`,
      ),
      advances: times(lasts),
    }
  }
}

function candle({ market }: Instruments): (turn: Turn) => Frame {
  const open = START_MS - (START_MS % 60_000)
  return ({ symbol, random }) => {
    const base = random() * 100
    const [volume, currency] = market === 'spot' ? [base, base * MIDDLE] : [base * 100, base]
    const row = [
      open,
      ...Array.from({ length: 4 }, () => price(random)),
      short(volume, 8),
      short(currency, 8),
      short(base * MIDDLE, 8),
      0,
    ]
    return { text: frame('candle1m', symbol, `[${row.map((cell) => `"${cell}"`).join(',')}]`), advances: [] }
  }
}

const FIRST_SEQ = 335_226_000_000
const SEQ_A_FRAME = 7

function level(at: number, size: string, orders: number): string {
  return `["${short(MIDDLE + at * 0.1, 1)}","${size}","0","${size === '0' ? 0 : orders}"]`
}

function bookUpdate({ market }: Instruments): (turn: Turn) => Frame {
  const size = sizer(market)
  return ({ symbol, turn, turns, random, at, lasts }) => {
    const rows = (sign: 1 | -1) =>
      changes(random, 1 + Math.floor(random() * CHANGES_MAX), LEVELS)
        .toSorted((a, b) => a.level - b.level)
        .map((one) => level(sign * one.level, size(one.size), 1 + Math.floor(random() * 5)))
    const before = FIRST_SEQ + turn * SEQ_A_FRAME
    const by = turns * SEQ_A_FRAME
    return {
      text: frame(
        'books',
        symbol,
        `{"asks":[${rows(1).join(',')}],"bids":[${rows(-1).join(',')}],"ts":"${at}","checksum":0,"prevSeqId":${before},` +
          `"seqId":${before + SEQ_A_FRAME}}`,
        ',"action":"update"',
      ),
      advances: [{ key: 'prevSeqId', by }, { key: 'seqId', by }, ...times(lasts)],
    }
  }
}

function bookSnapshot(symbol: string): string {
  const rows = (sign: 1 | -1) => Array.from({ length: LEVELS }, (_, i) => level(sign * (i + 1), '1.5', 3))
  return frame(
    'books',
    symbol,
    `{"asks":[${rows(1).join(',')}],"bids":[${rows(-1).join(',')}],"ts":"${START_MS - 1}","checksum":0,"prevSeqId":-1,` +
      `"seqId":${FIRST_SEQ}}`,
    ',"action":"snapshot"',
  )
}

const HOUR_MS = 3_600_000

function fundingRate({ symbol, random, at, lasts }: Turn): Frame {
  const due = START_MS - (START_MS % (8 * HOUR_MS)) + 8 * HOUR_MS
  const rate = () => (random() * 2e-4 - 1e-4).toFixed(16)
  return {
    text: frame(
      'funding-rate',
      symbol,
      `{"formulaType":"withRate","fundingRate":"${rate()}","fundingTime":"${due}","impactValue":"20000",` +
        `"instId":"${symbol}","instType":"SWAP","interestRate":"0.0001","maxFundingRate":"0.00375","method":"current_period",` +
        `"minFundingRate":"-0.00375","nextFundingRate":"","nextFundingTime":"${due + 8 * HOUR_MS}",` +
        `"premium":"${rate()}","settFundingRate":"${rate()}","settState":"settled","ts":"${at}"}`,
    ),
    advances: times(lasts),
  }
}

function openInterest({ symbol, random, at, lasts }: Turn): Frame {
  const coins = 30_000 + random() * 1000
  return {
    text: frame(
      'open-interest',
      symbol,
      `{"instId":"${symbol}","instType":"SWAP","oi":"${short(coins * 100, 2)}","oiCcy":"${short(coins, 4)}",` +
        `"oiUsd":"${short(coins * MIDDLE, 6)}","ts":"${at}"}`,
    ),
    advances: times(lasts),
  }
}

/** One stream for all contracts; almost always one row with one detail. */
function liquidation({ symbol, random, at, lasts }: Turn): Frame {
  const isLong = random() < 0.5
  const family = symbol.replace(/-SWAP$/, '')
  return {
    text:
      `{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{"bkLoss":"0","bkPx":"${price(random)}",` +
      `"ccy":"","posSide":"${isLong ? 'long' : 'short'}","side":"${isLong ? 'sell' : 'buy'}",` +
      `"sz":"${short(random() * 9 + 0.01, 2)}","ts":"${at}"}],"instFamily":"${family}","instId":"${symbol}",` +
      `"instType":"SWAP","uly":"${family}"}]}`,
    advances: times(lasts),
  }
}

const both = (make: (instruments: Instruments) => Strand['make'], snapshot?: Strand['snapshot']): Strand[] =>
  [SPOT, SWAP].map((instruments) => strand(instruments, make(instruments), snapshot))

export const okx: Venue = {
  exchange: 'okx',
  strands: {
    trade: both(trade),
    orderbook: both(bookUpdate, bookSnapshot),
    ticker: both(ticker),
    kline: both(candle),
    funding_rate: [strand(SWAP, fundingRate)],
    open_interest: [strand(SWAP, openInterest)],
    liquidation: [strand(SWAP, liquidation)],
  },
}
