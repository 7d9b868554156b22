// What is wrong with a pod, and whether the cause lies outside: each sentence with its case, whole decisions compared.
import { expect, test } from 'vitest'
import {
  type Case,
  CRASHES,
  DEAD,
  HOUR,
  MINUTE,
  SINK_LOST,
  crashing,
  decision,
  WELL,
  notReady,
  one,
  pod,
  said,
  stale,
  outcome,
} from '../../test/support/observed.ts'

const cases: Record<string, Case> = {
  'nothing is done about what is well': { pods: [[pod('a0')], [pod('a1')]], expected: [] },
  'a pod in a crash loop is replaced': { pods: one, expected: [decision({ message: `${CRASHES}; it is replaced.` })] },
  'what is seen for the first time may be gone the next time': { pods: one, isFirstSeen: true, expected: [] },
  'a pod that goes already is left alone': { pods: [[pod('a0', { ...crashing, isTerminating: true })]], expected: [] },
  'a Collector that goes is left alone': { pods: one, observed: { isDeleting: true }, expected: [] },
  'memory comes before the crash loop that it leads to': {
    pods: [[pod('a0', { ...crashing, lastEnding: { reason: 'OOMKilled', agoMs: 20_000 } })]],
    expected: [
      decision({
        reason: 'OutOfMemory',
        standing: 'majors-0: OutOfMemory.',
        message:
          'Pod a0 ran out of memory and was restarted 5 times; raise spec.resources.limits.memory, ' +
          'or lower spec.sharding.channelsPerShard; it is replaced.',
      }),
    ],
  },
  'a pod that ran out of memory and is well again is well': {
    pods: [[pod('a0', { restarts: 3, lastEnding: { reason: 'OOMKilled', agoMs: MINUTE } })]],
    expected: [],
  },
  'the first restarts are the kubelet’s': {
    pods: [[pod('a0', { ...crashing, restarts: 1 })]],
    expected: [
      decision({
        action: 'none',
        held: 'KubeletFirst',
        standing: 'majors-0: CrashLoop, and healing holds back: KubeletFirst.',
        message:
          'Pod a0 ends soon after each start and was restarted once; kubectl logs --previous says why; ' +
          'nothing is done: the kubelet has restarted it once only.',
      }),
    ],
  },
  'restarts that did not help lead to a new pod': {
    pods: [[pod('a0', { ...crashing, isCrashLooping: false, runningForMs: MINUTE, readyForMs: 6 * MINUTE })]],
    expected: [
      decision({
        reason: 'RestartsDidNotHelp',
        standing: 'majors-0: RestartsDidNotHelp.',
        message: 'Pod a0 is not ready although it was restarted 5 times; it is replaced.',
      }),
    ],
  },
  'restarts of long ago explain nothing': {
    pods: [[pod('a0', { ...notReady, restarts: 5, lastEnding: { reason: 'Error', agoMs: HOUR } })]],
    expected: [
      decision({
        reason: 'NotReady',
        standing: 'majors-0: NotReady.',
        message: 'Pod a0 is not ready: okx spot BTC-USDT trade is down: refused; it is replaced.',
      }),
    ],
  },
  'a pod that starts is not asked to be ready': {
    pods: [[pod('a0', { ...notReady, runningForMs: 4 * MINUTE, ageMs: 5 * MINUTE })]],
    expected: [],
  },
  'a stuck process is the kubelet’s': {
    pods: [[pod('a0', { ready: 'no', readyForMs: MINUTE, summary: undefined })]],
    expected: [
      decision({
        action: 'none',
        reason: 'Unresponsive',
        held: 'KubeletFirst',
        standing: 'majors-0: Unresponsive, and healing holds back: KubeletFirst.',
        message:
          'Pod a0 is not ready and does not answer the operator; nothing is done: ' +
          'the kubelet restarts a process that is stuck.',
      }),
    ],
  },
  'what a pod said more than two periods ago is unknown': {
    pods: [[pod('a0', { ...notReady, ...said({ ready: false, notReady: ['x'] }, 30_001) })]],
    expected: [
      decision({
        action: 'none',
        reason: 'Unresponsive',
        held: 'Unknown',
        standing: 'majors-0: Unresponsive, and healing holds back: Unknown.',
        message:
          'Pod a0 is not ready and does not answer the operator; nothing is done: the kubelet takes its process ' +
          'for live, so that it may only be unreachable from the operator.',
      }),
    ],
  },
  'stale channels of an old summary are unknown': {
    pods: [[pod('a0', said({ markets: { 'okx:spot': DEAD } }, 30_001))]],
    fleet: { markets: { 'okx:spot': { well: 3, unwell: 0 } } },
    expected: [],
  },
  'a pod of which the kubelet says nothing is unknown': {
    pods: [[pod('a0', { ...notReady, ready: 'unknown' })]],
    expected: [],
  },
  'a cache that does not follow is unknown': { pods: one, fleet: { isApiUnreachable: true }, expected: [] },
  'channels are stale while the exchange is well for others': {
    pods: [[pod('a0', stale)]],
    fleet: { markets: { 'okx:spot': { well: 2, unwell: 1 } } },
    expected: [
      decision({
        reason: 'ChannelsStale',
        standing: 'majors-0: ChannelsStale.',
        message: 'Pod a0 receives no data on 10 of 10 channels of okx:spot; it is replaced.',
      }),
    ],
  },
  'the exchange is unwell for most': {
    pods: [[pod('a0', stale)]],
    fleet: { markets: { 'okx:spot': { well: 1, unwell: 2 } } },
    expected: [
      decision({
        action: 'none',
        reason: 'ChannelsStale',
        held: 'ExchangeDown',
        standing: 'Down at the exchange, for all pods that collect it: okx:spot. Pods are left as they are.',
        message:
          'Pod a0 receives no data on 10 of 10 channels of okx:spot; nothing is done: okx:spot is down in 2 of 3 pods, ' +
          'and no pod mends that.',
      }),
    ],
  },
  'of two markets that are down here, one is well for others': {
    pods: [[pod('a0', said({ markets: { 'binance:perpetual': DEAD, 'okx:spot': DEAD } }))]],
    fleet: { markets: { 'okx:spot': { well: 0, unwell: 3 }, 'binance:perpetual': { well: 2, unwell: 1 } } },
    expected: [
      decision({
        reason: 'ChannelsStale',
        standing: 'majors-0: ChannelsStale.',
        message:
          'Pod a0 receives no data on 10 of 10 channels of binance:perpetual and 10 of 10 channels of okx:spot; it is replaced.',
      }),
    ],
  },
  'a few stale channels are the pod’s to mend': {
    pods: [[pod('a0', said({ markets: { 'okx:spot': { ...WELL, live: 8, stale: 2 } } }))]],
    fleet: { markets: { 'okx:spot': { well: 3, unwell: 0 } } },
    expected: [],
  },
  'a few that the other publisher receives are not': {
    pods: [[pod('a0', said({ markets: { 'okx:spot': { ...WELL, live: 8, stale: 2 } } })), pod('b0')]],
    fleet: { markets: { 'okx:spot': { well: 2, unwell: 0 } } },
    expected: [
      decision({
        reason: 'ChannelsStale',
        standing: 'majors-0: ChannelsStale.',
        message: 'Pod a0 receives no data on 2 of 10 channels of okx:spot; it is replaced.',
      }),
    ],
  },
  'quiet channels are no symptom': {
    pods: [[pod('a0', said({ markets: { 'okx:spot': { ...WELL, live: 0 } } }))]],
    fleet: { markets: { 'okx:spot': { well: 3, unwell: 0 } } },
    expected: [],
  },
  'a pod whose sink is away is left alone': {
    pods: [[pod('a0', { ...notReady, ...said({ ready: false, ...SINK_LOST, notReady: ['the sink is away'] }) })]],
    expected: [
      decision({
        action: 'none',
        reason: 'NotReady',
        held: 'SinkDown',
        standing: 'The sink (nats) takes nothing; messages wait in the pods, which are left as they are.',
        message:
          'Pod a0 is not ready: the sink is away; nothing is done: the sink (nats) takes nothing: no route to nats:4222.',
      }),
    ],
  },
  'a crash loop while all others have lost the sink is no fault of the pod': {
    pods: [...one, [pod('a1', said(SINK_LOST))]],
    expected: [
      decision({
        action: 'none',
        held: 'SinkDown',
        standing: 'The sink (nats) takes nothing; messages wait in the pods, which are left as they are.',
        message: `${CRASHES}; nothing is done: the sink (nats) takes nothing: no route to nats:4222.`,
      }),
    ],
  },
}

for (const [sentence, given] of Object.entries(cases)) {
  test(sentence, () => expect(outcome(given)).toEqual(given.expected))
}
