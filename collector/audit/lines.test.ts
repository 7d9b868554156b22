import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LineBuffer, PIECE_BYTES } from './lines.ts'

it('gives every line once and whole, wherever the pieces are cut', () => {
  const line = fc.oneof(
    fc.constantFrom('', 'a', 'bc'),
    fc.integer({ min: 1, max: 3 }).map((n) => 'x'.repeat(n * 200_000)),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: PIECE_BYTES })), (all, cuts) => {
      const text = Buffer.from(all.map((one) => `${one}\n`).join('') + 'torn')
      const buffer = new LineBuffer()
      const got: string[] = []
      for (let at = 0, i = 0; at < text.length; i++) {
        const count = text.copy(buffer.space(), 0, at, at + (cuts[i] ?? PIECE_BYTES))
        const end = buffer.add(count)
        got.push(buffer.bytes.toString('latin1', 0, end))
        buffer.drop(end)
        at += count
      }
      expect(got.every((piece) => piece === '' || piece.endsWith('\n'))).toBe(true)
      expect(got.join('')).toBe(text.toString('latin1', 0, text.length - 4))
      expect(buffer.bytes.toString('latin1', 0, buffer.used)).toBe('torn')
    }),
  )
})

it('refuses a line that nobody writes', () => {
  const buffer = new LineBuffer()
  expect(() => {
    for (let i = 0; i <= 256; i++) buffer.add(buffer.space().fill(0x20).length)
  }).toThrow('a line is longer than 67108864 bytes')
})
