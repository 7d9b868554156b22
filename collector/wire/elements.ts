// Where a value of a frame ends that no declaration reads.
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './bytes.ts'

/** The place behind the object or array that begins at `pos`, or -1 when it does not end before `end`. */
export function elementEnd(bytes: Buffer, pos: number, end: number): number {
  let depth = 0
  for (let i = pos; i < end; i++) {
    const c = bytes[i]
    if (c === QUOTE) {
      i = stringEnd(bytes, i + 1, end)
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) depth += 1
    else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth -= 1
      if (depth === 0) return i + 1
    }
  }
  return -1
}

/** The place of the quote that ends the string whose content begins at `pos`; `end` when there is none. */
function stringEnd(bytes: Buffer, pos: number, end: number): number {
  for (let i = pos; i < end; i++) {
    if (bytes[i] === BACKSLASH) i += 1
    else if (bytes[i] === QUOTE) return i
  }
  return end
}
