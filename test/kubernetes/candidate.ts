// A process that competes for a lease and writes while it leads, for tests that stop and kill it.
// Arguments: kubeconfig, namespace, identity. Says what happens, one word a line; ends with 1 when it lost the lease.
import { KubeConfig } from '@kubernetes/client-node'
import { openClient, WriteRefused } from '../../operator/kube/client.ts'
import { openLease } from '../../operator/kube/lease.ts'
import { CONFIG_MAP } from '../../operator/kube/objects.ts'

const [path = '', namespace = '', identity = ''] = process.argv.slice(2)
const config = new KubeConfig()
config.loadFromFile(path)
const client = await openClient({
  config,
  userAgent: identity,
  fieldManager: identity,
  mayWrite: () => lease.isLeading,
})
const lease = openLease({
  client,
  namespace,
  name: 'leader',
  identity,
  durationMs: 3_000,
  deadlineMs: 2_000,
  retryMs: 500,
  onLost() {
    console.log('lost')
    process.exit(1)
  },
})
process.on('SIGTERM', () => void lease.release().then(() => process.exit(0)))
console.log('competes')
await lease.whenLeading()
let writes = 0
for (;;) {
  const data = { writes: String((writes += 1)) }
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: identity, namespace }, data }
  await client.apply(CONFIG_MAP, object).catch((error: unknown) => {
    if (!(error instanceof WriteRefused)) throw error
  })
  if (writes === 1) console.log('leads')
  await new Promise((resolve) => setTimeout(resolve, 50))
}
