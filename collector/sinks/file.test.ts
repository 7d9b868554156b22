import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Feed, feed } from '../../test/records.ts'
import { realClock } from '../connection/clock.ts'
import { type FileOptions, fileSink } from './file.ts'
import type { Sink } from './sink.ts'

const FOLDER = 'trade/binance/spot/BTC-USDT'
const TRADES = { subject: 'market.trade.binance.spot.BTC-USDT' }
const KLINES = ['1m', '5m', '1h'].map((interval) => ({ subject: 'market.kline.binance.spot.BTC-USDT', interval }))
const HOUR = '2026-09-21T14'
const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const
type Compression = (typeof COMPRESSIONS)[number]
const ENDING = { none: 'ndjson', gzip: 'ndjson.gz', zstd: 'ndjson.zst' }

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-file-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

interface Opened {
  readonly sink: Sink
  readonly records: Feed
  readonly lines: string[]
}

async function opened(dir: string, options: Partial<FileOptions> = {}, records = feed()): Promise<Opened> {
  const lines: string[] = []
  const write = (...args: unknown[]): void => void lines.push(JSON.stringify(args))
  const world = { log: { info: write, warn: write }, clock: realClock, random: () => 0 }
  const sink = fileSink({ dir, flushMs: 5, ...options }, records.context, world)
  await sink.open()
  return { sink, records, lines }
}

/** Writes trades into a folder, as one run of the collector does. */
async function run(dir: string, from: number, to: number, options: Partial<FileOptions> = {}): Promise<void> {
  const { sink, records } = await opened(dir, options)
  for (let id = from; id <= to; id++) records.trade(id)
  sink.flush()
  await sink.close(10_000)
  expect(records.outcomes).toEqual({ acknowledged: to - from + 1, duplicate: 0, refused: 0 })
}

function read(file: string): string {
  const bytes = readFileSync(file)
  if (file.endsWith('.gz')) return gunzipSync(bytes).toString()
  return file.endsWith('.zst') ? zstdDecompressSync(bytes).toString() : bytes.toString()
}

/** Trade ids in a file, in order; every line must be whole. */
function idsIn(file: string): number[] {
  const text = read(file)
  expect(text === '' || text.endsWith('\n')).toBe(true)
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number((JSON.parse(line) as { id: string }).id))
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 5 })

