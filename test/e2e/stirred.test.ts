// Each metric that is declared moves where something happens that it tells of.
import { expect, it, test, vi } from 'vitest'
import { Latencies } from '../../collector/latency.ts'
import { openMetrics as openCollectorMetrics } from '../../collector/metrics.ts'
import { watchRuntime } from '../../collector/runtime.ts'
import { openCounts } from '../../operator/metrics/counts.ts'
import { openMetrics } from '../../operator/metrics.ts'
import { describeWithControlPlane } from '../kubernetes/controlplane.ts'
import { describeWithNats } from '../nats.ts'
import { sampleStatus } from '../support/status.ts'
import { OUR_FAULTS } from './moves.ts'
import { stirCollector } from './stir-collector.ts'
import { stirOperator } from './stir-operator.ts'

vi.setConfig({ testTimeout: 400_000 })

const [IMBALANCES = '', HANDLERS = ''] = OUR_FAULTS
/** Where a machine does not let us set a limit, nothing tells of one. */
const LIMITS = ['marketprism_collector_memory_limit_bytes', 'marketprism_collector_max_fds']

describeWithNats('each metric of a collector', () => {
  it('moves, but for that of a fault of ours', async () => {
    const still = await stirCollector()
    expect(still.filter((name) => !LIMITS.includes(name))).toEqual([IMBALANCES])
  })
})

describeWithControlPlane('each metric of the operator', { controllerManager: true }, (plane) => {
  it('moves, but for that of a fault of ours', async () => {
    expect(await stirOperator(plane())).toEqual([HANDLERS])
  })
})

test('faults of ours move theirs: an account that does not add up, a handler that throws', async () => {
  const status = sampleStatus()
  const wrong = { ...status, ledger: { ...status.ledger, framesReceived: status.ledger.framesReceived + 1 } }
  const runtime = watchRuntime()
  const collector = openCollectorMetrics({ latencies: new Latencies(), runtime })
  expect(await collector.text(status)).toContain(`${IMBALANCES} 0\n`)
  expect(await collector.text(wrong)).toContain(`${IMBALANCES} 1\n`)

  runtime.close()

  const queue = { fresh: 0, resync: 0, running: 0, delayed: 0, failing: 0, passes: 0, failedPasses: 0 }
  const watch = {
    isWatching: true,
    lists: 1,
    watches: 1,
    contactMs: 1,
    size: 0,
    restarts: {},
    events: {},
    problem: undefined,
  }
  const text = (failedHandlers: number) =>
    openMetrics({
      counts: openCounts(),
      ask: () => ({
        lease: { isLeading: true, renewedMs: undefined },
        queue,
        certificateExpiresMs: undefined,
        watches: [{ kind: 'Pod', synced: true, status: { ...watch, failedHandlers } }],
      }),
    }).text()
  expect(await text(0)).toContain(`${HANDLERS}{kind="Pod"} 0\n`)
  expect(await text(1)).toContain(`${HANDLERS}{kind="Pod"} 1\n`)
})
