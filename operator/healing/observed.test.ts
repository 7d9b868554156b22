import { expect, test } from 'vitest'
import type { KubeObject } from '../kube/objects.ts'
import type { Owner } from '../resources/facts.ts'
import { deploymentName, LABEL } from '../resources/labels.ts'
import { deploymentOf, fleetOf, isRolling, observe, type PodObserved, shardsOf, shareOf } from './observed.ts'
import { sampleSummary } from '../../test/support/healing.ts'

const NOW_MS = Date.parse('2026-11-29T12:00:00Z')
const MINUTE = 60_000
const DEAD = { channels: 10, live: 0, stale: 10, sessionsOpen: 0, sessions: 1 }
const owner = {
  name: 'majors',
  namespace: 'market',
  uid: 'u',
  generation: 1,
  spec: { selfHealing: { mode: 'act', actionsPerHour: 6 }, paused: false },
} as Owner

function pod(name: string, shard: string, publisher: string, status: object, change: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'market',
      uid: `uid-${name}`,
      creationTimestamp: '2026-11-29T11:00:00Z',
      labels: { [LABEL.shard]: shard, [LABEL.publisher]: publisher },
      ...change,
    },
    spec: { nodeName: 'node-1' },
    status,
  }
}

function shards(...pods: KubeObject[]) {
  const summaryOf = (uid: string) => (uid === 'uid-said' ? { said: sampleSummary(['okx:spot']), ageMs: 1 } : undefined)
  return shardsOf({ owner, pods, summaryOf }, NOW_MS)
}
const readyTrue = { type: 'Ready', status: 'True', lastTransitionTime: '2026-11-29T11:01:00Z' }
const readyFalse = { type: 'Ready', status: 'False', lastTransitionTime: '2026-11-29T11:58:00Z' }

const empty: PodObserved = {
  name: 'x',
  uid: 'uid-x',
  publisher: 'a',
  node: 'node-1',
  ageMs: 60 * MINUTE,
  isTerminating: false,
  ready: 'unknown',
  readyForMs: 0,
  isCrashLooping: false,
  restarts: 0,
  runningForMs: undefined,
  lastEnding: undefined,
  summary: undefined,
}

const pods: Record<string, [KubeObject, Partial<PodObserved>]> = {
  'a pod that runs and has said something': [
    pod('said', '0', 'a', {
      conditions: [readyTrue],
      containerStatuses: [
        { name: 'sidecar', restartCount: 9, state: { waiting: { reason: 'CrashLoopBackOff' } } },
        { name: 'collector', restartCount: 0, state: { running: { startedAt: '2026-11-29T11:00:30Z' } } },
      ],
    }),
    {
      name: 'said',
      uid: 'uid-said',
      ready: 'yes',
      readyForMs: 59 * MINUTE,
      runningForMs: 59.5 * MINUTE,
      summary: { said: sampleSummary(['okx:spot']), ageMs: 1 },
    },
  ],
  'a pod that ran out of memory and waits': [
    pod('x', '0', 'a', {
      conditions: [readyFalse],
      containerStatuses: [
        {
          name: 'collector',
          restartCount: 4,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { reason: 'OOMKilled', finishedAt: '2026-11-29T11:59:00Z' } },
        },
      ],
    }),
    {
      ready: 'no',
      readyForMs: 2 * MINUTE,
      isCrashLooping: true,
      restarts: 4,
      lastEnding: { reason: 'OOMKilled', agoMs: MINUTE },
    },
  ],
  'a pod whose node is lost': [pod('x', '0', 'a', { conditions: [{ type: 'Ready', status: 'Unknown' }] }), {}],
  'a pod of which the kubelet has said nothing': [pod('x', '0', 'a', {}), {}],
  'a pod that goes': [pod('x', '0', 'a', {}, { deletionTimestamp: '2026-11-29T11:59:59Z' }), { isTerminating: true }],
  'a pod from a clock that is ahead of ours': [
    pod('x', '0', 'a', {}, { creationTimestamp: '2026-11-29T12:10:00Z' }),
    { ageMs: 0 },
  ],
}
for (const [what, [object, expected]] of Object.entries(pods)) {
  test(`reads ${what}`, () => expect(shards(object)[0]?.pods).toEqual([{ ...empty, ...expected }]))
}

