// The checksum that OKX sends with books: CRC-32 of the best levels as text, as a signed number.
//
// `bid price:bid size:ask price:ask size:…`, 25 levels a side, bids and asks in turn, the shorter side simply ends; digits
// as the venue sent them. (Page "Order book channel", section "Checksum"; the recordings of 2022 carry it. Since June
// 2026 the venue sends 0, which means: none.)
import { crc32 } from 'node:zlib'
import { COLON } from '../wire/bytes.ts'
import { type Book, LEVEL_BYTES_MAX } from './book.ts'

const LEVELS = 25
const text = Buffer.alloc(LEVELS * 2 * LEVEL_BYTES_MAX)
const view = new DataView(text.buffer, text.byteOffset, text.length)

/** Of a book with sizes as the venue sent them; 0 of an empty one. */
export function checksumOf({ bids, asks }: Book): number {
  let pos = 0
  const bid = bids.front(LEVELS)
  const ask = asks.front(LEVELS)
  for (let i = 0; i < bid || i < ask; i++) {
    if (i < bid) pos = bids.printFront(view, pos, i, COLON)
    if (i < ask) pos = asks.printFront(view, pos, i, COLON)
  }
  return crc32(text.subarray(0, Math.max(0, pos - 1))) | 0
}
