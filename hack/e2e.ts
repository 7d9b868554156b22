// npm run e2e [-- --name marketprism-e2e] [--use-current] [--keep] [-t NAME] [PATH…]
//
// MarketPrism as its users have it, in a real cluster: the images, the chart, NATS, simulated exchanges, and Collectors that
// are made, changed, hurt and taken away. The steps stand in test/cluster, and each has a budget; the first that fails ends
// the run. E2E=smoke leaves out what takes long, E2E=monitoring runs what needs a Prometheus in the cluster and nothing
// else, E2E_API_AWAY=5m has the API server away for so long (1m).
// Always: a cluster that was made here is removed at the end, and it is proven that nothing of it is left; --keep, and a
// run that failed on a laptop, leave it to be looked at. One that was there already is used and stays. Exit code 0 where every step passed.
import { readFileSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'
import { dockerMissing, output } from './commands.ts'
import { type Built, buildTagged, loadTagged, type Tags } from './deploy.ts'
import { kubeconfigPath } from './kind/before.ts'
import { type Cluster, currentCluster, openCluster } from './kind/open.ts'
import { removeCluster } from './kind/remove.ts'
import { closingLine, outcome, stepReporter } from './reporter.ts'

const root = resolve(import.meta.dirname, '..')
const NAME = 'marketprism-e2e'
/** Where nothing is cached, base images are pulled. */
const BUDGET_SECONDS = { cluster: 300, images: 600, load: 300, down: 120 }
/** Tag of what stands for the next release. */
const NEXT = '-next'

const started = performance.now()
process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message)
  return 1
})
process.exit()

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      name: { type: 'string', default: NAME },
      'use-current': { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      testNamePattern: { type: 'string', short: 't' },
    },
  })
  const missing = await dockerMissing()
  if (missing !== undefined) throw new Error(missing)
  const isOurs = !values['use-current']
  const before = await leftovers()
  const [cluster, built] = await clusterAndImages(isOurs ? values.name : undefined)
  await step('load', () => loadTagged(cluster, built))
  const isGood = await runSteps(cluster, built.tags, positionals, values.testNamePattern)
  const isMadeHere = isOurs && !before.containers.includes(`${values.name}-control-plane`)
  const isKept = values.keep || (!isGood && process.env['CI'] !== 'true')
  if (!isMadeHere || isKept) {
    if (isOurs) say(`The cluster is left to be looked at; hack/cluster down --name ${values.name} removes it.`)
    return isGood ? 0 : 1
  }
  say(await step('down', () => removeCluster(values.name)))
  const isClean = sayLeft(before, await leftovers())
  return isGood && isClean ? 0 : 1
}

/** Both at once: a cluster waits most of the time, and the images do not need it. */
async function clusterAndImages(name: string | undefined): Promise<[Cluster, Built]> {
  const both = await Promise.allSettled([
    step('cluster', () => (name === undefined ? currentCluster() : openCluster({ name, say }))),
    step('images', () => buildTagged(say, NEXT)),
  ])
  const [cluster, built] = both
  if (cluster.status === 'fulfilled' && built.status === 'fulfilled') return [cluster.value, built.value]
  throw new Error(both.flatMap((one) => (one.status === 'rejected' ? [(one.reason as Error).message] : [])).join('\n'))
}

/** @returns whether every step passed */
async function runSteps(cluster: Cluster, tags: Tags, filter: string[], named?: string): Promise<boolean> {
  rmSync(resolve(root, 'reports/e2e.json'), { force: true })
  const vitest = await startVitest(filter, {
    root,
    config: 'test/cluster/vitest.config.ts',
    watch: false,
    ...(named !== undefined && { testNamePattern: named }),
    provide: { clusterName: cluster.name ?? '', tags },
    reporters: [stepReporter(say), ['junit', { outputFile: 'reports/e2e.xml' }]],
  })
  const result = outcome(vitest)
  for (const { name, reason } of result.failed) say(`failed ${name}: ${reason}`)
  for (const { name, reason } of result.skipped) say(`skipped ${name}: ${reason}`)
  say(closingLine(result))
  await vitest.close()
  return result.failed.length === 0 && result.passed > 0
}

/** Does one step of the runner's own within its budget. */
async function step<T>(name: keyof typeof BUDGET_SECONDS, act: () => Promise<T>): Promise<T> {
  const seconds = BUDGET_SECONDS[name]
  say(`${name} …`)
  const from = performance.now()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(`${name}: not done within its budget of ${seconds} s`)), seconds * 1000)
  })
  try {
    const result = await Promise.race([act(), late])
    say(`✓ ${name}  ${((performance.now() - from) / 1000).toFixed(1)} s`)
    return result
  } finally {
    clearTimeout(timer)
  }
}

function say(text: string): void {
  console.log(`[${String(Math.round((performance.now() - started) / 1_000)).padStart(4)} s] ${text}`)
}

/** What a cluster might leave behind. */
type Leftovers = Readonly<Record<'containers' | 'volumes' | 'networks' | 'kubeconfig' | 'processes', string>>

async function leftovers(): Promise<Leftovers> {
  const listed = async (...args: string[]) => ((await output('docker', args)) ?? '').split('\n').toSorted().join('\n')
  return {
    containers: await listed('ps', '--all', '--format', '{{.Names}}'),
    volumes: await listed('volume', 'ls', '--format', '{{.Name}}'),
    networks: await listed('network', 'ls', '--format', '{{.Name}}'),
    kubeconfig: read(kubeconfigPath()),
    processes: (await output('pgrep', ['--list-full', '--parent', String(process.pid), 'kubectl'])) ?? '',
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** @returns whether all is as it was */
function sayLeft(before: Leftovers, after: Leftovers): boolean {
  const left = (Object.keys(before) as (keyof Leftovers)[]).filter((what) => before[what] !== after[what])
  for (const what of left) {
    // A kubeconfig holds keys.
    const words = what === 'kubeconfig' ? '' : `:\n${before[what]}\nbefore, and now:\n${after[what]}`
    say(`✗ the cluster is gone, and ${what} are not as they were before${words}`)
  }
  if (left.length === 0) say('✓ nothing is left of the cluster')
  return left.length === 0
}
