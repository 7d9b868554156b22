import { expect, test } from 'vitest'
import { entriesOf, historyOf } from './entries.ts'
import { type Action, ACTIONS_MAX, AVOID_MS, avoidedNodes, NO_HISTORY } from './history.ts'

const NOW_MS = Date.parse('2026-11-29T12:00:00Z')
const MINUTE = 60_000

const replaced: Action = {
  atMs: NOW_MS - 20 * MINUTE,
  shard: 'majors-0',
  publisher: 'a',
  pod: 'majors-0-a-x',
  uid: 'u1',
  node: 'node-1',
  action: 'replace',
  reason: 'CrashLoop',
  end: { atMs: NOW_MS - 19 * MINUTE, outcome: 'helped' },
}
const moved: Action = { ...replaced, atMs: NOW_MS - MINUTE, action: 'move', uid: 'u2', end: undefined }

test('a new leader knows what its predecessor did', () => {
  const entries = entriesOf({ actions: [replaced, moved] })
  expect(entries).toEqual([
    {
      time: '2026-11-29T11:40:00Z',
      shard: 'majors-0',
      publisher: 'a',
      pod: 'majors-0-a-x',
      uid: 'u1',
      node: 'node-1',
      action: 'replace',
      reason: 'CrashLoop',
      ended: '2026-11-29T11:41:00Z',
      outcome: 'helped',
    },
    {
      time: '2026-11-29T11:59:00Z',
      shard: 'majors-0',
      publisher: 'a',
      pod: 'majors-0-a-x',
      uid: 'u2',
      node: 'node-1',
      action: 'move',
      reason: 'CrashLoop',
    },
  ])
  expect(historyOf(entries, NOW_MS)).toEqual({ ...NO_HISTORY, actions: [replaced, moved] })
})

test('what makes no sense is left out, and the rest counts', () => {
  const [good] = entriesOf({ actions: [replaced] })
  const bad = [null, 7, {}, { ...good, time: 'yesterday' }, { ...good, action: 'delete' }, { ...good, reason: 'Mood' }]
  expect(historyOf([...bad, good], NOW_MS).actions).toEqual([replaced])
  expect(historyOf('nothing', NOW_MS)).toEqual(NO_HISTORY)
  expect(historyOf(undefined, NOW_MS)).toEqual(NO_HISTORY)
})

test('what a clock ahead of ours has written counts as done now', () => {
  const entries = entriesOf({ actions: [{ ...moved, atMs: NOW_MS + 10 * MINUTE }] })
  expect(historyOf(entries, NOW_MS).actions[0]?.atMs).toBe(NOW_MS)
})

test('no more are taken over than are kept, the newest of them', () => {
  const many = Array.from({ length: ACTIONS_MAX + 5 }, (_, i) => ({ ...replaced, atMs: NOW_MS - (100 - i) * MINUTE }))
  const { actions } = historyOf(entriesOf({ actions: many }), NOW_MS)
  expect(actions).toEqual(many.slice(5))
})

test('a node is avoided by the shard that was moved off it, for a day', () => {
  const actions = [replaced, moved, { ...moved, node: 'node-0' }, { ...moved, shard: 'majors-1', node: 'node-9' }]
  expect(avoidedNodes({ actions }, 'majors-0', NOW_MS)).toEqual(['node-0', 'node-1'])
  expect(avoidedNodes({ actions }, 'majors-0', moved.atMs + AVOID_MS)).toEqual([])
  expect(avoidedNodes({ actions }, 'majors-2', NOW_MS)).toEqual([])
})
