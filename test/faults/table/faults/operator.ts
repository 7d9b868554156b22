// Faults of the operator, and of the API server as it sees it. Each on an operator of its own; Collectors do not notice.
import { isWatch } from '../../../kubernetes/faultyproxy.ts'
import { again } from '../again.ts'
import type { OperatorFault } from '../fault.ts'
import type { OperatorPlace } from '../operators.ts'

const FORBIDDEN = {
  status: 403,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Forbidden', code: 403, message: 'by a fault' },
}

/** Holds the Lease in the name of somebody who does nothing. */
function takeLease({ name, cluster: { plane } }: OperatorPlace): void {
  const now = `${new Date().toISOString().slice(0, -1)}000Z`
  const spec = { holderIdentity: 'somebody', leaseDurationSeconds: 30, acquireTime: now, renewTime: now }
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'default' }, spec }
  const path = `/apis/coordination.k8s.io/v1/namespaces/default/leases/${name}?fieldManager=faults&force=true`
  void plane.request('PATCH', path, JSON.stringify(lease)).catch(() => {})
}

export const operatorFaults: readonly OperatorFault[] = [
  {
    id: 'operator-killed',
    subject: 'operator',
    area: 'operator',
    what: 'the operator is killed and does not come back',
    expect: ['MarketPrismOperatorDown'],
    begin(place) {
      place.restarts = false
      place.signal('SIGKILL')
      return () => void (place.restarts = true)
    },
  },
  {
    id: 'operator-hung',
    subject: 'operator',
    area: 'operator',
    what: 'the operator hangs (SIGSTOP)',
    expect: ['MarketPrismOperatorDown'],
    begin: (place) => (place.signal('SIGSTOP'), () => place.signal('SIGCONT')),
  },
  {
    id: 'lease-taken',
    subject: 'operator',
    area: 'operator',
    what: 'somebody else holds the Lease',
    expect: ['MarketPrismOperatorNotLeading'],
    begin: (place) => again(2_000, () => takeLease(place)),
  },
  {
    id: 'forbidden',
    subject: 'operator',
    area: 'operator',
    what: 'the API server refuses what the operator writes, when a Collector is applied',
    expect: ['MarketPrismOperatorPassesFailing'],
    async begin({ toApi, apply }) {
      toApi.fault(({ method, path }) => method !== 'GET' && !path.includes('/leases/'), FORBIDDEN)
      await apply('majors', ['BTC-USDT'])
      return () => toApi.heal()
    },
  },
  {
    id: 'api-away',
    subject: 'operator',
    area: 'API server',
    what: 'the API server refuses connections',
    expect: ['MarketPrismOperatorNotLeading', 'MarketPrismOperatorDown'],
    begin: async ({ toApi }) => (await toApi.down(), () => toApi.up()),
  },
  {
    id: 'api-hung',
    subject: 'operator',
    area: 'API server',
    what: 'the API server takes requests and does not answer',
    expect: ['MarketPrismOperatorNotLeading', 'MarketPrismOperatorDown'],
    begin({ toApi }) {
      toApi.stall(() => true)
      toApi.fault(() => true, 'stall')
      return () => toApi.heal()
    },
  },
  {
    id: 'watches-silent',
    subject: 'operator',
    area: 'API server',
    what: 'watches are taken and say nothing any more; everything else is answered',
    expect: ['MarketPrismOperatorWatchSilent'],
    begin({ toApi }) {
      toApi.stall(isWatch)
      toApi.fault(isWatch, 'stall')
      return () => toApi.heal()
    },
  },
]
