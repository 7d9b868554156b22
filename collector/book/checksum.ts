// The checksum that OKX sends with books: CRC-32 of the best levels as text, as a signed number.
//
// `bid price:bid size:ask price:ask size:…`, 25 levels a side, bids and asks in turn, the shorter side simply ends; digits
// as the venue sent them. (Page "Order book channel", section "Checksum"; the recordings of 2022 carry it. Since June
// 2026 the venue sends 0, which means: none.)
import { crc32 } from 'node:zlib'
import { COLON } from '../wire/bytes.ts'
import type { Book } from './book.ts'

const LEVELS = 25
/** Two numbers of at most 24 digits a level, each with a colon behind it. */
const text = Buffer.alloc(LEVELS * 2 * 50)

/** Of a book with sizes as the venue sent them; 0 of an empty one. */
export function checksumOf({ bids, asks }: Book): number {
  let pos = 0
  const [bid, ask] = [bids.ranked(LEVELS), asks.ranked(LEVELS)]
  for (let i = 0; i < bid.length || i < ask.length; i++) {
    if (i < bid.length) pos = bids.printLevel(text, pos, bid[i] as number, COLON)
    if (i < ask.length) pos = asks.printLevel(text, pos, ask[i] as number, COLON)
  }
  return crc32(text.subarray(0, Math.max(0, pos - 1))) | 0
}
