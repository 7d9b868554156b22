import { afterEach, expect, test, vi } from 'vitest'
import { limited, logLevel, openLog } from './log.ts'
import type { LogOptions } from './log.ts'

type Say = (fields: Record<string, unknown>, message: string) => void

afterEach(() => void vi.useRealTimers())

function written(options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const log = openLog({ level: 'info', readable: true, color: false, write: (line) => lines.push(line), ...options })
  return { log, lines }
}

test('a readable line has the time, the level, the sentence and the fields', () => {
  const { log, lines } = written()
  log.warn({ exchange: 'binance', symbol: 'BTC-USDT', seq: 1041, detail: 'two words', of: { a: 1 } }, 'book lost sync')
  expect(lines.length).toBe(1)
  expect(lines[0]?.replace(/^\d\d:\d\d:\d\d\.\d{3} /, '')).toBe(
    'WARN  book lost sync  exchange=binance  symbol=BTC-USDT  seq=1041  detail="two words"  of={"a":1}\n',
  )
})

test('an error is its message in a readable line, and all of it in JSON', () => {
  const error = new Error('no route')
  const readable = written()
  readable.log.error({ err: error }, 'connect failed')
  expect(readable.lines[0]).toMatch(/ERROR connect failed {2}err="no route"\n$/)
  const json = written({ readable: false })
  json.log.error({ err: error }, 'connect failed')
  expect(JSON.parse(json.lines[0] as string)).toMatchObject({
    level: 'error',
    msg: 'connect failed',
    err: { message: 'no route', stack: expect.stringContaining('log.test') },
  })
})

test.each([true, false])('no control byte leaves it, whatever a venue sent (readable: %s)', (readable) => {
  const { log, lines } = written({ readable })
  const nasty = '\x1b[2J\x9b31m\u202e\nforged line\0'
  log.info({ symbol: nasty, nested: { [nasty]: [nasty] }, [nasty]: 1, err: new Error(nasty) }, nasty)
  expect(lines.length).toBe(1)
  expect(lines[0]).toMatch(/^[ -~]+\n$/)
})

test('a field of a megabyte is a line of half a kilobyte for people', () => {
  const { log, lines } = written()
  log.info({ frame: 'x'.repeat(1e6) }, 'refused')
  expect(lines[0]?.length).toBeLessThan(600)
})

test('levels are those asked for, and a wrong one is said so', () => {
  const { log, lines } = written({ level: 'error' })
  log.warn('not this')
  log.error('this')
  expect(lines.length).toBe(1)
  expect(logLevel(undefined, {})).toBe('info')
  expect(logLevel(undefined, { LOG_LEVEL: 'DEBUG' })).toBe('debug')
  expect(logLevel('warn', { LOG_LEVEL: 'debug' })).toBe('warn')
  expect(() => logLevel('loud', {})).toThrow("--log-level: 'loud' is not a level; write one of trace, debug, info")
  expect(() => logLevel(undefined, { LOG_LEVEL: '\x1b' })).toThrow("LOG_LEVEL: '\\x1b' is not a level")
})

test('a fault that repeats is logged at once, then once a minute with its count', () => {
  vi.useFakeTimers()
  const log = { warn: vi.fn<Say>(), error: vi.fn<Say>() }
  const fault = limited(log)
  for (let i = 0; i < 1000; i++) fault.warn('refused binance', { frame: i }, 'frame refused')
  expect(log.warn.mock.calls).toEqual([[{ frame: 0 }, 'frame refused']])
  vi.advanceTimersByTime(60_000)
  expect(log.warn).toHaveBeenLastCalledWith({ frame: 999, times: 999 }, 'frame refused')
  fault.warn('refused binance', { frame: 'later' }, 'frame refused')
  vi.advanceTimersByTime(60_000)
  expect(log.warn).toHaveBeenLastCalledWith({ frame: 'later', times: 1 }, 'frame refused')
  vi.advanceTimersByTime(600_000)
  expect(log.warn).toHaveBeenCalledTimes(3)
  fault.warn('refused binance', { frame: 'new' }, 'frame refused')
  expect(log.warn).toHaveBeenLastCalledWith({ frame: 'new' }, 'frame refused')
})

test('faults of other keys do not wait for each other, and beyond a thousand keys they are counted together', () => {
  vi.useFakeTimers()
  const log = { warn: vi.fn<Say>(), error: vi.fn<Say>() }
  const fault = limited(log)
  for (let i = 0; i < 5000; i++) fault.error(`key ${i}`, { i }, 'fault')
  expect(vi.getTimerCount()).toBe(1001)
  expect(log.error).toHaveBeenCalledTimes(1001)
  vi.advanceTimersByTime(60_000)
  expect(log.error).toHaveBeenLastCalledWith({ i: 4999, times: 3999 }, 'fault')
})
