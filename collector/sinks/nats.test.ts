import { expect, test } from 'vitest'
import { describeWithNats, startNats } from '../../test/nats.ts'
import { feed } from '../../test/records.ts'
import { logged, makeStream, runs, sinkFor, STREAM, trades, until, untilDrained, WAYS } from '../../test/sink.ts'
import { observe } from '../../test/stored.ts'
import type { Series } from '../market/channel.ts'
import type { Sink } from './sink.ts'

describeWithNats('the NATS sink', () => {
  test.each(WAYS)('stores every record once, in order, under its subject and id, and says so: %s', async (way) => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    await makeStream(observer, way)
    const records = feed()
    const sink = sinkFor(server.url, records)
    await sink.open()
    for (let id = 1; id <= 20_000; id++) records.trade(id, id % 2 === 1 ? 'BTC-USDT' : 'ETH-USDT')
    const before = Date.now() * 1000
    sink.flush()
    await sink.close(10_000)
    expect(records.outcomes).toEqual({ acknowledged: 20_000, duplicate: 0, refused: 0 })
    const stored = await observer.messages(STREAM)
    const wanted = Array.from({ length: 20_000 }, (_, i) => `${i % 2 === 0 ? 'BTC-USDT' : 'ETH-USDT'}:${i + 1}`)
    expect(stored.map(({ id }) => id)).toEqual(wanted.map((name) => `market:trade:binance:spot:${name}`))
    const last = stored.at(-1)
    expect(last?.subject).toBe('market.trade.binance.spot.ETH-USDT')
    expect(last?.payload).toMatchObject({ type: 'trade', id: '20000' })
    expect(last?.payload.published).toBeGreaterThan(before - 10_000)
    expect(last?.payload.published).toBeLessThan(Date.now() * 1000 + 10_000)
  })

  test.each(WAYS)('counts what somebody else stored before under the same ids as duplicates: %s', async (way) => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    await makeStream(observer, way)
    const first = feed()
    const mine = sinkFor(server.url, first)
    await mine.open()
    trades(first, 501, 1000)
    await mine.close(5_000)
    const second = feed()
    const other = sinkFor(server.url, second)
    await other.open()
    trades(second, 501, 750)
    other.flush()
    await untilDrained(second)
    const noticed = second.outcomes.duplicate
    expect(way === 'one by one' ? noticed === 250 : noticed > 0).toBe(true)
    trades(second, 751, 1500)
    await other.close(5_000)
    expect(second.outcomes).toEqual({ acknowledged: 750 - noticed, duplicate: 250 + noticed, refused: 0 })
    expect(runs(await observer.messages(STREAM))).toBe('501-1500')
  })

  test.each(WAYS)('stores once what we make twice under one id, and settles both: %s', async (way) => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    await makeStream(observer, way)
    const records = feed()
    const sink = sinkFor(server.url, records)
    await sink.open()
    trades(records, 1, 300)
    // A repetition in the midst of a batch, at its end, and what comes behind.
    trades(records, 300, 300)
    trades(records, 301, 400)
    trades(records, 399, 400)
    sink.flush()
    await untilDrained(records)
    trades(records, 401, 500)
    await sink.close(5_000)
    expect(runs(await observer.messages(STREAM))).toBe('1-500')
    // The answer to a batch does not say which of its messages were stored before: there only what repeats the one before
    // of its channel, as we do behind a gap, is known to be no news.
    const repeated = way === 'one by one' ? 3 : 1
    expect(records.outcomes).toEqual({ acknowledged: 503 - repeated, duplicate: repeated, refused: 0 })
  })

  test('stores each once where two publish the same, and both in batches', async () => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    await makeStream(observer, 'in batches')
    const feeds = [feed(), feed()]
    const sinks = feeds.map((records) => sinkFor(server.url, records))
    await Promise.all(sinks.map((sink) => sink.open()))
    for (let from = 1; from < 20_000; from += 500) {
      feeds.forEach((records) => trades(records, from, from + 499))
      sinks.forEach((sink) => sink.flush())
      await observer.nc.flush()
    }
    await Promise.all(feeds.map(untilDrained))
    const stored = await observer.messages(STREAM)
    expect(stored.length).toBe(20_000)
    expect(new Set(stored.map(({ id }) => id)).size).toBe(20_000)
    expect(feeds.reduce((sum, { outcomes }) => sum + outcomes.duplicate, 0)).toBeGreaterThan(0)
  })

  test('gives up a record whose id would break out of the header, also at the end of a chunk', async () => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    await makeStream(observer, 'in batches')
    const records = feed()
    const sink = sinkFor(server.url, records)
    await sink.open()
    for (let id = 1; id <= 3 * 2048; id++) {
      if (id % 2048 === 0) records.keyed(`${id}\r\nEvil: 1`)
      else records.trade(id)
    }
    await sink.close(5_000)
    expect(records.outcomes).toEqual({ acknowledged: 3 * 2047, duplicate: 0, refused: 3 })
    expect(runs(await observer.messages(STREAM))).toBe('1-2047 2049-4095 4097-6143')
  })

  test('gives up only the record that is larger than the server takes, and says what to raise', async () => {
    await using server = await startNats({ config: 'max_payload: 4096' })
    await using observer = await observe(server.url)
    const records = feed()
    const log = logged()
    const sink = sinkFor(server.url, records, {}, log)
    await sink.open()
    records.trade(1)
    records.delta(2, 6000)
    records.trade(3)
    await sink.close(5_000)
    expect(records.outcomes).toEqual({ acknowledged: 2, duplicate: 0, refused: 1 })
    expect(await observer.count(STREAM)).toBe(2)
    expect(log.lines.join()).toMatch(/raise max_payload of the NATS server \(4096\)/)
  })

  test('gives the last message under each subject, and skips what is not ours', async () => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    const records = feed()
    const sink = sinkFor(server.url, records)
    await sink.open()
    const symbols = Array.from({ length: 600 }, (_, i) => `S${i}-USDT`)
    for (const id of [1, 2]) symbols.forEach((symbol) => records.trade(id, symbol))
    sink.flush()
    await untilDrained(records)
    observer.nc.publish('market.trade.binance.spot.FOREIGN', 'not json')
    await observer.nc.flush()
    const series = [...symbols, 'FOREIGN', 'NEVER'].map((symbol) => ({
      subject: `market.trade.binance.spot.${symbol}`,
    }))
    await until(async () => expect(await observer.count(STREAM)).toBe(1201))
    const last = await sink.last(series)
    expect(last.size).toBe(600)
    expect([...last.keys()].at(-1)).toEqual({ subject: 'market.trade.binance.spot.S599-USDT' })
    expect([...last.values()].at(-1)).toMatchObject({
      type: 'trade',
      symbol: 'S599-USDT',
      id: '2',
    })
    await observer.jsm.streams.update(STREAM, { allow_direct: false })
    const withoutDirect = sinkFor(server.url, feed(), { stream: { name: STREAM, manage: 'operator' } })
    await withoutDirect.open()
    expect(await withoutDirect.last(series.slice(-4))).toEqual(new Map([...last].slice(-2)))
  })
})

