import { PassThrough, Writable } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { type Feed, feed } from '../../test/records.ts'
import { realClock } from '../connection/clock.ts'
import type { Sink } from './sink.ts'
import { stdoutSink } from './stdout.ts'

const log = { info: (): void => {}, warn: (): void => {} }

async function opened(out: Writable): Promise<{ sink: Sink; records: Feed }> {
  const records = feed()
  const sink = stdoutSink(records.context, { log, clock: realClock }, out)
  await sink.open()
  return { sink, records }
}

test('writes each message as a line of JSON', async () => {
  const out = new PassThrough()
  const text: Buffer[] = []
  out.on('data', (bytes: Buffer) => text.push(bytes))
  const { sink, records } = await opened(out)
  for (let id = 1; id <= 2000; id++) records.trade(id)
  await sink.close(5000)
  expect(records.outcomes.acknowledged).toBe(2000)
  const lines = Buffer.concat(text).toString().trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(
    Array.from({ length: 2000 }, (_, i) => `${i + 1}`),
  )
})

test('holds messages back while the reader is slow, and goes on where it stopped', async () => {
  let taken = 0
  let release: () => void = () => {}
  const slow = new Writable({
    write(bytes: Buffer, _encoding, done) {
      taken += bytes.length
      release = done
    },
  })
  const { sink, records } = await opened(slow)
  for (let id = 1; id <= 2000; id++) records.trade(id)
  for (let i = 0; i < 5; i++) sink.flush()
  expect(taken).toBeLessThan(70_000)
  expect(records.spool.pending).toBe(2000)
  expect(sink.status.outstanding).toBeGreaterThan(100)
  for (let before = -1; records.spool.pending > 0;) {
    expect(records.outcomes.acknowledged).toBeGreaterThan(before)
    before = records.outcomes.acknowledged
    release()
    await vi.waitFor(() => expect(records.outcomes.acknowledged).toBeGreaterThan(before))
  }
  await sink.close(1000)
  expect(records.outcomes.acknowledged).toBe(2000)
})

test('ends without a crash when its reader has gone', async () => {
  const gone = new Writable({
    write: (_bytes, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  })
  const { sink, records } = await opened(gone)
  records.trade(1)
  sink.flush()
  await vi.waitFor(() => expect(sink.status.connected).toBe(false))
  expect(sink.status.problem).toMatch(/its reader has gone/)
  sink.flush()
  await sink.close(60_000)
  expect(records.spool.pending).toBe(1)
  expect((await sink.last([])).size).toBe(0)
})
