import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Frame } from '../wire/frame.ts'
import { madeUp } from '../../test/support/madeup.ts'
import { Changes, RECENT_MAX, Recent } from './changes.ts'

const SYMBOL = Buffer.from('BTCUSDT')

function frameOf(type: 'funding_rate' | 'kline' | 'liquidation'): Frame {
  const form = madeUp.types[type]?.forms[0]
  if (form === undefined) throw new Error('no such type')
  return new Frame(form.frame)
}

/** Reads an element and gives its bytes. */
function read(frame: Frame, element: object): Buffer {
  const bytes = Buffer.from(JSON.stringify({ s: 'BTCUSDT', ...element }))
  expect(frame.read(bytes, 0, bytes.length, SYMBOL)).toBe(bytes.length)
  return bytes
}

const decimal = fc.constantFrom('1', '1.0', '10', '0.1', '11', '12345678901234567890')
const rate = fc.record({ r: decimal, f: fc.constantFrom('', 1_790_000_000_000, 1_790_000_000_000_000) })

it('an element is the same where all compared values are, byte for byte', () => {
  const frame = frameOf('funding_rate')
  const changes = new Changes([{ frame }], ['r', 'f'])
  fc.assert(
    fc.property(rate, rate, (a, b) => {
      changes.keep(0, read(frame, { ...a, t: 1_790_000_000_001 }))
      const isSame = changes.isSame(0, read(frame, { ...b, t: 1_790_000_000_002 }))
      expect(isSame).toBe(a.r === b.r && a.f === b.f)
    }),
  )
})

it('values that only together have the same bytes are not the same', () => {
  const frame = frameOf('kline')
  const changes = new Changes([{ frame }])
  const candle = { k: 1_790_000_000_000, o: '1', h: '12', l: '1', c: '1', v: '1' }
  changes.keep(0, read(frame, candle))
  expect(changes.isSame(0, read(frame, { ...candle, h: '1', l: '21' }))).toBe(false)
  expect(changes.isSame(0, read(frame, candle))).toBe(true)
})

it('an element of another form is not the same', () => {
  const frame = frameOf('funding_rate')
  const changes = new Changes([{ frame }, { frame }], ['r'])
  const bytes = read(frame, { r: '1', f: '', t: 1_790_000_000_001 })
  expect(changes.isSame(0, bytes)).toBe(false)
  changes.keep(0, bytes)
  expect([changes.isSame(0, bytes), changes.isSame(1, bytes)]).toEqual([true, false])
})

const liquidation = (i: number) => ({ p: `${i}`, q: '1', t: 1_790_000_000_000, d: 'buy' })

it(`the last ${RECENT_MAX} elements are known, and none before them`, () => {
  const frame = frameOf('liquidation')
  const recent = new Recent([{ frame }])
  const add = (i: number) => recent.add(0, read(frame, liquidation(i)), 1)
  for (let i = 0; i <= RECENT_MAX; i++) expect(add(i)).toBe(true)
  expect([add(1), add(RECENT_MAX)]).toEqual([false, false])
  expect([add(0), add(2), add(1)]).toEqual([true, false, true])
})

it('what was said lately is known by all it says, whatever it is', () => {
  const frame = frameOf('liquidation')
  const element = fc.record({
    p: decimal,
    q: decimal,
    t: fc.integer({ min: 1, max: 20 }),
    d: fc.constantFrom('buy', 'sell'),
  })
  fc.assert(
    fc.property(fc.array(element, { maxLength: 3 * RECENT_MAX, size: 'max' }), (elements) => {
      const recent = new Recent([{ frame }])
      const known: string[] = []
      for (const { t, ...one } of elements) {
        const bytes = read(frame, { ...one, t: 1_790_000_000_000 + t })
        const isKnown = known.includes(bytes.toString())
        expect(recent.add(0, bytes, t)).toBe(!isKnown)
        if (!isKnown && known.push(bytes.toString()) > RECENT_MAX) known.shift()
      }
    }),
    { numRuns: 20 },
  )
})
