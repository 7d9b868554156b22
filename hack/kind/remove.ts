// Takes a cluster away: containers, volumes, network, kubeconfig.
import { dockerMissing, output, run } from '../commands.ts'
import { tool } from '../tools.ts'
import { kubeconfigPath, putBack } from './before.ts'
import { exists } from './open.ts'

/** Removes the cluster of this name and gives a sentence about it; one that is not there is no error. */
export async function removeCluster(name: string): Promise<string> {
  const missing = await dockerMissing()
  if (missing !== undefined) throw new Error(missing)
  const kind = await tool('kind')
  const wasThere = await exists(kind, name)
  // Also where it is not there: a creation that was broken off may have left an entry in the kubeconfig.
  await run(kind, ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfigPath()])
  await putBack(name)
  return wasThere ? `Cluster ${name} is removed.` : `There is no cluster ${name}.`
}

/** The state of a cluster in words; of the current context where no name is given. */
export async function statusText(name: string | undefined): Promise<{ text: string; isUp: boolean }> {
  const kubectl = await tool('kubectl')
  const flags = name === undefined ? [] : ['--kubeconfig', kubeconfigPath(), '--context', `kind-${name}`]
  if (name !== undefined && !(await exists(await tool('kind'), name))) {
    return { text: `There is no cluster ${name}; hack/cluster up makes it.`, isUp: false }
  }
  const nodes = await output(kubectl, [...flags, 'get', 'nodes', '--request-timeout=5s'])
  if (nodes === undefined) {
    return {
      text: `Cluster ${name ?? 'of the current context'} does not answer; hack/cluster up mends it.`,
      isUp: false,
    }
  }
  return { text: nodes, isUp: !nodes.includes('NotReady') }
}
