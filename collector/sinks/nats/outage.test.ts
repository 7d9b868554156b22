import { nkeys } from '@nats-io/transport-node'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { describeWithNats, type NatsServer, startNats } from '../../../test/nats.ts'
import { startProxy } from '../../../test/proxy.ts'
import { feed } from '../../../test/records.ts'
import { makeStream, runs, sinkFor, STREAM, trades, until, untilDrained, WAYS } from '../../../test/sink.ts'
import { observe } from '../../../test/stored.ts'

const RUNS = 3
const SUBJECT = 'market.trade.binance.spot.BTC-USDT'

describeWithNats('the NATS sink and a broken way to the server', () => {
  test('C028: repeats only what was not acknowledged, with the same ids, and counts each once', async () => {
    await using server = await startNats()
    await using proxy = await startProxy(server.port)
    await using observer = await observe(server.url)
    await makeStream(observer, 'one by one')
    const records = feed()
    const sink = sinkFor(proxy.url, records, { ackTimeoutMs: 500 })
    await sink.open()
    let duplicates = 0
    proxy.eats = (message) => {
      if (/"duplicate": true/.test(message)) duplicates += 1
      const seq = Number(/"stream":"MARKET_DATA", ?"seq":(\d+)}/.exec(message)?.[1])
      return seq >= 401 && seq <= 600
    }
    trades(records, 1, 1000)
    sink.flush()
    await untilDrained(records)
    expect(sink.status.resent).toBe(200)
    expect(duplicates).toBe(200)
    expect(records.outcomes).toEqual({ acknowledged: 1000, duplicate: 0, refused: 0 })
    expect(runs(await observer.messages(STREAM))).toBe('1-1000')
    expect(proxy.connections).toBe(1)
    expect(sink.status.problem).toBeUndefined()
  })

  test('repeats a batch of which no answer came, and counts each of its messages once', async () => {
    await using server = await startNats()
    await using proxy = await startProxy(server.port)
    await using observer = await observe(server.url)
    await makeStream(observer, 'in batches')
    const records = feed()
    const sink = sinkFor(proxy.url, records, { ackTimeoutMs: 500 })
    await sink.open()
    let eaten = 0
    proxy.eats = (message) => message.startsWith('MSG') && /\$FI /.test(message) && ++eaten > 0
    trades(records, 1, 1000)
    sink.flush()
    await untilDrained(records)
    expect(eaten).toBeGreaterThan(1)
    // The first went alone and was answered.
    expect(sink.status.resent).toBe(999)
    expect(records.outcomes).toEqual({ acknowledged: 1000, duplicate: 0, refused: 0 })
    expect(runs(await observer.messages(STREAM))).toBe('1-1000')
    expect(proxy.connections).toBe(1)
  })

  const outages = [
    ['C020: ten minutes', 600, 'in batches'],
    ['one minute', 60, 'one by one'],
  ] as const
  test.each(outages)(
    '%s (%i s) without NATS at 100 trades and 50 deltas a second lose no trade and repeat none: %s',
    async (_name, seconds, way) => {
      await using server = await startNats()
      await using observer = await observe(server.url)
      await makeStream(observer, way)
      const records = feed()
      const sink = sinkFor(server.url, records)
      await sink.open()
      let second = 0
      let deltas = 0
      let dropped = 0
      const play = (count: number): void => {
        for (const end = second + count; second < end; second++) {
          trades(records, second * 100 + 1, second * 100 + 100)
          for (let i = 0; i < 50; i++) if (!records.delta(++deltas, 400)) dropped += 1
          sink.flush()
        }
      }
      play(60)
      await server.kill()
      await until(() =>
        expect(sink.status).toMatchObject({ connected: false, problem: expect.stringMatching(/connection/) }),
      )
      play(seconds)
      expect(records.spool.bytesUsed).toBeLessThanOrEqual(64 * 1024 * 1024)
      await server.restart()
      play(60)
      await untilDrained(records)
      expect(sink.status.problem).toBeUndefined()
      const stored = await observer.messages(STREAM)
      expect(runs(stored.filter(({ subject }) => subject === SUBJECT))).toBe(`1-${second * 100}`)
      expect(stored.length - second * 100).toBe(deltas - dropped)
      expect(records.outcomes.acknowledged).toBe(stored.length)
    },
    60_000,
  )

  test.each(WAYS)(
    'sends again over the next connection what the lost one swallowed, in order, each once: %s',
    async (way) => {
      await using server = await startNats()
      await using proxy = await startProxy(server.port)
      await using observer = await observe(server.url)
      await makeStream(observer, way)
      const records = feed()
      const sink = sinkFor(proxy.url, records)
      await sink.open()
      for (let round = 0; round < 5; round++) {
        trades(records, round * 3000 + 1, round * 3000 + 3000)
        sink.flush()
        await until(() => expect(records.outcomes.acknowledged).toBeGreaterThan(round * 3000 + 500))
        proxy.cut()
      }
      await untilDrained(records)
      expect(runs(await observer.messages(STREAM))).toBe('1-15000')
      expect(records.outcomes).toEqual({ acknowledged: 15_000, duplicate: 0, refused: 0 })
      expect(proxy.connections).toBeGreaterThan(1)
    },
  )

  test.each(WAYS)('stores nothing twice after an outage longer than the server remembers ids: %s', async (way) => {
    await using server = await startNats()
    await using proxy = await startProxy(server.port)
    await using observer = await observe(server.url)
    await makeStream(observer, way, { duplicate_window: 100_000_000 })
    const records = feed()
    const sink = sinkFor(proxy.url, records, { backoffMsMax: 400 })
    await sink.open()
    trades(records, 1, 100)
    sink.flush()
    await untilDrained(records)
    let asked = false
    proxy.eats = (message) => /^MSG _INBOX\.\S+ \d+ \d+\r\n\{/.test(message) && asked
    asked = true
    trades(records, 101, 300)
    sink.flush()
    await until(async () => expect(await observer.count(STREAM)).toBe(300))
    expect(records.spool.pending).toBe(200)
    await forgotten(observer.jsm, server)
    proxy.cut()
    asked = false
    await untilDrained(records)
    expect(runs(await observer.messages(STREAM))).toBe('1-300')
    expect(records.outcomes).toEqual({ acknowledged: 300, duplicate: 0, refused: 0 })
    expect(sink.status.resent).toBe(0)
  })

  test('leaves a connection on which nothing comes back, although it stays open', async () => {
    await using server = await startNats()
    await using proxy = await startProxy(server.port)
    const records = feed()
    const sink = sinkFor(proxy.url, records, { ackTimeoutMs: 200 })
    await sink.open()
    proxy.silent = true
    trades(records, 1, 5000)
    sink.flush()
    await until(() => expect(sink.status.connected).toBe(false))
    expect(sink.status.problem).toMatch(/did not acknowledge|lost/)
    proxy.silent = false
    await untilDrained(records)
    expect(records.outcomes).toEqual({ acknowledged: 5000, duplicate: 0, refused: 0 })
  })

  test('starts without a server and connects when there is one', async () => {
    await using server = await startNats()
    await server.stop()
    const records = feed()
    const sink = sinkFor(server.url, records)
    await sink.open()
    expect(sink.status).toMatchObject({
      connected: false,
      problem: expect.stringMatching(/no connection to nats:.*is the NATS server up/),
    })
    await expect(sink.last([{ subject: SUBJECT }])).rejects.toThrow(/cannot be read now/)
    trades(records, 1, 10)
    await server.restart()
    await untilDrained(records)
    expect(sink.status).toMatchObject({ connected: true, problem: undefined, outstanding: 0 })
  })

  test('gives up at the deadline when it is closed without a server, and leaves the rest in the spool', async () => {
    const records = feed()
    await using server = await startNats()
    const sink = sinkFor(server.url, records)
    await sink.open()
    await server.kill()
    trades(records, 1, 10)
    await sink.close(50)
    expect(records.spool.pending).toBe(10)
  })
})

