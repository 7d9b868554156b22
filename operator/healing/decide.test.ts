// The ladder, and what holds an action back: each sentence with its case, whole decisions compared.
import { expect, test } from 'vitest'
import {
  type Case,
  CRASHES,
  HOUR,
  MINUTE,
  NOW_MS,
  action,
  crashing,
  decision,
  heldBack,
  one,
  pod,
  stale,
  outcome,
} from '../../test/support/observed.ts'

const cases: Record<string, Case> = {
  'a new leader first looks on': {
    pods: one,
    fleet: { leaseAgeMs: 59_000 },
    expected: [heldBack('NewLeader', 'this operator leads since 59 s only and first looks on')],
  },
  'a paused Collector is left alone': {
    pods: one,
    observed: { isPaused: true },
    expected: [heldBack('Paused', 'spec.paused is set')],
  },
  'two of three shards are a storm': {
    pods: one,
    fleet: { shards: 3, unhealthy: 2 },
    expected: [
      heldBack('Storm', 'too many shards are unwell at once (now 2 of 3); it must be calm for 5 minutes first'),
    ],
  },
  'a storm is not over at once': {
    pods: one,
    fleetHistory: { storm: { sinceMs: NOW_MS - HOUR, calmSinceMs: NOW_MS - 4 * MINUTE } },
    expected: [
      heldBack('Storm', 'too many shards are unwell at once (now 1 of 10); it must be calm for 5 minutes first'),
    ],
  },
  'after five calm minutes it is over': {
    pods: one,
    fleetHistory: { storm: { sinceMs: NOW_MS - HOUR, calmSinceMs: NOW_MS - 5 * MINUTE } },
    expected: [decision({ message: `${CRASHES}; it is replaced.` })],
  },
  'not during a rollout': {
    pods: one,
    observed: { rollouts: ['majors-1-a'] },
    expected: [heldBack('RollingOut', 'a rollout is in progress (majors-1-a)')],
  },
  'a young pod has its time': {
    pods: [[pod('a0', { ...stale, ageMs: 4 * MINUTE })]],
    fleet: { markets: { 'okx:spot': { well: 2, unwell: 1 } } },
    expected: [
      decision({
        reason: 'ChannelsStale',
        held: 'StartingUp',
        standing: 'majors-0: ChannelsStale, and healing holds back: StartingUp.',
        message:
          'Pod a0 receives no data on 10 of 10 channels of okx:spot; it is not replaced: ' +
          'the pod is 240 s old and has 5 minutes to start.',
      }),
    ],
  },
  'a young one in a crash loop has not': {
    pods: [[pod('a0', { ...crashing, ageMs: MINUTE })]],
    expected: [decision({ message: `${CRASHES}; it is replaced.` })],
  },
  'not while the action before is not finished': {
    pods: one,
    history: { actions: [action({ shard: 'majors-7', pod: 'a7', atMs: NOW_MS - MINUTE, end: undefined })] },
    expected: [heldBack('ActionRunning', 'no pod is ready yet in place of a7, for which there are 540 s left')],
  },
  'a successor that is not well either is moved off its node': {
    pods: one,
    history: { actions: [action()] },
    expected: [decision({ action: 'move', message: `${CRASHES}; it is moved off its node node-1.` })],
  },
  'one whose predecessor was helped is replaced': {
    pods: one,
    history: { actions: [action({ end: { atMs: NOW_MS - 19 * MINUTE, outcome: 'helped' } })] },
    expected: [decision({ message: `${CRASHES}; it is replaced.` })],
  },
  'what was done about the other publisher says nothing of this one': {
    pods: one,
    history: { actions: [action({ publisher: 'b' })] },
    expected: [decision({ message: `${CRASHES}; it is replaced.` })],
  },
  'the wait doubles with each action': {
    pods: one,
    history: {
      actions: [action({ atMs: NOW_MS - 50 * MINUTE }), action({ atMs: NOW_MS - 40 * MINUTE }), action()].map(
        (done) => ({
          ...done,
          end: { atMs: done.atMs + MINUTE, outcome: 'failed' as const },
        }),
      ),
    },
    expected: [decision({ action: 'move', message: `${CRASHES}; it is moved off its node node-1.` })],
  },
  'and an action within it is held back': {
    pods: one,
    history: { actions: [action({ atMs: NOW_MS - 30 * MINUTE }), action({ atMs: NOW_MS - 9 * MINUTE })] },
    expected: [
      heldBack('Backoff', 'majors-0 was acted upon 540 s ago; next in 60 s', {
        action: 'move',
        message: `${CRASHES}; it is not moved off its node node-1: majors-0 was acted upon 540 s ago; next in 60 s.`,
      }),
    ],
  },
  'after six actions a person must look': {
    pods: one,
    history: { actions: [230, 220, 205, 180, 135, 70].map((ago) => action({ atMs: NOW_MS - ago * MINUTE })) },
    expected: [
      heldBack('Exhausted', '', {
        action: 'move',
        message: `${CRASHES}; it is not moved off its node node-1: 6 actions did not help; a person must look.`,
      }),
    ],
  },
  'three actions, one of which comes back every ten minutes': {
    pods: one,
    history: {
      actions: [9, 6, 3].map((ago) => action({ shard: `majors-${ago}`, atMs: NOW_MS - ago * MINUTE })),
    },
    expected: [
      heldBack('CollectorBudget', 'the Collector has used its actions, one of which comes back every 10 minutes'),
    ],
  },
  'a user allows fewer': {
    pods: one,
    observed: { actionsPerHour: 1 },
    history: { actions: [action({ shard: 'majors-1', atMs: NOW_MS - 59 * MINUTE })] },
    expected: [heldBack('HourlyBudget', 'spec.selfHealing.actionsPerHour is 1')],
  },
  'five actions in five minutes on all Collectors': {
    pods: one,
    fleetHistory: { actionsMs: [4, 4, 3, 2, 1].map((ago) => NOW_MS - ago * MINUTE) },
    expected: [heldBack('FleetBudget', '5 actions were taken on all Collectors in the last 5 minutes')],
  },
  'a disruption budget that refused is asked again after a minute': {
    pods: one,
    history: { refusedMs: { 'uid-a0': NOW_MS - 30_000 } },
    expected: [heldBack('BudgetRefused', 'its PodDisruptionBudget allows no eviction now')],
  },
  'who observes reads what would be done': {
    pods: one,
    observed: { mode: 'observe' },
    expected: [heldBack('Observing', 'spec.selfHealing.mode is observe')],
  },
  'who wants none reads nothing': { pods: one, observed: { mode: 'none' }, expected: [] },
  'one at a time, and what is worse first': {
    pods: [[pod('a0', stale)], [pod('a1', { ...crashing, restarts: 5 })]],
    fleet: { markets: { 'okx:spot': { well: 2, unwell: 1 } } },
    expected: [
      decision({
        shard: 'majors-1',
        pod: 'a1',
        uid: 'uid-a1',
        standing: 'majors-1: CrashLoop.',
        message: `${CRASHES.replace('a0', 'a1')}; it is replaced.`,
      }),
      decision({
        reason: 'ChannelsStale',
        held: 'OneAtATime',
        standing: 'majors-0: ChannelsStale, and healing holds back: OneAtATime.',
        message:
          'Pod a0 receives no data on 10 of 10 channels of okx:spot; it is not replaced: ' +
          'another pod of the Collector comes first.',
      }),
    ],
  },
}

for (const [sentence, given] of Object.entries(cases)) {
  test(sentence, () => expect(outcome(given)).toEqual(given.expected))
}
