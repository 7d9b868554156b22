import { describe, expect, it } from 'vitest'
import { Intake, type Made } from '../../test/support/intake.ts'
import { Clock } from '../../test/exchange/clock.ts'
import { instruments } from '../../test/exchange/market/instruments.ts'
import { Market } from '../../test/exchange/market/market.ts'
import type { DataType } from '../../crds/names.ts'
import { CHECKS, type Quality, quality } from '../../crds/quality.ts'
import { roomOf } from '../exchanges/registry.ts'
import type { Room } from '../exchanges/room.ts'

const BEGIN_MS = 1_790_000_000_000
const BTC = { symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT' }
const MEBIBYTE = 1024 * 1024

/** What is done where each check fails; those that are not named only count. */
function policy(actions: Partial<Omit<Quality, 'thresholds'>>): Quality {
  return quality.parse({ ...Object.fromEntries(CHECKS.map((check) => [check, 'pass'])), ...actions })
}

function roomFor(exchange: 'binance' | 'okx' | 'deribit', market: 'spot' | 'perpetual'): Room {
  const room = roomOf(exchange, market)
  if (room === undefined) throw new Error('no such room')
  return room
}

/** Channels of one symbol of Binance with a policy, and what comes out of them. */
class Stage {
  readonly intake: Intake
  #timeMs = BEGIN_MS
  #id = 100

  constructor(types: readonly DataType[], how: Quality, market: 'spot' | 'perpetual' = 'spot') {
    const plans = types.map((type) => ({ type, ...BTC }))
    this.intake = new Intake(roomFor('binance', market), plans, MEBIBYTE, how)
  }

  /** A trade a millisecond after the one before. */
  trade(price: string, { size = '0.5', id = ++this.#id, timeMs = ++this.#timeMs } = {}): string[] {
    const data = {
      e: 'aggTrade',
      E: timeMs,
      s: 'BTCUSDT',
      a: id,
      p: price,
      q: size,
      f: id,
      l: id,
      T: timeMs,
      m: false,
      M: true,
    }
    return this.send('btcusdt@aggTrade', data)
  }

  /** So many trades near this price. */
  warm(price: number, count = 64): void {
    for (let i = 0; i < count; i++) expect(this.trade((price + (i % 3) / 10).toFixed(1))).toHaveLength(1)
  }

  ticker(best: Readonly<Record<string, string>>, more: object = {}): string[] {
    return this.send('btcusdt@bookTicker', { u: ++this.#id, s: 'BTCUSDT', ...best, ...more })
  }

  send(stream: string, data: object): string[] {
    this.intake.frame(Buffer.from(JSON.stringify({ stream, data })))
    return this.said()
  }

  said(): string[] {
    return this.intake.take().map(describeMade)
  }

  failures(type: DataType) {
    const at = this.intake.tracks.findIndex(({ outlet }) => outlet.channel.type === type)
    return this.intake.tracks[at]?.outlet.guard.failures
  }
}

function describeMade({ message: m }: Made): string {
  const flags = 'flags' in m && m.flags !== undefined ? ` ${m.flags.join(' ')}` : ''
  if (m.type === 'trade') return `${m.id} ${m.price} ${m.size}${m.filled ? ' filled' : ''}${flags}`
  if (m.type === 'ticker') return `${m.bid ?? '-'}/${m.ask ?? '-'}${flags}`
  if (m.type === 'orderbook') return `${m.kind} ${m.seq} ${m.bids[0]?.[0] ?? '-'}/${m.asks[0]?.[0] ?? '-'}${flags}`
  if (m.type !== 'gap') return `${m.type}${flags}`
  const ends = m.of === 'trade' ? `${m.after_id}..${m.before_id}` : `${m.after_seq}..${m.before_seq}`
  return `gap ${m.reason} ${ends} missing ${m.missing}`
}

describe('trades', () => {
  it('that share a millisecond all survive, and so do such of one price and size', () => {
    const stage = new Stage(
      ['trade'],
      policy({ badNumber: 'drop', priceJump: 'drop', clockSkew: 'drop', outOfOrder: 'drop' }),
    )
    const timeMs = BEGIN_MS + 1
    const said = Array.from({ length: 50 }, () => stage.trade('64000.1', { timeMs }))
    expect(said.flat()).toEqual(Array.from({ length: 50 }, (_, i) => `${101 + i} 64000.1 0.5`))
  })

  it.each([
    ['0', '0.5'],
    ['0.00000000', '0.00000000'],
    ['64000.1', '0.000'],
    ['-1.5', '0.5'],
    ['64000.1', '-0.5'],
  ])('of price %s and size %s are none: dropped, and a gap says which', (price, size) => {
    const stage = new Stage(['trade'], policy({ badNumber: 'drop' }))
    expect(stage.trade('64000.1')).toEqual(['101 64000.1 0.5'])
    expect(stage.trade(price, { size })).toEqual([])
    expect(stage.trade('64000.2')).toEqual(['gap quality 101..103 missing 1', '103 64000.2 0.5'])
    expect(stage.failures('trade')?.badNumber).toEqual({ drop: 1 })
    expect(stage.intake.tracks[0]?.outlet.channel.tally).toMatchObject({ made: 3, dropped: 1, rejected: 1, gaps: 1 })
  })

  it('that fail one after another are one gap', () => {
    const stage = new Stage(['trade'], policy({ badNumber: 'drop' }))
    expect(stage.trade('64000.1')).toEqual(['101 64000.1 0.5'])
    for (let i = 0; i < 5; i++) expect(stage.trade('0')).toEqual([])
    expect(stage.trade('64000.2')).toEqual(['gap quality 101..107 missing 5', '107 64000.2 0.5'])
  })

  it('that fail are flagged, or only counted, where the policy says so', () => {
    const flagged = new Stage(['trade'], policy({ badNumber: 'flag' }))
    expect(flagged.trade('0')).toEqual(['101 0 0.5 bad_number'])
    expect(flagged.trade('64000.1')).toEqual(['102 64000.1 0.5'])
    const passed = new Stage(['trade'], policy({}))
    expect(passed.trade('0')).toEqual(['101 0 0.5'])
    expect(passed.failures('trade')).toMatchObject({ badNumber: { pass: 1 }, priceJump: { pass: 0 } })
  })

  it('far from those before are flagged, and the ones after are not', () => {
    const stage = new Stage(['trade'], policy({ priceJump: 'flag' }))
    stage.warm(64_000)
    expect(stage.trade('57600.0')).toEqual(['165 57600.0 0.5 price_jump'])
    expect(stage.trade('6400.01')).toEqual(['166 6400.01 0.5 price_jump'])
    expect(stage.trade('640001')).toEqual(['167 640001 0.5 price_jump'])
    expect(stage.trade('64001.0')).toEqual(['168 64001.0 0.5'])
  })

  it('that go back in time, or are of another time than ours, are flagged as that', () => {
    const stage = new Stage(['trade'], policy({ outOfOrder: 'flag', clockSkew: 'flag' }))
    const at = (ms: number) =>
      stage
        .trade('64000.1', { timeMs: BEGIN_MS + ms })
        .join()
        .split(' ')
        .slice(3)
    expect(at(0)).toEqual([])
    expect(at(5_000)).toEqual([])
    expect(at(5_001)).toEqual(['clock_skew'])
    expect(at(0)).toEqual(['out_of_order'])
    expect(at(-60_000)).toEqual(['out_of_order'])
    expect(at(-60_001)).toEqual(['clock_skew', 'out_of_order'])
    expect(at(-60_000)).toEqual([])
  })

  it('fetched by REST are old by their nature, and checked for the rest', async () => {
    const stage = new Stage(['trade'], policy({ badNumber: 'drop', clockSkew: 'drop', outOfOrder: 'drop' }))
    stage.trade('64000.1', { id: 101 })
    stage.trade('64000.1', { id: 106 })
    const row = (a: number, p: string) => ({ a, p, q: '0.5', f: a, l: a, T: BEGIN_MS - 600_000, m: false, M: true })
    const rows = [row(102, '64000.1'), row(103, '0'), row(104, '64000.3'), row(105, '0')]
    await stage.intake.answer('/api/v3/aggTrades', Buffer.from(JSON.stringify(rows)))
    expect(stage.said()).toEqual([
      '102 64000.1 0.5 filled',
      'gap quality 102..104 missing 1',
      '104 64000.3 0.5 filled',
      'gap quality 104..106 missing 1',
      '106 64000.1 0.5',
    ])
  })

  it('of a clean market are never flagged, and always found where one is planted', () => {
    for (const seed of [1, 2, 3]) {
      const stage = new Stage(['trade'], policy({ badNumber: 'flag', priceJump: 'flag' }))
      const prices = clean(seed)
      expect(prices.length).toBeGreaterThan(5_000)
      const flagged = prices.flatMap((price, i) => {
        const isPlanted = i > 100 && i % 500 === 0
        const [said] = stage.trade(isPlanted ? (price * (i % 1000 === 0 ? 1.06 : 0.94)).toFixed(2) : price.toFixed(2))
        return said?.endsWith('price_jump') === isPlanted ? [] : [`seed ${seed}, trade ${i}: ${said}`]
      })
      expect(flagged).toEqual([])
    }
  })
})

/** Prices of the trades of a symbol of the simulated exchange, an hour of them. */
function clean(seed: number): number[] {
  const clock = new Clock(BEGIN_MS)
  const [instrument] = instruments(1)
  if (instrument === undefined) throw new Error('no instrument')
  const market = new Market(clock, {
    ...{ seed, instruments: [instrument], rate: 10, levels: 20, numbering: 'contiguous', offBookTrades: false },
  })
  const prices: number[] = []
  const trade = ({ price }: { price: number }) => void prices.push(price / 10 ** instrument.priceDecimals)
  market.symbols.get(instrument.symbol)?.listeners.add({ trade })
  clock.advance(3_600_000)
  return prices
}

describe('tickers', () => {
  const best = { b: '64000.1', B: '1', a: '64000.2', A: '2' }

  it.each([
    [{}, ''],
    [{ b: '64000.2' }, 'crossed_book'],
    [{ b: '64000.20' }, 'crossed_book'],
    [{ b: '64000.3' }, 'crossed_book'],
    [{ b: '0.00', B: '0.00' }, 'empty_book'],
    [{ a: '0', A: '0' }, 'empty_book'],
    [{ b: '0.00' }, 'bad_number'],
    [{ A: '0' }, 'bad_number'],
    [{ b: '-64000.1' }, 'bad_number'],
    [{ B: '-1' }, 'bad_number'],
  ])('with %j are %s', (change, flag) => {
    const stage = new Stage(['ticker'], policy({ crossedBook: 'flag', emptyBook: 'flag', badNumber: 'flag' }))
    const [said] = stage.ticker(best, change)
    expect(said?.split(' ').slice(1).join(' ')).toBe(flag)
  })

  it('that are dropped are one gap, however many in a row', () => {
    const stage = new Stage(['ticker'], policy({ crossedBook: 'drop' }))
    expect(stage.ticker(best)).toEqual(['64000.1/64000.2'])
    for (let i = 0; i < 5; i++) expect(stage.ticker(best, { b: '64000.5' })).toEqual([])
    expect(stage.ticker(best)).toEqual(['gap quality undefined..undefined missing 5', '64000.1/64000.2'])
  })

  it('C025: that have no event time cannot be skewed', () => {
    const stage = new Stage(['ticker'], policy({ clockSkew: 'drop', outOfOrder: 'drop' }))
    expect(stage.ticker({ ...best, b: '391.10000000' })).toEqual(['391.10000000/64000.2'])
    expect(Object.keys(stage.failures('ticker') ?? {})).toEqual(['badNumber', 'crossedBook', 'emptyBook'])
  })
})

describe('books', () => {
  const LAST = 100

  async function inSync(how: Quality): Promise<Stage> {
    const stage = new Stage(['orderbook'], how)
    delta(stage, LAST)
    const snapshot = {
      lastUpdateId: LAST,
      bids: [
        ['10', '1'],
        ['9', '1'],
      ],
      asks: [
        ['11', '1'],
        ['12', '1'],
      ],
    }
    await stage.intake.answer('/api/v3/depth', Buffer.from(JSON.stringify(snapshot)))
    expect(stage.said()).toEqual(['snapshot 100 10/11'])
    return stage
  }

  function delta(stage: Stage, u: number, bids: string[][] = [], asks: string[][] = []): string[] {
    const data = { e: 'depthUpdate', E: BEGIN_MS + u, s: 'BTCUSDT', U: u, u, b: bids, a: asks }
    return stage.send('btcusdt@depth@100ms', data)
  }

  it('that are crossed are flagged for as long as they are, snapshots and deltas', async () => {
    const stage = await inSync(policy({ crossedBook: 'flag' }))
    expect(delta(stage, 101, [['11', '1']])).toEqual(['delta 101 11/- crossed_book'])
    expect(delta(stage, 102, [['8', '1']])).toEqual(['delta 102 8/- crossed_book'])
    refresh(stage)
    expect(stage.said()).toEqual(['snapshot 102 11/11 crossed_book'])
    expect(delta(stage, 103, [['11', '0']])).toEqual(['delta 103 11/-'])
  })

  it('that are crossed are withheld where the policy drops them; then a gap and the book as it is', async () => {
    const stage = await inSync(policy({ crossedBook: 'drop' }))
    expect(delta(stage, 101, [['11', '1']])).toEqual([])
    expect(delta(stage, 102, [['8', '1']])).toEqual([])
    refresh(stage)
    expect(stage.said()).toEqual([])
    expect(delta(stage, 103, [['11', '0']])).toEqual(['gap quality 100..103 missing 2', 'snapshot 103 10/11'])
    expect(delta(stage, 104, [['10', '2']])).toEqual(['delta 104 10/-'])
    expect(stage.failures('orderbook')?.crossedBook).toEqual({ drop: 2 })
  })

  it('with nothing on a side are empty', async () => {
    const stage = await inSync(policy({ emptyBook: 'flag' }))
    expect(
      delta(stage, 101, [
        ['10', '0'],
        ['9', '0'],
      ]),
    ).toEqual(['delta 101 10/- empty_book'])
    expect(delta(stage, 102, [['10', '1']])).toEqual(['delta 102 10/-'])
  })

  it('with a price of zero are flagged where trades are dropped: a change cannot be left out', async () => {
    const stage = await inSync(policy({ badNumber: 'drop' }))
    expect(delta(stage, 101, [['0.0', '1']])).toEqual(['delta 101 0.0/- bad_number'])
    expect(stage.failures('orderbook')?.badNumber).toEqual({ flag: 1 })
  })

  it('whose changes are of another time are withheld where that is dropped, and come back by a snapshot', async () => {
    const stage = await inSync(policy({ outOfOrder: 'drop' }))
    delta(stage, 101, [['10', '2']])
    const back = { e: 'depthUpdate', E: BEGIN_MS + 50, s: 'BTCUSDT', U: 102, u: 102, b: [['10', '3']], a: [] }
    expect(stage.send('btcusdt@depth@100ms', back)).toEqual([])
    expect(delta(stage, 103, [['9', '5']])).toEqual(['gap quality 101..103 missing 1', 'snapshot 103 10/11'])
  })

  it('stay withheld for as long as their changes are of another time, and are one gap', async () => {
    const stage = await inSync(policy({ clockSkew: 'drop' }))
    const ahead = (u: number) => ({ e: 'depthUpdate', E: BEGIN_MS + 6_000 + u, s: 'BTCUSDT', U: u, u, b: [], a: [] })
    for (let u = 101; u < 110; u++) expect(stage.send('btcusdt@depth@100ms', ahead(u))).toEqual([])
    expect(stage.failures('orderbook')?.clockSkew).toEqual({ drop: 9 })
    expect(delta(stage, 110, [['10', '3']])).toEqual(['gap quality 100..110 missing 9', 'snapshot 110 10/11'])
  })

  function refresh(stage: Stage): void {
    for (const track of stage.intake.tracks) if ('refresh' in track) (track as { refresh(): void }).refresh()
  }
})

describe('klines', () => {
  it.each([
    [{ l: '0' }, 'bad_number'],
    [{ v: '-1' }, 'bad_number'],
    [{ v: '0' }, ''],
  ])('with %j are %s', (change, flag) => {
    const stage = new Intake(
      roomFor('binance', 'spot'),
      [{ type: 'kline', ...BTC, interval: '1m' }],
      MEBIBYTE,
      policy({ badNumber: 'flag' }),
    )
    const k = {
      t: BEGIN_MS,
      T: BEGIN_MS + 59_999,
      s: 'BTCUSDT',
      i: '1m',
      f: 1,
      L: 2,
      o: '1',
      c: '1',
      h: '1',
      l: '1',
      v: '9',
      n: 2,
      x: false,
      q: '9',
      V: '1',
      Q: '1',
      B: '0',
      ...change,
    }
    stage.frame(
      Buffer.from(JSON.stringify({ stream: 'btcusdt@kline_1m', data: { e: 'kline', E: BEGIN_MS, s: 'BTCUSDT', k } })),
    )
    expect(stage.take().map(describeMade)).toEqual([`kline${flag === '' ? '' : ` ${flag}`}`])
  })
})
