// Frames of Binance futures of 2026 beside those of frames.ts: USDⓈ-M in base, COIN-M in contracts.
import { type Frame, MIDDLE, START_MS, type Turn } from '../frames.ts'
import { type Instruments, type Strand, strand, type Venue } from './strand.ts'

const USD: Instruments = {
  market: 'perpetual',
  quote: 'USDT',
  venueSymbol: (base) => `${base}USDT`,
  sizing: { kind: 'base' },
}
const COIN: Instruments = {
  market: 'perpetual',
  quote: 'USD',
  venueSymbol: (base) => `${base}USD_PERP`,
  sizing: { kind: 'inverse', value: '10' },
  host: 'coin',
}

const frame = (symbol: string, name: string, data: string): string =>
  `{"stream":"${symbol.toLowerCase()}@${name}","data":${data}}`

const HOURS_8_MS = 8 * 3_600_000

/** Every push has another rate, which is more than the venue does. */
function markPrice({ symbol, turn, random, at, lasts }: Turn): Frame {
  const due = START_MS - (START_MS % HOURS_8_MS) + HOURS_8_MS
  const rate = (2 * Math.floor(random() * 1e4) + (turn % 2)) * 1e-8
  const price = () => (MIDDLE + random() * 100).toFixed(8)
  const text = frame(
    symbol,
    'markPrice@1s',
    `{"e":"markPriceUpdate","E":${at},"s":"${symbol}","p":"${price()}","ap":"${price()}","P":"${price()}","i":"${price()}",` +
      `"r":"${rate.toFixed(8)}","T":${due},"st":1}`,
  )
  return { text, advances: [{ key: 'E', by: lasts }] }
}

function forceOrder({ sizing }: Instruments): (turn: Turn) => Frame {
  const size = (random: () => number) =>
    sizing.kind === 'base' ? (random() * 3 + 0.001).toFixed(3) : String(1 + Math.floor(random() * 300))
  return ({ symbol, random, at, lasts }) => {
    const filled = size(random)
    const price = MIDDLE + random() * 100
    const text = frame(
      symbol,
      'forceOrder',
      `{"e":"forceOrder","E":${at + 14},"o":{"s":"${symbol}","S":"${random() < 0.5 ? 'BUY' : 'SELL'}","o":"LIMIT","f":"IOC",` +
        `"q":"${filled}","p":"${price.toFixed(2)}","ap":"${(price + 0.5).toFixed(2)}","X":"FILLED","l":"${size(random)}",` +
        `"z":"${filled}","T":${at}},"st":1}`,
    )
    return {
      text,
      advances: [
        { key: 'E', by: lasts },
        { key: 'T', by: lasts },
      ],
    }
  }
}

const both = (make: (instruments: Instruments) => Strand['make']): Strand[] =>
  [USD, COIN].map((instruments) => strand(instruments, make(instruments)))

export const binance: Venue = {
  exchange: 'binance',
  strands: { funding_rate: both(() => markPrice), liquidation: both(forceOrder) },
}
