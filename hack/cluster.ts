// hack/cluster up|down|status [--name marketprism] [--use-current]
//
// A Kubernetes cluster on this machine: kind, a control plane and two workers (hack/kind.yaml). `up` is idempotent, `down`
// leaves containers, volumes, networks and the kubeconfig as they were before. Always: the node image of
// KIND_NODE_IMAGE where that is set, else kind's own. With --use-current the cluster of the current kubeconfig is taken
// as it is, and never touched by `down`.
import { parseArgs } from 'node:util'
import { type Cluster, currentCluster, openCluster } from './kind/open.ts'
import { removeCluster, statusText } from './kind/remove.ts'

const USAGE = 'hack/cluster up|down|status [--name NAME] [--use-current]'

process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message)
  return 1
})

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'marketprism' },
      'use-current': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [what, ...more] = positionals
  const { name, 'use-current': isCurrent, help } = values
  if (help) {
    console.log(USAGE)
    return 0
  }
  if (more.length === 0 && what === 'up') {
    const cluster = isCurrent ? await currentCluster() : await openCluster({ name, say: (text) => console.error(text) })
    console.log(upText(cluster))
    return 0
  }
  if (more.length === 0 && what === 'down') {
    console.log(isCurrent ? 'The cluster is not ours: left as it is.' : await removeCluster(name))
    return 0
  }
  if (more.length === 0 && what === 'status') {
    const { text, isUp } = await statusText(isCurrent ? undefined : name)
    console.log(text)
    return isUp ? 0 : 1
  }
  console.error(`Write: ${USAGE}`)
  return 2
}

function upText({ context, kubeconfig }: Cluster): string {
  return `The cluster is up: context ${context} in ${kubeconfig}.`
}
