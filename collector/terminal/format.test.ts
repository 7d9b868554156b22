import { expect, test } from 'vitest'
import { bytes, clock, count, rate, span, sparkline } from './format.ts'

test('counts', () => {
  expect([0, 999, 1000, 1_234_567, 9_999_999, 12_345_678, 5e9].map(count)).toEqual([
    '0',
    '999',
    '1,000',
    '1,234,567',
    '9,999,999',
    '12.3M',
    '5.0G',
  ])
})

test('rates', () => {
  expect([0, 0.04, 0.5, 9.94, 9.96, 120.4, 54_321].map(rate)).toEqual(['0', '0.0', '0.5', '9.9', '10', '120', '54,321'])
})

test('spans of time', () => {
  const spans = [undefined, 0, 0.000_25, 0.000_999_6, 0.0012, 0.048, 0.9996, 1, 9.96, 59.6, 3600, 86_400, 1e8]
  expect(spans.map(span)).toEqual([
    '–',
    '0 µs',
    '250 µs',
    '1.0 ms',
    '1.2 ms',
    '48 ms',
    '1.0 s',
    '1 s',
    '10 s',
    '1 min',
    '1 h',
    '1 d',
    '1157 d',
  ])
})

test('clocks', () => {
  expect([-1, 0, 59.9, 3723, 86_399, 266_523].map(clock)).toEqual([
    '0:00:00',
    '0:00:00',
    '0:00:59',
    '1:02:03',
    '23:59:59',
    '3 d 2:02:03',
  ])
})

test('bytes', () => {
  expect([0, 1023, 1536, 64 * 2 ** 20, 3 * 2 ** 40].map(bytes)).toEqual(['0 B', '1023 B', '1.5 KiB', '64 MiB', '3 TiB'])
})

test('lines of bars are drawn against the highest, and blank where nothing is known', () => {
  expect(sparkline([0, 1, 50, 100], 6)).toBe('  ▁▂▅█')
  expect(sparkline([9, 9, 9, 0], 3)).toBe('██▁')
  expect(sparkline([0, 0], 2)).toBe('▁▁')
  expect(sparkline([], 2)).toBe('  ')
  expect(sparkline([1, 2], 0)).toBe('')
})
