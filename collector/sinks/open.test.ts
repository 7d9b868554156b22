import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { checkCollector } from '../../crds/faults.ts'
import { describeWithNats, startNats } from '../../test/nats.ts'
import { feed } from '../../test/records.ts'
import { logged, untilDrained } from '../../test/sink.ts'
import { observe } from '../../test/stored.ts'
import { realClock } from '../connection/clock.ts'
import { openSink } from './open.ts'
import type { Sink } from './sink.ts'

/** The sink of a whole manifest, checked as `run` checks it. */
function opened(sink: object, records = feed()): Sink {
  const feeds = [{ exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }]
  const kinds = { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', metadata: { name: 'majors' } }
  const { collector, faults } = checkCollector({ ...kinds, spec: { feeds, sink } })
  if (collector === undefined) throw new Error(JSON.stringify(faults))
  const made = openSink(collector.spec.sink, records.context, { log: logged(), clock: realClock })
  onTestFinished(() => made.close(0))
  return made
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-open-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

describeWithNats('a manifest with a NATS sink', () => {
  test('gives the stream what the user wrote, and takes the identity from the mounted Secret', async () => {
    await using server = await startNats({ config: 'authorization { user: ann, password: right }' })
    const secrets = folder()
    mkdirSync(join(secrets, 'nats-user'))
    writeFileSync(join(secrets, 'nats-user', 'username'), 'ann\n')
    writeFileSync(join(secrets, 'nats-user', 'password'), 'right\n')
    vi.stubEnv('MARKETPRISM_SECRETS_DIR', secrets)
    onTestFinished(() => void vi.unstubAllEnvs())
    const records = feed({ prefix: 'prices' })
    const stream = {
      name: 'PRICES',
      manage: 'collector',
      maxAge: '1h',
      maxBytes: '64Mi',
      discard: 'new',
      duplicateWindow: '10m',
    }
    const nats = { servers: [server.url], prefix: 'prices', credentialsSecret: { name: 'nats-user' }, stream }
    const sink = opened({ nats }, records)
    await sink.open()
    records.trade(1)
    sink.flush()
    await untilDrained(records)
    await using observer = await observe(server.url, { user: 'ann', pass: 'right' })
    expect((await observer.jsm.streams.info('PRICES')).config).toMatchObject({
      subjects: ['prices.>'],
      max_age: 3_600_000_000_000,
      max_bytes: 64 * 1024 * 1024,
      discard: 'new',
      duplicate_window: 600_000_000_000,
      allow_direct: true,
    })
    expect(await observer.count('PRICES')).toBe(1)
  })
})

test('a Secret that is not mounted is said by its name', async () => {
  vi.stubEnv('MARKETPRISM_SECRETS_DIR', folder())
  onTestFinished(() => void vi.unstubAllEnvs())
  const sink = opened({ nats: { servers: ['nats://127.0.0.1:4'], credentialsSecret: { name: 'none' } } })
  await expect(sink.open()).rejects.toThrow(/Secret none has none of nats.creds, nkey, token, username/)
})

test('a server that this version cannot speak to is refused by the name of the field', () => {
  expect(() => opened({ nats: { servers: ['nats://a:4222', 'wss://b:443'] } })).toThrow(/servers\[1\].*WebSocket/)
})

test('a manifest with a file sink writes below its path', async () => {
  const dir = folder()
  const records = feed()
  const sink = opened({ file: { path: dir, compression: 'zstd', fsync: 'always', rotate: '24h' } }, records)
  await sink.open()
  records.trade(1)
  await sink.close(5000)
  expect(readdirSync(join(dir, 'trade/binance/spot/BTC-USDT'))).toEqual(['2026-09-21T00.ndjson.zst'])
})

test('a manifest with stdout gives the sink of that name', () => {
  expect(opened({ stdout: {} }).kind).toBe('stdout')
})
