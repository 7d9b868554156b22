import { expect, test } from 'vitest'
import type { InformerStatus } from './kube/informer.ts'
import { openCounts } from './metrics/counts.ts'
import type { Metric } from './metrics/declare.ts'
import { LABELS } from './metrics/declare.ts'
import { METRICS_CONTENT_TYPE } from '../collector/metrics/registry.ts'
import { METRICS, openMetrics } from './metrics.ts'
import type { Asked } from './metrics.ts'
import { renderOperatorMetrics } from './metrics/reference.ts'

const WATCH: InformerStatus = {
  isWatching: true,
  lists: 1,
  watches: 3,
  restarts: { ended: 2 },
  events: { added: 5, bookmark: 7 },
  size: 4,
  contactMs: 1000,
  failedHandlers: 0,
  problem: undefined,
}
const ASKED: Asked = {
  lease: { isLeading: false, renewedMs: undefined },
  queue: { fresh: 0, resync: 0, running: 0, delayed: 0, failing: 0, passes: 0, failedPasses: 0 },
  watches: [{ kind: 'Pod', synced: true, status: WATCH }],
  certificateExpiresMs: undefined,
}

/** All series by name and labels, as Prometheus would have them. */
async function scrape(counts = openCounts(), asked: Partial<Asked> = {}): Promise<Map<string, number>> {
  const text = await openMetrics({ counts, ask: () => ({ ...ASKED, ...asked }) }).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

test('every counter is there at 0 before its first event, for every value of its labels', async () => {
  const series = await scrape()
  for (const [name, { type }] of Object.entries<Metric>(METRICS)) {
    if (/_timestamp_|operator_collector_/.test(name)) continue
    const own = [...series.keys()].filter(
      (key) => key.replace(/\{.*/, '') === `${name}${type === 'histogram' ? '_count' : ''}`,
    )
    expect(own, name).not.toEqual([])
  }
  expect(series.get('marketprism_operator_reconciles_total{result="failed"}')).toBe(0)
  expect(series.get('marketprism_operator_api_requests_total{verb="watch",code="410"}')).toBe(0)
  expect(series.get('marketprism_operator_watch_restarts_total{kind="Pod",reason="silent"}')).toBe(0)
  const unsure = 'marketprism_operator_healing_actions_total{action="replace",reason="ChannelsStale",outcome="unsure"}'
  expect(series.get(unsure)).toBe(0)
  expect(series.get('marketprism_operator_healing_held_total{reason="FleetBudget"}')).toBe(0)
  expect(series.size).toBeLessThan(500)
})

test('each count moves its own series, and that alone', async () => {
  const moves: [keyof Omit<ReturnType<typeof openCounts>, 'standings'>, readonly unknown[], string][] = [
    ['passed', ['failed', 0.02], 'marketprism_operator_reconciles_total{result="failed"}'],
    ['waited', [0.3], 'marketprism_operator_queue_wait_seconds_count'],
    ['applied', ['Deployment'], 'marketprism_operator_applies_total{kind="Deployment"}'],
    ['removed', ['ConfigMap'], 'marketprism_operator_removals_total{kind="ConfigMap"}'],
    ['said', ['Warning'], 'marketprism_operator_events_total{type="Warning"}'],
    ['held', ['Storm'], 'marketprism_operator_healing_held_total{reason="Storm"}'],
    [
      'healed',
      ['move', 'CrashLoop', 'refused'],
      'marketprism_operator_healing_actions_total{action="move",reason="CrashLoop",outcome="refused"}',
    ],
  ]
  for (const [method, args, name] of moves) {
    const counts = openCounts()
    ;(counts[method] as (...all: readonly unknown[]) => void)(...args)
    const moved = [...(await scrape(counts))].filter(([key, value]) => value > 0 && isCounted(key))
    expect(moved.map(([key]) => key)).toContain(name)
    expect(new Set(moved.map(([key]) => family(key))).size, name).toBe(method === 'passed' ? 2 : 1)
  }
})

test.each([
  ['GET', 200, 'verb="get",code="2xx"'],
  ['GET', 404, 'verb="get",code="404"'],
  ['PATCH', 422, 'verb="patch",code="4xx"'],
  ['POST', 429, 'verb="create",code="429"'],
  ['WATCH', 410, 'verb="watch",code="410"'],
  ['DELETE', 503, 'verb="delete",code="5xx"'],
  ['GET', 0, 'verb="get",code="none"'],
])('an answer to %s with status %i is counted as %s', async (method, status, labels) => {
  const counts = openCounts()
  counts.answered({ method, status, tookMs: 30 })
  const series = await scrape(counts)
  expect(series.get(`marketprism_operator_api_requests_total{${labels}}`)).toBe(1)
  expect(series.get('marketprism_operator_api_request_duration_seconds_count')).toBe(method === 'WATCH' ? 0 : 1)
})

test('Collectors are there while they are', async () => {
  const counts = openCounts()
  counts.stands('desk/majors', true, {
    shards: 2,
    pods: 4,
    rollingSinceMs: 5000,
    isStuck: true,
    crashing: 3,
    isHealingSpent: true,
  })
  counts.stands('desk/minors', false)
  const of = 'namespace="desk",collector="majors"'
  const series = await scrape(counts)
  expect(series.get('marketprism_operator_collectors{ready="true"}')).toBe(1)
  expect(series.get('marketprism_operator_collectors{ready="false"}')).toBe(1)
  expect(series.get(`marketprism_operator_collector_shards_desired{${of}}`)).toBe(2)
  expect(series.get(`marketprism_operator_collector_pods_desired{${of}}`)).toBe(4)
  expect(series.get(`marketprism_operator_collector_rollout_started_timestamp_seconds{${of}}`)).toBe(5)
  expect(series.get(`marketprism_operator_collector_rollout_stuck{${of}}`)).toBe(1)
  expect(series.get(`marketprism_operator_collector_pods_crashing{${of}}`)).toBe(3)
  expect(series.get(`marketprism_operator_collector_healing_spent{${of}}`)).toBe(1)
  expect(series.get('marketprism_operator_collector_healing_spent{namespace="desk",collector="minors"}')).toBe(0)
  expect(series.get('marketprism_operator_collector_ready{namespace="desk",collector="minors"}')).toBe(0)
  expect(series.has('marketprism_operator_collector_shards_desired{namespace="desk",collector="minors"}')).toBe(false)
  counts.forget('desk/majors')
  expect([...(await scrape(counts)).keys()].filter((key) => key.includes('majors'))).toEqual([])
})

test('watches of several namespaces are one series each kind, the one silent for longest counts', async () => {
  const late = { ...WATCH, contactMs: 9000, events: { changed: 1 }, restarts: { silent: 1 } }
  const watches = [WATCH, late].map((status, i) => ({ kind: 'Pod', synced: i === 0, status }))
  const series = await scrape(openCounts(), { watches })
  expect(series.get('marketprism_operator_watch_synced{kind="Pod"}')).toBe(0)
  expect(series.get('marketprism_operator_watch_objects{kind="Pod"}')).toBe(8)
  expect(series.get('marketprism_operator_watch_events_total{kind="Pod",event="changed"}')).toBe(1)
  expect(series.get('marketprism_operator_watch_restarts_total{kind="Pod",reason="ended"}')).toBe(2)
  expect(series.get('marketprism_operator_watch_heard_timestamp_seconds{kind="Pod"}')).toBe(1)
})

test('buckets count up to their bound, sums and counts agree', async () => {
  const counts = openCounts()
  for (const seconds of [0.01, 0.011, 100]) counts.passed('done', seconds)
  const series = await scrape(counts)
  const name = 'marketprism_operator_reconcile_duration_seconds'
  expect([0.005, 0.01, 0.025, '+Inf'].map((le) => series.get(`${name}_bucket{le="${le}"}`))).toEqual([0, 1, 2, 3])
  expect(series.get(`${name}_count`)).toBe(3)
  expect(series.get(`${name}_sum`)).toBeCloseTo(100.021)
})

test('two scrapers see the same, and the reference names every metric and label', async () => {
  const metrics = openMetrics({ counts: openCounts(), ask: () => ASKED })
  const still = (text: string) => text.replaceAll(/^.*(?:memory|heap|cpu|event_loop)_.*$/gm, '')
  expect(still(await metrics.text())).toBe(still(await metrics.text()))
  expect(METRICS_CONTENT_TYPE).toMatch(/^text\/plain; version=0\.0\.4/)
  const page = renderOperatorMetrics()
  for (const name of [...Object.keys(METRICS), ...Object.keys(LABELS)]) expect(page).toContain(`\`${name}\``)
})

/** Without what moves by itself. */
function isCounted(key: string): boolean {
  return !/watch|memory|heap|cpu_seconds|event_loop|build_info|start_time/.test(key)
}

function family(key: string): string {
  return key.replace(/\{.*/, '').replace(/_(?:bucket|sum|count)$/, '')
}
