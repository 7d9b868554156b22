import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { KubeObject } from './objects.ts'
import { type Change, openStore } from './store.ts'

const object = (name: number, uid: number, version: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `p-${name}`, namespace: 'here', uid: `u-${name}-${uid}`, resourceVersion: String(version) },
})

test('whoever follows the changes knows what the store holds, whether it was put, removed or replaced', () => {
  const one = fc.record({ name: fc.nat(4), uid: fc.nat(1), version: fc.nat(3) })
  const step = fc.oneof(
    fc.record({ do: fc.constantFrom('put' as const, 'remove' as const), one }),
    fc.record({ do: fc.constant('replace' as const), all: fc.uniqueArray(one, { selector: ({ name }) => name }) }),
  )
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const store = openStore<KubeObject>()
      const followed = new Map<string, KubeObject>()
      const follow = ({ type, object: changed, old }: Change<KubeObject>) => {
        const { uid = '' } = changed.metadata
        // Nobody is told of an object twice, or of the end of one that he does not know.
        expect(followed.has(uid)).toBe(type !== 'added')
        if (type === 'changed') expect(old).toBe(followed.get(uid))
        if (type === 'deleted') followed.delete(uid)
        else followed.set(uid, changed)
      }
      for (const step of steps) {
        if (step.do === 'replace') {
          const all = step.all.map(({ name, uid, version }) => object(name, uid, version))
          store.replace(all).forEach(follow)
          expect(store.size).toBe(all.length)
        } else {
          const { name, uid, version } = step.one
          store[step.do](object(name, uid, version)).forEach(follow)
        }
        expect(new Set(followed.values())).toEqual(new Set(store.values()))
      }
    }),
  )
})

test('a list that brings nothing new tells nothing', () => {
  const store = openStore<KubeObject>()
  store.put(object(1, 0, 1))
  const before = store.get('here/p-1')
  expect(store.replace([object(1, 0, 1)])).toEqual([])
  expect(store.get('here/p-1')).toBe(before)
})