describeWithNats('the NATS sink, where several series lie under one subject', () => {
  const series = ['1m', '5m', '1h'].map((interval) => ({ subject: 'market.kline.binance.spot.BTC-USDT', interval }))

  test('gives the last message of each, and none of what was never there', async () => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    const records = feed()
    const sink = sinkFor(server.url, records)
    await sink.open()
    for (const ms of [1, 2, 3]) for (const interval of ['5m', '1m']) records.kline(interval, ms)
    records.kline('1m', 4)
    sink.flush()
    await untilDrained(records)
    const last = await sink.last(series)
    expect([...last].map(([{ interval }, { ts }]) => [interval, ts])).toEqual([
      ['1m', 1_790_000_000_004_000],
      ['5m', 1_790_000_000_003_000],
    ])
    // Without direct get the last one stands for all.
    await observer.jsm.streams.update(STREAM, { allow_direct: false })
    const withoutDirect = sinkFor(server.url, feed(), { stream: { name: STREAM, manage: 'operator' } })
    await withoutDirect.open()
    const times = [...(await withoutDirect.last(series)).values()].map(({ ts }) => ts)
    expect(times).toEqual([1_790_000_000_004_000, 1_790_000_000_004_000, 1_790_000_000_004_000])
  })

  test('finds one without which the others went on for long', async () => {
    await using server = await startNats()
    const records = feed()
    const sink = sinkFor(server.url, records)
    await sink.open()
    const began = Date.now()
    let ms = 0
    for (; ms < 100; ms++) for (const interval of ['5m', '1m']) records.kline(interval, ms)
    // Behind the first look.
    for (; Date.now() - began < 1_500; ms++) {
      records.kline('1m', ms)
      sink.flush()
      await untilDrained(records)
    }
    const other = [...(await sink.last<Series>(series))].find(([{ interval }]) => interval === '5m')?.[1]
    const time = ((other?.ts ?? 0) - 1_790_000_000_000_000) / 1000
    expect(time).toBeGreaterThanOrEqual(0)
    expect(time).toBeLessThan(100)
  })
})

