// Each rule fires for what it is about, alone, and none for a Collector that is well: tried by promtool.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { tool, ToolMissing } from '../../hack/tools.ts'
import { desiredOf } from '../../test/support/desired.ts'
import type { Desired } from '../resources/facts.ts'
import { prometheusRule } from './alerts.ts'
import { RULES } from './rules.ts'

const promtool = await tool('promtool').catch((error: unknown) => {
  if (error instanceof ToolMissing) return error
  throw error
})

/** Series by name and labels beside those that all have, as promtool writes values; undefined: there is none. */
type Series = Readonly<Record<string, string | undefined>>

const TRADE = 'exchange="binance",market="spot",type="trade"'
const BOOK = 'exchange="okx",market="spot",type="orderbook"'
const COLLECTOR = 'marketprism_collector_'
/** 15 s a step, 65 minutes: all is well, and a liquidation that never came is no fault. */
const WELL: Series = {
  'up{shard="0"}': '1x260',
  'marketprism_operator_collector_shards_desired{}': '1x260',
  [`${COLLECTOR}messages_total{${TRADE}}`]: '0+1500x260',
  [`${COLLECTOR}messages_total{${BOOK}}`]: '0+3000x260',
  [`${COLLECTOR}messages_acknowledged_total{${TRADE}}`]: '0+4500x260',
  [`${COLLECTOR}last_message_timestamp_seconds{${TRADE}}`]: '0+15x260',
  [`${COLLECTOR}last_message_timestamp_seconds{${BOOK}}`]: '0+15x260',
  [`${COLLECTOR}feed_subscribed{${TRADE}}`]: '1x260',
  [`${COLLECTOR}feed_subscribed{${BOOK}}`]: '1x260',
  [`${COLLECTOR}feed_subscribed{exchange="okx",market="perpetual",type="liquidation"}`]: '1x260',
  [`${COLLECTOR}sessions{exchange="binance",market="spot",state="open"}`]: '2x260',
  [`${COLLECTOR}sessions{exchange="binance",market="spot",state="waiting"}`]: '0x260',
  [`${COLLECTOR}sessions{exchange="okx",market="spot",state="open"}`]: '1x260',
  [`${COLLECTOR}sessions{exchange="okx",market="spot",state="waiting"}`]: '0x260',
  [`${COLLECTOR}sink_connected{sink="nats"}`]: '1x260',
  [`${COLLECTOR}sink_resent_total{}`]: '0x260',
  [`${COLLECTOR}frames_total{outcome="data"}`]: '0+4500x260',
  [`${COLLECTOR}frames_total{outcome="refused"}`]: '0x260',
  [`${COLLECTOR}publish_latency_seconds_bucket{${TRADE},le="0.25"}`]: '0+1500x260',
  [`${COLLECTOR}publish_latency_seconds_count{${TRADE}}`]: '0+1500x260',
  [`${COLLECTOR}spool_bytes{}`]: '1000x260',
  [`${COLLECTOR}spool_limit_bytes{}`]: '67108864x260',
  [`${COLLECTOR}heap_bytes{}`]: '100x260',
  [`${COLLECTOR}heap_limit_bytes{}`]: '400x260',
  [`${COLLECTOR}cpu_seconds_total{mode="user"}`]: '0+5x260',
  [`${COLLECTOR}cpu_seconds_total{mode="system"}`]: '0+1x260',
  [`${COLLECTOR}reconnects_total{exchange="okx",market="spot",cause="lost"}`]: '0x260',
  'kubelet_volume_stats_used_bytes{persistentvolumeclaim="majors-0-a"}': '50x260',
  'kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="majors-0-a"}': '100x260',
}
const GONE: Series = Object.fromEntries(
  Object.keys(WELL)
    .filter((name) => name.startsWith(COLLECTOR))
    .map((name) => [name, undefined]),
)

