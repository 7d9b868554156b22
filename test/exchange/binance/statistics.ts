// REST of the desk: funding, open interest, and below `/futures/data` what was of each period, which has no weight and a
// limit of its own.
import { INTERVALS } from '../market/candles.ts'
import { type Desk, RATIOS, type RatioEndpoint, STATISTICS_MS } from './desk.ts'
import type { SymbolInfo } from './exchange-info.ts'
import { type Query, type Range, Refusal, type Route, type Routes } from './query.ts'
import type { Api } from './rules.ts'

const PERIODS: ReadonlyMap<string, number> = new Map(
  [...INTERVALS].filter(([name]) => ['5m', '15m', '30m', '1h', '2h', '4h', '6h', '12h', '1d'].includes(name)),
)

/** Below `/fapi/v1` and `/dapi/v1`. */
export function figureRoutes(desk: Desk, { coin }: Api, symbols: () => readonly SymbolInfo[]): Routes {
  return {
    premiumIndex: {
      weight: (query) => (query.has('symbol') && !coin ? 1 : 10),
      answer: (query) => {
        if (!query.has('symbol')) return list(symbols().flatMap(({ symbol }) => desk.premiumIndex(symbol) ?? []))
        const row = desk.premiumIndex(query.symbol()) ?? '{}'
        return coin ? `[${row}]` : row
      },
    },
    fundingRate: {
      weight: () => 0,
      unweighed: 'funding',
      answer: (query) => list(desk.fundingRates(query.symbol(), query.range(200, 1_000))),
    },
    fundingInfo: { weight: () => 0, unweighed: 'funding', answer: () => list(desk.fundingInfo(coin)) },
    openInterest: { weight: () => 1, answer: (query) => desk.openInterest(query.symbol()) ?? '{}' },
  }
}

/** Below `/futures/data`: of USDⓈ-M by `symbol`, of COIN-M by `pair`. */
export function statisticRoutes(desk: Desk, now: () => number): Routes {
  const route = (rows: (query: Query, symbol: string, periodMs: number, range: Range) => string[]): Route => ({
    weight: () => 0,
    unweighed: 'statistics',
    answer: (query) => {
      const periodMs = PERIODS.get(query.text('period'))
      if (periodMs === undefined) throw new Refusal(-1130, "Data sent for parameter 'period' is not valid.")
      const range = query.range(30, 500)
      if (range.start !== undefined && range.start < now() - STATISTICS_MS) {
        throw new Refusal(-1130, "Data sent for parameter 'startTime' is not valid.")
      }
      return list(rows(query, symbolOf(desk, query), periodMs, range))
    },
  })
  const ratios = Object.keys(RATIOS).map((name): [string, Route] => [
    name,
    route((_query, symbol, periodMs, range) => desk.ratioRows(symbol, name as RatioEndpoint, periodMs, range)),
  ])
  return {
    ...Object.fromEntries(ratios),
    openInterestHist: route((query, symbol, periodMs, range) => {
      if (query.has('pair')) query.text('contractType')
      return desk.openInterestRows(symbol, periodMs, range)
    }),
  }
}

function symbolOf(desk: Desk, query: Query): string {
  if (!query.has('pair')) return query.symbol()
  const kind = query.has('contractType') ? query.text('contractType') : undefined
  const symbols = desk.ofPair(query.text('pair'))
  const symbol = kind === undefined ? symbols[0] : symbols.find((one) => desk.kindOf(one) === kind)
  if (symbol === undefined) throw new Refusal(-1121, 'Invalid symbol.')
  return symbol
}

function list(rows: readonly string[]): string {
  return `[${rows.join(',')}]`
}
