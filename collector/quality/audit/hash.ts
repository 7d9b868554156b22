// Hashes of 32 bits, over bytes. Two of them with other seeds stand for an id.

const PRIME = 0x01000193
const PRIME_2 = 0x85ebca6b
const PRIME_3 = 0xc2b2ae35

/** A hash of the bytes in [start, end). */
export function hashBytes(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let sum = seed ^ (end - start)
  let p = start
  for (; p + 3 < end; p += 4) {
    const four =
      (bytes[p] as number) |
      ((bytes[p + 1] as number) << 8) |
      ((bytes[p + 2] as number) << 16) |
      ((bytes[p + 3] as number) << 24)
    sum = Math.imul(sum ^ four, PRIME_2)
    sum ^= sum >>> 15
  }
  for (; p < end; p++) sum = Math.imul(sum ^ (bytes[p] as number), PRIME)
  return mixed(sum)
}

/** Every bit of the sum in every bit of the answer. */
function mixed(sum: number): number {
  let h = Math.imul(sum ^ (sum >>> 16), PRIME_2)
  h = Math.imul(h ^ (h >>> 13), PRIME_3)
  return h ^ (h >>> 16)
}

/** A seed of its own for each name. */
export function seedOf(name: string, salt: number): number {
  const bytes = Buffer.from(name)
  return hashBytes(salt, bytes, 0, bytes.length)
}