/** From the fault, which begins after 45 minutes, until the alert is there: at most this. */
const FAULTS: Readonly<Record<string, { readonly series: Series; readonly after: string }>> = {
  MarketPrismSystemDown: { series: { ...GONE, 'up{shard="0"}': '1x180 0x80' }, after: '45s' },
  MarketPrismAllExchangesDisconnected: {
    series: {
      [`${COLLECTOR}sessions{exchange="binance",market="spot",state="open"}`]: '2x180 0x80',
      [`${COLLECTOR}sessions{exchange="binance",market="spot",state="waiting"}`]: '0x180 2x80',
      [`${COLLECTOR}sessions{exchange="okx",market="spot",state="open"}`]: '1x180 0x80',
      [`${COLLECTOR}sessions{exchange="okx",market="spot",state="waiting"}`]: '0x180 1x80',
    },
    after: '45s',
  },
  MarketPrismMessageProcessingStopped: {
    series: {
      [`${COLLECTOR}messages_total{${TRADE}}`]: '100x260',
      [`${COLLECTOR}messages_total{${BOOK}}`]: '0+1x165 166x95',
    },
    after: '2m',
  },
  MarketPrismNATSDisconnected: {
    series: { [`${COLLECTOR}sink_connected{sink="nats"}`]: '1x180 0x80' },
    after: '45s',
  },
  MarketPrismDataStale: {
    series: { [`${COLLECTOR}last_message_timestamp_seconds{${BOOK}}`]: '0+15x180 2700x80' },
    after: '1m15s',
  },
  MarketPrismExchangeDisconnected: {
    series: {
      [`${COLLECTOR}sessions{exchange="okx",market="spot",state="open"}`]: '1x180 0x80',
      [`${COLLECTOR}sessions{exchange="okx",market="spot",state="waiting"}`]: '0x180 1x80',
    },
    after: '45s',
  },
  MarketPrismHighErrorRate: {
    series: { [`${COLLECTOR}frames_total{outcome="refused"}`]: '0x180 0+450x80' },
    after: '6m',
  },
  MarketPrismHighProcessingLatency: {
    series: { [`${COLLECTOR}publish_latency_seconds_bucket{${TRADE},le="0.25"}`]: '0+1500x180 270000+1300x80' },
    after: '9m',
  },
  MarketPrismNATSPublishFailureHigh: {
    series: { [`${COLLECTOR}sink_resent_total{}`]: '0x180 0+900x80' },
    after: '6m',
  },
  MarketPrismMessageRateDropped: {
    series: { [`${COLLECTOR}messages_total{${TRADE}}`]: '0+1500x180 270000+600x80' },
    after: '2m',
  },
  MarketPrismQueueBacklog: { series: { [`${COLLECTOR}spool_bytes{}`]: '1000x180 40000000x80' }, after: '1m15s' },
  MarketPrismFeedNeverStarted: {
    series: { [`${COLLECTOR}feed_subscribed{exchange="okx",market="spot",type="ticker"}`]: '_x180 1x80' },
    after: '3m15s',
  },
  MarketPrismHighMemoryUsage: { series: { [`${COLLECTOR}heap_bytes{}`]: '100x180 350x80' }, after: '10m15s' },
  MarketPrismHighCPUUsage: {
    series: { [`${COLLECTOR}cpu_seconds_total{mode="user"}`]: '0+5x180 900+14x80' },
    after: '15m',
  },
  MarketPrismHighDiskUsage: {
    series: { 'kubelet_volume_stats_used_bytes{persistentvolumeclaim="majors-0-a"}': '50x180 90x80' },
    after: '10m15s',
  },
  MarketPrismFrequentReconnects: {
    series: { [`${COLLECTOR}reconnects_total{exchange="okx",market="spot",cause="lost"}`]: '0x180 0+1x80' },
    after: '9m',
  },
}

/** Both publishers of a shard, of which one may be missing: nothing is counted twice, and nothing is missed. */
const QUIET: Readonly<Record<string, Series>> = {
  'a Collector that is well': {},
  'an operator that is away': { 'marketprism_operator_collector_shards_desired{}': undefined },
  'a second publisher that lags, and then goes': {
    'up{shard="0",pod="b"}': '1x180 0x80',
    [`${COLLECTOR}messages_total{${TRADE},pod="b"}`]: '0+1500x180 _x80',
    [`${COLLECTOR}last_message_timestamp_seconds{${TRADE},pod="b"}`]: '0+15x170 2550x90',
    [`${COLLECTOR}sink_connected{sink="nats",pod="b"}`]: '1x180 0x80',
  },
  'a shard that is gone while it rolls out': {
    ...GONE,
    'up{shard="0"}': '1x180 0x80',
    'marketprism_operator_collector_rollout_started_timestamp_seconds{}': '_x180 2700x80',
  },
}

