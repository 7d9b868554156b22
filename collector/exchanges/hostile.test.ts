import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeEach, describe, expect, test } from 'vitest'
import { type ChannelPlan, Intake } from '../../test/support/intake.ts'
import { LEVELS_MAX } from '../wire/levels.ts'
import { ROOMS } from './registry.ts'
import type { Room } from './room.ts'

const QUERY = { path: '/exchangeInfo', weight: 1 }

const KB = 1024
const MB = KB * KB
/** The longest frame that a socket lets through, see connection/socket.ts. */
const FRAME_BYTES_MAX = 4 * MB
/** One frame holds up the others for less than this. Time of this thread alone; loosely, 50 is what we aim at. */
const BLOCKED_MS_MAX = 250
const BINANCE = ROOMS.filter(({ exchange }) => exchange === 'binance')
const [ROOM] = BINANCE as [Room]

const PLANS: readonly ChannelPlan[] = [
  { type: 'trade', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT' },
  { type: 'trade', symbol: 'ETH-USDT', venueSymbol: 'ETHUSDT' },
  { type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT', depth: 5 },
]

let intake: Intake
let id = 0

beforeEach(() => {
  intake = new Intake(ROOM, PLANS)
  id = 0
  expectLive()
})

function data(stream: string, object: string): string {
  return `{"stream":"${stream}","data":${object}}`
}

function trade(n: number, symbol = 'BTCUSDT', more = ''): string {
  const object = `{"e":"aggTrade","E":1790000000123,"s":"${symbol}","a":${n},"p":"1.0","q":"1.0","f":${n},"l":${n},"T":1790000000122,"m":true${more}}`
  return data(`${symbol.toLowerCase()}@aggTrade`, object)
}

/** The other channel goes on: its next trade comes out at once, alone. */
function expectLive(): void {
  id += 1
  expect(intake.frame(Buffer.from(trade(id, 'ETHUSDT')))).toBe(true)
  const ids = intake
    .take()
    .flatMap(({ message }) => (message.type === 'trade' ? [`${message.symbol} ${message.id}`] : []))
  expect(ids).toEqual([`ETH-USDT ${id}`])
}

function threadMs(run: () => void): number {
  const before = process.threadCpuUsage()
  run()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

type Fate = 'data' | 'control' | 'malformed' | 'binary'

/** Sends a frame; nothing throws, it is counted once, as `fate`, and in time; then the other channel goes on. */
function expectFate(frame: string | Buffer, fate: Fate, isBinary = false): void {
  const { counts } = intake
  const seen = () => ({ data: counts.data, control: counts.control, ...counts.refused })
  const before = seen()
  const bytes = Buffer.from(frame)
  expect(threadMs(() => intake.frame(bytes, { isBinary }))).toBeLessThan(BLOCKED_MS_MAX)
  expect(seen()).toEqual({ ...before, [fate]: before[fate] + 1 })
  expect(intake.take()).toHaveLength(fate === 'data' ? 1 : 0)
  expectLive()
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}

describe('a frame that is no JSON', () => {
  const broken: Record<string, string | Buffer> = {
    nothing: '',
    'white space': ' \n',
    'half a frame': trade(1).slice(0, -20),
    'a frame and a half': trade(1) + trade(2).slice(0, 30),
    'two frames on two lines': `${trade(1)}\n${trade(2)}`,
    'a byte order mark in the middle': trade(1).replace('"data"', '\uFEFF"data"'),
    'a NUL in a key': trade(1).replace('"p"', '"p\0"'),
    'a line break in a value': trade(1).replace('BTCUSDT', 'BTC\nUSDT'),
    'nothing but NULs': Buffer.alloc(200),
    'every byte once': Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
  }
  test.each(Object.entries(broken))('is refused and counted: %s', (_name, frame) => expectFate(frame, 'malformed'))

  test('C027: arrays that open a hundred thousand times and never close hold up nothing', () => {
    expectFate('['.repeat(100_000), 'malformed')
    expectFate(data('btcusdt@aggTrade', '['.repeat(100_000)), 'malformed')
    expectFate(data('btcusdt@aggTrade', '{"a":'.repeat(10_000)), 'malformed')
  })

  test('C027: bytes that are no UTF-8 are never published, not even where nobody reads them', () => {
    const [no, utf8] = [Buffer.from([0xc3, 0x28]), Buffer.from('人')]
    expectFate(no, 'malformed')
    const whole = (bytes: Buffer, more: string) => {
      const [before = '', behind = ''] = trade(1, 'BTCUSDT', more).split('#')
      return Buffer.concat([Buffer.from(before), bytes, Buffer.from(behind)])
    }
    // Read in all ways: unknown order, learned order, general road, and as a key.
    for (const more of [',"x":"#"', ',"x":"#"', ', "x":"#"', ',"#":1']) expectFate(whole(no, more), 'malformed')
    intake.frame(whole(utf8, ',"x":"#"'))
    intake.take()
    for (const more of [',"x":"#"', ',"x":"#"']) expectFate(whole(no, more), 'malformed')
    for (const cut of [[0xe4, 0xba], [0xff], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf5, 0x80, 0x80, 0x80]]) {
      expectFate(whole(Buffer.from(cut), ',"x":"#"'), 'malformed')
    }
  })
})

describe('a frame with names that mean something elsewhere', () => {
  test('C027: __proto__ and constructor stay data: the frame is a trade like others, and no object changes', () => {
    const pollute = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}}'
    expectFate(trade(1).replace('"E"', `${pollute},"E"`), 'data')
    expectFate(` {${pollute},${trade(2).slice(1)}`, 'data')
    expectFate(`{"__proto__":${JSON.stringify({ stream: 'btcusdt@aggTrade', data: {} })}}`, 'control')
    expectFate(data('__proto__', '{}'), 'control')
    expectFate(data('btcusdt@aggTrade', `{"__proto__":${trade(3).slice(38, -1)}}`), 'malformed')
    expect('polluted' in {}).toBe(false)
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted')
  })

  test.each([
    '*',
    '>',
    'a.b',
    '*.>',
    'market.>',
    'BTC USDT',
    'BTC\\r\\nUSDT',
    '$SYS',
    '..',
    '/',
    '',
    '\\u0000',
    '\\ud800',
  ])('goes to no subject of its own: a symbol and a stream %j', (name) => {
    expectFate(data(`${name}@aggTrade`, `{"e":"aggTrade","s":"${name}"}`), 'control')
    expectFate(trade(1).replace('"BTCUSDT"', `"${name}"`), 'malformed')
  })

  test('is listed as no instrument when its symbol holds more than letters and digits', () => {
    const names = ['*', '>', 'A.B', 'A*', 'A B', 'A\nB', '', 'A'.repeat(25), '../A', 'A-B', '\u0000', '\u202eA']
    const listed = BINANCE.map(({ market, instruments }) => {
      const isDated = market === 'future'
      const row = (name: string) => ({
        symbol: `${name}USDT${isDated ? '_261225' : ''}`,
        baseAsset: name,
        quoteAsset: 'USDT',
        status: 'TRADING',
        contractType: isDated ? 'CURRENT_QUARTER' : 'PERPETUAL',
        deliveryDate: isDated ? Date.UTC(2026, 11, 25, 8) : 4_133_404_800_000,
      })
      const body = Buffer.from(JSON.stringify({ symbols: [...names, '1INCH', '币安人生'].map(row) }))
      return instruments.read(body, QUERY)?.listings.map(({ symbol }) => symbol.replace(/-20261225$/, ''))
    })
    expect(listed).toEqual(BINANCE.map(() => ['1INCH-USDT', '币安人生-USDT']))
  })
})

