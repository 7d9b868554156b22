import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sampleSummary } from '../../test/support/healing.ts'
import type { KubeObject } from '../kube/objects.ts'
import { summarySchema, type Summary } from '../healing/summary.ts'
import { collectorSelector, LABEL } from '../resources/labels.ts'
import type { Answer } from './ask.ts'
import { treeOf } from './tree.ts'
import { viewOf } from './view.ts'

// UPDATE_GOLDEN=1 writes the tree anew, for people who then read the diff.

const NOW_MS = Date.parse('2026-11-29T12:00:00Z')
const PLAIN = { nowMs: NOW_MS, columns: Infinity, color: false }
const GOLDEN = new URL('golden/status.txt', import.meta.url)

const COLLECTOR: KubeObject = {
  apiVersion: 'marketprism.io/v1alpha1',
  kind: 'Collector',
  metadata: { name: 'majors', namespace: 'desk-a', generation: 4, creationTimestamp: '2026-11-26T12:00:00Z' },
  spec: { paused: true },
  status: {
    observedGeneration: 3,
    conditions: [
      condition('Ready', 'False', 'ShardsNotReady', '1 of 2 shards not ready. majors-1: ImagePullBackOff.'),
      condition('Progressing', 'False', 'Paused', 'spec.paused is true: everything is left as it is.'),
      condition('Degraded', 'True', 'ChannelsStale', 'Channels have no data that should have some.'),
    ],
    channels: { total: 14, live: 12, stale: 1 },
    shards: [
      { name: 'majors-0', ready: true, channels: 7 },
      { name: 'majors-1', ready: false, channels: 7, reason: 'ImagePullBackOff marketprism:bad' },
    ],
    healing: {
      actions: [
        {
          time: '2026-11-29T11:30:00Z',
          shard: 'majors-0',
          publisher: 'a',
          action: 'move',
          reason: 'CrashLoop',
          node: 'worker-2',
        },
      ],
    },
  },
}

function condition(type: string, status: string, reason: string, message: string) {
  return { type, status, reason, message, observedGeneration: 3, lastTransitionTime: '2026-11-29T11:58:00Z' }
}

function pod(shard: number, publisher: string, status: object): KubeObject {
  const labels = { ...collectorSelector('majors'), [LABEL.shard]: String(shard), [LABEL.publisher]: publisher }
  const name = `majors-${shard}-${publisher}-5d8c7-x2kqp`
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'desk-a', uid: name, labels },
    spec: { nodeName: `worker-${shard}` },
    status: { startTime: '2026-11-29T10:00:00Z', ...status },
  }
}

const READY = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: [{ restartCount: 1 }],
}
const PODS = [
  pod(0, 'a', READY),
  pod(0, 'b', READY),
  pod(1, 'a', {
    phase: 'Pending',
    containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff' } }, image: 'marketprism:bad' }],
  }),
]

const SAID: Summary = summarySchema.parse(
  sampleSummary(['binance:perpetual'], {
    channels: { total: 7, live: 5, quiet: 1, stale: 1, down: 0, impossible: 0, found: 0 },
    gaps: 2,
    lastGap: {
      channel: 'binance:spot:BTC-USDT:trade',
      reason: 'disconnect',
      from: (NOW_MS - 90_000) * 1000,
      to: (NOW_MS - 88_500) * 1000,
    },
    stale: [{ channel: 'binance:spot:ETH-USDT:orderbook', state: 'stale', since: NOW_MS - 180_000 }],
  }),
)

const ANSWERS = new Map<string, Answer<Summary>>([
  ['majors-0-a-5d8c7-x2kqp', { said: SAID }],
  ['majors-0-b-5d8c7-x2kqp', { error: 'no answer within 5 s' }],
])

test('a Collector of which some is well and some is not', () => {
  const tree = treeOf(viewOf(COLLECTOR, { deployments: [], pods: PODS }, ANSWERS), PLAIN)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(GOLDEN, tree)
  expect(tree).toBe(readFileSync(GOLDEN, 'utf8'))
})

test('a Collector that nobody has looked at yet', () => {
  const { status: _, ...fresh } = COLLECTOR
  const tree = treeOf(viewOf(fresh as KubeObject, { deployments: [], pods: [] }, new Map()), PLAIN)
  expect(tree).toContain('not seen by an operator yet')
  expect(tree).toContain('no pod answers')
})

test('on a narrow terminal long lines go on below, and nothing of them is lost', () => {
  const view = viewOf(COLLECTOR, { deployments: [], pods: PODS }, ANSWERS)
  const words = (columns: number) =>
    treeOf(view, { ...PLAIN, columns })
      .replaceAll(/[│├└─\s]+/g, ' ')
      .trim()
  const tree = treeOf(view, { ...PLAIN, columns: 80 })
  for (const line of tree.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect(words(80)).toBe(words(Infinity))
})

test('what a pod or a status says reaches no terminal as it is, and no line is wider than it', () => {
  const hostile = '\u001b]0;title\u0007\u202e'
  const answers = new Map<string, Answer<Summary>>([['majors-0-a-5d8c7-x2kqp', { error: hostile }]])
  const status = { conditions: [condition('Ready', 'False', hostile, hostile.repeat(200))] }
  const view = viewOf({ ...COLLECTOR, status }, { deployments: [], pods: PODS }, answers)
  const tree = treeOf(view, { ...PLAIN, columns: 60 })
  expect(tree).toMatch(/^[\n\P{C}]*$/u)
  for (const line of tree.split('\n')) expect(line.length).toBeLessThanOrEqual(60)
})
