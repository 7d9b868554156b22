import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asciiJson, printable } from './escape.ts'

// fast-check's own arbitrary of every code point takes five seconds to begin.
const point = fc.oneof(fc.integer({ min: 0, max: 0x2fff }), fc.integer({ min: 0, max: 0x10ffff }))
const anything = fc.array(point, { maxLength: 80 }).map((points) => String.fromCodePoint(...points))

test.each([
  ['plain text and 日本 stay', 'BTC-USDT 価格 é', 'BTC-USDT 価格 é'],
  ['colours and cursor moves', '\x1b[31mred\x1b[2J', '\\x1b[31mred\\x1b[2J'],
  ['a title of the window by one C1 byte', '\x9d0;owned\x9c', '\\x9d0;owned\\x9c'],
  ['NUL, backspace, DEL', 'a\0b\bc\x7f', 'a\\x00b\\x08c\\x7f'],
  ['line breaks of every kind', 'a\r\nb\u2028c\u2029d\x85e', 'a\\x0d\\x0ab\\u2028c\\u2029d\\x85e'],
  ['text turned around', 'a\u202egpj.exe', 'a\\u202egpj.exe'],
  ['what cannot be seen', 'a\u200bb\ufeffc', 'a\\u200bb\\ufeffc'],
  ['marks piled upon a letter', 'Z\u0351\u036b', 'Z\\u0351\\u036b'],
  ['half a surrogate pair', 'a\ud83db', 'a\\ud83db'],
  ['a tag beyond the first plane', '\u{e0001}x', '\\u{e0001}x'],
  ['a backslash, so that an escape cannot be forged', 'a\\x1b', 'a\\\\x1b'],
])('%s', (_, text, expected) => {
  expect(printable(text)).toBe(expected)
})

test('what is too long ends in an ellipsis and never in half an escape', () => {
  expect(printable('abcdef', 6)).toBe('abcdef')
  expect(printable('abcdefg', 6)).toBe('abcde…')
  expect(printable('abcde\x1b', 8)).toBe('abcde…')
  expect(printable('ab😀cd', 4)).toBe('ab…')
  expect(printable('x'.repeat(10_000_000), 10)).toBe('xxxxxxxxx…')
})

test('whatever comes in, what comes out is printable, bounded, and safe to print again', () => {
  fc.assert(
    fc.property(anything, fc.integer({ min: 1, max: 60 }), (text, max) => {
      const out = printable(text, max)
      return out.length <= max && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(out)
    }),
  )
})

test('ASCII JSON reads back as what it was made of', () => {
  fc.assert(
    fc.property(anything, fc.jsonValue(), (key, value) => {
      const text = asciiJson({ [key]: value, key })
      expect(text).toMatch(/^[ -~]*$/)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify({ [key]: value, key })))
    }),
  )
})
