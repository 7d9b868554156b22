// A real Prometheus for tests: scrapes what it is told, once a second, with the labels that a PodMonitor would give.
//
// Always: its own store and a free port; it ends with the test. Never: service discovery; targets are addresses.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { tool } from '../hack/tools.ts'
import { startListening } from './kubernetes/processes.ts'

export interface ScrapeTarget {
  readonly job: string
  /** `127.0.0.1:8080` */
  readonly address: string
  /** As relabelling leaves them. */
  readonly labels: Readonly<Record<string, string>>
  /** What is scraped keeps its labels where they are those of the target, too. */
  readonly honorLabels?: boolean
}

/** A series at one moment; NaN and infinities as Prometheus writes them. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

export interface Prometheus extends AsyncDisposable {
  readonly url: string
  /** An instant query, now. @throws Error with what Prometheus says of it */
  query(expr: string): Promise<Sample[]>
  /** Values of a label over all series that match, as variables of dashboards ask for them. */
  labelValues(label: string, matcher: string): Promise<string[]>
}

const INTERVAL = '1s'

/** Starts it and waits until it takes queries. @throws ToolMissing where it cannot be had */
export async function startPrometheus(targets: readonly ScrapeTarget[]): Promise<Prometheus> {
  const program = await tool('prometheus')
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-prometheus-'))
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'prometheus.yaml'), configOf(targets))
  const flags = ['--config.file=prometheus.yaml', '--storage.tsdb.path=data']
  const { server, url } = await startListening(program, flags, folder)
  return {
    url,
    async query(expr) {
      const { result } = await asked<Vector>(`${url}/api/v1/query`, { query: expr })
      return result.map(({ metric, value: [, text] }) => ({ metric, value: Number(text) }))
    },
    labelValues: (label, matcher) => asked(`${url}/api/v1/label/${label}/values`, { 'match[]': matcher }),
    async [Symbol.asyncDispose]() {
      await server.end('killed')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface Vector {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>
    readonly value: readonly [number, string]
  }[]
}

function configOf(targets: readonly ScrapeTarget[]): string {
  return stringify({
    global: { scrape_interval: INTERVAL, scrape_timeout: INTERVAL },
    scrape_configs: targets.map(({ job, address, labels, honorLabels = false }) => ({
      job_name: job,
      honor_labels: honorLabels,
      static_configs: [{ targets: [address], labels }],
    })),
  })
}

async function asked<T>(url: string, parameters: Readonly<Record<string, string>>): Promise<T> {
  // Queries of panels are too long for the address of a GET.
  const isQuery = url.endsWith('/query')
  const body = new URLSearchParams(parameters)
  const response = await (isQuery ? fetch(url, { method: 'POST', body }) : fetch(`${url}?${body.toString()}`))
  const answer = (await response.json()) as { readonly status: string; readonly data: T; readonly error?: string }
  if (answer.status !== 'success') throw new Error(`${answer.error}: ${JSON.stringify(parameters)}`)
  return answer.data
}
