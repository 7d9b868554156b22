// A collector over real sockets against the simulated exchange, on a clock that runs faster than ours.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ConsumerBook } from './book/consumer.ts'
import type { Clock } from './connection/clock.ts'
import type { CollectorStatus } from './status.ts'
import { feedsOf, manifest, manifestOf, until, type Wanted } from '../test/e2e/collect.ts'
import { startWorld, type World } from '../test/e2e/world.ts'
import { keep, type Keeping } from '../test/support/kept.ts'
import { rest } from '../test/support/loopback.ts'

const SINK = { file: { path: 'kept' } }
const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT']

function wanted(world: World, symbols: Wanted['symbols'], more: Omit<Wanted, 'symbols' | 'sink'> = {}): object {
  return manifest(world.exchange, { symbols, sink: SINK, ...more })
}

/** All channels are live, and every book is in step. */
function isLive({ channels }: CollectorStatus, count: number): boolean {
  return channels.length === count && channels.every((c) => c.state === 'live' && c.inSync !== false)
}

function isDelivering(
  keeping: Keeping,
  type: 'trade' | 'orderbook' | 'ticker' | 'kline',
  symbol: string,
): Promise<unknown> {
  const before = keeping.of(type, symbol).length
  return until(
    `${type} of ${symbol} come`,
    () => keeping.of(type, symbol).length > before + 3,
    () => keeping.running.status(),
  )
}

/** The ids of trades follow one another, but for what a gap announces; what was filled may come late. */
function checkTrades(keeping: Keeping, symbol: string): void {
  const trades = keeping.of('trade', symbol)
  const pushed = trades.filter(({ filled }) => filled !== true).map(({ id }) => Number(id))
  expect(pushed).toEqual(pushed.toSorted((a, b) => a - b))
  const ids = trades.map(({ id }) => Number(id)).toSorted((a, b) => a - b)
  const jumps = ids.filter((id, i) => i > 0 && id !== (ids[i - 1] as number) + 1)
  const announced = keeping.of('gap', symbol).filter((gap) => gap.of === 'trade')
  expect(ids.length).toBeGreaterThan(0)
  expect(jumps.length, `trades of ${symbol} jump to ${jumps.join(', ')}`).toBe(announced.length)
}

/** A consumer of the book is in sync from the first message to the last. */
function checkBook(keeping: Keeping, symbol: string): void {
  const book = new ConsumerBook()
  const taken = keeping.of('orderbook', symbol).map((m) => book.take(m))
  expect(taken.length).toBeGreaterThan(1)
  expect(taken).not.toContain('waiting')
}

