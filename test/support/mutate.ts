// Texts changed as a broken line, a hostile venue or a new version of a frame would change them.
import fc from 'fast-check'

/** Bytes that mean something in JSON, and some that must not stand in it. */
const ALPHABET = Buffer.from('{}[]",:.-+eE0123456789 \t\n\r\\/tfnux\u0000\u001f\u007f\u0080éÿ', 'latin1')

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const piece: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  fc.array(fc.constantFrom(...ALPHABET), { minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom('null', '""', '[]', '{}', '1e5', '00', String.raw`\u0031`, ',"x":1', '[["1","2"]]', '\u00e9')
    .map((text) => Buffer.from(text)),
)

type Change = (bytes: Buffer) => Buffer

const change: fc.Arbitrary<Change> = fc.oneof(
  // Another byte; a digit for a digit in half of the cases, since that leaves most frames whole.
  fc.tuple(place, fc.constantFrom(...ALPHABET)).map(([at, byte]) => replaced(at, () => byte)),
  fc.tuple(place, fc.nat(9)).map(([at, digit]) => replaced(at, (c) => (c >= 0x30 && c <= 0x39 ? 0x30 + digit : c))),
  fc.tuple(place, place).map(([at, length]): Change => (bytes) => {
    const start = Math.floor(at * bytes.length)
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + Math.ceil(length * 8))])
  }),
  place.map(
    (at): Change =>
      (bytes) =>
        bytes.subarray(0, Math.floor(at * bytes.length)),
  ),
  fc.tuple(place, piece).map(([at, inserted]): Change => (bytes) => {
    const start = Math.floor(at * (bytes.length + 1))
    return Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start)])
  }),
  fc.tuple(place, place, place).map(([at, length, to]): Change => (bytes) => {
    const start = Math.floor(at * bytes.length)
    const copy = bytes.subarray(start, start + Math.ceil(length * 40))
    const target = Math.floor(to * (bytes.length + 1))
    return Buffer.concat([bytes.subarray(0, target), copy, bytes.subarray(target)])
  }),
)

function replaced(at: number, by: (byte: number) => number): Change {
  return (bytes) => {
    const out = Buffer.from(bytes)
    const index = Math.floor(at * bytes.length)
    if (index < out.length) out[index] = by(out[index] as number)
    return out
  }
}

/** None to three changes, one after the other. */
export const changes: fc.Arbitrary<Change> = fc
  .array(change, { maxLength: 3 })
  .map((all) => (bytes) => all.reduce((changed, apply) => apply(changed), bytes))

/** The text after some changes. */
export function mutated(text: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  return fc.tuple(text, changes).map(([original, apply]) => apply(Buffer.from(original)))
}
