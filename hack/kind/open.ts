// A cluster to work with: one of kind's, made where it is missing, or the one of the current kubeconfig.
//
// In: a name. Out: its context, and hands to run kubectl and to bring images to its nodes. Always: opening twice is
// opening once; what is half made is made anew; what was there before is noted before anything changes, so that
// remove.ts can put it back. Never: changes a cluster that is not kind's.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { dockerMissing, output, run } from '../commands.ts'
import { tool } from '../tools.ts'
import { kubeconfigPath, noteBefore, stateDir } from './before.ts'

export interface Cluster {
  /** Name of the kind cluster; undefined where it is none. */
  readonly name: string | undefined
  readonly context: string
  readonly kubeconfig: string
  /** Runs kubectl in it and gives what it printed. */
  kubectl(args: readonly string[], input?: string): Promise<string>
  /** Brings images of the local engine to the nodes that pods run on. */
  load(images: readonly string[]): Promise<void>
}

/** Takes a line of progress. */
export type Say = (text: string) => void

export interface Wanted {
  readonly name: string
  readonly say: Say
}

const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane'

const config = resolve(import.meta.dirname, '../kind.yaml')

/** Opens the kind cluster of this name, and makes it first where that is needed. */
export async function openCluster({ name, say }: Wanted): Promise<Cluster> {
  const missing = await dockerMissing()
  if (missing !== undefined) throw new Error(missing)
  const kind = await tool('kind')
  const cluster = await kindCluster(kind, name)
  if (await exists(kind, name)) {
    await startNodes(kind, name)
    if (await answers(cluster, 60)) {
      await settled(cluster)
      return cluster
    }
    say(`Cluster ${name} does not answer: making it anew …`)
    await run(kind, ['delete', 'cluster', '--name', name, '--kubeconfig', cluster.kubeconfig])
  } else await noteBefore(name)
  await create(kind, cluster, { name, say })
  await settled(cluster)
  return cluster
}

/** The cluster of the current context, as it is. */
export async function currentCluster(): Promise<Cluster> {
  const kubectl = await tool('kubectl')
  const context = await output(kubectl, ['config', 'current-context'])
  if (!context) throw new Error('The kubeconfig has no current context: write kubectl config use-context NAME.')
  const cluster = clusterOf({ kubectl, context, kubeconfig: kubeconfigPath(), flags: [], load: loadNothing, env: {} })
  if (!(await answers(cluster, 1)))
    throw new Error(`Context ${context} does not answer: kubectl cluster-info says why.`)
  const name = context.startsWith('kind-') ? context.slice('kind-'.length) : undefined
  return name === undefined ? cluster : kindCluster(await tool('kind'), name)
}

/** Whether kind has a cluster of this name. */
export async function exists(kind: string, name: string): Promise<boolean> {
  return ((await output(kind, ['get', 'clusters'])) ?? '').split('\n').includes(name)
}

async function kindCluster(kind: string, name: string): Promise<Cluster> {
  const kubectl = await tool('kubectl')
  const context = `kind-${name}`
  const kubeconfig = kubeconfigPath()
  const flags = ['--kubeconfig', kubeconfig, '--context', context]
  // What kubectl remembers of a cluster goes with the cluster.
  const env = { KUBECACHEDIR: join(stateDir(name), 'kubectl') }
  const cluster: Cluster = { ...clusterOf({ kubectl, context, kubeconfig, flags, load, env }), name }
  return cluster

  async function load(images: readonly string[]): Promise<void> {
    // Each node takes its time, and a control plane that has this taint takes no pods of ours.
    const taints = 'jsonpath={range .items[*]}{.metadata.name} {.spec.taints[*].key}{"\\n"}{end}'
    const nodes = (await cluster.kubectl(['get', 'nodes', '-o', taints])).trim().split('\n')
    const taking = nodes.filter((line) => !line.includes(CONTROL_PLANE)).map((line) => line.split(' ')[0])
    const args = ['load', 'docker-image', '--name', name, '--nodes', taking.join(','), ...images]
    await run(kind, args, { name: `loading ${images.join(', ')}` })
  }
}

async function loadNothing(images: readonly string[]): Promise<void> {
  throw new Error(
    `Only kind's nodes take images from here: push ${images.join(', ')} to a registry that the cluster pulls from.`,
  )
}

interface Parts {
  readonly kubectl: string
  readonly context: string
  readonly kubeconfig: string
  readonly flags: readonly string[]
  readonly load: Cluster['load']
  /** Variables of kubectl beside our own. */
  readonly env: Readonly<Record<string, string>>
}

function clusterOf({ kubectl, context, kubeconfig, flags, load, ...parts }: Parts): Cluster {
  const env = { ...process.env, ...parts.env }
  return {
    name: undefined,
    context,
    kubeconfig,
    load,
    kubectl: (args, input) =>
      run(kubectl, [...flags, ...args], { env, ...(input === undefined ? {} : { input }), timeoutMs: 600_000 }),
  }
}

async function create(kind: string, cluster: Cluster, { name, say }: Wanted): Promise<void> {
  const image = process.env['KIND_NODE_IMAGE']
  say(`Creating cluster ${name}: about a minute${image ? '' : ', and the download of the node image the first time'} …`)
  const args = ['create', 'cluster', '--name', name, '--config', config, '--kubeconfig', cluster.kubeconfig]
  if (image) args.push('--image', image)
  await run(kind, [...args, '--wait', '180s'], { name: `creating cluster ${name}` })
}

/** Nodes that Docker stopped, as it does when the machine restarts. */
async function startNodes(kind: string, name: string): Promise<void> {
  const nodes = ((await output(kind, ['get', 'nodes', '--name', name])) ?? '').split('\n').filter(Boolean)
  if (nodes.length > 0) await output('docker', ['start', ...nodes], 60_000)
}

async function answers(cluster: Cluster, tries: number): Promise<boolean> {
  if (!existsSync(cluster.kubeconfig)) return false
  for (let left = tries; left > 0; left -= 1) {
    const isReady = await cluster.kubectl(['get', '--raw', '/readyz', '--request-timeout=5s']).then(
      () => true,
      () => false,
    )
    if (isReady) return true
    if (left > 1) await new Promise((done) => setTimeout(done, 1_000))
  }
  return false
}

/** kind waits for the control plane only; workers and DNS come later. */
async function settled(cluster: Cluster): Promise<void> {
  await cluster.kubectl(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=180s'])
  await cluster.kubectl(['--namespace=kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=180s'])
}
