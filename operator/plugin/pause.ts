// `kubectl marketprism pause NAME …` and `resume NAME …`: whether the operator may touch what is there.
//
// Always: pause holds while it is ours; resume gives the field back, so that the next apply of the manifest decides.
import { COLLECTOR } from '../collectors/kinds.ts'
import type { KubeClient } from '../kube/client.ts'
import type { KubeObject } from '../kube/objects.ts'
import { collectorNamed, patch, withCluster } from './cluster.ts'
import { checkedName, CLUSTER_FLAGS, CLUSTER_USAGE, Fault, type Io, parse } from './command.ts'

export const PAUSE_USAGE = `Usage: kubectl marketprism pause NAME …
The operator leaves everything of these Collectors as it is, healing included, until they are resumed. They go on
collecting. An apply of a manifest that sets spec.paused decides anew.
${CLUSTER_USAGE}`

export const RESUME_USAGE = `Usage: kubectl marketprism resume NAME …
The operator looks after these Collectors again, and applies at once what changed meanwhile.
${CLUSTER_USAGE}`

export async function pauseCommand(args: readonly string[], io: Io): Promise<number> {
  return setPaused('pause', args, io)
}

export async function resumeCommand(args: readonly string[], io: Io): Promise<number> {
  return setPaused('resume', args, io)
}

const SAYS = {
  pause: 'paused: the operator leaves it as it is, and it goes on collecting',
  resume: 'resumed: the operator looks after it again',
} as const

async function setPaused(what: 'pause' | 'resume', args: readonly string[], io: Io): Promise<number> {
  const { values: flags, positionals } = parse(args, CLUSTER_FLAGS)
  if (positionals.length === 0) throw new Fault(`no Collector is named; write kubectl marketprism ${what} majors.`)
  const names = positionals.map(checkedName)
  return withCluster(flags, io, async (cluster) => {
    for (const name of names) {
      const collector = await collectorNamed(cluster, name)
      if (isPaused(collector) === (what === 'pause')) {
        io.stdout.write(`${name}: ${what === 'pause' ? 'is paused already' : 'is not paused'}\n`)
        continue
      }
      await (what === 'pause' ? claim(cluster.client, collector) : giveBack(cluster.client, collector))
      io.stdout.write(`${name}: ${SAYS[what]}\n`)
    }
    return 0
  })
}

/** Applied as a field of ours, so that it can be given back. */
async function claim(client: KubeClient, { apiVersion, kind, metadata }: KubeObject): Promise<void> {
  const { name, namespace = '' } = metadata
  await client.apply(COLLECTOR, { apiVersion, kind, metadata: { name, namespace }, spec: { paused: true } })
}

async function giveBack(client: KubeClient, collector: KubeObject): Promise<void> {
  const { apiVersion, kind, metadata } = collector
  const { name, namespace = '' } = metadata
  const left = await client.apply<KubeObject>(COLLECTOR, { apiVersion, kind, metadata: { name, namespace } })
  // Somebody else's manifest says so, too: whoever resumes means it all the same.
  if (isPaused(left)) await patch(client, COLLECTOR, collector, { spec: { paused: false } })
}

function isPaused({ spec }: KubeObject): boolean {
  return (spec as { paused?: boolean } | undefined)?.paused === true
}