describeWithNats('the NATS sink and its stream', () => {
  test('C010: a window that the server shortened to the age is no difference, and nothing is written again', async () => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    let updates = 0
    observer.nc.subscribe('$JS.API.STREAM.UPDATE.>', { callback: () => void (updates += 1) })
    await observer.nc.flush()
    const stream = { name: STREAM, manage: 'collector', maxAgeMs: 60_000 } as const
    for (let start = 0; start < 3; start++) {
      const sink = sinkFor(server.url, feed(), { stream })
      await sink.open()
      await sink.close(1000)
    }
    const { config } = await observer.jsm.streams.info(STREAM)
    expect(config.duplicate_window).toBe(60_000_000_000)
    expect(config.max_age).toBe(60_000_000_000)
    expect(updates).toBe(0)
    const longer = sinkFor(server.url, feed(), { stream: { ...stream, maxAgeMs: 3_600_000 } })
    await longer.open()
    expect((await observer.jsm.streams.info(STREAM)).config.max_age).toBe(3_600_000_000_000)
    expect(updates).toBe(1)
  })

  test('refuses to write into a stream of somebody else', async () => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    await observer.jsm.streams.add({ name: STREAM, subjects: ['orders.>'] })
    await expect(sinkFor(server.url, feed()).open()).rejects.toThrow(/belongs to something else.*write another/)
    await observer.jsm.streams.add({ name: 'OTHER', subjects: ['market.trade.>'] })
    const overlapping = sinkFor(server.url, feed(), { stream: { name: 'MINE', manage: 'collector' } })
    await expect(overlapping.open()).rejects.toThrow(/another stream already takes subjects under market.>/)
    expect((await observer.jsm.streams.info(STREAM)).config.subjects).toEqual(['orders.>'])
  })

  test('waits for a stream that the operator has not created yet, then publishes what waited', async () => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    const records = feed()
    const sink = sinkFor(server.url, records, { stream: { name: STREAM, manage: 'operator' } })
    await sink.open()
    trades(records, 1, 10)
    sink.flush()
    expect(sink.status.problem).toMatch(/stream MARKET_DATA does not exist: the operator creates it/)
    await observer.jsm.streams.add({ name: STREAM, subjects: ['market.>'], allow_direct: true })
    await untilDrained(records)
    expect(sink.status.problem).toBeUndefined()
    expect(runs(await observer.messages(STREAM))).toBe('1-10')
  })

  test('says that JetStream is off, and goes on when the server has it', async () => {
    await using server = await startNats({ jetstream: false })
    const records = feed()
    const sink = sinkFor(server.url, records)
    await sink.open()
    expect(sink.status).toMatchObject({
      connected: true,
      problem: expect.stringMatching(/start the NATS server with JetStream/),
    })
    await server.kill()
    await using better = await startNats({ port: server.port })
    trades(records, 1, 10)
    await untilDrained(records)
    expect(better.port).toBe(server.port)
  })

  test('creates the stream anew when somebody deletes it, and loses nothing that was not acknowledged', async () => {
    await using server = await startNats()
    await using observer = await observe(server.url)
    const records = feed()
    const sink = sinkFor(server.url, records)
    await sink.open()
    trades(records, 1, 100)
    sink.flush()
    await untilDrained(records)
    await observer.jsm.streams.delete(STREAM)
    trades(records, 101, 200)
    sink.flush()
    await untilDrained(records)
    expect(runs(await observer.messages(STREAM))).toBe('101-200')
  })

  test('warns at the start that a limited stream gives up unread messages', async () => {
    await using server = await startNats()
    const log = logged()
    const stream = { name: STREAM, manage: 'collector', maxBytes: 1_000_000, discard: 'old' } as const
    await sinkFor(server.url, feed(), { stream }, log).open()
    expect(log.lines.join()).toMatch(/gives up its oldest messages when full/)
  })

  test.each(WAYS)(
    'C031: a full stream refuses; nothing is lost, the order rises, the log is quiet: %s',
    async (way) => {
      await using server = await startNats()
      await using observer = await observe(server.url)
      await makeStream(observer, way, { max_bytes: 1_048_576, discard: 'new' })
      const stream = { name: STREAM, manage: 'operator' } as const
      const records = feed()
      const log = logged()
      const sink = sinkFor(server.url, records, { stream }, log)
      await sink.open()
      const total = 10_000
      let made = 0
      const make = (count: number): void => {
        for (let i = 0; i < count; i++) records.trade(++made)
        sink.flush()
      }
      make(6000)
      await untilProbing(sink)
      expect(records.spool.pending).toBeGreaterThan(1000)
      const full = await observer.messages(STREAM)
      make(2000)
      await observer.jsm.streams.purge(STREAM, { keep: Math.floor(full.length / 2) })
      const { acknowledged } = records.outcomes
      await until(() => expect(records.outcomes.acknowledged).toBeGreaterThan(acknowledged + 1000))
      make(total - made)
      await untilProbing(sink)
      expect((await observer.jsm.streams.info(STREAM)).config.max_bytes).toBe(1_048_576)
      await observer.jsm.streams.update(STREAM, { max_bytes: 1 << 30 })
      await untilDrained(records)
      const kept = await observer.messages(STREAM)
      const left = new Set(kept.map(({ id }) => id))
      const all = [...full.filter(({ id }) => !left.has(id)), ...kept]
      expect(runs(all)).toBe(`1-${total}`)
      expect(records.outcomes).toEqual({ acknowledged: total, duplicate: 0, refused: 0 })
      expect(log.lines.length).toBeLessThanOrEqual(3)
    },
  )
})

/** Resolves when the stream is full and one record alone is tried: nothing else is on its way then. */
function untilProbing(sink: Sink): Promise<void> {
  const probing = { problem: expect.stringMatching(/10077.*the stream is full: raise its max_bytes/), outstanding: 1 }
  return until(() => expect(sink.status).toMatchObject(probing))
}
