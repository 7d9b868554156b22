import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { feeds } from '../../../crds/feed.ts'
import { readRecording } from '../../../test/exchange/recording.ts'
import { Intake, listingOf } from '../../../test/support/intake.ts'
import { planOf } from '../../plan.ts'
import type { Listing, Room, TypeOptions } from '../room.ts'
import { COIN, readInstruments } from './instruments.ts'
import { readAggTrades, readOpenInterest, readRatios } from './rest.ts'
import { binance } from './room.ts'

const CASES = fileURLToPath(new URL('../../../../shared/cases/', import.meta.url))
const C014 = `${CASES}C014-funding-that-is-not-there-empty-strings/binance.ndjson`
const DELIVERY = Date.UTC(2026, 11, 25, 8)
const NEVER = 4_133_404_800_000
const [spot, perpetual, future] = binance as [Room, Room, Room]

const filters = [
  { filterType: 'PRICE_FILTER', tickSize: '0.10' },
  { filterType: 'LOT_SIZE', stepSize: '0.001' },
]
const row = (symbol: string, base: string, quote: string, more: object = {}): Record<string, unknown> => ({
  ...{ symbol, baseAsset: base, quoteAsset: quote, status: 'TRADING', filters },
  ...{ contractType: 'PERPETUAL', deliveryDate: NEVER, pair: base + quote },
  ...more,
})
const dated = { contractType: 'CURRENT_QUARTER', deliveryDate: DELIVERY }
const coin = { contractStatus: 'TRADING', contractSize: 100, status: undefined }

function read(rows: readonly unknown[], market: 'spot' | 'perpetual' | 'future', host?: string): readonly Listing[] {
  return readInstruments(Buffer.from(JSON.stringify({ symbols: rows })), market, host)?.listings ?? []
}

function symbols(...asked: Parameters<typeof read>): string[] {
  return read(...asked).map(({ symbol, venueSymbol, status }) => `${venueSymbol} ${symbol} ${status}`)
}

test('perpetuals are those without a day, whatever they are on, and dated contracts have it in their symbol', () => {
  const rows = [
    row('BTCUSDT', 'BTC', 'USDT'),
    row('1000SHIBUSDT', '1000SHIB', 'USDT'),
    row('币安人生USDT', '币安人生', 'USDT'),
    row('1INCHUSDT', '1INCH', 'USDT', { status: 'PRE_SETTLE' }),
    row('TSLAUSDT', 'TSLA', 'USDT', { contractType: 'TRADIFI_PERPETUAL' }),
    row('BTCSTUSDT', 'BTCST', 'USDT', { contractType: '', status: 'PENDING_TRADING' }),
    row('SOONUSDT', 'SOON', 'USDT', { contractType: '', status: 'PENDING_TRADING', deliveryDate: DELIVERY }),
    row('BTCUSDT_261225', 'BTC', 'USDT', dated),
    row('ETHUSDT_261225', 'ETH', 'USDT', { ...dated, contractType: 'NEXT_QUARTER DELIVERING', status: 'DELIVERING' }),
  ]
  expect(symbols(rows, 'perpetual')).toEqual([
    'BTCUSDT BTC-USDT trading',
    '1000SHIBUSDT 1000SHIB-USDT trading',
    '币安人生USDT 币安人生-USDT trading',
    '1INCHUSDT 1INCH-USDT halted',
    'TSLAUSDT TSLA-USDT trading',
    'BTCSTUSDT BTCST-USDT pre_open',
  ])
  expect(symbols(rows, 'future')).toEqual([
    'BTCUSDT_261225 BTC-USDT-20261225 trading',
    'ETHUSDT_261225 ETH-USDT-20261225 delisted',
  ])
})

test('coin-margined contracts have their worth in dollars, and their host', () => {
  const rows = [
    row('BTCUSD_PERP', 'BTC', 'USD', coin),
    row('ETHUSD_PERP', 'ETH', 'USD', { ...coin, contractSize: 10, contractStatus: 'PENDING_TRADING' }),
    row('BTCUSD_261225', 'BTC', 'USD', { ...coin, ...dated }),
  ]
  const [btc, eth] = read(rows, 'perpetual', COIN)
  expect(btc).toEqual({
    ...{ symbol: 'BTC-USD', venueSymbol: 'BTCUSD_PERP', base: 'BTC', quote: 'USD', status: 'trading' },
    ...{
      tickSize: '0.10',
      lotSize: '0.001',
      sizing: { kind: 'inverse', value: '100' },
      host: COIN,
    },
  })
  expect([eth?.status, eth?.sizing]).toEqual(['pre_open', { kind: 'inverse', value: '10' }])
  expect(read(rows, 'future', COIN)).toMatchObject([{ symbol: 'BTC-USD-20261225', expiresMs: DELIVERY }])
})

