// What was there before a cluster was made, and how it is put back: the kubeconfig, byte for byte where nobody else
// changed it meanwhile, and Docker's network.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parse, stringify } from 'yaml'
import { output } from '../commands.ts'

interface Before {
  readonly kubeconfig: string
  /** null: there was no file. */
  readonly text: string | null
  readonly hadFolder: boolean
  readonly hadNetwork: boolean
}

/** The file that kubectl and kind write to. */
export function kubeconfigPath(): string {
  const [first] = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean)
  return first ?? join(homedir(), '.kube', 'config')
}

/** A folder for what belongs to a cluster and is kept outside the checkout. */
export function stateDir(name: string): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'marketprism', 'clusters', name)
}

function stateFile(cluster: string): string {
  return join(stateDir(cluster), 'before.json')
}

/** Notes what is there. */
export async function noteBefore(cluster: string): Promise<void> {
  const kubeconfig = kubeconfigPath()
  const networks = ((await output('docker', ['network', 'ls', '--format', '{{.Name}}'])) ?? '').split('\n')
  const before: Before = {
    kubeconfig,
    text: existsSync(kubeconfig) ? readFileSync(kubeconfig, 'utf8') : null,
    hadFolder: existsSync(dirname(kubeconfig)),
    hadNetwork: networks.includes('kind'),
  }
  mkdirSync(stateDir(cluster), { recursive: true })
  writeFileSync(stateFile(cluster), JSON.stringify(before), { mode: 0o600 })
}

/** Puts back what was noted, after kind has removed the cluster. */
export async function putBack(cluster: string): Promise<void> {
  if (existsSync(stateFile(cluster))) {
    const before = JSON.parse(readFileSync(stateFile(cluster), 'utf8')) as Before
    putBackKubeconfig(before)
    // Docker refuses where another cluster still uses it, and that is right.
    if (!before.hadNetwork) await output('docker', ['network', 'rm', 'kind'])
  }
  rmSync(stateDir(cluster), { recursive: true, force: true })
}

function putBackKubeconfig({ kubeconfig, text, hadFolder }: Before): void {
  if (!existsSync(kubeconfig)) return
  const restored = restoredText(text, readFileSync(kubeconfig, 'utf8'))
  if (restored === null) {
    rmSync(kubeconfig)
    const folder = dirname(kubeconfig)
    if (!hadFolder && readdirSync(folder).length === 0) rmdirSync(folder)
  } else writeFileSync(kubeconfig, restored)
}

interface Kubeconfig {
  readonly clusters?: readonly unknown[] | null
  readonly users?: readonly unknown[] | null
  readonly contexts?: readonly { readonly name: string }[] | null
  readonly 'current-context'?: string
}

/**
 * The text that a kubeconfig should have: as it was before where only the cluster came and went, else as it is now with
 * the context that was current before. null: there should be no file.
 */
export function restoredText(before: string | null, now: string): string | null {
  const old = (before === null ? {} : parse(before)) as Kubeconfig | null
  const current = (parse(now) ?? {}) as Kubeconfig
  if (isDeepStrictEqual(entries(old), entries(current))) return before
  const context = old?.['current-context']
  const isLost = !current['current-context'] && context && current.contexts?.some(({ name }) => name === context)
  return isLost ? stringify({ ...current, 'current-context': context }) : now
}

function entries(config: Kubeconfig | null): unknown[] {
  return [config?.clusters, config?.users, config?.contexts].map((list) => list ?? [])
}
