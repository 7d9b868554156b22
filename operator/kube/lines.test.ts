import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineTooLong, linesOf } from './lines.ts'

async function* cut(bytes: Buffer, at: readonly number[]): AsyncGenerator<Buffer> {
  const points = [0, ...at.map((point) => point % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  for (const [i, end] of points.slice(1).entries()) yield bytes.subarray(points[i], end)
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const line of lines) found.push(line)
  return found
}

test('gives the same lines, however the stream is cut: between lines, within characters, often', async () => {
  const line = fc
    .string({ unit: 'grapheme', maxLength: 20 })
    .filter((text) => text.trim() !== '' && !text.includes('\n'))
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat(2_000), { maxLength: 30 }), async (lines, at) => {
      const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''))
      expect(await all(linesOf(cut(bytes, at)))).toEqual(lines)
    }),
  )
})

test('a rest without an end is left out, and an empty line is no line', async () => {
  expect(await all(linesOf(cut(Buffer.from('one\n\n \ntwo\nhalf'), [5])))).toEqual(['one', 'two'])
})

test('tells of every piece, also of those without a whole line', async () => {
  let pieces = 0
  await all(linesOf(cut(Buffer.from('abcdef'), [2, 4]), () => (pieces += 1)))
  expect(pieces).toBe(3)
})

test.for(['12345678901', '12345678901\n', '1\n12345678901'])(
  'a line above its limit ends the stream: %j',
  async (text) => {
    await expect(all(linesOf(cut(Buffer.from(text), [4, 8]), undefined, 10))).rejects.toThrow(LineTooLong)
  },
)
