// A buffer that takes pieces of a file and gives whole lines; what is left of a line waits for the next piece.

export const NEWLINE = 0x0a
/** Bytes that are read at once. */
export const PIECE_BYTES = 256 * 1024
/** Bytes that one line may have. */
const LINE_BYTES_MAX = 64 * 1024 * 1024

export class LineBuffer {
  bytes = Buffer.allocUnsafe(2 * PIECE_BYTES)
  /** How many bytes there are, from the beginning. */
  used = 0

  /** Room for a piece. */
  space(): Buffer {
    if (this.used + PIECE_BYTES > this.bytes.length) {
      const bytes = Buffer.allocUnsafe(this.bytes.length * 2)
      this.bytes.copy(bytes, 0, 0, this.used)
      this.bytes = bytes
    }
    return this.bytes.subarray(this.used, this.used + PIECE_BYTES)
  }

  /**
   * Says that so many bytes were written into the room.
   * @returns where the last whole line ends, behind its line break; 0 where there is none
   * @throws Error when a line is longer than anything that we write
   */
  add(count: number): number {
    const end = this.bytes.subarray(this.used, this.used + count).lastIndexOf(NEWLINE)
    const whole = end < 0 ? 0 : this.used + end + 1
    this.used += count
    if (this.used - whole > LINE_BYTES_MAX) throw new Error(`a line is longer than ${LINE_BYTES_MAX} bytes`)
    return whole
  }

  /** Forgets the first bytes. */
  drop(count: number): void {
    if (count === 0) return
    this.bytes.copyWithin(0, count, this.used)
    this.used -= count
  }

  clear(): void {
    this.used = 0
  }
}
