import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Levels } from './levels.ts'
import { copyAscii, sideBytesMax, writeSide } from './sides.ts'
import { BASE, type Sizing, converterOf } from './sizes.ts'

type Pair = readonly [price: string, size: string]

const PAIRS: readonly Pair[] = [
  ['64000.50', '20.0'],
  ['0.0005', '3'],
  ['64001', '0.00'],
  ['0', '7'],
]

/** Levels as they lie in a frame of any grammar: offsets are all that counts. */
function placed(pairs: readonly Pair[]): { readonly bytes: Buffer; readonly levels: Levels } {
  const levels = new Levels()
  levels.scan(Buffer.from(JSON.stringify(pairs.map(() => ['1', '1']))), 0)
  // The same digits where Deribit has them: without quotes, behind a word.
  let text = '['
  for (const [i, [price, size]] of pairs.entries()) {
    const at = text.length + '["new",'.length
    text += `["new",${price},${size}],`
    levels.at.set([at, at + price.length, at + price.length + 1, at + price.length + 1 + size.length], i * 4)
  }
  levels.isQuoted = false
  return { bytes: Buffer.from(`${text}]`), levels }
}

/** The same as most venues have them. */
function quoted(pairs: readonly Pair[], behind: string): { readonly bytes: Buffer; readonly levels: Levels } {
  const levels = new Levels()
  const bytes = Buffer.from(`[${pairs.map(([price, size]) => `["${price}","${size}"${behind}]`).join(',')}]`)
  expect([levels.scan(bytes, 0), levels.isQuoted]).toEqual([bytes.length, true])
  return { bytes, levels }
}

function written(pairs: readonly Pair[], sizing: Sizing, { bytes, levels } = placed(pairs)): unknown {
  const convert = converterOf(sizing)
  const to = Buffer.alloc(sideBytesMax(bytes.length, levels, convert) + 1)
  for (const [i, [price]] of pairs.entries()) levels.price[i] = Number(price)
  const view = new DataView(bytes.buffer)
  const end = writeSide(to, new DataView(to.buffer), 1, bytes, view, levels, convert)
  expect(end).toBeLessThanOrEqual(to.length)
  return JSON.parse(to.toString('latin1', 1, end))
}

describe('a side', () => {
  test("has the venue's own digits where sizes are base", () => {
    expect(written(PAIRS, BASE)).toEqual(PAIRS)
    expect(written([], BASE)).toEqual([])
    for (const behind of ['', ',"0","3"', ',7']) {
      expect(written(PAIRS, BASE, quoted(PAIRS, behind))).toEqual(PAIRS)
      expect(written([], BASE, quoted([], behind))).toEqual([])
    }
  })

  test("has sizes in base and the venue's figures behind them where they are another thing", () => {
    expect(written(PAIRS, { kind: 'linear', multiplier: '0.01' })).toEqual([
      ['64000.50', '0.200', '20.0'],
      ['0.0005', '0.03', '3'],
      ['64001', '0', '0.00'],
      ['0', '0.07', '7'],
    ])
  })

  test('has no level at a price of zero where a size follows from the price', () => {
    expect(written(PAIRS, { kind: 'inverse', value: '1' })).toEqual([
      ['64000.50', '0.000312497558613', '20.0'],
      ['0.0005', '6000', '3'],
      ['64001', '0', '0.00'],
      ['0', '0', '7'],
    ])
  })

  test('finds the room that it asked for, with the longest digits', () => {
    const long = ['9'.repeat(24), `0.${'0'.repeat(21)}1`, '1'] as const
    const pairs = long.flatMap((price) => long.map((size): Pair => [price, size]))
    for (const factor of long) {
      expect(written(pairs, { kind: 'linear', multiplier: factor })).toHaveLength(pairs.length)
      expect(written(pairs, { kind: 'inverse', value: factor })).toHaveLength(pairs.length)
    }
  })
})

test('ASCII of any length is copied byte for byte, and nothing beside it', () => {
  const text = fc.stringMatching(/^[[\]",.0-9]{0,70}$/)
  fc.assert(
    fc.property(text, fc.nat(9), fc.nat(9), (ascii, start, pos) => {
      const from = Buffer.from(`${'<'.repeat(start)}${ascii}>`)
      const to = Buffer.alloc(pos + ascii.length + 4, '#')
      const viewOf = (b: Buffer) => new DataView(b.buffer, b.byteOffset, b.length)
      copyAscii(viewOf(from), start, viewOf(to), pos, ascii.length)
      expect(to.toString()).toBe(`${'#'.repeat(pos)}${ascii}####`)
    }),
  )
})
