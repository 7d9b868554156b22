// A NATS sink under test: opened against a server, with its log kept, and what a stream holds made readable.
import type { StreamConfig } from '@nats-io/jetstream'
import { expect, onTestFinished, vi } from 'vitest'
import { realClock } from '../collector/connection/clock.ts'
import { type NatsOptions, natsSink } from '../collector/sinks/nats.ts'
import type { Sink } from '../collector/sinks/sink.ts'
import type { Log } from '../collector/sinks/trouble.ts'
import type { Feed } from './records.ts'
import type { Observer } from './stored.ts'

export const STREAM = 'MARKET_DATA'

export interface Logged extends Log {
  readonly lines: string[]
}

export function logged(): Logged {
  const lines: string[] = []
  const write = (...args: unknown[]): void => void lines.push(JSON.stringify(args))
  return { lines, info: write, warn: write }
}

/** A sink that publishes under `market.` and manages its stream itself; closed when the test ends. */
export function sinkFor(url: string, records: Feed, options: Partial<NatsOptions> = {}, log: Log = logged()): Sink {
  const all: NatsOptions = {
    servers: [url],
    name: 'test',
    prefix: 'market',
    stream: { name: STREAM, manage: 'collector' },
    backoffMsMax: 100,
    ...options,
  }
  const sink = natsSink(all, records.context, { log, clock: realClock })
  onTestFinished(() => sink.close(0))
  return sink
}

/** The two ways to publish, as names of tests: which of them is taken follows from the stream. */
export const WAYS = ['one by one', 'in batches'] as const

/** Makes the stream so that the sink publishes this way. */
export async function makeStream(
  { jsm }: Observer,
  way: (typeof WAYS)[number],
  config: Partial<StreamConfig> = {},
): Promise<void> {
  const batched = { allow_batched: way === 'in batches' }
  await jsm.streams.add({ name: STREAM, subjects: ['market.>'], allow_direct: true, ...batched, ...config })
}

/** Puts trades of BTC-USDT into the spool; all of them find room. */
export function trades(records: Feed, from: number, to: number): void {
  let put = 0
  for (let id = from; id <= to; id++) if (records.trade(id)) put += 1
  expect(put).toBe(to - from + 1)
}

/** Trade ids of BTC-USDT among these, in their order, as runs: `1-100 102-300`. */
export function runs(messages: readonly { readonly id: string }[]): string {
  const out: [number, number][] = []
  for (const { id } of messages) {
    const n = Number(/^market:trade:binance:spot:BTC-USDT:(\d+)$/.exec(id)?.[1] ?? Number.NaN)
    const last = out.at(-1)
    if (last !== undefined && n === last[1] + 1) last[1] = n
    else out.push([n, n])
  }
  return out.map((run) => run.join('-')).join(' ')
}

/** Resolves when the check holds; looks again and again until then, for 12 s at most. */
export const until = (check: () => void | Promise<void>, timeout = 12_000): Promise<void> =>
  vi.waitFor(check, { timeout, interval: 5 })

/** Resolves when the sink has settled everything; a test's own limit ends the wait first. */
export const untilDrained = (records: Feed): Promise<void> => until(() => expect(records.spool.pending).toBe(0), 60_000)
