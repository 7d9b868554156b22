// NATS away, full, or without its stream, while data flows: nothing is lost, and no exchange socket is closed for it.
import { expect, it, vi } from 'vitest'
import { imbalance } from '../../collector/status.ts'
import { describeWithNats, startNats } from '../nats.ts'
import { observe } from '../stored.ts'
import { type Collecting, collect, jetstream, manifest } from './collect.ts'
import { audit, compare, sent, storedIn } from './proof.ts'
import { startWorld, type World } from './world.ts'

vi.setConfig({ testTimeout: 60_000 })

const SYMBOLS = { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT'] }
const STREAM = 'MARKET'

function market(): Promise<World> {
  return startWorld(1, { symbols: ['BTCUSDT', 'ETHUSDT'], rate: 300, levels: 60 })
}

async function inSync(collecting: Collecting, channelCount = 12): Promise<void> {
  await collecting.until('all channels have messages', ({ channels }) => {
    return channels.length === channelCount && channels.every(({ made, inSync }) => made > 0 && inSync !== false)
  })
}

/** Ends when everything that the exchange sent is stored; nothing may be missing. */
async function nothingIsLost(collecting: Collecting, world: World, natsUrl: string): Promise<void> {
  world.freeze()
  const { data, control } = sent(world.exchange.ledger())
  await collecting.until('all frames are read and stored', ({ ledger, spool }) => {
    return ledger.framesReceived === data + control && spool.pending === 0
  })
  const { ledger, sessions } = await collecting.close()
  expect(imbalance(ledger)).toEqual([])
  expect(ledger).toMatchObject({
    gaps: 0,
    messagesDuplicate: 0,
    messagesDropped: { spool_full: 0, refused_by_sink: 0, quality: 0 },
  })
  expect(sessions.map(({ lost, planned }) => lost + planned)).toEqual(sessions.map(() => 0))
  const stored = await storedIn(natsUrl, STREAM)
  expect(stored.length).toBe(ledger.messagesMade)
  expect(compare(stored, world.exchange.truth)).toMatchObject({ wrong: [], announced: 0 })
  expect(await audit('--stream', STREAM, '--nats', natsUrl)).toMatchObject({ code: 0, report: { findings: [] } })
}

describeWithNats('a collector whose NATS', () => {
  it.concurrent('is killed and comes back loses nothing', async () => {
    await using nats = await startNats()
    await using world = await market()
    await using collecting = await collect(
      manifest(world.exchange, { symbols: SYMBOLS, sink: jetstream(nats.url, STREAM) }),
    )
    await inSync(collecting)
    await nats.kill()
    const { sink } = await collecting.until(
      'messages wait',
      ({ spool, sink }) => spool.pending > 1000 && !sink.connected,
    )
    expect(sink.problem).toMatch(/NATS|ECONNREFUSED/)
    await nats.restart()
    await collecting.until('NATS is back', ({ spool }) => spool.pending < 100)
    await nothingIsLost(collecting, world, nats.url)
  })

  it.concurrent('carries symbols that begin with a digit or are Chinese words', async () => {
    await using nats = await startNats()
    await using world = await startWorld(1, { symbols: ['1INCHUSDT', '币安人生USDT'], rate: 200, levels: 40 })
    const symbols = { spot: ['*-USDT'] }
    const sink = jetstream(nats.url, STREAM)
    await using collecting = await collect(manifest(world.exchange, { symbols, sink }))
    await inSync(collecting, 8)
    expect(collecting.running.status().channels.map(({ symbol }) => symbol)).toContain('币安人生-USDT')
    await nothingIsLost(collecting, world, nats.url)
  })

  it.concurrent('has no room loses nothing once the stream is larger', async () => {
    await using nats = await startNats()
    await using world = await market()
    await using observer = await observe(nats.url)
    const limits = { discard: 'new', max_bytes: 200_000, allow_direct: true } as const
    await observer.jsm.streams.add({ name: STREAM, subjects: ['market.>'], ...limits })
    const sink = jetstream(nats.url, STREAM, { manage: 'operator' })
    await using collecting = await collect(manifest(world.exchange, { symbols: SYMBOLS, sink }))
    const full = await collecting.until(
      'the stream is full',
      ({ spool, sink }) => spool.pending > 1000 && sink.problem !== undefined,
    )
    expect(full.sink.problem).toMatch(/the stream is full/)
    await observer.jsm.streams.update(STREAM, { max_bytes: 1e9 })
    await nothingIsLost(collecting, world, nats.url)
  })

  it.concurrent('lacks the stream that the operator makes says so, and loses nothing once it is there', async () => {
    await using nats = await startNats()
    await using world = await market()
    const sink = jetstream(nats.url, STREAM, { manage: 'operator' })
    await using collecting = await collect(manifest(world.exchange, { symbols: SYMBOLS, sink }))
    const { sink: status } = await collecting.until('it is told', ({ sink }) => sink.problem !== undefined)
    expect(status.problem).toMatch(/stream MARKET does not exist: the operator creates it/)
    await using observer = await observe(nats.url)
    await observer.jsm.streams.add({ name: STREAM, subjects: ['market.>'], allow_direct: true })
    await inSync(collecting)
    await nothingIsLost(collecting, world, nats.url)
  })

  it.concurrent('is away at a start takes up where the last run left off', async () => {
    await using nats = await startNats()
    await using world = await market()
    const wanted = manifest(world.exchange, { symbols: SYMBOLS, sink: jetstream(nats.url, STREAM) })
    await using first = await collect(wanted)
    await inSync(first)
    await first.close()
    await nats.stop()
    await using second = await collect(wanted)
    await second.until('it is told', ({ sink }) => sink.problem !== undefined)
    await nats.restart()
    await inSync(second)
    const { ledger } = await second.close()
    expect(ledger.messagesSpooled).toBe(0)
    expect(await audit('--stream', STREAM, '--nats', nats.url)).toMatchObject({ code: 0, report: { findings: [] } })
    const { wrong } = compare(await storedIn(nats.url, STREAM), world.exchange.truth)
    expect(wrong).toEqual([])
  })
})

describeWithNats('a manifest that changes while NATS is away', () => {
  it('is taken up once what is stored can be read, and the last change counts', async () => {
    await using nats = await startNats()
    await using world = await market()
    const wanted = (...symbols: string[]) => {
      return manifest(world.exchange, { symbols: { spot: symbols }, sink: jetstream(nats.url, STREAM) })
    }
    await using collecting = await collect(wanted('BTC-USDT'))
    await inSync(collecting, 4)
    await nats.stop()
    await collecting.until('it is told', ({ sink }) => sink.problem !== undefined)
    const changed = Promise.all([
      collecting.apply(wanted('BTC-USDT', 'ETH-USDT')),
      collecting.apply(wanted('BTC-USDT')),
    ])
    await nats.restart()
    await changed
    const { channels, ledger } = await collecting.close()
    expect(new Set(channels.map(({ symbol }) => symbol))).toEqual(new Set(['BTC-USDT']))
    expect(ledger).toMatchObject({ gaps: 0, messagesSpooled: 0 })
  })
})

describeWithNats('two collectors that publish to one stream', () => {
  it('are one to a consumer: ids remove what both sent', async () => {
    await using nats = await startNats()
    await using world = await market()
    // Not spot: there the time of a delta is that of its sending, which differs between connections.
    const symbols = { perpetual: ['BTC-USDT', 'ETH-USDT'] }
    const wanted = manifest(world.exchange, { symbols, sink: jetstream(nats.url, STREAM) })
    await using first = await collect(wanted)
    await inSync(first, 8)
    await using second = await collect(wanted)
    await inSync(second, 8)
    await second.until('both have published the same', ({ ledger }) => ledger.messagesDuplicate > 200)
    const ends = await Promise.all([first.close(), second.close()])
    world.freeze()
    for (const { ledger } of ends) expect(imbalance(ledger)).toEqual([])
    const stored = await storedIn(nats.url, STREAM)
    expect(stored.length).toBe(ends.reduce((n, { ledger }) => n + ledger.messagesAcknowledged, 0))
    const { code, report } = await audit('--stream', STREAM, '--nats', nats.url)
    expect([code, report.findings]).toEqual([0, []])
    expect(report.channels.reduce((n, { duplicates }) => n + duplicates, 0)).toBe(0)
    expect(compare(stored, world.exchange.truth)).toMatchObject({ wrong: [], announced: 0 })
  })
})
