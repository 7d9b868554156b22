import { expect, test } from 'vitest'
import { desiredOf } from '../../test/support/desired.ts'
import { objectsOf } from './index.ts'
import { refusedServiceAccount, serviceAccountOf } from './service-account.ts'

test('a Collector without an account gets one that mounts no token', () => {
  const desired = desiredOf()
  expect(serviceAccountOf(desired.owner)).toBe('majors')
  expect(objectsOf(desired).find(({ kind }) => kind === 'ServiceAccount')).toMatchObject({
    metadata: { name: 'majors' },
    automountServiceAccountToken: false,
  })
})

test('an account that the spec names is used and never written', () => {
  const desired = desiredOf({ serviceAccount: 'market-data' })
  expect(serviceAccountOf(desired.owner)).toBe('market-data')
  expect(objectsOf(desired).some(({ kind }) => kind === 'ServiceAccount')).toBe(false)
})

test('an account must say that Collectors may use it', () => {
  const account = (labels?: Record<string, string>) => ({ metadata: { name: 'admin', ...(labels && { labels }) } })
  expect(refusedServiceAccount('admin', account({ 'marketprism.io/collectors': 'allowed' }))).toBeUndefined()
  for (const labels of [undefined, {}, { 'marketprism.io/collectors': 'no' }]) {
    expect(refusedServiceAccount('admin', account(labels))).toBe(
      "spec.serviceAccount: ServiceAccount 'admin' is not open to Collectors; " +
        'label it marketprism.io/collectors=allowed, or name another.',
    )
  }
  expect(refusedServiceAccount('admin', undefined)).toContain("there is no ServiceAccount 'admin' in this namespace")
})