test('there is a fault for each rule', () => {
  expect(Object.keys(FAULTS).toSorted()).toEqual(RULES.map(({ alert }) => alert).toSorted())
})

test('each fault fires its alert in time, and that alone; what is no fault fires none', async ({ skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const faults = Object.entries(FAULTS).map(([alert, { series, after }]) => ({
    name: alert,
    ...common(series),
    promql_expr_test: [firing('44m', []), firing(`45m + ${after}`, [alert])],
  }))
  const quiet = Object.entries(QUIET).map(([name, series]) => ({
    name,
    ...common(series),
    promql_expr_test: ['5m', '44m', '46m', '50m'].map((time) => firing(time, [])),
  }))
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  try {
    writeFileSync(
      join(folder, 'rules.yaml'),
      stringify({ groups: [...groupsOf(desiredOf()), ...groupsOf(withFiles())] }),
    )
    const file = join(folder, 'test.yaml')
    writeFileSync(
      file,
      stringify({ rule_files: ['rules.yaml'], evaluation_interval: '15s', tests: [...faults, ...quiet] }),
    )
    const { stdout } = await promisify(execFile)(promtool, ['test', 'rules', file]).catch(
      (error: { stdout: string; stderr: string }) => ({ stdout: error.stdout + error.stderr }),
    )
    expect(stdout).not.toContain('FAILED')
    expect(stdout).toMatch(/SUCCESS\s*$/)
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 180_000)

/** Rules that a Collector into NATS does not have come from one into files, which has the same name. */
function withFiles(): Desired {
  const desired = desiredOf({ sink: { file: { path: 'data', volume: { size: '1Gi' } } } })
  return { ...desired, owner: { ...desired.owner, namespace: 'desk-a' } }
}

function groupsOf(desired: Desired): object[] {
  const spec = prometheusRule(desired)?.['spec'] as
    | { groups: { name: string; rules: { alert: string }[] }[] }
    | undefined
  const group = spec?.groups[0]
  if (group === undefined) throw new Error('no group')
  const isFirst = desired.owner.spec.sink.nats !== undefined
  const rules = isFirst ? group.rules : group.rules.filter(({ alert }) => alert === 'MarketPrismHighDiskUsage')
  return [{ ...group, name: isFirst ? group.name : `${group.name} files`, rules }]
}

function common(changed: Series): object {
  const all = Object.entries({ ...WELL, ...changed }).flatMap(([name, values]) => {
    if (values === undefined) return []
    const [metric = '', own = ''] = name.split(/[{}]/)
    const pod = own.includes('pod=') || !/^(?:up|marketprism_collector)/.test(metric) ? [] : ['pod="a"']
    const shard = own.includes('shard=') || !metric.startsWith(COLLECTOR) ? [] : ['shard="0"']
    const labels = ['namespace="desk-a"', 'collector="majors"', ...pod, ...shard, ...(own === '' ? [] : [own])]
    return [{ series: `${metric}{${labels.join(',')}}`, values }]
  })
  return { interval: '15s', input_series: all }
}

function firing(time: string, alerts: readonly string[]): object {
  return {
    expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
    eval_time: time.replace(/(.*) \+ (.*)/, (_, from: string, after: string) => sum(from, after)),
    exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
  }
}

function sum(...times: readonly string[]): string {
  const seconds = { h: 3600, m: 60, s: 1 }
  const all = times.flatMap((time) => [...time.matchAll(/(\d+)([hms])/g)])
  return `${all.reduce((total, [, count, unit]) => total + Number(count) * seconds[unit as keyof typeof seconds], 0)}s`
}
