import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Frame } from '../wire/frame.ts'
import { plainForm } from '../wire/general.ts'
import { liquidation } from './okx/frames.ts'
import { Rows } from './rows.ts'

const OURS = ['BTC-USDT-SWAP', '币安人生-USDT-SWAP', '1INCH-USDT-SWAP']
const NEST = { symbol: 'instId', elements: 'details', time: 'ts' }
const frame = new Frame(liquidation)
const readers = OURS.map((venueSymbol) => ({ frame, route: { venueSymbol, symbol: Buffer.from(venueSymbol) } }))

const digits = fc.stringMatching(/^(?:0|[1-9]\d{0,7})(?:\.\d{1,4})?$/)
const detail = fc.record({
  bkLoss: fc.constantFrom('0', '}', '1}]'),
  side: fc.constantFrom('buy', 'sell'),
  bkPx: digits,
  sz: digits,
  ts: fc.integer({ min: 1_790_000_000_000, max: 1_790_000_000_005 }).map(String),
  posSide: fc.constantFrom('long', 'short'),
})
const row = fc.record({
  instId: fc.constantFrom(...OURS, 'SOL-USDT-SWAP'),
  instType: fc.constant('SWAP'),
  details: fc.array(detail, { maxLength: 3 }),
})
/** Rows with their keys in any order. */
const anyRows = fc.array(
  row.chain((one) =>
    fc
      .shuffledSubarray(Object.keys(one) as (keyof typeof one)[], { minLength: 3 })
      .map((keys) => Object.fromEntries(keys.map((key) => [key, one[key]])) as unknown as typeof one),
  ),
  { maxLength: 3 },
)
const [BEFORE, BEHIND] = ['{"data":', '}']
const wrapped = (data: unknown): Buffer => Buffer.from(`${BEFORE}${JSON.stringify(data)}${BEHIND}`)

/** Whose elements were found, and what each of them says, in that order; undefined where that could not be read. */
function found(rows: Rows<(typeof readers)[number]>, bytes: Buffer) {
  const end = bytes.length - BEHIND.length
  if (!rows.find(bytes, BEFORE.length, end)) return undefined
  const elements = Array.from({ length: rows.count }, (_, i) => {
    const [place, owner] = [rows.places[i] as number, rows.owners[i]?.[0]?.route.venueSymbol]
    const behind = frame.read(bytes, place, end, Buffer.alloc(0))
    return behind < 0 ? undefined : [owner, JSON.parse(bytes.toString('utf8', place, behind)) as unknown]
  })
  return elements.includes(undefined) ? undefined : elements
}

/** The same by JSON.parse. */
function parsed(data: readonly (typeof row extends fc.Arbitrary<infer T> ? T : never)[]) {
  const elements = data.flatMap(({ instId, details }) =>
    OURS.includes(instId) ? details.map((one) => [instId, one] as const) : [],
  )
  return elements.toSorted(([, a], [, b]) => Number(a.ts) - Number(b.ts))
}

test('elements of ours are found, whose they are and by their time', () => {
  const rows = new Rows(NEST, readers)
  fc.assert(
    fc.property(anyRows, (data) => {
      expect(found(rows, wrapped(data))).toEqual(parsed(data))
    }),
    { numRuns: 1_000 },
  )
})

test('data of which a byte is another one is never read in another way', () => {
  const rows = new Rows(NEST, readers)
  fc.assert(
    fc.property(anyRows, fc.nat(), fc.integer({ min: 0x20, max: 0xff }), (data, place, byte) => {
      const bytes = wrapped(data)
      bytes[BEFORE.length + (place % (bytes.length - BEFORE.length - BEHIND.length))] = byte
      const elements = found(rows, bytes)
      if (elements === undefined) return
      const plain = plainForm(bytes, { data: 'value' }) as Buffer
      expect(plain.equals(bytes)).toBe(true)
      expect(found(new Rows(NEST, readers), plain)).toEqual(elements)
      expect(elements).toEqual(parsed(JSON.parse(bytes.toString('utf8', BEFORE.length, bytes.length - 1))))
    }),
    { numRuns: 2_000 },
  )
})

const WHOLE = { side: 'sell', bkPx: '1', sz: '2', ts: '1790000000000' }

test.each([
  ['an element that lacks a value', [{ instId: OURS[0], details: [WHOLE, { side: 'sell', bkPx: '' }] }]],
  ['an element that is none', [{ instId: OURS[0], details: [7] }]],
  ['two of them', [{ instId: OURS[0], details: [7, WHOLE] }]],
  ['a row without elements', [{ instId: OURS[0] }]],
  ['no rows', {}],
  ['a row that is none', [7]],
])('%s cannot be read', (_, data) => {
  expect(found(new Rows(NEST, readers), wrapped(data))).toBeUndefined()
})

test.each([
  ['rows of others', [{ instId: 'SOL-USDT-SWAP', details: [7] }, { instId: 'SOL-USDT-SWAP' }, { details: [WHOLE] }]],
  ['rows with nothing in them', [{ instId: OURS[0], details: [] }]],
  ['no rows', []],
])('%s have nothing of ours', (_, data) => {
  expect(found(new Rows(NEST, readers), wrapped(data))).toEqual([])
})
