// A real Prometheus over blocks that were made for it: what it records and what it finds, asked long after the fact.
//
// Always: a folder of its own; what is looked back for is one step, since what is gone leaves no stale marker in a block.
// Never: a scrape.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { run } from '../../hack/commands.ts'
import { tool } from '../../hack/tools.ts'
import { startListening } from '../kubernetes/processes.ts'
import { SHARED, STEP } from './kinds.ts'
import type { Series } from './series.ts'
import { writeOpenMetrics } from './text.ts'

export interface Record {
  readonly record: string
  readonly expr: string
  readonly labels?: Readonly<{ [label: string]: string }>
}

export type Labels = Readonly<{ [label: string]: string }>
/** When an expression gave anything, by the labels of what it gave. */
export type Held = readonly { readonly labels: Labels; readonly times: readonly number[] }[]

/** A query may give so many points of a series at most. */
const POINTS_MAX = 11_000
/** Of the durations that promtool's blocks may have, the longest, and the longest whose points one query gives. */
const ONE_BLOCK = '61d'
const RECORDED_BLOCK = '54h'
const SHARED_FLAGS = Object.entries(SHARED).map(([label, value]) => `--label=${label}=${value}`)

export interface Engine extends AsyncDisposable {
  /** Adds series as one block, none where there is no series; gives its name. */
  load(series: Iterable<Series>): Promise<readonly string[]>
  /** Records from and to these times (s), as promtool fills in rules afterwards; gives the names of the blocks. */
  record(records: readonly Record[], from: number, to: number): Promise<readonly string[]>
  remove(blocks: readonly string[]): Promise<void>
  /** The steps between `from` and `to` (s) at which an expression gives a value. */
  held(expr: string, from: number, to: number): Promise<Held>
}

/** @throws ToolMissing where Prometheus or promtool cannot be had */
export async function openEngine(): Promise<Engine> {
  const [prometheus, promtool] = [await tool('prometheus'), await tool('promtool')]
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-noise-'))
  const [data, fresh] = [join(folder, 'data'), join(folder, 'fresh')]
  for (const each of [data, fresh]) mkdirSync(each)
  writeFileSync(join(folder, 'prometheus.yaml'), '{}\n')
  const limits = [`--query.lookback-delta=${STEP}s`, '--query.max-samples=500000000', '--query.timeout=1h']
  // Compaction would merge blocks that are to be removed again.
  const asIs = ['--storage.tsdb.max-block-duration=2h', '--no-storage.tsdb.allow-overlapping-compaction']
  const kept = ['--storage.tsdb.path=data', ...asIs, '--storage.tsdb.retention.time=100y']
  let running: Awaited<ReturnType<typeof startListening>> | undefined

  const stop = async (): Promise<void> => {
    await running?.server.end('killed')
    running = undefined
  }
  /** What lies in the data folder is read at the start only. */
  const ready = async (): Promise<string> => {
    running ??= await startListening(prometheus, ['--config.file=prometheus.yaml', ...kept, ...limits], folder)
    return running.url
  }
  const takeIn = async (): Promise<readonly string[]> => {
    const blocks = readdirSync(fresh)
    await stop()
    for (const block of blocks) renameSync(join(fresh, block), join(data, block))
    return blocks
  }
  return {
    async load(series) {
      if (Array.isArray(series) && series.length === 0) return []
      writeOpenMetrics(join(folder, 'series.txt'), series)
      const from = [
        'create-blocks-from',
        `--max-block-duration=${ONE_BLOCK}`,
        'openmetrics',
        '--quiet',
        ...SHARED_FLAGS,
      ]
      await run(promtool, ['tsdb', ...from, 'series.txt', 'fresh'], { cwd: folder })
      rmSync(join(folder, 'series.txt'))
      return takeIn()
    },
    async record(records, from, to) {
      const groups = [{ name: 'recorded', interval: `${STEP}s`, rules: records }]
      writeFileSync(join(folder, 'rules.yaml'), stringify({ groups }))
      const args = ['tsdb', 'create-blocks-from', `--max-block-duration=${RECORDED_BLOCK}`, 'rules']
      const times = [`--start=${from}`, `--end=${to}`, `--eval-interval=${STEP}s`, `--url=${await ready()}`]
      await run(promtool, [...args, ...times, '--output-dir=fresh', 'rules.yaml'], { cwd: folder })
      return takeIn()
    },
    async remove(blocks) {
      await stop()
      for (const block of blocks) rmSync(join(data, block), { recursive: true })
    },
    async held(expr, from, to) {
      const address = `${await ready()}/api/v1/query_range`
      const found = new Map<string, { labels: Labels; times: number[] }>()
      for (let start = from; start <= to; start += POINTS_MAX * STEP) {
        const end = Math.min(to, start + (POINTS_MAX - 1) * STEP)
        for (const { metric, values } of await asked(address, { query: expr, start, end, step: STEP })) {
          const key = JSON.stringify(Object.entries(metric).toSorted(([a], [b]) => a.localeCompare(b)))
          const one = found.get(key) ?? { labels: metric, times: [] }
          found.set(key, one)
          for (const [time] of values) one.times.push(time)
        }
      }
      return [...found.values()]
    },
    async [Symbol.asyncDispose]() {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data: {
    readonly result: readonly { readonly metric: Labels; readonly values: readonly [number, string][] }[]
  }
}

async function asked(
  address: string,
  parameters: Readonly<{ [name: string]: string | number }>,
): Promise<Answer['data']['result']> {
  const body = new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)]))
  const answer = (await (await fetch(address, { method: 'POST', body })).json()) as Answer
  if (answer.status !== 'success') throw new Error(`${answer.error}: ${String(parameters['query'])}`)
  return answer.data.result
}
