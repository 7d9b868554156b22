// Both consumers follow what two publishers made of a venue; their books must be those of our own ConsumerBook.
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConsumerBook, type BookSide } from '../../collector/book/consumer.ts'
import type { OrderBook, Trade } from '../../collector/market/messages.ts'
import { history } from '../../test/history.ts'
import { describeWithNats, startNats } from '../../test/nats.ts'

const TYPESCRIPT = [process.execPath, join(import.meta.dirname, 'typescript', 'consumer.ts')]
const PYTHON = ['python3', join(import.meta.dirname, 'python', 'consumer.py')]
const hasPython = (() => {
  try {
    execFileSync('python3', ['-c', 'import sys; assert sys.version_info >= (3, 9)'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1)
const STAMPS = ['one', 'sent', 'apart'] as const
/** Each history is one symbol; some end out of sync. */
const histories = SEEDS.map((seed) => ({
  symbol: `S${String(seed).padStart(2, '0')}-USDT`,
  // Half of them join late.
  messages: history(seed, { stamps: STAMPS[seed % STAMPS.length] ?? 'one' }).delivered.slice(seed % 2 === 0 ? 0 : 5),
}))
const trade = (id: number): Trade => ({
  ...{
    type: 'trade',
    v: 1,
    exchange: 'binance',
    market: 'perpetual',
    symbol: 'S01-USDT',
    id: `${id}`,
    price: `${id}.5`,
  },
  ...{ size: '1', side: 'buy', received: id, published: id },
})
let dir: string

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'marketprism-consumers-'))
  for (const { symbol, messages } of histories) {
    const books = messages.filter((m) => m.type === 'orderbook').map((m) => `${JSON.stringify({ ...m, symbol })}\n`)
    const third = Math.ceil(books.length / 3)
    const folder = join(dir, 'orderbook', 'binance', 'perpetual', symbol)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, '2026-11-25T08.ndjson'), books.slice(0, third).join(''))
    writeFileSync(join(folder, '2026-11-25T08.1.ndjson.gz'), gzipSync(books.slice(third, 2 * third).join('')))
    writeFileSync(join(folder, '2026-11-25T09.ndjson'), `${books.slice(2 * third).join('')}{"type":"orderb`)
  }
  const folder = join(dir, 'trade', 'binance', 'perpetual', 'S01-USDT')
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, '2026-11-25T08.ndjson'),
    [1, 2, 2, 3].map((id) => `${JSON.stringify(trade(id))}\n`).join(''),
  )
})
afterAll(() => rmSync(dir, { recursive: true }))

function wanted(): Record<string, unknown> {
  return Object.fromEntries(
    histories.map(({ symbol, messages }) => {
      const book = new ConsumerBook()
      for (const m of messages) if (m.type === 'orderbook') book.take(m as OrderBook)
      const { inSync, last } = book
      return [`binance perpetual ${symbol}`, { inSync, last, bids: levels(book.bids), asks: levels(book.asks) }]
    }),
  )
}

/** The sizes and prices of these histories are small whole numbers. */
function levels(side: BookSide): string[][] {
  return side.levels().map((level) => level.map((decimal) => String(Number(decimal))))
}

function run([program, ...args]: string[], stdin?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program as string, args, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    )
    child.stdin?.end(stdin)
  })
}

const consumers: [string, string[], boolean][] = [
  ['TypeScript', TYPESCRIPT, true],
  [hasPython ? 'Python' : 'Python (skipped, python3 3.9 or newer is not installed)', PYTHON, hasPython],
]

describe.each(consumers)('the consumer in %s', (_, command, canRun) => {
  it.skipIf(!canRun)('follows the books of a folder as our own rule does', async () => {
    const books = JSON.parse(await run([...command, dir, '--books'])) as Record<string, { inSync: boolean }>
    expect(books).toEqual(wanted())
    expect(new Set(Object.values(books).map(({ inSync }) => inSync))).toContain(true)
  })

  it.skipIf(!canRun)('prints the best bid and offer and each trade once', async () => {
    const lines = (await run([...command, dir])).trim().split('\n')
    expect(lines).toHaveLength(SEEDS.length + 1)
    expect(lines[0]).toMatch(/^binance perpetual S01-USDT: bid [\d.-]+ ask [\d.-]+/)
    expect(lines.at(-1)).toBe('binance perpetual S01-USDT: 3 trades, last at 3.5')
  })

  it.skipIf(!canRun)('reads messages from its standard input', async () => {
    const lines = [1, 2].map((id) => `${JSON.stringify(trade(id))}\n`).join('')
    expect(await run([...command, '-'], lines)).toBe('binance perpetual S01-USDT: 2 trades, last at 2.5\n')
  })
})

describeWithNats('the consumer in TypeScript, on a stream', () => {
  it('prints the best bid and offer as they change', async () => {
    await using server = await startNats()
    const nc = await connect({ servers: server.url })
    try {
      await (await jetstreamManager(nc)).streams.add({ name: 'S', subjects: ['market.>'] })
      const level = (price: string, size: string): [string, string] => [price, size]
      const head = { type: 'orderbook', v: 1, exchange: 'binance', market: 'perpetual', symbol: 'BTC-USDT' }
      const snapshot = { ...head, kind: 'snapshot', seq: 1, ts: 1, bids: [level('10', '1')], asks: [level('12', '1')] }
      const delta = {
        ...head,
        kind: 'delta',
        prev_seq: 1,
        prev_ts: 1,
        seq: 2,
        ts: 2,
        bids: [level('11.0', '1')],
        asks: [],
      }
      for (const m of [snapshot, delta]) await jetstream(nc).publish('market.orderbook.x', JSON.stringify(m))
      const [program, script] = TYPESCRIPT as [string, string]
      const lines: string[] = []
      const child = execFile(program, [script, server.url, 'S'])
      try {
        for await (const piece of child.stdout as Readable) {
          lines.push(...String(piece).trim().split('\n'))
          if (lines.length >= 2) break
        }
      } finally {
        child.kill('SIGKILL')
      }
      expect(lines).toEqual(['binance perpetual BTC-USDT bid 10 ask 12', 'binance perpetual BTC-USDT bid 11 ask 12'])
    } finally {
      await nc.close()
    }
  })
})
