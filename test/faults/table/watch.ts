// The Prometheus that watches all of it: scrapes and judges every 15 s, as in a cluster, with the rules that the operator
// would install. Targets and rules come and go while it runs.
//
// Always: what fires is read from it, once a second; nothing is concluded from our own knowledge of a fault.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { tool } from '../../../hack/tools.ts'
import { startListening, tailOf } from '../../kubernetes/processes.ts'

export interface Target {
  readonly address: string
  /** As relabelling leaves them, `job` among them. */
  readonly labels: Readonly<Record<string, string>>
  /** Labels that the series bring along win. */
  readonly honorLabels?: boolean
}

type Labels = Readonly<Record<string, string>>

/** An alert as Prometheus has it. Times in ms since the epoch. */
export interface Active {
  readonly labels: Labels
  readonly state: 'pending' | 'firing'
  /** When its condition began to hold. */
  readonly since: number
}

export interface WatchPrometheus extends AsyncDisposable {
  readonly url: string
  /** Adds or replaces what is scraped under this name; none: takes it away. */
  targets(name: string, all: readonly Target[]): void
  /** Adds or replaces a file of groups; none: takes it away. */
  rules(name: string, groups: readonly object[]): Promise<void>
  query(expr: string): Promise<readonly { readonly metric: Labels; readonly value: number }[]>
  /** All alerts, as of now. */
  alerts(): Promise<readonly Active[]>
  /** Evaluations of rules that were missed, and that failed, since its start. */
  health(): Promise<{ readonly missed: number; readonly failed: number }>
}

/**
 * In: a folder; what of history lies in its `data` is served. Everything is scraped and judged every `interval` s.
 * @throws ToolMissing where there is no Prometheus
 */
export async function openWatch(folder: string, interval: number): Promise<WatchPrometheus> {
  const program = await tool('prometheus')
  for (const name of ['data', 'rules', 'plain', 'honoring']) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'prometheus.yaml'), stringify(configOf(`${interval}s`)))
  const flags = ['--config.file=prometheus.yaml', '--storage.tsdb.path=data', '--web.enable-lifecycle']
  const { server, url } = await startListening(program, flags, folder)
  const targets: WatchPrometheus['targets'] = (name, all) => {
    write(join(folder, 'plain', `${name}.json`), listed(all.filter(({ honorLabels }) => honorLabels !== true)))
    write(join(folder, 'honoring', `${name}.json`), listed(all.filter(({ honorLabels }) => honorLabels === true)))
  }
  targets('prometheus', [{ address: new URL(url).host, labels: { job: 'prometheus' } }])
  let loading = Promise.resolve()
  const query: WatchPrometheus['query'] = async (expr) => {
    const body = new URLSearchParams({ query: expr })
    const { result } = await answer<Vector>(await fetch(`${url}/api/v1/query`, { method: 'POST', body }))
    return result.map(({ metric, value: [, text] }) => ({ metric, value: Number(text) }))
  }
  return {
    url,
    query,
    targets,
    rules(name, groups) {
      const paced = groups.map((group) => ({ ...group, interval: `${interval}s` }))
      // One at a time: a reload that finds another one under way may read half of it.
      return (loading = loading
        .catch(() => {})
        .then(async () => {
          write(join(folder, 'rules', `${name}.yaml`), groups.length === 0 ? undefined : stringify({ groups: paced }))
          const response = await fetch(`${url}/-/reload`, { method: 'POST' })
          if (!response.ok) throw new Error(`rules of ${name}: ${await response.text()} ${tailOf(server.log)}`)
        }))
    },
    async alerts() {
      const { alerts } = await answer<{ readonly alerts: readonly Said[] }>(await fetch(`${url}/api/v1/alerts`))
      return alerts.map(({ labels, state, activeAt }) => ({ labels, state, since: Date.parse(activeAt) }))
    },
    async health() {
      const sum = async (metric: string) => (await query(`sum(${metric})`))[0]?.value ?? 0
      return {
        missed: await sum('prometheus_rule_group_iterations_missed_total'),
        failed: await sum('prometheus_rule_evaluation_failures_total'),
      }
    },
    [Symbol.asyncDispose]: () => server.end('killed'),
  }
}

interface Said {
  readonly labels: Labels
  readonly state: 'pending' | 'firing'
  readonly activeAt: string
}

interface Vector {
  readonly result: readonly { readonly metric: Labels; readonly value: readonly [number, string] }[]
}

function configOf(interval: string): object {
  const files = (folder: string) => [{ files: [`${folder}/*.json`], refresh_interval: '1s' }]
  return {
    global: {
      scrape_interval: interval,
      scrape_timeout: interval === '15s' ? '10s' : interval,
      evaluation_interval: interval,
    },
    rule_files: ['rules/*.yaml'],
    scrape_configs: [
      { job_name: 'plain', file_sd_configs: files('plain') },
      { job_name: 'honoring', honor_labels: true, file_sd_configs: files('honoring') },
    ],
  }
}

function listed(targets: readonly Target[]): string | undefined {
  if (targets.length === 0) return undefined
  return JSON.stringify(targets.map(({ address, labels }) => ({ targets: [address], labels })))
}

/** Whole or not at all: the file is read as soon as it changes. */
function write(path: string, text: string | undefined): void {
  if (text === undefined) return rmSync(path, { force: true })
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

async function answer<T>(response: Response): Promise<T> {
  const said = (await response.json()) as { readonly status: string; readonly data: T; readonly error?: string }
  if (said.status !== 'success') throw new Error(said.error)
  return said.data
}
