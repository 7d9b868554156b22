import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, headers } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeWithNats, startNats } from '../../test/nats.ts'
import { messageKey, VERSION, type Gap, type Message, type Trade } from '../market/messages.ts'
import type { Report } from '../quality/audit/report.ts'
import { auditCommand } from './command.ts'

const BEGIN = Date.parse('2026-11-25T08:00:00Z') * 1000
const head = { v: VERSION, exchange: 'binance', market: 'spot', symbol: 'BTC-USDT' } as const

function trade(id: number): Trade {
  const ts = BEGIN + id * 1_000_000
  return { type: 'trade', ...head, id: `${id}`, price: '1', size: '1', side: 'buy', ts, received: ts, published: ts }
}

function trades(first: number, last: number): Trade[] {
  return Array.from({ length: last - first + 1 }, (_, i) => trade(first + i))
}

function gap(after: number, before: number): Gap {
  const times = { from: trade(after).received, to: trade(before).received, received: BEGIN, published: BEGIN }
  return {
    type: 'gap',
    ...head,
    of: 'trade',
    reason: 'restart',
    after_id: `${after}`,
    before_id: `${before}`,
    ...times,
  }
}

function nameOf(m: Message): string {
  return `${m.type}.${m.exchange}.${m.market}.${m.symbol}`
}

function lines(messages: readonly Message[]): string {
  return messages.map((m) => `${JSON.stringify(m)}\n`).join('')
}

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

function run(...args: string[]): Promise<Ran> {
  return runIn({}, ...args)
}

async function runIn(env: Record<string, string>, ...args: string[]): Promise<Ran> {
  let [out, err] = ['', '']
  const io = { stdout: { write: (text: string) => (out += text) }, stderr: { write: (text: string) => (err += text) } }
  const code = await auditCommand(args, io, () => 'contiguous', env)
  return { code, out, err }
}

async function runJson(...args: string[]): Promise<Report> {
  return JSON.parse((await run(...args, '--json')).out) as Report
}

