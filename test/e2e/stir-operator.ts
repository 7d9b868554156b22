// An operator and all that can happen to it, so that each of its metrics moves: Collectors that come, change, break and go,
// an API server that is away, passes that fail, a Lease that changes hands.
//
// Always: what it works on is a real control plane, with a stand-in for kubelets; it is looked at throughout.
import { request } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { COLLECTOR } from '../../operator/collectors/kinds.ts'
import type { KubeClient } from '../../operator/kube/client.ts'

import { POD_MONITOR } from '../../operator/kube/objects.ts'
import { openCounts } from '../../operator/metrics/counts.ts'
import { METRICS, openMetrics } from '../../operator/metrics.ts'
import type { ControlPlane } from '../kubernetes/controlplane.ts'
import { type House, hurriedClock, imageOf, openHouse, SPEC } from '../kubernetes/house.ts'
import { removeKind, serveKind } from '../kubernetes/kinds.ts'
import { type OperatorProcess, startOperatorProcess } from '../kubernetes/operator.ts'
import { freePorts } from '../kubernetes/processes.ts'
import { Moves } from './moves.ts'

const LOOK_MS = 10
const SCRAPE_MS = 250
const STEP_MS_MAX = 60_000
const O = 'marketprism_operator_'
const CRASHING = { waiting: 'CrashLoopBackOff', restarts: 4 } as const

interface Stirred {
  readonly plane: ControlPlane
  readonly house: House
  readonly gate: { isShut: boolean }
  readonly operators: readonly [OperatorProcess, OperatorProcess]
}

interface Step {
  readonly moves: readonly string[]
  act(world: Stirred): Promise<void> | void
  undo?(world: Stirred): Promise<void> | void
}

const STEPS: readonly Step[] = [
  {
    moves: ['collectors', 'queue_depth', 'queue_delayed', 'watch_objects', 'applies_total'],
    async act({ house }) {
      await Promise.all(Array.from({ length: 24 }, (_, i) => house.apply(`majors-${i}`, SPEC)))
    },
  },
  {
    moves: ['collector_shards_desired', 'collector_pods_desired', 'collector_ready'],
    act: ({ house }) => void house.apply('majors-0', { ...SPEC, shards: 2, redundancy: 2 }),
  },
  {
    moves: ['removals_total'],
    act: ({ house }) => void house.apply('majors-4', { ...SPEC, monitoring: { dashboards: { enabled: false } } }),
  },
  {
    moves: ['collector_rollout_started_timestamp_seconds', 'collector_rollout_stuck'],
    async act({ house }) {
      house.kubelet.decide((pod) => (imageOf(pod) === 'marketprism:bad' ? { waiting: 'ImagePullBackOff' } : 'ready'))
      await house.apply('majors-1', { ...SPEC, image: 'marketprism:bad' })
    },
  },
  {
    moves: ['collector_pods_crashing', 'healing_actions_total', 'healing_held_total', 'collector_healing_spent'],
    async act({ house }) {
      await house.apply('majors-2', { ...SPEC, selfHealing: { actionsPerHour: 1 } })
      await settled(house, 'majors-2')
      house.kubelet.decide(({ metadata }) => (metadata.name.startsWith('majors-2-') ? CRASHING : 'ready'))
    },
    undo: ({ house }) => house.kubelet.decide(() => 'ready'),
  },
  {
    moves: ['watch_synced'],
    act: ({ plane }) => serveKind(plane, POD_MONITOR),
    undo: ({ plane }) => removeKind(plane, POD_MONITOR),
  },
  {
    moves: ['queue_failing', 'reconciles_total'],
    async act({ house, gate }) {
      gate.isShut = true
      await house.apply('majors-3', { ...SPEC, podLabels: { changed: 'yes' } })
    },
    undo: ({ gate }) => void (gate.isShut = false),
  },
  {
    moves: ['watch_restarts_total', 'api_requests_total', 'watches_total', 'watch_lists_total'],
    act: ({ plane }) => plane.kill(),
    undo: ({ plane }) => plane.start(),
  },
  {
    moves: ['leader', 'lease_renewed_timestamp_seconds'],
    async act({ operators: [first] }) {
      await first.stop()
    },
  },
]