describe('a frame with too much of something', () => {
  test('C027: fifty megabytes of digits are refused unread', () => {
    expectFate('7'.repeat(50 * MB), 'malformed')
  })

  test.each([
    ['a megabyte, which plain form may have', MB - KB, 'data'],
    ['as many as a socket lets through', FRAME_BYTES_MAX - KB, 'malformed'],
  ] as const)('holds up nothing when one part has %s', (_name, length, fate) => {
    const long = 'x'.repeat(length)
    const digits = '7'.repeat(length)
    expectFate(trade(1, 'BTCUSDT', `,"${long}":1`), fate)
    expectFate(trade(2, 'BTCUSDT', `,"x":"${long}"`), fate)
    expectFate(trade(3, 'BTCUSDT', `,"x":${digits}`), fate)
    expectFate(trade(4).replace('"1.0"', `"${digits}"`), 'malformed')
    expectFate(trade(4, 'BTCUSDT', `,"x":"${String.raw`\u0041`.repeat(length / 6)}"`), 'malformed')
    expectFate(data(long, '{}'), 'malformed')
  })

  test('holds up nothing when it is made of the smallest values', () => {
    const bytes = 60 * KB
    let n = 0
    for (const piece of ['0,', '"",', '[],', '{},', '[1,1],', '["1","1"],', '1e9,']) {
      const array = `[${piece.repeat(bytes / piece.length)}0]`
      n += 1
      expectFate(trade(n).replace('"E"', `"x":${array},"E"`), 'data')
    }
    const keys = Array.from({ length: bytes / 9 }, (_, i) => `"${i}":0`).join(',')
    expectFate(data('btcusdt@aggTrade', ` {${keys}}`), 'malformed')
  })

  test('is refused with more levels than a book may have, and the book does not take the first of them', async () => {
    const delta = (u: number, levels: number) => {
      const bids = JSON.stringify(Array.from({ length: levels }, (_, i) => [`${i + 1}`, '1']))
      return data(
        'btcusdt@depth@100ms',
        `{"e":"depthUpdate","E":${1790000000000 + u},"s":"BTCUSDT","U":${u},"u":${u},"b":${bids},"a":[]}`,
      )
    }
    intake.frame(Buffer.from(delta(1, 1)))
    await intake.answer('/api/v3/depth', Buffer.from('{"lastUpdateId":1,"bids":[],"asks":[]}'))
    intake.take()
    expectFate(delta(2, LEVELS_MAX + 1), 'malformed')
    expectFate(delta(2, LEVELS_MAX), 'data')
    intake.frame(Buffer.from(delta(3, 0)))
    expect(intake.take().map(({ message }) => message.type === 'orderbook' && message.prev_seq)).toEqual([2])
  })

  test('is refused when its numbers have more bits than a double', () => {
    for (const n of ['9007199254740992', '9223372036854775807', '18446744073709551616', '1'.repeat(400)]) {
      expectFate(trade(1).replace('"a":1', `"a":${n}`), 'malformed')
      expectFate(trade(1).replace('"T":1790000000122', `"T":${n}`), 'malformed')
    }
  })
})