describe('audit of a folder', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'marketprism-audit-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  function put(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), content)
  }

  const SUBJECT = 'trade/binance/spot/BTC-USDT'

  it('reads every hour in order, whole and split, plain, gzip and zstd', async () => {
    put(`${SUBJECT}/2026-11-25T08.ndjson`, lines(trades(1, 10)))
    put(`${SUBJECT}/2026-11-25T08.2.ndjson.gz`, gzipSync(lines(trades(11, 20))))
    put(`${SUBJECT}/2026-11-25T08.10.ndjson`, lines(trades(21, 30)))
    put(
      `${SUBJECT}/2026-11-25T09.ndjson.zst`,
      Buffer.concat([trades(31, 35), trades(36, 40)].map((some) => zstdCompressSync(lines(some)))),
    )
    const report = await runJson('--dir', dir)
    expect(report).toMatchObject({ whole: true, messages: 40, notes: [], channels: [{ messages: 40, late: 0 }] })
  })

  it('exits with 0 when all that is missing is announced, with 1 when not, and says what and when', async () => {
    put(`${SUBJECT}/2026-11-25T08.ndjson`, lines([...trades(1, 10), ...trades(13, 20)]))
    const before = await run('--dir', dir)
    expect(before.code).toBe(1)
    expect(before.out).toContain('NOT WHOLE')
    expect(before.out).toContain(
      'trade.binance.spot.BTC-USDT 2026-11-25 08:00:10.000Z to 2026-11-25 08:00:13.000Z: 2 trades are missing between id 10 and id 13',
    )
    put(`gap/binance/spot/BTC-USDT/2026-11-25T08.ndjson`, lines([gap(10, 13)]))
    const after = await run('--dir', dir)
    expect(after.code).toBe(0)
    expect(after.out).toContain('Whole: all that is missing is announced.')
    expect(await runJson('--dir', dir, '--subject', 'trade.>')).toMatchObject({
      whole: true,
      channels: [{ missing: { announced: 2 } }],
    })
  })

  it('aligns its table and leaves out columns in which there is nothing', async () => {
    put(`${SUBJECT}/2026-11-25T08.ndjson`, lines(trades(1, 1200)))
    const { out } = await run('--dir', dir)
    expect(out.split('\n').slice(0, 2)).toEqual([
      'channel                      messages  continuity  first (UTC)          last',
      'trade.binance.spot.BTC-USDT     1,200  numbers     2026-11-25 08:00:01  2026-11-25 08:20:00',
    ])
  })

  it('reads files of many pieces and lines of more than one, plain and compressed', async () => {
    const long = (id: number): Trade => ({ ...trade(id), first_id: `${id}`.repeat(id % 500 === 0 ? 300_000 : 50) })
    const all = Array.from({ length: 6000 }, (_, i) => long(i + 1))
    put(`${SUBJECT}/2026-11-25T08.ndjson`, lines(all.slice(0, 2000)))
    put(`${SUBJECT}/2026-11-25T09.ndjson.gz`, gzipSync(lines(all.slice(2000, 4000))))
    put(`${SUBJECT}/2026-11-25T10.ndjson.zst`, zstdCompressSync(lines(all.slice(4000))))
    expect(await runJson('--dir', dir)).toMatchObject({
      ...{ whole: true, messages: 6000, notes: [] },
      channels: [{ messages: 6000, duplicates: 0, late: 0 }],
    })
  })

  it('calls nothing whole of which it cannot know whether it is', async () => {
    const volatility = (second: number): Message => {
      const { type: _, id: _id, price: _price, size: _size, side: _side, ...rest } = trade(second)
      return { type: 'volatility_index', ...rest, value: '54.3' }
    }
    put(`volatility_index/binance/spot/BTC-USDT/2026-11-25T08.ndjson`, lines([volatility(1), volatility(900)]))
    const alone = await run('--dir', dir)
    expect(alone.code).toBe(0)
    expect(alone.out).toContain(
      'Nothing is wrong. Whole where it can be known: nothing tells what any channel may lack',
    )
    put(`${SUBJECT}/2026-11-25T08.ndjson`, lines(trades(1, 3)))
    put(`gap/binance/spot/BTC-USDT/2026-11-25T08.ndjson`, lines([gap(1, 2)]))
    const { out } = await run('--dir', dir)
    expect(out).toContain('nothing tells what 1 of the channels may lack (continuity: none).')
    expect(out).toMatch(/^volatility_index\.binance\.spot\.BTC-USDT +2 +none/m)
    expect(out).toMatch(/^trade\.binance\.spot\.BTC-USDT +3 +numbers/m)
    expect(out).toMatch(/^gap\.binance\.spot\.BTC-USDT +1 +2026/m)
  })

  it('notes a torn last line and a compressed file without an end, and takes what is before them', async () => {
    put(`${SUBJECT}/2026-11-25T08.ndjson`, lines(trades(1, 3)) + lines(trades(4, 4)).slice(0, 40))
    put(`trade/binance/spot/ETH-USDT/2026-11-25T08.ndjson.gz`, gzipSync(lines([])).subarray(0, 8))
    const { code, out } = await run('--dir', dir)
    expect(code).toBe(0)
    expect(out).toContain('note: trade.binance.spot.BTC-USDT 2026-11-25T08.ndjson: the last line is torn')
    expect(out).toContain('note: trade.binance.spot.ETH-USDT 2026-11-25T08.ndjson.gz: ends before its compression does')
  })

  it('says which file is damaged', async () => {
    const damaged = gzipSync(lines(trades(1, 100)))
    damaged.fill(0x55, 30, 60)
    put(`${SUBJECT}/2026-11-25T08.ndjson.gz`, damaged)
    const { code, out } = await run('--dir', dir)
    expect(code).toBe(1)
    expect(out).toContain('2026-11-25T08.ndjson.gz cannot be read: ')
  })

  it('leaves out files of periods that ended before --since', async () => {
    put(`${SUBJECT}/2026-11-25T08.ndjson`, lines(trades(1, 3)))
    put(`${SUBJECT}/2026-11-25T08-30.ndjson`, lines(trades(1800, 1801)))
    put(`${SUBJECT}/2026-11-25T08-30.1.ndjson`, lines(trades(1802, 1803)))
    put(`${SUBJECT}/2026-11-25T10.ndjson`, lines(trades(7200, 7200)))
    const messages = async (since: string) => (await runJson('--dir', dir, '--since', since)).messages
    expect(await messages('2026-11-25T07:30:00Z')).toBe(8)
    expect(await messages('2026-11-25T09:30:00Z')).toBe(5)
    expect(await messages('2026-11-25T10:00:00Z')).toBe(1)
  })

  it('names files and folders that are not ours, and follows no link', async () => {
    put(`${SUBJECT}/2026-11-25T08.ndjson`, lines(trades(1, 3)))
    put(`${SUBJECT}/notes.txt`, 'x')
    put('a/b/c/d/e.txt', 'x')
    put('trade/x/y/z/e.txt', 'x')
    symlinkSync(join(dir, SUBJECT, '2026-11-25T08.ndjson'), join(dir, SUBJECT, '2026-11-25T09.ndjson'))
    const { notes, messages } = await runJson('--dir', dir)
    expect(messages).toBe(3)
    expect(notes.map((note) => note.split(':')[0])).toEqual([
      'a',
      'trade.binance.spot.BTC-USDT',
      'trade.binance.spot.BTC-USDT',
      'trade/x/y/z',
    ])
  })

  it('lets no control character from the data reach the terminal', async () => {
    const evil = '\u001b]0;x\u0007\u009b31m\r\n'
    put(
      `${SUBJECT}/2026-11-25T08.ndjson`,
      `\u001b[31mnot json\n${lines([{ ...trade(1), price: evil, [evil]: 1 } as Trade])}`,
    )
    put(`${SUBJECT}/\u001b[2J.ndjson`, 'x')
    for (const json of [[], ['--json']]) {
      const { out, err } = await run('--dir', dir, ...json)
      expect(out + err).toMatch(/^[\n -~…]*$/)
    }
  })

  it.each([
    [[], 'say either --stream NAME or --dir FOLDER'],
    [['--dir', 'x', '--stream', 'X'], 'say either --stream NAME or --dir FOLDER'],
    [['--dir', 'x', '--nats', 'x'], '--nats, --creds and --tls-ca go with --stream'],
    [['--dir', 'x', '--subject', 'a..b'], "--subject: 'a..b' is not a subject"],
    [['--dir', 'x', '--since', 'now'], "--since: 'now' is no time"],
    [['--fast'], "Unknown option '--fast'"],
    [['--dir', join(import.meta.dirname, 'nowhere')], 'ENOENT'],
    [['--dir', import.meta.dirname], 'there is no message of ours'],
    [['--stream', 'X', '--nats', 'nats://127.0.0.1:1'], 'no connection to nats://127.0.0.1:1'],
  ])('exits with 2 for %j and says why', async (args, sentence) => {
    const { code, out, err } = await run(...args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(sentence)
  })

  it('tells how it is used', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('Usage: marketprism audit') })
  })
})

