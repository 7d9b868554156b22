// What is done to processes from their node, as nobody can from within a pod: stopped, and let go on.
//
// Only where nodes are containers on this machine, which kind's are.
import { run } from '../../hack/commands.ts'
import { cluster, type Pod } from './world.ts'

/** Why nothing can be done to the nodes; undefined where it can. */
export const noNodes: string | undefined =
  cluster.name === undefined ? 'the nodes of this cluster are not containers on this machine' : undefined

/** Runs a command on a node. */
export function onNode(node: string, ...args: string[]): Promise<string> {
  return run('docker', ['exec', node, ...args], { timeoutMs: 60_000 })
}

/** Sends a signal to the first process of a pod's container. */
export async function signal(pod: Pick<Pod, 'node' | 'containerId'>, name: 'STOP' | 'CONT'): Promise<void> {
  const template = ['--output', 'go-template', '--template', '{{.info.pid}}']
  const pid = (await onNode(pod.node, 'crictl', 'inspect', ...template, pod.containerId)).trim()
  await onNode(pod.node, 'sh', '-c', `kill -${name} ${pid}`)
}

/** The node of the control plane. */
export function controlPlane(): string {
  return `${cluster.name ?? ''}-control-plane`
}