test.each([
  ['1000SHIB', '1000'],
  ['1000000MOG', '1000000'],
  ['1MBABYDOGE', '1000000'],
  ['1INCH', undefined],
  ['BTC', undefined],
])('a base named %s is so many of its coin: %s', (base, multiplier) => {
  expect(read([row(`${base}USDT`, base, 'USDT')], 'perpetual')[0]?.baseMultiplier).toBe(multiplier)
})

test('a perpetual that is about to be delisted says when', () => {
  const leaving = row('BTCUSDT', 'BTC', 'USDT', { deliveryDate: DELIVERY })
  expect(read([leaving], 'perpetual')).toMatchObject([{ symbol: 'BTC-USDT', status: 'trading', expiresMs: DELIVERY }])
})

test.each<[string, Record<string, unknown>, string | undefined]>([
  ['a name that is not base and quote', row('ICPUSDT_SETTLED', 'ICP', 'USDT'), undefined],
  ['what would have the symbol of a coin-margined contract', row('BTCUSD', 'BTC', 'USD'), undefined],
  ['a day that is not that of the name', row('BTCUSDT_261226', 'BTC', 'USDT', dated), undefined],
  ['a base that is no word', row('B.TC*USDT', 'B.TC*', 'USDT'), undefined],
  ['a base that is too long', row(`${'A'.repeat(25)}USDT`, 'A'.repeat(25), 'USDT'), undefined],
  ['a kind that is new', row('BTCUSDT', 'BTC', 'USDT', { contractType: 'LEAP' }), undefined],
  ['a contract that is worth nothing', row('BTCUSD_PERP', 'BTC', 'USD', { ...coin, contractSize: 0 }), COIN],
  ['a contract of unknown worth', row('BTCUSD_PERP', 'BTC', 'USD', { ...coin, contractSize: { a: 1 } }), COIN],
  ['a day beyond all days', row('BTCUSD_PERP', 'BTC', 'USD', { ...coin, ...dated, deliveryDate: 1e300 }), COIN],
])('%s is left out, and what stands beside it is not', (_what, hostile, host) => {
  const good = host === COIN ? row('ETHUSD_PERP', 'ETH', 'USD', coin) : row('ETHUSDT', 'ETH', 'USDT')
  for (const market of ['perpetual', 'future'] as const) {
    const found = read([hostile, null, 7, [], good, { symbol: 5 }], market, host)
    expect(found.map(({ base }) => base)).toEqual(market === 'perpetual' ? ['ETH'] : [])
  }
})

test('an unknown status is a halt, and steps that are no decimals are none', () => {
  const odd = row('BTCUSDT', 'BTC', 'USDT', {
    status: 'SOMETHING_NEW',
    filters: [null, { filterType: 'PRICE_FILTER', tickSize: '1e-5' }, { filterType: 'LOT_SIZE', stepSize: 3 }],
  })
  expect(read([odd], 'perpetual')).toMatchObject([{ status: 'halted', tickSize: undefined, lotSize: undefined }])
})

test('no two instruments of a market share a symbol, whatever the venue lists', () => {
  const asset = fc.constantFrom('BTC', '1000BTC', 'USD', 'USDT', 'B', 'TC', '币')
  const ending = fc.constantFrom('', '_PERP', '_261225', '_261226', '_SETTLED')
  const rows = fc.array(
    fc.record({ base: asset, quote: asset, ending, coin: fc.boolean(), dated: fc.boolean() }).map((drawn) => ({
      isCoin: drawn.coin,
      row: row(drawn.base + drawn.quote + drawn.ending, drawn.base, drawn.quote, {
        ...(drawn.coin ? coin : {}),
        ...(drawn.dated ? dated : {}),
      }),
    })),
  )
  fc.assert(
    fc.property(rows, (drawn) => {
      for (const market of ['perpetual', 'future'] as const) {
        const of = (host?: string) =>
          read(
            drawn.filter(({ isCoin }) => isCoin === (host === COIN)).map((one) => one.row),
            market,
            host,
          )
        const all = [...of(), ...of(COIN)]
        const named = new Map(all.map(({ symbol, venueSymbol }) => [symbol, venueSymbol]))
        for (const { symbol, venueSymbol } of all) expect(named.get(symbol)).toBe(venueSymbol)
        for (const { symbol } of all) expect(symbol).toMatch(/^[\p{L}\p{N}]+-[\p{L}\p{N}]+(-\d{8})?$/u)
      }
    }),
  )
})

const UM = listingOf('BTC-USDT', 'BTCUSDT')
const CM: Listing = {
  ...listingOf('BTC-USD', 'BTCUSD_PERP', { kind: 'inverse', value: '100' }),
  host: COIN,
}

function stream(type: keyof Room['types'], listing: Listing, options: TypeOptions = {}): unknown {
  const room = perpetual.types[type]
  return room?.via === 'websocket' ? room.stream(listing, options) : undefined
}

