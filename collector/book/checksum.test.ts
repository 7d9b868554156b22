import { crc32 } from 'node:zlib'
import { expect, it } from 'vitest'
import { Levels } from '../wire/levels.ts'
import { Book } from './book.ts'
import { checksumOf } from './checksum.ts'

type Level = readonly [price: string, size: string]

function bookOf(bids: readonly Level[], asks: readonly Level[]): Book {
  const book = new Book()
  for (const [side, rows] of [
    [book.bids, bids],
    [book.asks, asks],
  ] as const) {
    const bytes = Buffer.from(JSON.stringify(rows))
    const levels = new Levels()
    expect(levels.scan(bytes, 0)).toBe(bytes.length)
    side.apply(bytes, levels)
  }
  return book
}

/** `count` levels away from 1000, the best first. */
const many = (count: number, step: number): Level[] =>
  Array.from({ length: count }, (_, i) => [`${1000 + step * (i + 1)}.50`, `${i + 1}.00000000`])

const BOOKS: Record<string, [bids: readonly Level[], asks: readonly Level[], text: string]> = {
  'bids and asks in turn': [
    [
      ['10', '1'],
      ['9', '2'],
    ],
    [
      ['11', '3'],
      ['12', '4'],
    ],
    '10:1:11:3:9:2:12:4',
  ],
  'best first, however they came': [
    [
      ['9', '2'],
      ['10', '1'],
    ],
    [
      ['12', '4'],
      ['11', '3'],
    ],
    '10:1:11:3:9:2:12:4',
  ],
  'the shorter side simply ends': [
    [['10', '1']],
    [
      ['11', '3'],
      ['12', '4'],
    ],
    '10:1:11:3:12:4',
  ],
  'one side alone': [
    [],
    [
      ['11', '3'],
      ['12', '4'],
    ],
    '11:3:12:4',
  ],
  'the digits as they were sent': [[['10.10', '0.50000000']], [['11.00', '3']], '10.10:0.50000000:11.00:3'],
  'no more than 25 levels a side': [
    many(30, -1),
    many(40, 1),
    many(25, -1)
      .flatMap((bid, i) => [...bid, ...(many(25, 1)[i] as Level)])
      .join(':'),
  ],
  'an empty book': [[], [], ''],
}

it.each(Object.entries(BOOKS))('the checksum is over %s', (_, [bids, asks, text]) => {
  expect(checksumOf(bookOf(bids, asks))).toBe(crc32(text) | 0)
})

it('it is signed, and its text may be as long as numbers can be', () => {
  const long: Level = ['123456789012345.00000000', '123456789012345.12345678']
  const rows = Array.from({ length: 25 }, (_, i): Level => [`${10 + i}${long[0].slice(2)}`, long[1]])
  expect(checksumOf(bookOf(rows, rows))).toBe(
    crc32(
      rows
        .toReversed()
        .flatMap((bid, i) => [...bid, ...(rows[i] as Level)])
        .join(':'),
    ) | 0,
  )
  expect(checksumOf(bookOf([['10', '1']], [['11', '2']]))).toBe(-227900693)
})
