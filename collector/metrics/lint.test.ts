// What the collector and the operator serve is what Prometheus' own linter wants.
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { openCounts } from '../../operator/metrics/counts.ts'
import { openMetrics as operatorMetrics } from '../../operator/metrics.ts'
import { promtool } from '../../test/support/promtool.ts'
import { sampleStatus } from '../../test/support/status.ts'
import { ToolMissing } from '../../hack/tools.ts'
import { Latencies } from '../latency.ts'
import { openMetrics } from '../metrics.ts'
import { watchRuntime } from '../runtime.ts'

async function collectorText(): Promise<string> {
  const latencies = new Latencies()
  latencies.channel({ exchange: 'binance', market: 'perpetual', type: 'trade' })
  const runtime = watchRuntime()
  const metrics = await openMetrics({ latencies, runtime, certificateExpiresMs: () => 1e12 }).text(sampleStatus())
  runtime.close()
  return metrics
}

function operatorText(): Promise<string> {
  const counts = openCounts()
  counts.stands('desk/majors', true, { shards: 1, pods: 1, rollingSinceMs: 1000 })
  const lease = { isLeading: true, renewedMs: 1 }
  const queue = { fresh: 0, resync: 0, running: 0, delayed: 0, failing: 0, passes: 0, failedPasses: 0 }
  return operatorMetrics({ counts, ask: () => ({ lease, queue, watches: [], certificateExpiresMs: 1e12 }) }).text()
}

test.for([
  ['the collector', collectorText],
  ['the operator', operatorText],
] as const)('promtool has nothing to say about the metrics of %s', async ([, metrics], { skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const linter = spawn(promtool, ['check', 'metrics'])
  linter.stdin.end(await metrics())
  expect(await text(linter.stderr)).toBe('')
})