const fault = fc.record({
  trades: fc.integer({ min: 1, max: 1500 }),
  fault: fc.constantFrom('none', 'cut', 'eat', 'silence'),
})

describeWithNats('the NATS sink and any row of faults', () => {
  test.each(WAYS)(
    'ends with every trade stored once and in order: %s',
    async (way) => {
      await fc.assert(
        fc.asyncProperty(fc.array(fault, { minLength: 1, maxLength: 6 }), async (faults) => {
          await using server = await startNats()
          await using proxy = await startProxy(server.port)
          await using observer = await observe(server.url)
          await makeStream(observer, way)
          const records = feed()
          const sink = sinkFor(proxy.url, records, { ackTimeoutMs: 100 })
          await sink.open()
          let made = 0
          for (const step of faults) {
            if (step.fault === 'eat') proxy.eats = (message) => message.startsWith('MSG') && message.length % 3 === 0
            proxy.silent = step.fault === 'silence'
            trades(records, made + 1, made + step.trades)
            made += step.trades
            sink.flush()
            const { acknowledged } = records.outcomes
            if (step.fault === 'none')
              await until(() => expect(records.outcomes.acknowledged).toBeGreaterThan(acknowledged))
            if (step.fault === 'silence') await until(() => expect(sink.status.problem).toBeDefined())
            if (step.fault === 'cut') proxy.cut()
          }
          proxy.silent = false
          proxy.eats = () => false
          await untilDrained(records)
          expect(runs(await observer.messages(STREAM))).toBe(`1-${made}`)
          expect(records.outcomes).toEqual({ acknowledged: made, duplicate: 0, refused: 0 })
          await sink.close(1000)
        }),
        { numRuns: RUNS },
      )
    },
    60_000,
  )
})

