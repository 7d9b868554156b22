import { describe, expect, it } from 'vitest'
import { Levels } from '../wire/levels.ts'
import { KnownBook, Renewal } from './known.ts'

type Level = readonly [price: string, size: string]

/** Both sides of a frame in one buffer, as the scanner leaves them. */
function frame(bids: readonly Level[], asks: readonly Level[]): [Buffer, Levels, Levels] {
  const [b, a] = [JSON.stringify(bids), JSON.stringify(asks)]
  const bytes = Buffer.from(b + a)
  const sides: [Levels, Levels] = [new Levels(), new Levels()]
  expect([sides[0].scan(bytes, 0), sides[1].scan(bytes, b.length)]).toEqual([b.length, bytes.length])
  return [bytes, ...sides]
}

const prices = (...all: string[]): Level[] => all.map((price) => [price, '1'])
const gone = (...all: string[]): Level[] => all.map((price) => [price, '0'])

describe('what is known of a book', () => {
  it('is all of it when the snapshot was not cut', () => {
    const book = new KnownBook()
    book.begin(...frame(prices('10', '9'), prices('11')), 3)
    book.apply(...frame(prices('2'), prices('30')))
    expect([book.bidsKnown(5), book.asksKnown(5), book.isThin(5)]).toEqual([3, 2, false])
  })

  it('ends where the snapshot was cut, on each side by itself', () => {
    const book = new KnownBook()
    book.begin(...frame(prices('10', '9', '8'), prices('11')), 3)
    book.apply(...frame(prices('2'), prices('30')))
    expect([book.bidsKnown(5), book.asksKnown(5)]).toEqual([3, 2])
    // Three known bids are enough for four, not for five; the asks were not cut.
    expect([book.isThin(4), book.isThin(5)]).toEqual([false, true])
  })

  it('grows thin as the best levels go, and not again by levels beyond the cut', () => {
    const book = new KnownBook()
    book.begin(...frame(prices('10', '9', '8'), prices('11', '12', '13')), 3)
    book.apply(...frame(gone('10', '9'), []))
    book.apply(...frame(prices('7', '6', '5'), []))
    expect([book.bids.count, book.bidsKnown(2), book.asksKnown(2), book.isThin(2)]).toEqual([4, 1, 2, true])
    expect(book.isBlind).toBe(false)
    book.apply(...frame(gone('8'), []))
    expect([book.bids.count, book.bidsKnown(2), book.isBlind]).toEqual([3, 0, true])
  })
})

describe('a renewal', () => {
  it('is joined by a delta that spans its snapshot, ends there, or begins there', () => {
    const joins: [previous: number, last: number, joined: boolean, fits: boolean][] = [
      [90, 95, false, true],
      [90, 100, true, true],
      [90, 110, true, true],
      [100, 110, true, true],
      [105, 110, false, false],
    ]
    for (const [previous, last, joined, fits] of joins) {
      const renewal = new Renewal(100)
      const [bytes, bids, asks] = frame(prices('10'), [])
      expect([renewal.feed(bytes, previous, last, bids, asks), renewal.joined]).toEqual([fits, joined])
      expect(renewal.book.bids.count).toBe(last > 100 && fits ? 1 : 0)
    }
  })
})
