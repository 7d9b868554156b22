import { EventEmitter } from 'node:events'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { sampleStatus } from '../../test/support/status.ts'
import { canDraw, showJson, showLines, showTable } from './show.ts'

beforeEach(() => {
  vi.useFakeTimers()
  return () => void vi.useRealTimers()
})

/** As much of a terminal as the table uses; an unknown sequence throws. */
class Terminal extends EventEmitter {
  isTTY = true
  columns = 100
  rows = 20
  writableNeedDrain = false
  cursorVisible = true
  wraps = true
  lines: string[] = ['$ marketprism run']
  writes: string[] = []
  #row = 1
  #column = 0

  write(text: string) {
    this.writes.push(text)
    for (const [part] of text.matchAll(/\x1b\[\??[\d;]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+/g)) this.#take(part)
  }

  #take(part: string) {
    const current = this.lines[this.#row] ?? ''
    if (part === '\r') this.#column = 0
    else if (part === '\n') this.#row += 1
    else if (!part.startsWith('\x1b')) {
      this.lines[this.#row] =
        current.padEnd(this.#column).slice(0, this.#column) + part + current.slice(this.#column + part.length)
      // Without wrapping the cursor stays upon the last column.
      this.#column = Math.min(this.columns - 1, this.#column + part.length)
    } else this.#control(part.slice(2), current)
  }

  #control(code: string, current: string) {
    if (code === 'K') this.lines[this.#row] = current.slice(0, this.#column)
    else if (code === 'J') this.lines.splice(this.#row, Infinity, current.slice(0, this.#column))
    else if (code === '2J') this.lines = []
    else if (code === 'H') [this.#row, this.#column] = [0, 0]
    else if (/^\d+A$/.test(code)) this.#row -= Number.parseInt(code)
    else if (/^\?25[hl]$/.test(code)) this.cursorVisible = code.endsWith('h')
    else if (/^\?7[hl]$/.test(code)) this.wraps = code.endsWith('h')
    else if (!/^\d+m$/.test(code)) throw new Error(`unknown sequence ${code}`)
    if (this.#row < 0) throw new Error('moved above the screen')
  }
}

function shown(change: () => Parameters<typeof sampleStatus>[0] = () => ({})) {
  const terminal = new Terminal()
  const show = showTable(terminal, () => sampleStatus(change()), false)
  onTestFinished(() => show.close())
  return { terminal, show, names: () => terminal.lines.map((line) => line.trim().split(/ {2,}/)[0]) }
}

test('the table is drawn in place, once a second, in one write', () => {
  let name = 'first'
  const { terminal, names } = shown(() => ({ name }))
  expect(names()).toEqual([
    '$ marketprism run',
    'first',
    '',
    'EXCHANGE',
    'binance',
    'binance',
    '',
    'frames',
    'messages',
  ])
  const before = terminal.writes.length
  name = 'second'
  vi.advanceTimersByTime(1000)
  expect(terminal.writes.length).toBe(before + 1)
  expect(names().slice(0, 3)).toEqual(['$ marketprism run', 'second', ''])
  expect(terminal.lines.length).toBe(9)
})

test('a table that became shorter leaves nothing behind', () => {
  let channels = sampleStatus().channels
  const { terminal } = shown(() => ({ channels }))
  channels = channels.slice(1)
  vi.advanceTimersByTime(1000)
  expect(terminal.lines.length).toBe(8)
  expect(terminal.lines.at(-1)).toContain('messages  200 made')
})

test('a line of the log stands above the table', () => {
  const { terminal, show, names } = shown()
  show.print('one\ntwo\n')
  expect(names().slice(0, 5)).toEqual(['$ marketprism run', 'one', 'two', 'majors', ''])
  vi.advanceTimersByTime(1000)
  expect(names().slice(0, 5)).toEqual(['$ marketprism run', 'one', 'two', 'majors', ''])
  expect(terminal.lines.length).toBe(11)
})

test('a change of size clears the screen and fits the new one at once', () => {
  const { terminal } = shown()
  terminal.columns = 30
  terminal.rows = 5
  terminal.emit('resize')
  expect(terminal.lines.length).toBe(5)
  expect(Math.max(...terminal.lines.map((line) => line.length))).toBe(29)
  expect(terminal.lines[0]).toMatch(/…$/)
})

test('the cursor is hidden while it runs, and everything is restored at the end', () => {
  const { terminal, show } = shown()
  expect([terminal.cursorVisible, terminal.wraps]).toEqual([false, false])
  const listeners = process.listenerCount('exit')
  show.close()
  expect([terminal.cursorVisible, terminal.wraps]).toEqual([true, true])
  expect(terminal.listenerCount('resize')).toBe(0)
  expect(process.listenerCount('exit')).toBe(listeners - 1)
  const writes = terminal.writes.length
  vi.advanceTimersByTime(5000)
  expect(terminal.writes.length).toBe(writes)
})

test('a terminal that does not keep up misses frames rather than memory', () => {
  const { terminal } = shown()
  terminal.writableNeedDrain = true
  const writes = terminal.writes.length
  vi.advanceTimersByTime(10_000)
  expect(terminal.writes.length).toBe(writes)
  terminal.writableNeedDrain = false
  vi.advanceTimersByTime(1000)
  expect(terminal.writes.length).toBe(writes + 1)
})

test('a table is only drawn in a terminal that can move its cursor', () => {
  expect(canDraw({ isTTY: true }, { TERM: 'xterm' })).toBe(true)
  expect(canDraw({ isTTY: true }, { TERM: 'dumb' })).toBe(false)
  expect(canDraw({}, { TERM: 'xterm' })).toBe(false)
})

test('for machines: one status a second, each a line of JSON, and one at the end', () => {
  const out = new Terminal()
  const lines = () => out.writes.map((line) => JSON.parse(line))
  const show = showJson(out, () => sampleStatus({ name: 'é\x1b' }))
  vi.advanceTimersByTime(3000)
  out.writableNeedDrain = true
  vi.advanceTimersByTime(60_000)
  out.writableNeedDrain = false
  show.close()
  expect(lines().length).toBe(4)
  expect(lines()[0]).toEqual(JSON.parse(JSON.stringify(sampleStatus({ name: 'é\x1b' }))))
  expect(out.writes[0]).toMatch(/^[ -~]+\n$/)
})

test('without a terminal: a line of the log every five seconds', () => {
  const info = vi.fn<(fields: Record<string, unknown>, message: string) => void>()
  const show = showLines({ info }, () => sampleStatus())
  vi.advanceTimersByTime(10_000)
  show.close()
  expect(info).toHaveBeenCalledTimes(3)
  expect(info).toHaveBeenLastCalledWith(
    expect.objectContaining({ channels: 2, live: 2, messagesPerSecond: 130, made: 200, dropped: 6, sink: 'connected' }),
    'collecting',
  )
})