describeWithNats('the NATS sink and the right to use the server', () => {
  const authorization = 'authorization { users: [{user: ann, password: right}] }'

  test('rejects at the start when the server does not take its credentials', async () => {
    await using server = await startNats({ config: authorization })
    const wrong = sinkFor(server.url, feed(), { identity: () => ({ user: 'ann', password: 'wrong' }) })
    await expect(wrong.open()).rejects.toThrow(/does not let the collector in.*check its credentials/)
    const unread = sinkFor(server.url, feed(), {
      identity: () => {
        throw new Error('ENOENT')
      },
    })
    await expect(unread.open()).rejects.toThrow(/the NATS credentials cannot be read: ENOENT/)
  })

  test('is let in by token and by nkey', async () => {
    await using byToken = await startNats({ config: 'authorization { token: "secret" }' })
    await sinkFor(byToken.url, feed(), { identity: () => ({ token: 'secret' }) }).open()
    const user = nkeys.createUser()
    await using byKey = await startNats({ config: `authorization { users: [{nkey: ${user.getPublicKey()}}] }` })
    const nkeySeed = Buffer.from(user.getSeed()).toString()
    const sink = sinkFor(byKey.url, feed(), { identity: () => ({ nkeySeed: `${nkeySeed}\n` }) })
    await sink.open()
    expect(sink.status).toMatchObject({ connected: true, problem: undefined })
  })

  test('reads its credentials anew for each connection', async () => {
    await using server = await startNats({ config: authorization })
    await using proxy = await startProxy(server.port)
    const records = feed()
    let password = 'right'
    const sink = sinkFor(proxy.url, records, { identity: () => ({ user: 'ann', password }) })
    await sink.open()
    password = 'wrong'
    proxy.cut()
    await until(() => expect(sink.status.problem).toMatch(/does not let the collector in/))
    trades(records, 1, 10)
    password = 'right'
    await untilDrained(records)
  })

  test('says what is not allowed to be published, and goes on when it is', async () => {
    const users = (publish: string): string =>
      `authorization { users: [{user: ann, password: right, permissions: {publish: ["$JS.API.>", ${publish}]}}] }`
    await using server = await startNats({ config: users('"none"') })
    const records = feed()
    const sink = sinkFor(server.url, records, { identity: () => ({ user: 'ann', password: 'right' }) })
    await sink.open()
    trades(records, 1, 10)
    sink.flush()
    await until(() =>
      expect(sink.status.problem).toMatch(/does not let us publish to market.trade.*allow publish on market.>/),
    )
    await server.kill()
    await using better = await startNats({ port: server.port, config: users('"market.>"') })
    await untilDrained(records)
    expect(better.port).toBe(server.port)
  })
})

/** Resolves when the server has forgotten all message ids: a repetition of one is stored as new. */
async function forgotten(jsm: Awaited<ReturnType<typeof observe>>['jsm'], server: NatsServer): Promise<void> {
  await using probe = await observe(server.url)
  const js = jsm.jetstream()
  await jsm.streams.add({ name: 'PROBE', subjects: ['probe'], duplicate_window: 100_000_000 })
  await js.publish('probe', 'x', { msgID: 'probe' })
  await until(async () => expect((await js.publish('probe', 'x', { msgID: 'probe' })).duplicate).toBe(false))
  expect(await probe.count('PROBE')).toBe(2)
}
