// A real Alertmanager for tests: takes alerts, and says which of them are silenced, by which, and who would be told.
//
// Always: its own store and a free port, no cluster; it ends with the test. The program is the one on the PATH, under its
// own name or Debian's.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { startListening } from './kubernetes/processes.ts'

export type AlertLabels = Readonly<Record<string, string>>

/** What became of an alert. */
export interface AlertState {
  readonly labels: AlertLabels
  /** Labels of the alerts that silence it. */
  readonly silencedBy: readonly AlertLabels[]
  readonly receivers: readonly string[]
}

export interface Alertmanager extends AsyncDisposable {
  /** Takes alerts that fire from now on. */
  post(alerts: readonly AlertLabels[]): Promise<void>
  /** Every alert that it has, once it has judged all of them. */
  states(): Promise<readonly AlertState[]>
}

/** Where Alertmanager and amtool are, or why they cannot be had. */
export const alertmanager = found(['alertmanager', 'prometheus-alertmanager'], 'Alertmanager')
export const amtool = found(['amtool'], 'amtool')

type Found = { readonly path: string } | { readonly missing: string }

function found(names: readonly string[], what: string): Found {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const path = folders.flatMap((folder) => names.map((name) => join(folder, name))).find((one) => existsSync(one))
  return path === undefined ? { missing: `${what}: install it (Debian: prometheus-alertmanager).` } : { path }
}

/** Starts one with this configuration, and waits until it answers. @throws Error with what it said */
export async function startAlertmanager(config: object): Promise<Alertmanager> {
  if ('missing' in alertmanager) throw new Error(alertmanager.missing)
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-alertmanager-'))
  writeFileSync(join(folder, 'alertmanager.yaml'), stringify(config))
  const flags = ['--config.file=alertmanager.yaml', '--storage.path=data', '--cluster.listen-address=']
  const { server, url } = await startListening(alertmanager.path, flags, folder)
  return {
    async post(alerts) {
      const body = JSON.stringify(alerts.map((labels) => ({ labels, startsAt: new Date().toISOString() })))
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body })
      if (!response.ok) throw new Error(`Alertmanager takes no alerts: ${await response.text()}`)
    },
    states: () => judged(url),
    async [Symbol.asyncDispose]() {
      await server.end('killed')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What `amtool check-config` says of a configuration. @throws Error where it is refused, with what is said */
export async function checkConfig(config: object): Promise<string> {
  if ('missing' in amtool) throw new Error(amtool.missing)
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-amtool-'))
  try {
    const file = join(folder, 'alertmanager.yaml')
    writeFileSync(file, stringify(config))
    return (await promisify(execFile)(amtool.path, ['check-config', file])).stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface AskedAlert {
  readonly fingerprint: string
  readonly labels: AlertLabels
  readonly receivers: readonly { readonly name: string }[]
  readonly status: { readonly state: 'unprocessed' | 'active' | 'suppressed'; readonly inhibitedBy: readonly string[] }
}

async function judged(url: string): Promise<AlertState[]> {
  const all = (await (await fetch(`${url}/api/v2/alerts`)).json()) as AskedAlert[]
  const byPrint = new Map(all.map(({ fingerprint, labels }) => [fingerprint, labels]))
  return all.map(({ labels, receivers, status }) => ({
    labels,
    silencedBy: status.inhibitedBy.map((print) => byPrint.get(print) ?? {}),
    receivers: receivers.map(({ name }) => name),
  }))
}
