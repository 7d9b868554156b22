// An exchange that is down for everyone for an hour, while two others go on: over sockets, on a virtual clock.
import { expect, it } from 'vitest'
import { VirtualClock, settle } from '../../collector/connection/clock.ts'
import { imbalance } from '../../collector/status.ts'
import { type Exchange, startExchange } from '../exchange/exchange.ts'
import { keep, type Keeping } from '../support/kept.ts'
import { feedsOf, manifestOf, until } from './collect.ts'
import { compare, sent } from './proof.ts'

const BEGIN_MS = 1_790_000_000_000
const FEEDS = {
  binance: { symbols: { spot: ['BTC-USDT'] }, types: ['trade', 'orderbook'] },
  okx: { symbols: { spot: ['BTC-USDT'] }, types: ['trade', 'orderbook'] },
  deribit: { symbols: { perpetual: ['BTC-USD'] }, types: ['trade'] },
} as const
const NAMES = ['binance', 'okx', 'deribit'] as const

/** Three venues, a collector of all of them, and their time. */
class Trio {
  readonly clock = new VirtualClock(BEGIN_MS)
  readonly exchanges: readonly Exchange[]
  readonly keeping: Keeping

  private constructor(exchanges: readonly Exchange[], keeping: Keeping, clock: VirtualClock) {
    this.exchanges = exchanges
    this.keeping = keeping
    this.clock = clock
  }

  static async open(): Promise<Trio> {
    const clock = new VirtualClock(BEGIN_MS)
    const exchanges = await Promise.all(
      NAMES.map((exchange) => {
        const markets = Object.keys(FEEDS[exchange].symbols) as ('spot' | 'perpetual')[]
        return startExchange({ exchange, markets, symbols: 1, rate: 2, levels: 20, virtual: true, startTime: BEGIN_MS })
      }),
    )
    const feeds = NAMES.flatMap((exchange, i) => feedsOf(exchanges[i] as Exchange, { exchange, ...FEEDS[exchange] }))
    const keeping = await keep(manifestOf(feeds, { name: 'three', sink: { file: { path: 'kept' } } }), { clock })
    return new Trio(exchanges, keeping, clock)
  }

  get okx(): Exchange {
    return this.exchanges[NAMES.indexOf('okx')] as Exchange
  }

  /** Seconds since the beginning. */
  get seconds(): number {
    return (this.clock.nowMs() - BEGIN_MS) / 1000
  }

  /** Lets time pass until a second, and calls `each` after every one. What was sent is read before the next. */
  async passTo(second: number, each: () => void = () => {}): Promise<void> {
    while (this.seconds < second) {
      for (const exchange of this.exchanges) exchange.advance(1_000)
      await this.clock.advance(1_000)
      // Requests, refusals and frames go over real sockets.
      for (let turn = 0; turn < 6; turn++) await settle()
      each()
    }
  }

  states(exchange: (typeof NAMES)[number]) {
    return this.keeping.running.status().channels.filter((channel) => channel.exchange === exchange)
  }

  async close(): Promise<void> {
    await this.keeping.close()
    await Promise.all(this.exchanges.map((exchange) => exchange.close()))
  }
}

it(
  'C013: an exchange is down for everyone for an hour, and the others do not notice',
  { timeout: 60_000 },
  async () => {
    const trio = await Trio.open()
    const { keeping, okx } = trio
    const status = () => keeping.running.status()
    await trio.passTo(60)
    expect(status().channels.map(({ state }) => state)).toEqual(['live', 'live', 'live', 'live', 'live'])
    const ids = [
      okx.faults.add({ kind: 'refuse', status: 503 }),
      okx.faults.add({ kind: 'rest', status: 503 }),
      okx.faults.add({ kind: 'close', code: 1006 }),
    ]

    const attempts: number[] = []
    const watch = () => {
      for (let n = attempts.length; n < okx.ledger().refused; n++) attempts.push(trio.seconds)
      // /livez, which asks whether the process makes progress, and /readyz.
      expect(trio.clock.nowMs() - keeping.running.progress()).toBeLessThanOrEqual(1_000)
      expect(status().ready).toBe(true)
    }
    await trio.passTo(180, watch)
    const downSince = trio.states('okx').map(({ state, since }) => [state, since / 1e6 - BEGIN_MS / 1e3])
    for (const [state, since] of downSince) {
      expect(state).toBe('down')
      expect(since).toBeGreaterThanOrEqual(60)
      expect(since).toBeLessThanOrEqual(62)
    }
    await trio.passTo(3_660, watch)
    // Two sockets: one for each path of the venue.
    expect(attempts.length).toBeGreaterThan(2 * 40)
    expect(attempts.length).toBeLessThan(2 * 400)
    const waits = attempts.slice(20).map((second, i) => second - (attempts[i + 19] as number))
    expect(new Set(waits).size).toBeGreaterThan(8)

    for (const id of ids) okx.faults.clear(id)
    await trio.passTo(3_690, watch)
    expect(trio.states('okx').map(({ state, inSync }) => [state, inSync])).toEqual([
      ['live', undefined],
      ['live', true],
    ])
    await trio.passTo(3_720, watch)
    await until(
      'all frames are read',
      () => {
        const counts = trio.exchanges.map((exchange) => sent(exchange.ledger()))
        return counts.reduce((n, { data, control }) => n + data + control, 0) === status().ledger.framesReceived
      },
      () => status().ledger,
    )

    const end = await keeping.close()
    expect(imbalance(end.ledger)).toEqual([])
    const gaps = keeping.of('gap')
    expect(gaps.filter(({ exchange }) => exchange !== 'okx')).toEqual([])
    expect(gaps.filter(({ of }) => of === 'orderbook').map(({ reason }) => reason)).toEqual(['disconnect'])
    expect(gaps.filter(({ of }) => of === 'trade').length).toBeLessThanOrEqual(1)
    // Of trades the last ones may have been filled.
    for (const { of, from, to } of gaps) {
      expect(from / 1e6 - BEGIN_MS / 1e3).toBeLessThan(61)
      if (of !== 'trade') expect(to / 1e6 - BEGIN_MS / 1e3).toBeGreaterThan(3_659)
    }
    for (const [i, exchange] of NAMES.entries()) {
      const { wrong } = compare(
        keeping.sink.messages.filter((m) => m.exchange === exchange),
        (trio.exchanges[i] as Exchange).truth,
      )
      expect(wrong).toEqual([])
    }
    await trio.close()
  },
)