test('each kind of contract is asked for where it is: by path of USDⓈ-M, by host of COIN-M', () => {
  expect(stream('trade', UM)).toMatchObject({ path: '/market/stream', name: 'btcusdt@aggTrade' })
  expect(stream('orderbook', UM)).toMatchObject({ path: '/public/stream', name: 'btcusdt@depth@100ms' })
  expect(stream('funding_rate', UM)).toMatchObject({ path: '/market/stream', name: 'btcusdt@markPrice@1s' })
  expect(stream('liquidation', CM)).toEqual({ host: COIN, path: '/stream', name: 'btcusd_perp@forceOrder' })
  expect(stream('kline', CM, { interval: '5m' })).toEqual({ host: COIN, path: '/stream', name: 'btcusd_perp@kline_5m' })
  const { trade, orderbook, open_interest: interest, lsr_all_account: ratio } = perpetual.types
  expect(trade?.history.query(CM, 7)).toMatchObject({
    host: COIN,
    path: expect.stringMatching(/^\/dapi\/v1\/aggTrades\?/),
  })
  const snapshots = orderbook?.snapshots === 'stream' ? undefined : orderbook?.snapshots
  expect(snapshots?.query(CM, 400)).toMatchObject({ host: COIN, weight: 10, limit: 500 })
  const asked = (type: typeof interest, listing: Listing, options: TypeOptions) =>
    type?.via === 'rest' ? [type.query(listing, options), type.everyMs(options, listing)] : []
  expect(asked(interest, UM, {})).toEqual([
    { host: undefined, path: '/fapi/v1/openInterest?symbol=BTCUSDT', weight: 1 },
    10_000,
  ])
  expect(asked(interest, CM, {})).toMatchObject([{ host: COIN, pool: 'statistics', weight: 1 }, 300_000])
  expect(asked(ratio, CM, { period: '1h' })).toMatchObject([
    {
      host: COIN,
      path: '/futures/data/globalLongShortAccountRatio?pair=BTCUSD&period=1h&limit=30',
      pool: 'statistics',
    },
    3_600_000,
  ])
  const { open_interest: dated } = future.types
  expect([UM, CM].map((listing) => dated?.offers?.(listing, {}))).toEqual([true, false])
  expect([spot.types.kline?.offers, perpetual.types.kline?.offers?.(UM, { interval: '1s' })]).toEqual([
    undefined,
    false,
  ])
})

test.skipIf(!existsSync(C014))(
  'C014: a dated contract, whose rate is "" and whose time is 0, has no funding, no message and no error',
  () => {
    const intake = new Intake(perpetual, [
      { type: 'funding_rate', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT' },
      { type: 'funding_rate', symbol: 'DATED-USDT', venueSymbol: 'BTCUSDT_261225' },
    ])
    // The case shows the stream of all symbols; we have one for each.
    const elements = readRecording(C014).flatMap((item) =>
      item.kind === 'frame' ? (JSON.parse(item.body) as { data: { s: string }[] }).data : [],
    )
    expect(elements.map(({ s }) => s)).toEqual(['BTCUSDT', 'BTCUSDT_261225'])
    for (const data of elements) {
      intake.frame(Buffer.from(JSON.stringify({ stream: `${data.s.toLowerCase()}@markPrice@1s`, data })))
    }
    const [made, ...others] = intake.take()
    expect([made?.channel.subject, others]).toEqual(['market.funding_rate.binance.perpetual.BTC-USDT', []])
    expect(made?.message).toMatchObject({ rate: '0.00010000', funding_time: 1_790_003_600_000_000 })
    expect(intake.counts).toMatchObject({ received: 2, data: 2, refused: { malformed: 0 } })
    // And it cannot be asked for: why is said in a sentence.
    const wanted = { exchange: 'binance', market: 'future', symbols: ['BTC-USDT-20261225'], types: ['funding_rate'] }
    const listings = new Map(
      read([row('BTCUSDT_261225', 'BTC', 'USDT', dated)], 'future').map((one) => [one.symbol, one]),
    )
    const plan = planOf(feeds.parse([wanted]), { room: future, listings, isWhole: true, taken: new Set() })
    expect(plan).toMatchObject({ wanted: [], absent: [{ why: 'binance has no funding_rate in its future market' }] })
  },
)

test.each([
  ['trades', readAggTrades],
  ['open interest', readOpenInterest],
  ['ratios', readRatios],
])('any answer to a question for %s is read, or is none, and never throws', (_what, reader) => {
  const key = fc.constantFrom(
    'symbol',
    'pair',
    'openInterest',
    'time',
    'timestamp',
    'longShortRatio',
    'sumOpenInterest',
  )
  const value = fc.oneof(fc.constantFrom('BTCUSD', 'BTCUSD_PERP', '1', 1_790_000_000_000), fc.jsonValue())
  const answer = fc.oneof(
    fc.array(fc.dictionary(key, value)).map((rows) => Buffer.from(JSON.stringify(rows))),
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(answer, (body) => {
      for (const element of reader(body, 'BTCUSD_PERP') ?? []) expect(() => JSON.parse(String(element))).not.toThrow()
    }),
  )
})