describe.each(COMPRESSIONS)('the file sink, compression %s', (compression: Compression) => {
  const name = `${HOUR}.${ENDING[compression]}`

  test('writes each message as a line, by type, exchange, market, symbol and hour', async () => {
    const dir = folder()
    const { sink, records } = await opened(dir, { compression })
    for (const id of range(1, 1000)) records.trade(id, id % 2 === 1 ? 'BTC-USDT' : 'ETH-USDT')
    records.delta(7)
    sink.flush()
    await sink.close(10_000)
    expect(records.outcomes.acknowledged).toBe(1001)
    expect(idsIn(join(dir, FOLDER, name))).toEqual(range(1, 1000).filter((id) => id % 2 === 1))
    expect(idsIn(join(dir, 'trade/binance/spot/ETH-USDT', name))).toHaveLength(500)
    const delta = JSON.parse(read(join(dir, 'orderbook/binance/spot/BTC-USDT', name))) as Record<string, unknown>
    expect(delta).toMatchObject({ type: 'orderbook', kind: 'delta', seq: 7 })
    expect(delta['published']).toBeGreaterThan(1_700_000_000_000_000)
  })

  test('goes on in the same file after a restart, and gives the last message', async () => {
    const dir = folder()
    await run(dir, 1, 10, { compression })
    await run(dir, 11, 20, { compression })
    expect(readdirSync(join(dir, FOLDER))).toEqual([name])
    expect(idsIn(join(dir, FOLDER, name))).toEqual(range(1, 20))
    const { sink } = await opened(dir, { compression })
    const others = ['market.trade.binance.spot.NONE', 'market.trade.binance.spot.../..', 'odd']
    const last = await sink.last([TRADES, ...others.map((subject) => ({ subject }))])
    expect([...last.keys()]).toEqual([TRADES])
    expect(last.get(TRADES)).toMatchObject({ type: 'trade', id: '20' })
  })

  test('cut off at any byte, is read up to its last whole line, and continued behind it', async () => {
    const source = folder()
    for (const part of [0, 1, 2]) await run(source, part * 5 + 1, part * 5 + 5, { compression })
    const whole = readFileSync(join(source, FOLDER, name))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async (bytes) => {
        const dir = mkdtempSync(join(source, 'cut-'))
        mkdirSync(join(dir, FOLDER), { recursive: true })
        writeFileSync(join(dir, FOLDER, name), whole.subarray(0, bytes))
        const { sink } = await opened(dir, { compression })
        const last = (await sink.last([TRADES])).get(TRADES)
        await run(dir, 100, 101, { compression })
        const found = idsIn(join(dir, FOLDER, name))
        const kept = found.slice(0, -2)
        expect(kept).toEqual(range(1, kept.length))
        expect(found.slice(-2)).toEqual([100, 101])
        expect(last === undefined ? 0 : Number((last as { id: string }).id)).toBe(kept.length)
      }),
      { numRuns: 40, examples: [[0], [whole.length], [whole.length - 1]] },
    )
  })

  test('gives the last message of each series under one subject, and none of what was never there', async () => {
    const dir = folder()
    const { sink, records } = await opened(dir, { compression })
    for (const ms of range(1, 50)) for (const interval of ['5m', '1m']) records.kline(interval, ms)
    records.kline('1m', 51)
    sink.flush()
    await sink.close(1000)
    const last = await (await opened(dir, { compression })).sink.last(KLINES)
    expect([...last].map(([{ interval }, m]) => [interval, m.ts])).toEqual([
      ['1m', 1_790_000_000_051_000],
      ['5m', 1_790_000_000_050_000],
    ])
  })

  test('finds a series without which others of its subject went on for long', async () => {
    const dir = folder()
    const { sink, records } = await opened(dir, { compression, flushMs: 1 })
    for (const round of range(0, 39)) {
      for (const ms of range(1, 100)) {
        records.kline('1m', round * 100 + ms)
        if (round < 8) records.kline('5m', round * 100 + ms)
      }
      sink.flush()
      await until(() => expect(records.spool.pending).toBe(0))
    }
    await sink.close(1000)
    const last = await (await opened(dir, { compression })).sink.last(KLINES)
    const [newest, other] = [...last.values()].map(({ ts }) => ((ts as number) - 1_790_000_000_000_000) / 1000)
    expect(newest).toBe(4000)
    // Not behind its last one: what came since is announced.
    expect(other).toBeGreaterThan(0)
    expect(other).toBeLessThanOrEqual(800)
    expect(last.size).toBe(2)
  })

  test('begins another part when a file has its size', async () => {
    const dir = folder()
    const { sink, records } = await opened(dir, { compression, rotateBytes: 2000 })
    for (const round of range(0, 9)) {
      for (const i of range(1, 20)) records.trade(round * 20 + i)
      sink.flush()
      await until(() => expect(records.spool.pending).toBe(0))
    }
    await sink.close(1000)
    const files = readdirSync(join(dir, FOLDER)).toSorted((a, b) => partOf(a) - partOf(b))
    expect(files.length).toBeGreaterThan(1)
    expect(files.flatMap((file) => idsIn(join(dir, FOLDER, file)))).toEqual(range(1, 200))
    await run(dir, 201, 201, { compression, rotateBytes: 2000 })
    expect((await (await opened(dir, { compression })).sink.last([TRADES])).size).toBe(1)
  })
})

