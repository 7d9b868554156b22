import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plainLiquidations } from './liquidations.ts'
import { readLiquidations } from './flatten.ts'

const digits = fc.stringMatching(/^\d{1,8}(?:\.\d{1,4})?$/)
const detail = fc.record({
  bkLoss: fc.constant('0'),
  side: fc.constantFrom('buy', 'sell'),
  bkPx: digits,
  sz: digits,
  ts: fc.integer({ min: 1_790_000_000_000, max: 1_790_000_000_005 }).map(String),
  posSide: fc.constantFrom('long', 'short'),
})
const row = fc.record({
  instId: fc.constantFrom('BTC-USDT-SWAP', 'SOL-USDT-SWAP', '1INCH-USDT-SWAP', '币安人生-USDT-SWAP'),
  instType: fc.constant('SWAP'),
  details: fc.array(detail, { maxLength: 3 }),
})
/** Rows with their keys in any order. */
const rows = fc.array(
  row.chain((one) =>
    fc.shuffledSubarray(Object.keys(one) as (keyof typeof one)[], { minLength: 3 }).map((keys) => {
      return { ...one, text: JSON.stringify(Object.fromEntries(keys.map((key) => [key, one[key]]))) }
    }),
  ),
  { maxLength: 3 },
)
type Rows = typeof rows extends fc.Arbitrary<infer T> ? T : never
const ARG = '{"channel":"liquidation-orders","instType":"SWAP"}'
const wrapped = (texts: readonly string[]): string => `{"arg":${ARG},"data":[${texts.join(',')}]}`
const frameOf = (data: Rows): string => wrapped(data.map(({ text }) => text))
const told = (frame: string) =>
  readLiquidations(Buffer.from(frame))?.map(({ venueSymbol, bytes }) => [venueSymbol, bytes.toString()])

test('a frame in plain form says by the short way what it says parsed', () => {
  fc.assert(
    fc.property(rows, (data) => {
      const frame = frameOf(data)
      expect(plainLiquidations(Buffer.from(frame))).toHaveLength(data.flatMap(({ details }) => details).length)
      // White space takes the long way.
      expect(told(frame)).toEqual(told(`${frame} `))
    }),
  )
})

test('a frame of which a byte is another one is never read in another way', () => {
  fc.assert(
    fc.property(rows, fc.nat(), fc.integer({ min: 0x20, max: 0xff }), (data, place, byte) => {
      const bytes = Buffer.from(frameOf(data))
      // The rest of it is the name by which it was routed.
      const from = bytes.indexOf('"data":') + 7
      bytes[from + (place % (bytes.length - 1 - from))] = byte
      const short = plainLiquidations(bytes)
      if (short === undefined) return
      const long = readLiquidations(Buffer.concat([bytes, Buffer.from(' ')]))
      const sorted = short.toSorted((a, b) => a.time - b.time)
      expect(sorted.map((one) => [one.venueSymbol, one.bytes.toString()])).toEqual(
        long?.map((one) => [one.venueSymbol, one.bytes.toString()]),
      )
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['a value without quotes', { sz: 7 }],
  ['a value that is null', { bkPx: null }],
  ['a value that is empty', { bkPx: '' }],
  ['an escape', { posSide: 'a"b' }],
])('%s is left to the long way', (_, more) => {
  const whole = { side: 'sell', bkPx: '1', sz: '2', ts: '1790000000000', ...more }
  const frame = wrapped([JSON.stringify({ instId: 'BTC-USDT-SWAP', details: [whole] })])
  expect(plainLiquidations(Buffer.from(frame))).toBeUndefined()
})

test('a detail without a value cannot be read, which is said, and the others are taken', () => {
  const [whole, bare] = [
    { side: 'sell', bkPx: '1', sz: '2', ts: '1790000000000' },
    { side: 'sell', bkPx: '' },
  ]
  const frame = wrapped([JSON.stringify({ instId: 'BTC-USDT-SWAP', details: [bare, whole] })])
  expect(told(frame)).toEqual([
    ['BTC-USDT-SWAP', '{"instId":"BTC-USDT-SWAP","side":"sell","bkPx":"?","sz":"?","ts":"?"}'],
    ['BTC-USDT-SWAP', '{"instId":"BTC-USDT-SWAP","side":"sell","bkPx":"1","sz":"2","ts":"1790000000000"}'],
  ])
})
