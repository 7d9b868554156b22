// Objects of no interest in compiled layouts, against the rule: what tokens take.
import { expect, test } from 'vitest'
import { Frame, type FrameDeclaration } from './frame.ts'
import { DEPTH_MAX } from './plain.ts'

const DECLARATION: FrameDeclaration = {
  type: 'ticker',
  evidence: 'none',
  keys: { p: 'decimal' },
  expect: {},
  id: [],
  message: { bid: { decimal: 'p' } },
}
const SYMBOL = Buffer.from('BTC')
const CELLS = ['63000.5', '-0.25', '"open"', '"12345.67890"', 'null', 'true', '-12345678', '123456789012.5', '{}']

function frameOf(cells: readonly string[]): Buffer {
  return Buffer.from(`{"x":{"in":{${cells.map((cell, i) => `"k${i}":${cell}`).join(',')}}},"p":1.5}`)
}

/** The verdict, or where the price lies. */
function read(frame: Frame, bytes: Buffer): readonly number[] {
  const behind = frame.read(bytes, 0, bytes.length, SYMBOL)
  return behind < 0 ? [behind] : [behind, ...frame.at]
}

function learned(cells: readonly string[]): Frame {
  const frame = new Frame(DECLARATION)
  read(frame, frameOf(cells))
  return frame
}

test('an object of no interest is stepped over as tokens do, whatever scalar, word or object comes in it', () => {
  const numbers = [
    '1e5',
    '-4.7e-7',
    '01',
    '00012345.5',
    '-',
    '1.',
    '1.5.5',
    '.5',
    '12345',
    '1234.',
    '0',
    '-0',
    '1.2345678',
  ]
  const strings = [
    '""',
    '"é"',
    '"\\n"',
    '"\u001f"',
    '"1234"',
    '"1.2.3"',
    '"123456789"',
    '"-"',
    '"x y"',
    '"\u007f"',
    '"1',
  ]
  const words = [
    'nul',
    'nulls',
    'false',
    'tru',
    '[]',
    '[1]',
    '{"a":1}',
    '{"a":1,"a":2}',
    '',
    ' 1',
    '1 ',
    '1,2',
    '1,"k":2',
  ]
  // Deepest as a whole, though what stands in the cell alone is not.
  const nests = Array.from({ length: 6 }, (_, i) => '['.repeat(DEPTH_MAX - 4 + i) + ']'.repeat(DEPTH_MAX - 4 + i))
  const frame = learned(CELLS)
  for (const place of CELLS.keys())
    for (const other of [...CELLS, ...numbers, ...strings, ...words, ...nests]) {
      const bytes = frameOf(CELLS.with(place, other))
      expect(read(frame, bytes), bytes.toString()).toEqual(read(new Frame(DECLARATION), bytes))
    }
  expect(frame.slow).toBe(1)
})

test('an object of no interest is stepped over as tokens do after any change of a byte, and where it is cut', () => {
  const first = frameOf(CELLS)
  const frame = learned(CELLS)
  for (let i = 0; i < first.length; i++) {
    for (const byte of ['"', '0', '.', '-', '{', '}', ',', 'e', '\n', '\u0080']) {
      const bytes = Buffer.from(first)
      bytes.write(byte, i, 'latin1')
      expect(read(frame, bytes), bytes.toString()).toEqual(read(new Frame(DECLARATION), bytes))
    }
    expect(read(frame, first.subarray(0, i))).toEqual(read(new Frame(DECLARATION), first.subarray(0, i)))
  }
})

test('objects of many values and long keys are stepped over, too', () => {
  const many = Array.from({ length: 100 }, (_, i) => String(i))
  const long = ['1', `{"${'k'.repeat(1000)}":1}`]
  for (const cells of [many, long]) {
    const frame = learned(cells)
    const bytes = frameOf(cells.with(0, '2.5'))
    expect(read(frame, bytes)[0]).toBe(bytes.length)
    expect(frame.slow).toBe(1)
  }
})