test('C027: a binary frame is refused, whatever it holds', () => {
  expectFate(trade(1), 'binary', true)
  expectFate('', 'binary', true)
  expectFate(Buffer.alloc(MB), 'binary', true)
})

test('a venue that writes its keys in another order each time is read, and only a few orders are learned', () => {
  const keys = [
    '"e":"aggTrade"',
    '"s":"BTCUSDT"',
    '"p":"1.0"',
    '"q":"1.0"',
    '"f":7',
    '"l":7',
    '"T":1790000000122',
    '"m":true',
  ]
  const order = (i: number) =>
    keys.toSorted((a, b) => ((a.length * 7 + a.charCodeAt(1) * i) % 31) - ((b.length * 7 + b.charCodeAt(1) * i) % 31))
  const before = heapBytes()
  for (let i = 1; i <= 2_000; i++) {
    intake.frame(Buffer.from(data('btcusdt@aggTrade', `{"x${i}":0,"a":${i},${order(i).join(',')}}`)))
    expect(intake.take()).toHaveLength(1)
  }
  expect(intake.counts).toMatchObject({ control: 0, refused: { malformed: 0, binary: 0 } })
  expect(heapBytes() - before).toBeLessThan(8 * MB)
  // The orders that were learned are not driven out by those that are not.
  const slow = intake.frameOf('trade').slow
  for (let n = 2; n < 100; n++) expectLive()
  expect(intake.frameOf('trade').slow).toBe(slow)
})

test('streams that nobody asked for leave nothing behind, however many there are', () => {
  const unknown = (i: number) => Buffer.from(data(`x${i}@aggTrade`, `{"e":"aggTrade","s":"X${i}"}`))
  for (let i = 0; i < 2_000; i++) intake.frame(unknown(i))
  const before = heapBytes()
  for (let i = 0; i < 50_000; i++) intake.frame(unknown(i))
  expect(heapBytes() - before).toBeLessThan(4 * MB)
  expect(intake.counts.control).toBe(52_000)
  expect(intake.channels).toHaveLength(PLANS.length)
  expectLive()
})

test('what is refused makes its channel alone suspect, or all of the socket where it may have been any', () => {
  intake.frame(Buffer.from(data('btcusdt@aggTrade', '{}')))
  expect(intake.unreadable).toBe(0)
  intake.frame(Buffer.from('{'))
  intake.frame(Buffer.alloc(1), { isBinary: true })
  expect(intake.unreadable).toBe(2)
})
