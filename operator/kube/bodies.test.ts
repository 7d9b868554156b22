import { expect, test } from 'vitest'
import { differs, hashOf, stamped } from './apply.ts'
import { withoutBodies } from './bodies.ts'
import type { KubeObject } from './objects.ts'

function configMap(data?: Record<string, string>): KubeObject {
  const metadata = { name: 'one', namespace: 'default' }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...(data === undefined ? {} : { data }) }
}
const long = 'a'.repeat(10_000)

test('a long text is kept as its digest, a short one as it is, and twice is as once', () => {
  const kept = withoutBodies(configMap({ long, short: 'b' }))
  expect(kept['data']).toEqual({ long: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), short: 'b' })
  expect(withoutBodies(kept)).toBe(kept)
  for (const same of [configMap(), configMap({}), configMap({ short: 'b' })]) expect(withoutBodies(same)).toBe(same)
  const secret = { ...configMap({ long }), kind: 'Secret' }
  expect(withoutBodies(secret)).toBe(secret)
})

test('an object is as wanted whether the cache holds its texts or their digests', () => {
  const wanted = configMap({ long, short: 'b' })
  expect(hashOf(wanted)).toBe(hashOf(withoutBodies(wanted)))
  for (const live of [stamped(wanted), withoutBodies(stamped(wanted))]) expect(differs(wanted, live)).toBeUndefined()
  const other = configMap({ long: `${long}.`, short: 'b' })
  for (const live of [stamped(wanted), withoutBodies(stamped(wanted))]) {
    expect(differs(other, live)).toBe('data.long')
    expect(hashOf(other)).not.toBe(hashOf(live))
  }
})
