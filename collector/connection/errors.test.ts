import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { CONNECTION_CODES, ConnectionError, messageOf, printable } from './errors.ts'

it.each([
  ['plain text', 'plain text'],
  ['bell \u0007, escape \u001b[2J', 'bell \\u0007, escape \\u001b[2J'],
  ['line\r\nbreak', 'line\\u000d\\u000abreak'],
  ['C1 \u009b, separator \u2028', 'C1 \\u009b, separator \\u2028'],
  ['turned \u202e text', 'turned \\u202e text'],
  ['zażółć 价格', 'zażółć 价格'],
])('makes %j fit for a terminal', (text, expected) => {
  expect(printable(text)).toBe(expected)
})

it('shortens foreign text', () => {
  expect(printable('x'.repeat(1_000), 10)).toBe('xxxxxxxxxx…')
})

it('puts the code first in the message and keeps the cause', () => {
  const cause = new Error('socket hang up')
  const error = new ConnectionError('REST_UNREACHABLE', 'api.example: socket hang up.', { cause, status: 0 })
  expect(error.message).toBe('REST_UNREACHABLE api.example: socket hang up.')
  expect(error).toMatchObject({ code: 'REST_UNREACHABLE', cause, status: 0 })
})

it('finds a message in whatever was thrown', () => {
  expect(messageOf(new AggregateError([new Error('connect ECONNREFUSED ::1')]))).toBe('connect ECONNREFUSED ::1')
  expect(messageOf('text\u0000')).toBe('text\\u0000')
  expect(messageOf(new RangeError(''))).toBe('RangeError')
})

const here = import.meta.dirname

it('explains every code in the README, in the words of the table here', () => {
  const readme = readFileSync(join(here, 'README.md'), 'utf8')
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| (.+) \|$/gm)].map(([, code, meaning]) => [code, meaning])
  expect(rows).toEqual(Object.entries(CONNECTION_CODES))
})

it('has a test for every code', () => {
  const tests = readdirSync(here).filter((name) => name.endsWith('.test.ts') && name !== 'errors.test.ts')
  const text = tests.map((name) => readFileSync(join(here, name), 'utf8')).join('\n')
  expect(Object.keys(CONNECTION_CODES).filter((code) => !text.includes(code))).toEqual([])
})
