import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DATA_TYPES } from './names.ts'
import { nearest, ourSymbol } from './suggest.ts'

test.each([
  ['trades', 'trade'],
  ['Trade', 'trade'],
  ['tarde', 'trade'],
  ['order_book', 'orderbook'],
  ['fundingRate', 'funding_rate'],
  ['openinterest', 'open_interest'],
  ['liquidations', 'liquidation'],
  ['lsr_top_positions', 'lsr_top_position'],
])('%s is near to %s', (text, name) => {
  expect(nearest(text, DATA_TYPES)).toBe(name)
})

test('an alias is found in any spelling and goes before nearness', () => {
  expect(nearest('L2-Book', DATA_TYPES, { l2book: 'orderbook' })).toBe('orderbook')
})

test.each(['', 'x', 'volume', 'a'.repeat(10_000)])('nothing is near to %j', (text) => {
  expect(nearest(text, DATA_TYPES)).toBeUndefined()
})

test('one edit is forgiven in every name', () => {
  const edited = fc
    .constantFrom(...DATA_TYPES)
    .chain((name) => fc.nat(name.length - 1).map((at) => [name, name.slice(0, at) + name.slice(at + 1)] as const))
  fc.assert(fc.property(edited, ([name, text]) => nearest(text, DATA_TYPES) === name))
})

test.each([
  ['BTCUSDT', 'BTC-USDT'],
  ['btcfdusd', 'BTC-FDUSD'],
  ['1000SHIBUSDC', '1000SHIB-USDC'],
  ['ETHBTC', 'ETH-BTC'],
  ['btc-usdt', 'BTC-USDT'],
  ['BTC/USDT', 'BTC-USDT'],
  ['BTC/USDT:USDT', 'BTC-USDT'],
  ['BTC_USDT', 'BTC-USDT'],
  ['BTC-USDT-SWAP', 'BTC-USDT'],
  ['BTCUSDT_PERP', 'BTC-USDT'],
  ['BTC-PERPETUAL', 'BTC-USD'],
])('%s is written %s here', (text, symbol) => {
  expect(ourSymbol(text)).toBe(symbol)
})

test.each(['', 'BTC', 'USDT', 'BTC USDT', 'a\u001bb', 'A-B-C-D', 'x'.repeat(1000)])(
  '%j is no symbol of any kind',
  (text) => {
    expect(ourSymbol(text)).toBeUndefined()
  },
)
