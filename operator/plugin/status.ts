// `kubectl marketprism status [NAME]`: how Collectors stand, with what their pods say of themselves.
import { asciiJson } from '../../collector/terminal/escape.ts'
import { summarySchema } from '../healing/summary.ts'
import type { KubeObject } from '../kube/objects.ts'
import { askPods } from './ask.ts'
import { allOf, type Cluster, collectorNamed, runningOf, withCluster } from './cluster.ts'
import {
  CLUSTER_FLAGS,
  CLUSTER_USAGE,
  columnsOf,
  Fault,
  type Io,
  isColored,
  oneName,
  outputOf,
  parse,
} from './command.ts'
import { treeOf } from './tree.ts'
import { type CollectorView, viewOf } from './view.ts'

export const STATUS_USAGE = `Usage: kubectl marketprism status [NAME] [-A] [-o json]
How a Collector stands: its conditions, shards, pods and channels, the last healing and the last gap. All of the
namespace when none is named.
  -A, --all-namespaces  Collectors of all namespaces
  -o json               the same for machines
${CLUSTER_USAGE}Exit code: 0 every Collector is ready; 1 one is not; 2 it cannot be known.
`

const OPTIONS = {
  ...CLUSTER_FLAGS,
  'all-namespaces': { type: 'boolean', short: 'A' },
  output: { type: 'string', short: 'o' },
} as const

/** Trees that are shown when no Collector is named. */
const SHOWN_MAX = 20

export async function statusCommand(args: readonly string[], io: Io): Promise<number> {
  const { values: flags, positionals } = parse(args, OPTIONS)
  const isJson = outputOf(flags.output, ['json']) === 'json'
  const isAll = flags['all-namespaces'] === true
  const name = positionals.length === 0 ? undefined : oneName(positionals, 'status majors')
  if (name !== undefined && isAll) throw new Fault('a name belongs to one namespace; write -n NAMESPACE instead of -A.')
  return withCluster(flags, io, async (cluster) => {
    const collectors = await chosen(cluster, name, isAll)
    const views: CollectorView[] = []
    for (const collector of collectors.slice(0, SHOWN_MAX)) views.push(await look(cluster, collector, io))
    const left = collectors.length - views.length
    if (isJson) io.stdout.write(`${asciiJson({ collectors: views, ...(left === 0 ? {} : { left }) })}\n`)
    else {
      const options = { nowMs: Date.now(), columns: columnsOf(io), color: isColored(io) }
      io.stdout.write(views.map((view) => treeOf(view, options)).join('\n'))
      if (left > 0) io.stdout.write(`\nand ${left} more; name one, or see kubectl get collectors.\n`)
    }
    return views.every(isReady) ? 0 : 1
  })
}

async function chosen(cluster: Cluster, name: string | undefined, isAll: boolean): Promise<KubeObject[]> {
  if (name !== undefined) return [await collectorNamed(cluster, name)]
  const found = await allOf(cluster.client, isAll ? undefined : cluster.namespace)
  if (found.length > 0) return found
  const where = isAll ? 'the cluster' : `namespace ${cluster.namespace}`
  throw new Fault(`there is no Collector in ${where}; apply one, such as examples/collector.yaml.`)
}

async function look(cluster: Cluster, collector: KubeObject, { signal }: Io): Promise<CollectorView> {
  const running = await runningOf(cluster.client, collector)
  const answers = await askPods(cluster, running.pods, { path: 'summary', schema: summarySchema, signal })
  return viewOf(collector, running, answers)
}

function isReady({ conditions }: CollectorView): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}
