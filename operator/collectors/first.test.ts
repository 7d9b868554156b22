import { expect, test } from 'vitest'
import type { KubeObject } from '../kube/objects.ts'
import { Firsts } from './first.ts'

function collector(name: string, second: number, more: object = {}): KubeObject {
  const creationTimestamp = `2026-11-29T12:00:${String(second).padStart(2, '0')}Z`
  const metadata = { namespace: 'desk-a', name, creationTimestamp }
  return { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', metadata, spec: {}, ...more }
}

const withoutDashboards = { spec: { monitoring: { dashboards: { enabled: false } } } }

test('the oldest that wants dashboards is first, by name where two are of one age', () => {
  const firsts = new Firsts()
  expect(firsts.is('desk-a', 'b')).toBe(false)
  expect(firsts.take({ type: 'added', object: collector('none', 0, withoutDashboards) })).toEqual([])
  expect(firsts.take({ type: 'added', object: collector('b', 2) })).toEqual(['desk-a/b'])
  expect(firsts.take({ type: 'added', object: collector('c', 3) })).toEqual([])
  expect(firsts.take({ type: 'added', object: collector('a', 2) })).toEqual(['desk-a/b', 'desk-a/a'])
  expect([firsts.is('desk-a', 'a'), firsts.is('desk-a', 'b'), firsts.is('desk-b', 'a')]).toEqual([true, false, false])
})

test('when the first goes, or wants none any more, the next one is told', () => {
  const firsts = new Firsts()
  for (const [i, name] of ['a', 'b', 'c'].entries()) firsts.take({ type: 'added', object: collector(name, i) })
  expect(firsts.take({ type: 'changed', object: collector('b', 1) })).toEqual([])
  expect(firsts.take({ type: 'changed', object: collector('a', 0, withoutDashboards) })).toEqual([
    'desk-a/a',
    'desk-a/b',
  ])
  expect(firsts.take({ type: 'changed', object: collector('a', 0) })).toEqual(['desk-a/b', 'desk-a/a'])
  const leaving = collector('a', 0)
  const deletionTimestamp = '2026-11-29T13:00:00Z'
  const changed = { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp } }
  expect(firsts.take({ type: 'changed', object: changed })).toEqual(['desk-a/a', 'desk-a/b'])
  expect(firsts.take({ type: 'deleted', object: changed })).toEqual([])
  expect(firsts.take({ type: 'deleted', object: collector('b', 1) })).toEqual(['desk-a/b', 'desk-a/c'])
  expect(firsts.take({ type: 'deleted', object: collector('c', 2) })).toEqual(['desk-a/c'])
})