describe('the file sink', () => {
  test.skipIf(!existsSync('/proc/self/fd'))(
    'keeps at most so many files open, and loses no line by closing others',
    async () => {
      const dir = folder()
      const { sink, records } = await opened(dir, { openFilesMax: 4, fsyncMs: 0 })
      const before = openFilesIn(dir)
      for (const round of range(1, 3)) {
        for (const symbol of range(1, 20)) records.trade(round, `S${symbol}`)
        sink.flush()
        await until(() => expect(records.spool.pending).toBe(0))
        expect(openFilesIn(dir) - before).toBeLessThanOrEqual(4)
      }
      await sink.close(1000)
      expect(openFilesIn(dir)).toBe(before)
      for (const symbol of range(1, 20)) {
        expect(idsIn(join(dir, 'trade/binance/spot', `S${symbol}`, `${HOUR}.ndjson`))).toEqual([1, 2, 3])
      }
    },
  )

  // /dev/full is a disk without room; only Linux has it.
  test.skipIf(!existsSync('/dev/full'))(
    'says that the disk is full, loses nothing and goes on when there is room again',
    async () => {
      const dir = folder()
      mkdirSync(join(dir, FOLDER), { recursive: true })
      const file = join(dir, FOLDER, `${HOUR}.ndjson`)
      symlinkSync('/dev/full', file)
      const { sink, records, lines } = await opened(dir)
      for (const id of range(1, 50)) records.trade(id)
      sink.flush()
      await until(() => expect(sink.status.problem).toMatch(/the disk of .* is full \(ENOSPC\): free space/))
      expect(sink.status.connected).toBe(false)
      for (const id of range(51, 100)) records.trade(id)
      sink.flush()
      expect(records.spool.pending).toBe(100)
      rmSync(file)
      await until(() => expect(records.spool.pending).toBe(0))
      expect(sink.status).toMatchObject({ connected: true, problem: undefined, outstanding: 0 })
      await sink.close(1000)
      expect(idsIn(file)).toEqual(range(1, 100))
      expect(lines).toHaveLength(2)
    },
  )

  test('gives up only a message whose symbol cannot be a folder, and writes nothing outside of its own', async () => {
    const dir = folder()
    const { sink, records, lines } = await opened(join(dir, 'inner'))
    for (const symbol of ['../../../out', '.hidden', 'A/B', 'A\nB', '', 'x'.repeat(65)]) records.trade(1, symbol)
    records.trade(2)
    sink.flush()
    await sink.close(1000)
    expect(records.outcomes).toEqual({ acknowledged: 1, duplicate: 0, refused: 6 })
    expect(readdirSync(dir)).toEqual(['inner'])
    expect(readdirSync(join(dir, 'inner/trade/binance/spot'))).toEqual(['BTC-USDT'])
    expect(lines.join()).not.toMatch(/[^\x20-\x7e]/)
  })

  test('steps over what it gives up, also at the end of a chunk', async () => {
    const dir = folder()
    const { sink, records } = await opened(dir)
    for (const id of range(1, 3 * 2048)) records.trade(id, id % 2048 === 0 ? '..' : 'BTC-USDT')
    sink.flush()
    await sink.close(5000)
    expect(records.outcomes).toEqual({ acknowledged: 3 * 2047, duplicate: 0, refused: 3 })
    expect(idsIn(join(dir, FOLDER, `${HOUR}.ndjson`))).toEqual(range(1, 3 * 2048).filter((id) => id % 2048 !== 0))
  })

  test('settles only what was forced to the disk, where that is asked for', async () => {
    const dir = folder()
    const { sink, records } = await opened(dir, { fsyncMs: 60_000 })
    records.trade(1)
    sink.flush()
    await until(() => expect(records.spool.pending).toBe(0))
    records.trade(2)
    sink.flush()
    await until(() => expect(idsIn(join(dir, FOLDER, `${HOUR}.ndjson`))).toEqual([1, 2]))
    expect(records.spool.pending).toBe(1)
    expect(sink.status.outstanding).toBe(1)
    await sink.close(1000)
    expect(records.spool.pending).toBe(0)
  })

  test('leaves a file alone that somebody else compressed, and begins another part', async () => {
    const dir = folder()
    mkdirSync(join(dir, FOLDER), { recursive: true })
    const theirs = gzipSync('{"id":"1"}\n'.repeat(100))
    writeFileSync(join(dir, FOLDER, `${HOUR}.ndjson.gz`), theirs)
    await run(dir, 1, 3, { compression: 'gzip' })
    expect(readFileSync(join(dir, FOLDER, `${HOUR}.ndjson.gz`)).equals(theirs)).toBe(true)
    expect(idsIn(join(dir, FOLDER, `${HOUR}.1.ndjson.gz`))).toEqual([1, 2, 3])
  })

  test('names files by minutes where periods are shorter than an hour', async () => {
    const dir = folder()
    await run(dir, 1, 3, { periodMs: 5 * 60_000 })
    expect(readdirSync(join(dir, FOLDER))).toEqual(['2026-09-21T14-10.ndjson'])
  })

  test('rejects at the start when its folder cannot be made', async () => {
    const dir = folder()
    writeFileSync(join(dir, 'file'), '')
    await expect(opened(join(dir, 'file/inner'))).rejects.toThrow(/cannot be written/)
  })
})

function partOf(file: string): number {
  return Number(/^[^.]+\.(\d+)\./.exec(file)?.[1] ?? 0)
}

/** How many descriptors of this process lead below a folder. */
function openFilesIn(dir: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(dir)).length
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