describeWithNats('audit of a stream', () => {
  it('reads from the first message to the last, with the ids they were stored under, and the gaps about what is asked', async () => {
    await using server = await startNats()
    const nc = await connect({ servers: server.url })
    try {
      await (await jetstreamManager(nc)).streams.add({ name: 'MARKET_DATA', subjects: ['market.>', 'other'] })
      const publish = async (messages: readonly Message[], prefix = 'market') => {
        const js = jetstream(nc)
        for (const m of messages) {
          const h = headers()
          h.set('Nats-Msg-Id', `${prefix}:${nameOf(m).replaceAll('.', ':')}:${messageKey(m)}`)
          await js.publish(`market.${nameOf(m)}`, JSON.stringify(m), { headers: h })
        }
      }
      const asked = ['--stream', 'MARKET_DATA', '--nats', server.url]
      expect(await run(...asked)).toMatchObject({
        code: 2,
        err: expect.stringContaining('there is no message of ours'),
      })

      await publish([...trades(1, 50), ...trades(53, 60)])
      await jetstream(nc).publish('other', 'x')
      expect(await runJson(...asked)).toMatchObject({
        whole: false,
        messages: 59,
        findings: [{ kind: 'missing', text: '2 trades are missing between id 50 and id 53' }],
        notes: ['1 messages stand under subjects that are not ours; left out.'],
      })

      await publish([gap(50, 53)])
      expect((await run(...asked)).code).toBe(0)
      expect(await runJson(...asked, '--subject', 'market.trade.>')).toMatchObject({
        whole: true,
        channels: [{ subject: 'market.trade.binance.spot.BTC-USDT', missing: { announced: 2, unannounced: 0 } }],
      })
      expect((await run(...asked, '--since', '1h')).code).toBe(0)
      expect((await run(...asked, '--since', '2100-01-01')).code).toBe(2)

      await publish([trade(61)], 'else')
      expect((await runJson(...asked)).findings.map(({ kind }) => kind)).toEqual(['wrong_id'])
      expect(await run('--stream', 'NONE', '--nats', server.url)).toMatchObject({
        code: 2,
        err: expect.stringContaining('stream NONE cannot be read: stream not found'),
      })
    } finally {
      await nc.close()
    }
  })

  it('reads a stream of many fetches', async () => {
    await using server = await startNats()
    const nc = await connect({ servers: server.url })
    try {
      await (await jetstreamManager(nc)).streams.add({ name: 'S', subjects: ['market.>'] })
      const all = trades(1, 9000)
      for (let i = 0; i < all.length; i += 1000) {
        await Promise.all(
          all.slice(i, i + 1000).map((m) => jetstream(nc).publish(`market.${nameOf(m)}`, JSON.stringify(m))),
        )
      }
      const report = await runJson('--stream', 'S', '--nats', server.url)
      expect(report).toMatchObject({ whole: true, messages: 9000, channels: [{ late: 0, duplicates: 0 }] })
    } finally {
      await nc.close()
    }
  })
})
