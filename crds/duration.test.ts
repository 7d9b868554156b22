import { expect, test } from 'vitest'
import { parseBytes, parseDuration } from './duration.ts'

test.each([
  ['1s', 1000],
  ['60s', 60_000],
  ['5m', 300_000],
  ['24h', 86_400_000],
  ['999999h', 3_599_996_400_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', '0s', '-1s', '1', '1.5h', '1d', '10ms', '01s', '1000000s', ' 1s', '1s\n', '1h30m'])(
  '%j is no duration, and the error says what to write',
  (text) => {
    expect(() => parseDuration(text)).toThrow('write a number and s, m or h')
  },
)

test.each([
  ['1', 1],
  ['1Ki', 1024],
  ['64Mi', 67_108_864],
  ['50Gi', 53_687_091_200],
  ['2Ti', 2_199_023_255_552],
])('%s is %i bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes)
})

test.each(['', '0', '-1Mi', '1.5Gi', '1MB', '1G', '1 Mi', '9999999999999'])(
  '%j is no size, and the error says what to write',
  (text) => {
    expect(() => parseBytes(text)).toThrow('write a number and Ki, Mi, Gi or Ti')
  },
)
