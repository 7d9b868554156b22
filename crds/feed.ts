// A feed: which exchange, market, symbols and types are collected, and how.
import * as z from 'zod'
import { DATA_TYPES, EXCHANGES, MARKETS, type DataType, type Market } from './names.ts'
import { distinct, either, matching, oneOf, rule, secretRef, url, type Rule } from './schema.ts'
import { ourSymbol } from './suggest.ts'

export const FEEDS_MAX = 50
export const SYMBOLS_MAX = 200

/** Types that exist in each market; a feed that asks for others is refused. */
export const TYPES_OF_MARKET: Record<Market, readonly DataType[]> = {
  spot: ['trade', 'orderbook', 'ticker', 'kline'],
  perpetual: DATA_TYPES,
  future: [
    'trade',
    'orderbook',
    'ticker',
    'kline',
    // Some dated contracts have funding (X-Perps).
    'funding_rate',
    'open_interest',
    'liquidation',
    'lsr_top_position',
    'lsr_all_account',
  ],
  option: ['trade', 'orderbook', 'ticker', 'kline', 'open_interest', 'liquidation', 'volatility_index'],
}

export const INTERVALS = [
  '1s',
  '1m',
  '3m',
  '5m',
  '15m',
  '30m',
  '1h',
  '2h',
  '4h',
  '6h',
  '8h',
  '12h',
  '1d',
  '3d',
  '1w',
  '1M',
] as const
export const PERIODS = ['5m', '15m', '30m', '1h', '2h', '4h', '6h', '12h', '1d'] as const

const exchange = oneOf('an exchange', EXCHANGES, {
  binancespot: 'binance',
  binanceusdm: 'binance',
  binancefutures: 'binance',
  binancederivatives: 'binance',
  okex: 'okx',
  okxspot: 'okx',
  okxderivatives: 'okx',
  deribitderivatives: 'deribit',
  gdax: 'coinbase',
  coinbasepro: 'coinbase',
  krakenfutures: 'kraken',
})

const market = oneOf('a market', MARKETS, {
  cash: 'spot',
  margin: 'spot',
  swap: 'perpetual',
  perp: 'perpetual',
  usdm: 'perpetual',
  usdtm: 'perpetual',
  coinm: 'perpetual',
  linear: 'perpetual',
  inverse: 'perpetual',
  um: 'perpetual',
  delivery: 'future',
  dated: 'future',
})

const type = oneOf('a data type', DATA_TYPES, {
  aggtrade: 'trade',
  book: 'orderbook',
  books: 'orderbook',
  depth: 'orderbook',
  l2: 'orderbook',
  l2book: 'orderbook',
  bookticker: 'ticker',
  quote: 'ticker',
  bbo: 'ticker',
  candle: 'kline',
  candles: 'kline',
  candlestick: 'kline',
  ohlcv: 'kline',
  bar: 'kline',
  funding: 'funding_rate',
  oi: 'open_interest',
  liq: 'liquidation',
  forceorder: 'liquidation',
  lsr: 'lsr_all_account',
  longshortratio: 'lsr_all_account',
  dvol: 'volatility_index',
})

/** Capitals, digits, and letters of scripts without capitals: some coins have Chinese names. Short, since the API server
 * estimates the cost of a rule by the length of its expression. */
const WORD = 'A-Z0-9\\p{Lo}'
const NAME = `[${WORD}]+-[${WORD}]+(-[0-9]{8}(-[0-9]+(d[0-9]+)?-[CP])?)?`
const symbol = matching(
  64,
  new RegExp(`^(${NAME}|[${WORD}d-]*[*][${WORD}d*-]*)$`, 'u'),
  "{self} is not a symbol; write a name such as 'BTC-USDT' or a pattern such as '*-USDT'.",
  'BTC-USDT',
  ourSymbol,
)

/** What can be said of a type, with its defaults. They are filled in here and not in the CRD: a feed is in a list. */
const OPTIONS = {
  kline: z
    .strictObject({
      intervals: distinct(oneOf('an interval', INTERVALS, { '60s': '1m', '60m': '1h', '24h': '1d', '7d': '1w' }), 1, 16)
        .default(['1m'])
        .describe('Lengths of the candles.'),
    })
    .describe('Candles.'),
  orderbook: z
    .strictObject({
      depth: z.int().min(1).max(5000).default(400).describe('Levels of each side in a published snapshot.'),
      snapshotSeconds: z
        .int()
        .min(5)
        .max(3600)
        .default(60)
        .describe('A fresh snapshot is published this often, for consumers that join late.'),
    })
    .describe('Order books.'),
  longShortRatio: z
    .strictObject({ period: oneOf('a period', PERIODS).default('5m').describe('Period of the ratios.') })
    .describe('Long/short ratios.'),
}

/** The types that each of the options is for. */
const TYPES_OF_OPTION: Record<keyof typeof OPTIONS, readonly DataType[]> = {
  kline: ['kline'],
  orderbook: ['orderbook'],
  longShortRatio: ['lsr_top_position', 'lsr_all_account'],
}

