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

it('explains every code', () => {
  for (const [code, meaning] of Object.entries(CONNECTION_CODES))
    expect([code, meaning.length > 10]).toEqual([code, true])
})
