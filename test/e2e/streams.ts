// What the streams of each venue carry, as the ledger of the simulated exchange names them.
import type { DataType } from '../../crds/names.ts'

export interface Carried {
  /** As the venue writes it. */
  readonly venueSymbol: string
  /** Of the channels that its frames become. */
  readonly types: readonly DataType[]
  /** Frames come also when nothing is new for a channel. */
  readonly repeats: boolean
}

const BINANCE: Readonly<Record<string, DataType>> = {
  aggTrade: 'trade',
  depth: 'orderbook',
  bookTicker: 'ticker',
  kline_1m: 'kline',
}
const OKX: Readonly<Record<string, DataType>> = { 'trades-all': 'trade', books: 'orderbook', tickers: 'ticker' }
const DERIBIT: Readonly<Record<string, readonly DataType[]>> = {
  trades: ['trade', 'liquidation'],
  book: ['orderbook'],
  ticker: ['ticker', 'open_interest'],
}

/** @param stream `btcusdt@aggTrade`, `{"channel":"books","instId":"BTC-USDT"}` or `book.BTC-PERPETUAL.100ms` */
export function carried(stream: string): Carried {
  if (stream.startsWith('{')) {
    const { channel, instId } = JSON.parse(stream) as { channel: string; instId: string }
    return { venueSymbol: instId, types: known(OKX[channel], stream), repeats: false }
  }
  if (stream.includes('@')) {
    const [symbol = '', name = ''] = stream.split('@')
    return { venueSymbol: symbol.toUpperCase(), types: known(BINANCE[name], stream), repeats: false }
  }
  const [channel = '', venueSymbol = ''] = stream.split('.')
  return { venueSymbol, types: known(DERIBIT[channel], stream), repeats: channel === 'ticker' }
}

function known(types: DataType | readonly DataType[] | undefined, stream: string): readonly DataType[] {
  if (types === undefined) throw new Error(`no test knows what ${stream} carries`)
  return typeof types === 'string' ? [types] : types
}
