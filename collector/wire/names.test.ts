import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NameTable } from './names.ts'

/** Names that share their beginning, end and length, as streams do: `1000shibusdt@kline_1m`, `…_5m`. */
const name = fc.oneof(
  fc.stringMatching(/^1000[ab]{0,3}usdt@kline_[135]m$/),
  fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }),
)

test('a table answers as a Map does, whatever was put in before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.option(fc.nat(), { nil: undefined })), { maxLength: 300 }), (puts) => {
      const table = new NameTable<number | undefined>()
      const model = new Map<string, number | undefined>()
      for (const [key, value] of puts) {
        table.set(key, value)
        model.set(key, value)
      }
      for (const [key] of puts) {
        const bytes = Buffer.from(`"${key}"`)
        expect(table.at(bytes, 1, bytes.length - 1)).toBe(model.get(key))
        expect(table.get(`${key}x`)).toBe(model.get(`${key}x`))
      }
    }),
  )
})

test('a table of ten thousand names finds each of them and no other', () => {
  const table = new NameTable<number>()
  for (let i = 0; i < 10_000; i++) table.set(`symbol${i}@trade`, i)
  for (let i = 0; i < 10_000; i++) expect(table.get(`symbol${i}@trade`)).toBe(i)
  expect(table.get('symbol10000@trade')).toBeUndefined()
})

test('a name is copied: the frame that it was read from may go', () => {
  const table = new NameTable<number>()
  const bytes = Buffer.from('btcusdt@trade')
  table.set(bytes.toString(), 1)
  bytes.fill('x')
  expect(table.get('btcusdt@trade')).toBe(1)
})
