// Perpetuals and dated contracts of Binance, USDⓈ-M and COIN-M, every type, through sockets: what arrives is what was.
import { expect, test, vi } from 'vitest'
import type { Message } from '../../collector/market/messages.ts'
import { DATA_TYPES, type DataType, type Market } from '../../crds/names.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { keep, type Keeping } from '../support/kept.ts'
import { manifest } from './collect.ts'
import { startWorld } from './world.ts'

vi.setConfig({ testTimeout: 60_000 })

const PACE = 8
const START_MS = 1_790_000_000_000
/** Dollars in a contract of BTC. */
const WORTH = 100
const SYMBOLS = {
  perpetual: { 'BTC-USDT': 'BTCUSDT', 'BTC-USD': 'BTCUSD_PERP' },
  future: { 'BTC-USDT-20260925': 'BTCUSDT_260925', 'BTC-USD-20260925': 'BTCUSD_260925' },
} as const
const NONE: Readonly<Record<keyof typeof SYMBOLS, readonly DataType[]>> = {
  perpetual: ['volatility_index'],
  future: ['volatility_index', 'funding_rate', 'lsr_top_position', 'lsr_all_account'],
}

type Of<T extends Message['type']> = Extract<Message, { type: T }>

test('funding, open interest, liquidations, ratios, trades and books are those of the venue, in base', async () => {
  const symbols = Object.values(SYMBOLS).flatMap((names) => Object.values(names))
  await using world = await startWorld(PACE, {
    seed: 5,
    symbols,
    startTime: START_MS,
    markets: ['perpetual', 'future'],
  })
  const { exchange } = world
  for (const market of ['perpetual', 'future'] as const) {
    const types = DATA_TYPES.filter((type) => !NONE[market].includes(type))
    const wanted = manifest(exchange, {
      symbols: { [market]: Object.keys(SYMBOLS[market]) },
      types,
      sink: { stdout: {} },
    })
    await using keeping = await keep(wanted, { clock: world.clock })
    await keeping.until('every channel has spoken that can be', ({ channels }) => {
      const silent = channels.filter(({ made, repeated }) => made + repeated === 0)
      return channels.length === 2 * types.length && silent.length === (market === 'future' ? 1 : 0)
    })
    await keeping.close()
    // At this pace an answer may come later than the venue's next news, which is said.
    expect(keeping.of('gap').filter(({ reason }) => reason !== 'unanswered')).toEqual([])
    for (const [symbol, venueSymbol] of Object.entries(SYMBOLS[market])) {
      check(keeping, exchange, market, symbol, venueSymbol)
    }
  }
})

function check(keeping: Keeping, exchange: Exchange, market: Market, symbol: string, venueSymbol: string): void {
  const { figures, trades } = exchange.truth[market]
  const worth = symbol.includes('-USD-') || symbol.endsWith('-USD') ? WORTH : undefined
  const of = <T extends Message['type']>(type: T): Of<T>[] => keeping.of(type, symbol)
  const ms = ({ ts }: { readonly ts?: number | undefined }) => (ts ?? 0) / 1000
  /** The size in base, and the raw figure that must stand beside it. */
  const sized = (raw: string, price: string | undefined) =>
    worth === undefined ? [Number(raw), undefined] : [expect.closeTo((Number(raw) * worth) / Number(price), 10), raw]

  const known = new Map(trades(venueSymbol).map((trade) => [String(trade.id), trade]))
  for (const { id, price, size, raw_size: raw, side } of of('trade')) {
    const trade = known.get(id)
    expect([price, side]).toEqual([trade?.price, trade?.side])
    expect([Number(size), raw]).toEqual(sized(trade?.size ?? '', price))
  }
  for (const m of of('funding_rate')) {
    const funding = figures.funding(venueSymbol, ms(m))
    expect([m.rate, m.funding_time]).toEqual([funding?.rate, (funding?.time ?? 0) * 1000])
    expect([m.mark_price, m.index_price]).toEqual([
      figures.markPrice(venueSymbol, ms(m)),
      figures.indexPrice(venueSymbol, ms(m)),
    ])
  }
  for (const m of of('open_interest')) {
    const raw = figures.openInterest(venueSymbol, ms(m))
    const price = figures.markPrice(venueSymbol, ms(m))
    const [base, beside] = sized(raw ?? '', price)
    const rounded = worth === undefined ? base : expect.closeTo((Number(raw) * worth) / Number(price), 7)
    expect([Number(m.open_interest), m.raw_open_interest]).toEqual([rounded, beside])
  }
  for (const m of of('liquidation')) {
    const [wanted] = figures.liquidations(venueSymbol, ms(m), ms(m) + 1).filter(({ side }) => side === m.side)
    expect([m.price, m.side]).toEqual([wanted?.price, wanted?.side])
    expect([Number(m.size), m.raw_size]).toEqual(sized(wanted?.size ?? '', m.average_price))
  }
  for (const type of ['lsr_top_position', 'lsr_all_account'] as const) {
    for (const m of of(type)) {
      expect([m.period, m.ratio]).toEqual(['5m', figures.ratio(venueSymbol, type, 300_000, ms(m))])
      expect(Number(m.long_share) + Number(m.short_share)).toBeCloseTo(1, 6)
    }
  }
  const [snapshot] = of('orderbook')
  const book = exchange.truth[market].bookAt(venueSymbol, snapshot?.seq ?? 0)
  expect(snapshot?.bids[0]?.[0]).toBe(book?.bids[0]?.[0])
  expect([Number(snapshot?.bids[0]?.[1]), snapshot?.bids[0]?.[2]]).toEqual(
    sized(book?.bids[0]?.[1] ?? '', book?.bids[0]?.[0]),
  )
  const [instrument] = of('instrument')
  expect(instrument).toMatchObject({ venue_symbol: venueSymbol, status: 'trading' })
  expect(instrument?.contract_multiplier).toBe(worth === undefined ? undefined : String(worth))
}
