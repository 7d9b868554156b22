// `kubectl marketprism restart NAME`: new pods, one Deployment after another.
//
// Always: the next Deployment begins only when the pod of the one before is ready, as the operator itself rolls out; it
// stops at the first that does not come up. Never: a pod is deleted: the Deployment replaces it, a new one first.
import { setTimeout as pause } from 'node:timers/promises'
import { printable } from '../../collector/terminal/escape.ts'
import { parseDuration } from '../../crds/duration.ts'
import { placeOf, type Publishing, publishingsOf, troubleOf } from '../collectors/publishing.ts'
import { DEPLOYMENT, type KubeObject } from '../kube/objects.ts'
import { type Cluster, collectorNamed, patch, runningOf, withCluster } from './cluster.ts'
import { CLUSTER_FLAGS, CLUSTER_USAGE, Fault, type Io, numberOf, oneName, parse } from './command.ts'

export const RESTART_USAGE = `Usage: kubectl marketprism restart NAME [--shard N] [--timeout 10m]
Replaces the pods of a Collector, one Deployment after another: each is ready before the next begins.
  --shard N           only this shard
  --timeout 10m       how long one may take
${CLUSTER_USAGE}Exit code: 0 all are restarted; 1 a pod did not come up, and the rest was left as it was.
`

const OPTIONS = {
  ...CLUSTER_FLAGS,
  shard: { type: 'string' },
  timeout: { type: 'string', default: '10m' },
} as const

const SHARD_MAX = 99
const LOOK_MS = 500
/** What kubectl rollout restart sets, too. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'

export async function restartCommand(args: readonly string[], io: Io): Promise<number> {
  const { values: flags, positionals } = parse(args, OPTIONS)
  const name = oneName(positionals, 'restart majors')
  const shard = numberOf('shard', flags.shard, SHARD_MAX)
  const timeoutMs = durationOf(flags.timeout)
  return withCluster(flags, io, async (cluster) => {
    const collector = await collectorNamed(cluster, name)
    const { deployments } = await runningOf(cluster.client, collector)
    const chosen = publishingsOf(deployments).filter((one) => shard === undefined || one.shard === shard)
    if (chosen.length === 0) {
      const what = shard === undefined ? 'nothing that runs' : `no shard ${shard}`
      throw new Fault(`${name} has ${what}; kubectl marketprism status ${name} shows what there is.`)
    }
    for (const [i, { name: deployment, object }] of chosen.entries()) {
      const why = await restartOne(cluster, collector, object, timeoutMs, io)
      if (why !== undefined) {
        const left = chosen.length - i - 1
        const rest = left === 0 ? '' : ` The other ${left} were left as they were.`
        io.stderr.write(`${deployment}: ${printable(why, 300)}.${rest}\n`)
        return 1
      }
      io.stdout.write(`${deployment}: restarted, ${i + 1} of ${chosen.length}\n`)
    }
    return 0
  })
}

function durationOf(text: string): number {
  try {
    return parseDuration(text)
  } catch (cause) {
    throw new Fault(`--timeout: ${(cause as Error).message}.`, { cause })
  }
}

/** Why it did not work out; undefined when it did. */
async function restartOne(
  { client }: Cluster,
  collector: KubeObject,
  deployment: KubeObject,
  timeoutMs: number,
  { signal }: Io,
): Promise<string | undefined> {
  const deadlineMs = performance.now() + timeoutMs
  const at = new Date().toISOString()
  const spec = { template: { metadata: { annotations: { [RESTARTED_AT]: at } } } }
  const { metadata } = await patch(client, DEPLOYMENT, deployment, { spec })
  for (;;) {
    const { deployments, pods } = await runningOf(client, collector)
    const now = publishingsOf(deployments).find(({ name }) => name === metadata.name)
    if (now === undefined) return 'the operator has removed it meanwhile'
    if (now.isSettled && (now.object.metadata.generation ?? 0) >= (metadata.generation ?? 0)) return undefined
    // What is wrong with the old pod may be the reason for all this.
    const fresh = pods.filter((pod) => pod.metadata.annotations?.[RESTARTED_AT] === at && isOf(pod, now))
    const [trouble] = fresh.flatMap((pod) => troubleOf(pod) ?? [])
    if (trouble !== undefined && LASTING.test(trouble)) return trouble
    if (isOver(now.object) || performance.now() > deadlineMs) {
      return trouble ?? 'its pod did not become ready in time; kubectl marketprism logs says more'
    }
    await pause(LOOK_MS, undefined, { signal })
  }
}

/** What the kubelet tries again and again is not waited for; the scheduler may find a place yet. */
const LASTING = /^(?:CrashLoopBackOff|ImagePullBackOff|ErrImagePull|InvalidImageName|CreateContainer)/

function isOf(pod: KubeObject, { shard, publisher }: Publishing): boolean {
  const place = placeOf(pod)
  return place.shard === shard && place.publisher === publisher
}

function isOver(deployment: KubeObject): boolean {
  const { conditions = [] } = (deployment['status'] ?? {}) as { conditions?: readonly { readonly reason?: string }[] }
  return conditions.some(({ reason }) => reason === 'ProgressDeadlineExceeded')
}
