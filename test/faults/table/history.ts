// A past for Collectors that have just begun, so that the rules which compare with what is usual are awake.
//
// In: what a Collector of the table really makes, by kind, as measured. Out: the series that its rules would have recorded,
// for the hour before and for the same time of the three days before, around those values; as OpenMetrics text, from which
// promtool makes blocks. Always: the same seed gives the same past.
import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { tool } from '../../../hack/tools.ts'
import { flowRecordings } from '../../../operator/monitoring/rules/flow.ts'
import { random } from '../../exchange/random.ts'

/** Of one kind: messages a second, and how long 19 of 20 take. */
export interface Usual {
  readonly exchange: string
  readonly market: string
  readonly type: string
  readonly messages: number
  readonly p95Seconds: number
}

const STEP_SECONDS = 15
/** More than the rules want to have seen before they say anything. */
const RECENT_SECONDS = 58 * 60
/** What stands between the past and the first scrape. */
const PAUSE_SECONDS = 60
/** How far a run may go, in the days before. */
const RUN_SECONDS = 75 * 60
const DAY_SECONDS = 86_400
/** As the same time of a day is looked at: half an hour, from a quarter past it. */
const SEASON_SECONDS = 30 * 60
/** Share by which values differ from step to step. */
const NOISE = 0.05

/** A recorded value, and what is recorded of it as its baseline. */
const BASES = flowRecordings.map(({ record }) => record).filter((record) => record.endsWith('_clean'))

export interface Line {
  readonly series: string
  readonly value: number
  /** s since the epoch. */
  readonly at: number
}

/** The past of one Collector before `now` (s since the epoch), by series and then by time. */
export function* pastOf(
  whose: { readonly namespace: string; readonly collector: string },
  usual: readonly Usual[],
  now: number,
): Generator<Line> {
  const chance = random(1).fork(whose.collector)
  const end = now - PAUSE_SECONDS
  for (const { exchange, market, type, messages, p95Seconds } of usual) {
    const labels = Object.entries({ ...whose, exchange, market, type })
      .map(([name, value]) => `${name}="${value}"`)
      .join(',')
    for (const clean of BASES) {
      const base = clean.replace(/_clean$/, '')
      const middle = base.includes('latency') ? p95Seconds : base.includes('errors') ? 0 : messages
      const around = () => middle * (1 + NOISE * (2 * chance.next() - 1))
      const isSeasonal = flowRecordings.some(({ record }) => record === `${base}_season`)
      const days = isSeasonal ? [3, 2, 1] : []
      for (const day of days) {
        const from = now - day * DAY_SECONDS - SEASON_SECONDS
        yield* line(`${base}{${labels}}`, around, from, from + SEASON_SECONDS + RUN_SECONDS)
      }
      yield* line(`${base}{${labels}}`, around, end - RECENT_SECONDS, end)
      yield* line(`${clean}{${labels}}`, around, end - RECENT_SECONDS, end)
      yield* line(`${base}_deviation{${labels}}`, () => NOISE * middle * chance.next(), end - RECENT_SECONDS, end)
    }
  }
}

function* line(series: string, value: () => number, from: number, to: number): Generator<Line> {
  for (let at = Math.ceil(from / STEP_SECONDS) * STEP_SECONDS; at <= to; at += STEP_SECONDS) {
    yield { series, value: value(), at }
  }
}

/** Writes blocks into the `data` of a Prometheus that does not run yet. @throws Error with what promtool says */
export async function layDown(folder: string, past: Iterable<Line>): Promise<number> {
  const file = join(folder, 'past.txt')
  const out = createWriteStream(file)
  let lines = 0
  let chunk = ''
  for (const { series, value, at } of past) {
    chunk += `${series} ${value} ${at}\n`
    lines += 1
    if (chunk.length < 1 << 20) continue
    if (!out.write(chunk)) await once(out, 'drain')
    chunk = ''
  }
  out.end(`${chunk}# EOF\n`)
  await once(out, 'finish')
  const args = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, join(folder, 'data')]
  await promisify(execFile)(await tool('promtool'), args, { maxBuffer: 1 << 26, timeout: 600_000 })
  return lines
}