describe('a changed manifest', () => {
  it('that names what a pattern finds, too, collects it once', async () => {
    await using world = await startWorld(5, { symbols: SYMBOLS, rate: 200 })
    const feeds = (...lists: string[][]) =>
      lists.flatMap((spot) => feedsOf(world.exchange, { symbols: { spot }, types: ['trade'] }))
    await using keeping = await keep(manifestOf(feeds(['*-USDT'], ['BTC-USDT']), { sink: SINK }))
    await keeping.until('all is live', (status) => isLive(status, 3))
    await isDelivering(keeping, 'trade', 'BTC-USDT')
    expect(keeping.sink.doubles).toEqual([])
    await keeping.apply(manifestOf(feeds(['ETH-USDT']), { sink: SINK }))
    await keeping.until('one is left', (status) => isLive(status, 1))
    const before = keeping.of('trade', 'BTC-USDT').length
    await isDelivering(keeping, 'trade', 'ETH-USDT')
    expect(keeping.of('trade', 'BTC-USDT').length).toBe(before)
    checkTrades(keeping, 'BTC-USDT')
  })

  it('touches only the channels that differ, without another socket', async () => {
    await using world = await startWorld(5, { symbols: SYMBOLS, rate: 200 })
    await using keeping = await keep(wanted(world, { spot: ['BTC-USDT'], perpetual: ['BTC-USDT'] }))
    await keeping.until('all is live', (status) => isLive(status, 8))
    await keeping.apply(
      wanted(world, { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT'] }, { types: ['trade', 'orderbook'] }),
    )
    await keeping.until('all is live', (status) => isLive(status, 6))
    await isDelivering(keeping, 'trade', 'ETH-USDT')
    await isDelivering(keeping, 'orderbook', 'BTC-USDT')
    const after = keeping.of('kline').length
    await isDelivering(keeping, 'trade', 'BTC-USDT')
    expect(keeping.of('kline').length).toBe(after)
    expect(keeping.of('gap')).toEqual([])
    expect(keeping.sink.doubles).toEqual([])
    checkTrades(keeping, 'ETH-USDT')
    const { connections } = world.exchange.ledger()
    // Spot on one socket: asked once at first, once for what is new, once for what goes.
    const asked = connections.map(({ market, closed, received }) => [market, closed, received.messages])
    expect(asked).toEqual([
      ['spot', undefined, 3],
      ['perpetual', undefined, 2],
      ['perpetual', undefined, 2],
    ])
  })

  it('that asks for less depth is taken up by a book that lives', async () => {
    await using world = await startWorld(20, { symbols: SYMBOLS, rate: 200 })
    const deep = (depth: number) =>
      wanted(world, { spot: ['BTC-USDT'] }, { types: ['orderbook'], orderbook: { depth, snapshotSeconds: 5 } })
    await using keeping = await keep(deep(50))
    await keeping.until('it is live', (status) => isLive(status, 1))
    await keeping.apply(deep(5))
    await until('a snapshot is short', () =>
      keeping.of('orderbook').some((m) => m.kind === 'snapshot' && m.bids.length === 5),
    )
    expect(keeping.of('orderbook')[0]?.bids.length).toBe(50)
    expect(keeping.of('gap')).toEqual([])
    checkBook(keeping, 'BTC-USDT')
  })

  it('that is taken back before it took effect leaves nothing behind', async () => {
    await using world = await startWorld(5, { symbols: SYMBOLS, rate: 200 })
    const only = wanted(world, { spot: ['BTC-USDT'] })
    await using keeping = await keep(only)
    await Promise.all([keeping.apply(wanted(world, { spot: ['BTC-USDT', 'ETH-USDT'] })), keeping.apply(only)])
    await keeping.until('all is live', (status) => isLive(status, 4))
    expect(new Set(keeping.running.status().channels.map(({ symbol }) => symbol))).toEqual(new Set(['BTC-USDT']))
  })

  it('that no longer names a market closes its sockets', async () => {
    await using world = await startWorld(5, { symbols: SYMBOLS, rate: 200 })
    await using keeping = await keep(wanted(world, { spot: ['BTC-USDT'], perpetual: ['BTC-USDT'] }))
    await keeping.until('all is live', (status) => isLive(status, 8))
    await keeping.apply(wanted(world, { spot: ['BTC-USDT'] }))
    await until('both are closed', () => {
      const { connections } = world.exchange.ledger()
      return connections.filter(({ market, closed }) => market === 'perpetual' && closed !== undefined).length === 2
    })
    await keeping.until('spot goes on', (status) => isLive(status, 4))
    expect(keeping.of('gap')).toEqual([])
  })
})

describe('symbols', () => {
  it('that the venue does not list are told with the nearest one, and the others go on', async () => {
    await using world = await startWorld(5, { symbols: SYMBOLS, rate: 200 })
    await using keeping = await keep(wanted(world, { spot: ['BTC-USTD', 'BTC-USDT'] }, { types: ['trade'] }))
    const { channels } = await keeping.until('it is ready', ({ ready }) => ready)
    expect(channels.map(({ symbol, state, detail }) => [symbol, state, detail])).toEqual([
      ['BTC-USDT', 'live', undefined],
      ['BTC-USTD', 'down', 'not listed by the venue; did you mean BTC-USDT?'],
    ])
    const states = keeping.of('state', 'BTC-USTD')
    expect(states[0]).toMatchObject({ state: 'down', detail: 'not listed by the venue; did you mean BTC-USDT?' })
    expect(keeping.logged.filter(({ symbol, level }) => symbol === 'BTC-USTD' && level === 'error').length).toBe(1)
  })

  it('follow listings: a new one is collected, a halted one is kept, a delisted one goes', async () => {
    await using world = await startWorld(20, { symbols: SYMBOLS, rate: 200 })
    await using venue = await listings(world.exchange.urls.spot.rest)
    venue.hidden.add('SOLUSDT')
    let skippedMs = 0
    const clock: Clock = { ...world.clock, nowMs: () => world.clock.nowMs() + skippedMs }
    const feed = wanted(
      { ...world, exchange: { ...world.exchange, urls: venue.urls(world) } } as World,
      { spot: ['*-USDT'] },
      { types: ['trade'] },
    )
    await using keeping = await keep(feed, { clock })
    await keeping.until('both are live', (status) => isLive(status, 2))
    venue.hidden.delete('SOLUSDT')
    venue.status.set('ETHUSDT', 'HALT')
    skippedMs += 11 * 60_000
    await keeping.until('the new one is live', (status) => isLive(status, 3))
    venue.status.set('ETHUSDT', 'CLOSE')
    venue.hidden.add('BTCUSDT')
    skippedMs += 11 * 60_000
    await keeping.until('one is left', ({ channels }) => channels.length === 1)
    expect(keeping.running.status().channels[0]).toMatchObject({ symbol: 'SOL-USDT', state: 'live' })
    const told = keeping.of('instrument').map(({ symbol, status }) => `${symbol} ${status}`)
    expect(told).toEqual([
      'BTC-USDT trading',
      'ETH-USDT trading',
      'ETH-USDT halted',
      'SOL-USDT trading',
      'BTC-USDT delisted',
      'ETH-USDT delisted',
    ])
    expect(keeping.of('gap', 'SOL-USDT')).toEqual([])
  })
})

/** A venue's REST whose list of instruments can be changed. */
async function listings(rest: string) {
  const hidden = new Set<string>()
  const status = new Map<string, string>()
  const server = createServer((request, response) => {
    void fetch(rest + request.url).then(async (answer) => {
      const body = await answer.text()
      response.end(request.url?.includes('exchangeInfo') === true ? changed(body) : body)
    })
  })
  const changed = (body: string): string => {
    const info = JSON.parse(body) as { symbols: { symbol: string; status: string }[] }
    const symbols = info.symbols
      .filter(({ symbol }) => !hidden.has(symbol))
      .map((one) => ({ ...one, status: status.get(one.symbol) ?? one.status }))
    return JSON.stringify({ ...info, symbols })
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    hidden,
    status,
    urls: ({ exchange: { urls } }: World) => ({ ...urls, spot: { ...urls.spot, rest: `http://127.0.0.1:${port}` } }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

it('a market whose instruments are not known yet keeps the collector from being ready, and is named', async () => {
  await using world = await startWorld(5, { symbols: SYMBOLS, rate: 200 })
  const away = await rest(() => {})
  const { urls } = world.exchange
  const exchange = { ...world.exchange, urls: { ...urls, perpetual: { ...urls.perpetual, rest: away.origin } } }
  const both = { spot: ['BTC-USDT'], perpetual: ['BTC-USDT'] }
  await using keeping = await keep(wanted({ ...world, exchange } as World, both, { types: ['trade'] }))
  const { ready, notReady } = await keeping.until('spot is live', (status) => isLive(status, 1))
  expect([ready, notReady]).toEqual([
    false,
    ['binance perpetual: instruments, and what the sink holds, are being read'],
  ])
})

describe('a channel', () => {
  it('whose first frame does not come is told, and does not hold up readiness', async () => {
    await using world = await startWorld(20, { symbols: SYMBOLS, rate: 200 })
    await using venue = await listings(world.exchange.urls.spot.rest)
    // It is listed as if it were traded, and is not.
    venue.status.set('LUNAUSDT', 'TRADING')
    const feed = wanted(
      { ...world, exchange: { ...world.exchange, urls: venue.urls(world) } } as World,
      { spot: ['LUNA-USDT', 'BTC-USDT'] },
      { types: ['trade'] },
    )
    await using keeping = await keep(feed, world)
    await keeping.until('it is ready', ({ ready }) => ready)
    const states = keeping.of('state', 'LUNA-USDT').map(({ state, detail }) => `${state}: ${detail}`)
    expect(states.slice(-2)).toEqual(['quiet: waiting for the first frame', 'quiet: no first frame yet'])
    const warned = keeping.logged.filter(({ symbol, level }) => symbol === 'LUNA-USDT' && level === 'warn')
    expect(warned).toMatchObject([{ type: 'trade', stream: 'lunausdt@aggTrade' }])
  })

  it('of what is halted is quiet, and nobody is told', async () => {
    await using world = await startWorld(20, { symbols: SYMBOLS, rate: 200 })
    await using keeping = await keep(wanted(world, { spot: ['LUNA-USDT'] }, { types: ['trade'] }), world)
    await keeping.until('it is ready', ({ ready }) => ready)
    await keeping.until('it is told', () => keeping.of('state', 'LUNA-USDT').length > 0)
    expect(keeping.of('state', 'LUNA-USDT')[0]).toMatchObject({ state: 'quiet', detail: 'trading is halted' })
    expect(keeping.logged.filter(({ level }) => level === 'warn')).toEqual([])
  })

  it('tells its state on every change, and once a minute', async () => {
    await using world = await startWorld(50, { symbols: SYMBOLS, rate: 50 })
    await using keeping = await keep(wanted(world, { spot: ['BTC-USDT'] }, { types: ['trade'] }), world)
    const states = () => keeping.of('state', 'BTC-USDT')
    await until('it was told again', () => states().filter(({ state }) => state === 'live').length >= 3)
    const live = states().filter(({ state }) => state === 'live')
    const apart = live.slice(1).map((m, i) => (m.received - (live[i] as (typeof live)[number]).received) / 1e6)
    for (const seconds of apart) expect(seconds).toBeGreaterThanOrEqual(60)
    expect(new Set(live.map(({ since }) => since)).size).toBe(1)
    expect(live.at(-1)).toMatchObject({ of: 'trade', last_id: expect.stringMatching(/^\d+$/) })
    const all = states()
    const repeated = all.filter(
      (m, i) => i > 0 && m.state === all[i - 1]?.state && m.received - (all[i - 1]?.received ?? 0) < 6e7,
    )
    expect(repeated).toEqual([])
  })
})

describe('a socket', () => {
  it('that the venue asks to leave is replaced without a gap, and nothing comes twice', async () => {
    await using world = await startWorld(5, { symbols: SYMBOLS, rate: 300 })
    await using keeping = await keep(wanted(world, { spot: ['BTC-USDT', 'ETH-USDT'] }), world)
    await keeping.until('all is live', (status) => isLive(status, 8))
    for (let planned = 1; planned <= 3; planned++) {
      world.exchange.shutdownNotice()
      await keeping.until('it is replaced', ({ sessions }) => sessions[0]?.planned === planned)
      await isDelivering(keeping, 'orderbook', 'ETH-USDT')
    }
    expect(keeping.of('gap')).toEqual([])
    expect(keeping.sink.doubles).toEqual([])
    for (const symbol of ['BTC-USDT', 'ETH-USDT']) {
      checkTrades(keeping, symbol)
      checkBook(keeping, symbol)
    }
    expect(world.exchange.ledger().connections.length).toBe(4)
  })

  it('that falls silent is replaced, and what was missed is filled or announced', async () => {
    await using world = await startWorld(20, { symbols: SYMBOLS, rate: 300 })
    await using keeping = await keep(
      wanted(world, { spot: ['BTC-USDT'] }, { types: ['trade', 'orderbook', 'ticker'] }),
      world,
    )
    await keeping.until(
      'all has a history',
      (status) => isLive(status, 3) && status.channels.every(({ made }) => made > 30),
    )
    world.exchange.faults.add({ kind: 'stall', stream: '*' })
    await keeping.until('another socket took over', ({ sessions }) => sessions[0]?.planned === 1)
    await keeping.until('all is live again', (status) => isLive(status, 3))
    await isDelivering(keeping, 'ticker', 'BTC-USDT')
    checkTrades(keeping, 'BTC-USDT')
    expect(keeping.of('trade').some(({ filled }) => filled)).toBe(true)
    const reasons = keeping.of('gap').map(({ of, reason }) => `${of} ${reason}`)
    expect(reasons.toSorted()).toEqual(['orderbook stale', 'ticker stale'])
    expect(keeping.of('state').some(({ state }) => state === 'stale')).toBe(true)
  })

  it('that is cut leaves a gap only where something is missing', async () => {
    await using world = await startWorld(5, { symbols: SYMBOLS, rate: 300 })
    await using keeping = await keep(
      wanted(world, { spot: ['BTC-USDT', 'LUNA-USDT'] }, { types: ['trade', 'orderbook'] }),
      world,
    )
    await keeping.until('it is live', ({ channels }) => channels.filter(({ state }) => state === 'live').length === 2)
    world.exchange.faults.add({ kind: 'close', stream: '*', next: 1 })
    await keeping.until('it was lost', ({ sessions }) => sessions[0]?.lost === 1)
    await keeping.until('it is live', ({ channels }) => channels.filter(({ state }) => state === 'live').length === 2)
    await isDelivering(keeping, 'trade', 'BTC-USDT')
    checkTrades(keeping, 'BTC-USDT')
    const gaps = keeping.of('gap').map(({ symbol, of, reason }) => `${symbol} ${of} ${reason}`)
    // What the book missed nobody has any more; trades come by REST; the symbol that does not trade missed nothing.
    expect(gaps).toEqual(['BTC-USDT orderbook disconnect'])
  })
})

it('a later run takes up where the one before left off', async () => {
  await using world = await startWorld(5, { symbols: SYMBOLS, rate: 300 })
  const feed = wanted(world, { spot: ['BTC-USDT'] })
  await using first = await keep(feed, world)
  await first.until('all is live', (status) => isLive(status, 4))
  await first.close()
  expect(first.of('gap')).toEqual([])
  const missed = world.exchange.truth.spot.trades('BTCUSDT').length
  await until('trades are missed', () => world.exchange.truth.spot.trades('BTCUSDT').length > missed + 3)
  await using second = await keep(feed, { clock: world.clock, before: first.sink.stored })
  await second.until('all is live', (status) => isLive(status, 4))
  const ids = [...first.of('trade'), ...second.of('trade')].map(({ id }) => Number(id))
  expect(ids).toEqual(ids.map((_, i) => (ids[0] as number) + i))
  expect(second.of('trade').filter(({ filled }) => filled).length).toBeGreaterThan(3)
  const gaps = second.of('gap')
  expect(gaps.map(({ of, reason }) => `${of} ${reason}`).toSorted()).toEqual([
    'kline restart',
    'orderbook restart',
    'ticker restart',
  ])
  const [last] = first.of('orderbook').slice(-1)
  const [snapshot] = second.of('orderbook')
  expect(gaps.find((gap) => gap.of === 'orderbook')).toMatchObject({ after_seq: last?.seq, before_seq: snapshot?.seq })
})

it('trades go on while the venue refuses snapshots, and books come when it gives them again', async () => {
  await using world = await startWorld(20, { symbols: SYMBOLS, rate: 300 })
  world.exchange.faults.add({ kind: 'rest', path: '*depth', status: 429, retryAfterSeconds: 45, next: 1 })
  await using keeping = await keep(
    wanted(world, { spot: ['BTC-USDT', 'ETH-USDT'] }, { types: ['trade', 'orderbook'] }),
    world,
  )
  const detail = 'book waits for a snapshot'
  await keeping.until('the books wait', ({ channels, addresses: [address] }) => {
    const isBlocked = address !== undefined && address.blockedUntilMs > 0
    return isBlocked && channels.filter((c) => c.detail === detail).length === 2
  })
  await isDelivering(keeping, 'trade', 'BTC-USDT')
  await keeping.until('all is live', (status) => isLive(status, 4))
  for (const symbol of ['BTC-USDT', 'ETH-USDT']) await isDelivering(keeping, 'orderbook', symbol)
  expect(keeping.of('gap')).toEqual([])
  for (const symbol of ['BTC-USDT', 'ETH-USDT']) {
    checkTrades(keeping, symbol)
    checkBook(keeping, symbol)
  }
  // Books that wait are heard of: nobody takes them for dead, and the socket stays.
  expect(keeping.of('state').filter(({ state }) => state === 'stale')).toEqual([])
  expect(world.exchange.ledger().connections.length).toBe(1)
})
