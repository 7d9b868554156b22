import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Intake, taken } from '../test/support/intake.ts'
import { roomOf } from './exchanges/registry.ts'
import { type Kline, type Message, type OrderBook, type Ticker, VERSION } from './market/messages.ts'
import { reaches, type Takeover } from './takeover.ts'

const BEGIN_MS = 1_790_000_000_000
const PERPETUAL = roomOf('binance', 'perpetual')
const WHERE = { v: VERSION, exchange: 'binance', market: 'perpetual', symbol: 'BTC-USDT', published: 0 } as const

/** Best prices of a later run, numbered; number n is of n ms after the beginning, and comes a moment later. */
class Stage {
  readonly #intake: Intake
  readonly takeover: Takeover

  constructor(resumedMs = 0, spoolBytes?: number) {
    if (PERPETUAL === undefined) throw new Error('no such room')
    const resume = { time: micros(resumedMs) }
    const plan = { type: 'ticker', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT', resume } as const
    this.#intake = new Intake(PERPETUAL, [plan], spoolBytes)
    this.takeover = this.#intake.takeovers[0] as Takeover
  }

  get spool() {
    return this.#intake.spool
  }

  get track() {
    return this.#intake.tracks[0]
  }

  async pass(ms: number): Promise<void> {
    const { clock } = this.#intake
    await clock.advance(BEGIN_MS + ms - clock.nowMs())
  }

  async push(n: number): Promise<void> {
    await this.pass(n + 0.005)
    const prices = { b: '64000.1', B: '1', a: '64000.2', A: '2' }
    const data = { e: 'bookTicker', u: n, s: 'BTCUSDT', ...prices, T: BEGIN_MS + n, E: BEGIN_MS + n }
    this.#intake.frame(Buffer.from(JSON.stringify({ stream: 'btcusdt@bookTicker', data })))
  }

  /** What has gone to the sink since the last time. */
  out(): string[] {
    return taken(this.spool, { list: this.#intake.channels }).map(({ message: m }) =>
      m.type === 'gap' ? `gap ${m.reason} ${millis(m.from)}..${millis(m.to)}` : String((m as Ticker).seq),
    )
  }
}

function micros(ms: number): number {
  return (BEGIN_MS + ms) * 1000
}

function millis(us: number): number {
  return us / 1000 - BEGIN_MS
}

/** As another publisher stored it. */
function ticker(n: number): Ticker {
  const prices = { bid: '64000.1', bid_size: '1', ask: '64000.2', ask_size: '2' }
  return { ...WHERE, type: 'ticker', ...prices, seq: n, ts: micros(n), received: micros(n) + 7 }
}

function book(seq: number, ms: number): OrderBook {
  const kind = 'snapshot'
  return { ...WHERE, type: 'orderbook', kind, seq, bids: [], asks: [], ts: micros(ms), received: micros(ms) }
}

/** A state of a candle, of a venue that does not stamp them. */
function candle(receivedMs: number, close: string): Kline {
  const prices = { open: '1', high: '9', low: '1', close, volume: '5' }
  return { ...WHERE, type: 'kline', interval: '1m', ...prices, open_time: micros(0), received: micros(receivedMs) }
}

it.each<[string, Message, Message, boolean]>([
  ['later', ticker(5), ticker(4), true],
  ['the same', ticker(5), ticker(5), true],
  ['earlier', ticker(4), ticker(5), false],
  ['the same, heard a moment earlier', { ...ticker(5), received: micros(4) }, ticker(5), true],
  ['later by the venue, and heard long before', { ...ticker(6), received: micros(-9_000) }, ticker(5), false],
  ['a book that is further', book(9, 90), book(7, 70), true],
  ['a book at the same place, stamped when it was sent', book(7, 60), book(7, 70), true],
  ['a book that is behind', book(6, 90), book(7, 70), false],
  ['a book of an older numbering', book(900, 60), book(7, 70), false],
  ['a candle without a stamp that says the same, heard long before', candle(10, '3'), candle(9_000, '3'), false],
  ['a candle without a stamp heard later', candle(9_500, '4'), candle(9_000, '3'), true],
])('what is stored reaches the first message, or does not: %s', (_what, last, first, expected) => {
  expect(reaches(last, first)).toBe(expected)
})

describe('a channel that takes up', () => {
  it('holds its messages until others are seen to have come so far; then nothing is missing', async () => {
    const stage = new Stage()
    expect(stage.takeover.isDue).toBe(false)
    await stage.push(100)
    await stage.push(110)
    expect([stage.out(), stage.takeover.pending, stage.takeover.isDue]).toEqual([[], 2, true])
    stage.takeover.look(ticker(90))
    await stage.push(120)
    expect(stage.out()).toEqual([])
    stage.takeover.look(ticker(100))
    expect([stage.out(), stage.takeover.isOver]).toEqual([['100', '110', '120'], true])
    await stage.push(130)
    expect(stage.out()).toEqual(['130'])
  })

  it('says what is missing since the last of them, when they have not', async () => {
    const stage = new Stage()
    await stage.push(100)
    stage.takeover.look(ticker(40))
    stage.takeover.look(ticker(70))
    expect(stage.out()).toEqual(['gap restart 70..100', '100'])
  })

  it.each(['look', 'tick', 'end', 'close'] as const)(
    'says so as well when nothing more can be known: %s',
    async (how) => {
      const stage = new Stage(30)
      await stage.push(100)
      if (how === 'look') for (let i = 0; i < 2; i++) stage.takeover.look(undefined)
      else if (how === 'tick') for (let i = 0; i < 5; i++) stage.takeover.tick()
      else stage.takeover[how]()
      expect(stage.out()).toEqual(['gap restart 30..100', '100'])
    },
  )

  it('says at its end that nothing was heard, where nothing was', async () => {
    const stage = new Stage()
    await stage.pass(700)
    stage.takeover.end()
    expect(stage.out()).toEqual([])
    stage.track?.close()
    stage.takeover.close()
    expect(stage.out()).toEqual(['gap restart 0..700'])
  })

  it('says what happened since its first message behind what came before it', async () => {
    const stage = new Stage()
    stage.track?.interrupt('disconnect', 1)
    await stage.push(100)
    stage.track?.interrupt('disconnect', 1)
    await stage.push(150)
    stage.takeover.end()
    expect(stage.out()).toEqual(['gap restart 0..100', '100', 'gap disconnect 100..150', '150'])
  })

  it('waits for room, and loses nothing meanwhile', async () => {
    const stage = new Stage(0, 1024 * 1024)
    const { spool } = stage
    const size = 100_000
    while (spool.open(size, 1) !== undefined) spool.commit(0, spool.at + 10, spool.at + size, 1)
    await stage.push(100)
    stage.takeover.end()
    await stage.push(110)
    stage.takeover.tick()
    expect(stage.takeover.pending).toBe(2)
    while (spool.next()) {
      const { chunk, index } = spool.cursor
      spool.cursor.index += 1
      spool.settle(chunk, index)
    }
    stage.takeover.tick()
    await stage.push(120)
    expect(stage.out()).toEqual(['gap restart 0..100', '100', '110', '120'])
  })

  it('says of a book between which states something is missing', async () => {
    const plan = { type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT' } as const
    if (PERPETUAL === undefined) throw new Error('no such room')
    const intake = new Intake(PERPETUAL, [{ ...plan, resume: { at: 10, time: micros(-900) } }])
    const delta = { e: 'depthUpdate', s: 'BTCUSDT', T: BEGIN_MS, E: BEGIN_MS, U: 41, u: 50, pu: 40, b: [], a: [] }
    intake.frame(Buffer.from(JSON.stringify({ stream: 'btcusdt@depth@100ms', data: delta })))
    const rows = { bids: [['64000.1', '1']], asks: [['64000.2', '2']] }
    await intake.answer('/fapi/v1/depth', Buffer.from(JSON.stringify({ lastUpdateId: 45, E: 0, T: 0, ...rows })))
    intake.takeovers[0]?.look(book(20, -500))
    expect(intake.take().map(({ message: m }) => m)).toMatchObject([
      { type: 'gap', reason: 'restart', from: micros(-500), to: micros(0), after_seq: 20, before_seq: 50 },
      { type: 'orderbook', kind: 'snapshot', seq: 50 },
    ])
  })
})

it('whenever the other publisher ends, what nobody stored is announced, and where nothing is missing nothing is', async () => {
  const run = fc.record({
    /** The other's last message, our first one, of messages ten ms apart. */
    ended: fc.integer({ min: 1, max: 400 }),
    begun: fc.integer({ min: 1, max: 300 }),
    lagMs: fc.integer({ min: 0, max: 200 }),
    looksMs: fc.tuple(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 0, max: 1_000 })),
  })
  await fc.assert(
    fc.asyncProperty(run, async ({ ended, begun, lagMs, looksMs: [first, second] }) => {
      const stage = new Stage()
      const looks = [begun * 10 + first, begun * 10 + first + second]
      for (let n = begun; n <= begun + 250; n++) {
        while ((looks[0] ?? Infinity) <= n * 10) {
          const stored = Math.min(ended, Math.floor(((looks.shift() as number) - lagMs) / 10))
          stage.takeover.look(stored < 1 ? undefined : ticker(stored * 10))
        }
        await stage.push(n * 10)
      }
      const out = stage.out()
      const gaps = out.filter((one) => one.startsWith('gap'))
      expect(out.slice(gaps.length)).toEqual(Array.from({ length: 251 }, (_, i) => String((begun + i) * 10)))
      const [, from, to] = /^gap restart (\d+)\.\.(\d+)$/.exec(gaps[0] ?? '') ?? []
      if (ended < begun - 1) expect([Number(from) <= ended * 10, Number(to)]).toEqual([true, begun * 10])
      if (ended >= begun && lagMs <= first + second) expect(gaps).toEqual([])
    }),
    { numRuns: 60 },
  )
})