const endpoints = z.strictObject({
  websocket: url('wss?', 'wss://fstream.binance.com', '').optional().describe('Base of all WebSocket addresses.'),
  rest: url('https?', 'https://fapi.binance.com', '').optional().describe('Base of all REST addresses.'),
})

const proxy = z.strictObject({
  url: url('https?|socks5h?', 'socks5://proxy:1080', '; those go into proxy.secret').describe('Address of the proxy.'),
  secret: secretRef.optional().describe('Secret with the keys `username` and `password`.'),
})

const feedFields = z.strictObject({
  exchange: exchange.describe('The venue.'),
  market: market.describe('Kind of product.'),
  symbols: distinct(symbol, 1, SYMBOLS_MAX).describe(
    'Names such as `BTC-USDT`, or patterns: `*` stands for any run of characters. A pattern follows new listings.',
  ),
  exclude: distinct(symbol, 1, SYMBOLS_MAX).optional().describe('Names or patterns that the patterns leave out.'),
  types: distinct(type, 1, DATA_TYPES.length).describe('What is collected of each symbol.'),
  options: z
    .strictObject({
      kline: OPTIONS.kline.optional(),
      orderbook: OPTIONS.orderbook.optional(),
      longShortRatio: OPTIONS.longShortRatio.optional(),
    })
    .optional()
    .describe('How types are collected.'),
  endpoints: endpoints
    .optional()
    .describe("Other addresses than the venue's own: a regional host, a simulated exchange."),
  proxy: proxy.optional().describe('For venues that cannot be reached from where the collector runs.'),
})
type FeedOutput = z.output<typeof feedFields>

function marketRule(name: Market): Rule<FeedOutput> {
  const types = TYPES_OF_MARKET[name]
  return {
    cel: `self.market != '${name}' || self.types.all(t, t in [${types.map((t) => `'${t}'`).join(', ')}])`,
    says: `market '${name}' has no such type; write ${either(types)}, or another market.`,
    at: '.types',
    reads: ['market', 'types'],
    broken: (self) => {
      const index = self.market === name ? self.types.findIndex((t) => !types.includes(t)) : -1
      return index < 0 ? undefined : ['types', index]
    },
  }
}

function optionRule(option: keyof typeof OPTIONS): Rule<FeedOutput> {
  const types = TYPES_OF_OPTION[option]
  const list = types.map((t) => `'${t}'`).join(', ')
  return {
    cel: `!has(self.options) || !has(self.options.${option}) || self.types.exists(t, t in [${list}])`,
    says: `only for type ${either(types)}, which is not in types; add it there, or leave out options.${option}.`,
    at: `.options.${option}`,
    reads: ['types'],
    broken: (self) =>
      self.options?.[option] === undefined || self.types.some((t) => types.includes(t))
        ? undefined
        : ['options', option],
  }
}

const EXCLUDE: Rule<FeedOutput> = {
  cel: "!has(self.exclude) || self.symbols.exists(s, s.contains('*'))",
  says: "there is no pattern in symbols from which to exclude; write one such as '*-USDT', or leave out exclude.",
  at: '.exclude',
  reads: ['symbols'],
  broken: (self) => (self.exclude === undefined || self.symbols.some((s) => s.includes('*')) ? undefined : ['exclude']),
}

/** One feed, with its rules. */
export const feed = [
  ...MARKETS.filter((name) => TYPES_OF_MARKET[name].length < DATA_TYPES.length).map(marketRule),
  ...(['kline', 'orderbook', 'longShortRatio'] as const).map(optionRule),
  EXCLUDE,
].reduce((schema, each) => rule(schema, each), feedFields)

export const feeds = rule(z.array(feed).min(1).max(FEEDS_MAX), {
  cel:
    'self.all(a, self.exists_one(b, a.exchange == b.exchange && a.market == b.market && ' +
    'a.symbols == b.symbols && a.types.exists(t, t in b.types)))',
  says: 'two feeds ask for the same type of the same symbols; join them, or take the type out of one.',
  reads: ['exchange', 'market', 'symbols', 'types'],
  broken: (self) => {
    const index = self.findIndex((a, i) => self.slice(0, i).some((b) => repeats(a, b)))
    return index < 0 ? undefined : [index]
  },
})

function repeats(a: FeedOutput, b: FeedOutput): boolean {
  return (
    a.exchange === b.exchange &&
    a.market === b.market &&
    a.symbols.join() === b.symbols.join() &&
    a.types.some((t) => b.types.includes(t))
  )
}

export interface FeedOptions {
  readonly kline: z.output<typeof OPTIONS.kline>
  readonly orderbook: z.output<typeof OPTIONS.orderbook>
  readonly longShortRatio: z.output<typeof OPTIONS.longShortRatio>
}

/** The options of a feed with every default filled in. */
export function feedOptions(feed: {
  readonly options?: { readonly [K in keyof FeedOptions]?: FeedOptions[K] | undefined } | undefined
}): FeedOptions {
  return {
    kline: feed.options?.kline ?? OPTIONS.kline.parse({}),
    orderbook: feed.options?.orderbook ?? OPTIONS.orderbook.parse({}),
    longShortRatio: feed.options?.longShortRatio ?? OPTIONS.longShortRatio.parse({}),
  }
}