test('sorts pods by shard, publisher and age, and leaves out what has no place', () => {
  const young = { creationTimestamp: '2026-11-29T11:30:00Z' }
  const seen = shards(
    pod('b', '10', 'b', {}),
    pod('a-young', '10', 'a', {}, young),
    pod('a-old', '10', 'a', {}),
    pod('c', '2', 'a', {}),
    pod('nowhere', 'x', 'a', {}),
    pod('nobody', '2', 'c', {}),
  )
  expect(seen.map(({ index, name, pods: all }) => [index, name, all.map((one) => one.name)])).toEqual([
    [2, 'majors-2', ['c']],
    [10, 'majors-10', ['a-old', 'a-young', 'b']],
  ])
})

test('a Deployment is called as where it is made', () => {
  expect(deploymentOf('majors-3', 'b')).toBe(deploymentName('majors', 3, 'b'))
})

function deployment(name: string, generation: number, status: object): KubeObject {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, generation }, spec: { replicas: 1 }, status }
}
const rollouts: Record<string, [KubeObject, boolean]> = {
  settled: [deployment('d', 2, { observedGeneration: 2, replicas: 1, updatedReplicas: 1 }), false],
  'settled, though its pod is not ready': [
    deployment('d', 2, { observedGeneration: 2, replicas: 1, updatedReplicas: 1, unavailableReplicas: 1 }),
    false,
  ],
  'not looked at since it changed': [
    deployment('d', 3, { observedGeneration: 2, replicas: 1, updatedReplicas: 1 }),
    true,
  ],
  'old pods are left': [deployment('d', 2, { observedGeneration: 2, replicas: 2, updatedReplicas: 1 }), true],
  'the new pod is not there': [deployment('d', 2, { observedGeneration: 2, replicas: 1 }), true],
  'nothing is known': [deployment('d', 1, {}), true],
}
for (const [what, [object, expected]] of Object.entries(rollouts)) {
  test(`a Deployment ${expected ? 'rolls' : 'does not roll'}: ${what}`, () => expect(isRolling(object)).toBe(expected))
}

test('a Collector as it is seen, whole', () => {
  const fleet = fleetOf([], { isApiUnreachable: false, leaseAgeMs: 5 })
  const facts = {
    owner,
    isDeleting: false,
    change: 'a channel moves',
    deployments: [deployment('majors-1-a', 1, {}), deployment('majors-0-a', 1, {})],
    pods: [],
    summaryOf: () => undefined,
  }
  expect(observe(facts, [], fleet)).toEqual({
    namespace: 'market',
    name: 'majors',
    mode: 'act',
    actionsPerHour: 6,
    isPaused: false,
    isDeleting: false,
    rollouts: ['a channel moves', 'majors-0-a', 'majors-1-a'],
    shards: [],
    fleet: { shards: 0, unhealthy: 0, markets: {}, isApiUnreachable: false, leaseAgeMs: 5 },
  })
})

test('the fleet counts shards, those that are not well, and in how many pods an exchange is', () => {
  const said = (markets: object, ageMs = 1) => ({ said: sampleSummary(['okx:spot'], { markets } as object), ageMs })
  const shard = (index: number, ...all: Partial<PodObserved>[]) => ({
    index,
    name: `s-${index}`,
    pods: all.map((change) => ({ ...empty, ready: 'yes' as const, ...change })),
  })
  const first = shareOf([
    shard(
      0,
      { summary: said({ 'okx:spot': DEAD }) },
      { summary: said({ 'okx:spot': { ...DEAD, live: 10, stale: 0, sessionsOpen: 1 } }) },
    ),
    shard(1, { ready: 'no' }),
    shard(2, { ready: 'no', ageMs: MINUTE }),
    shard(3, { ready: 'no', isTerminating: true }),
    shard(4, { summary: said({ 'okx:spot': DEAD }, 40_000) }),
  ])
  expect(first).toEqual({ shards: 5, unhealthy: 2, markets: { 'okx:spot': { well: 1, unwell: 1 } } })
  const second = shareOf([shard(0, { isCrashLooping: true, ageMs: MINUTE, summary: said({ 'okx:spot': DEAD }) })])
  expect(fleetOf([first, second], { isApiUnreachable: true, leaseAgeMs: 1 })).toEqual({
    shards: 6,
    unhealthy: 3,
    markets: { 'okx:spot': { well: 1, unwell: 2 } },
    isApiUnreachable: true,
    leaseAgeMs: 1,
  })
})
