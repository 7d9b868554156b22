import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Top } from './top.ts'

it('has the highest of all that came and did not go, or none, and then has it once it was filled', () => {
  // Enough keys for more than it holds, few enough to go again; runs of best ones go, so that none is left.
  const step = fc.oneof(
    fc.record({ do: fc.constant('insert' as const), key: fc.integer({ min: -60, max: 60 }) }),
    fc.record({ do: fc.constantFrom('remove' as const, 'best' as const), key: fc.nat(100) }),
    fc.record({ do: fc.constant('best ones' as const), key: fc.integer({ min: 1, max: 40 }) }),
  )
  fc.assert(
    fc.property(fc.constantFrom<1 | -1>(1, -1), fc.array(step, { minLength: 50, maxLength: 400 }), (sign, steps) => {
      const top = new Top()
      const keys: number[] = []
      const remove = (key: number) => {
        keys.splice(keys.indexOf(key), 1)
        top.remove(key)
      }
      for (const { do: what, key } of steps) {
        if (what === 'insert' && !keys.includes(key)) {
          top.insert(key, keys.length, keys.length)
          keys.push(key)
        } else if (what === 'remove' && keys.length > 0) remove(keys[key % keys.length] as number)
        else if (what === 'best ones') for (let i = 0; i < key && keys.length > 0; i++) remove(Math.max(...keys))
        const wanted = keys.length === 0 ? Number.NaN : Math.max(...keys)
        if (!Number.isNaN(top.best)) expect(top.best).toBe(wanted)
        if (what !== 'best') continue
        if (Number.isNaN(top.best)) {
          const all = Float64Array.from([Number.NaN, ...keys.map((k) => k * sign)])
          top.fill(all, all.length, sign)
        }
        expect(top.best).toBe(wanted)
      }
    }),
    { numRuns: 500 },
  )
})

it('is empty after it was cleared', () => {
  const top = new Top()
  top.insert(3, 0, 0)
  top.clear()
  expect(top.best).toBeNaN()
  top.insert(2, 0, 0)
  expect(top.best).toBe(2)
})