/** Does all of it. @returns the metrics that have not moved */
export async function stirOperator(plane: ControlPlane, say: (text: string) => void = () => {}): Promise<string[]> {
  await using open = new AsyncDisposableStack()
  const moves = new Moves(Object.keys(METRICS))
  const gate = { isShut: false }
  const counts = openCounts()
  const more = { counts, clocks: { healing: hurriedClock(30) } }
  const house = open.use(await openHouse(plane, { more, through: (client) => shutBy(gate, client) }))
  watchHouse(open, { house, counts, moves })
  const operators = await startTwo(open, plane, moves)
  for (const { moves: wanted, act, undo } of STEPS) {
    await act({ plane, house, gate, operators })
    const names = wanted.map((name) => O + name)
    const still = () => moves.still().filter((name) => names.includes(name))
    for (const end = performance.now() + STEP_MS_MAX; still().length > 0; await pause(SCRAPE_MS)) {
      if (performance.now() > end) break
    }
    if (still().length > 0) say(`in vain: ${still().join(' ')}`)
    await undo?.({ plane, house, gate, operators })
  }
  await house.remove(COLLECTOR, 'majors-0')
  return moves.still()
}

async function settled(house: House, name: string): Promise<void> {
  const end = performance.now() + STEP_MS_MAX
  while ((await house.condition(name, 'Progressing'))?.reason !== 'Settled' && performance.now() < end) {
    await pause(SCRAPE_MS)
  }
}

/** Nothing is applied while the gate is shut. */
function shutBy(gate: { isShut: boolean }, client: KubeClient): KubeClient {
  return {
    ...client,
    apply: (...args) => (gate.isShut ? Promise.reject(new Error('the gate is shut')) : client.apply(...args)),
  }
}

/** Looks at the operator of the house so often that even a short queue is seen. */
function watchHouse(
  open: AsyncDisposableStack,
  { house, counts, moves }: { house: House; counts: ReturnType<typeof openCounts>; moves: Moves },
): void {
  const metrics = openMetrics({
    counts,
    ask: () => ({
      lease: { isLeading: true, renewedMs: undefined },
      queue: house.operator.controller.queue.status,
      certificateExpiresMs: undefined,
      watches: house.operator.controller.watches.map(({ kind, informer }) => {
        return { kind, synced: informer.synced, status: informer.status }
      }),
    }),
  })
  const ended = new AbortController()
  const looking = (async () => {
    for (; !ended.signal.aborted; await pause(LOOK_MS)) moves.take('house', await metrics.text())
  })()
  open.defer(async () => {
    ended.abort()
    await looking
  })
}

/** Two that compete for the Lease, and serve their metrics as in a cluster, only to who may read them. */
async function startTwo(open: AsyncDisposableStack, plane: ControlPlane, moves: Moves): Promise<Stirred['operators']> {
  const namespaces = [await plane.createNamespace()]
  const ports = await freePorts(2)
  const start = async (metricsPort: number, name: string): Promise<OperatorProcess> => {
    const operator = await startOperatorProcess({
      plane,
      image: 'marketprism:test',
      namespaces,
      metricsPort,
      isGuarded: true,
    })
    open.use(operator)
    const ended = new AbortController()
    const scraping = (async () => {
      for (; !ended.signal.aborted; await pause(SCRAPE_MS)) {
        const text = await textOf(metricsPort, plane.token)
        if (text !== undefined) moves.take(name, text)
      }
    })()
    open.defer(async () => {
      ended.abort()
      await scraping
    })
    return operator
  }
  const [one = 0, two = 0] = ports
  return [await start(one, 'operator-1'), await start(two, 'operator-2')]
}

function textOf(port: number, token: string): Promise<string | undefined> {
  return new Promise((done) => {
    const headers = { authorization: `Bearer ${token}` }
    const asked = request({ port, path: '/metrics', headers, rejectUnauthorized: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.once('end', () => done(response.statusCode === 200 ? text : undefined))
    })
    asked.once('error', () => done(undefined))
    asked.end()
  })
}
