import { expect, test } from 'vitest'
import type { KubeObject } from '../kube/objects.ts'
import { Manifests } from './manifests.ts'

const FEED = { exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }
const SINK = { nats: { servers: ['nats://nats:4222'], stream: { manage: 'collector' } } }

function collector(generation: number, spec: object, uid = 'u'): KubeObject {
  const metadata = { name: 'majors', namespace: 'n', uid, generation }
  return { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', metadata, spec, status: { replicas: generation } }
}

test('a manifest is read once for each generation of each Collector', () => {
  const manifests = new Manifests()
  const spec = { feeds: [FEED], sink: SINK }
  const first = manifests.of(collector(1, spec))
  expect(first.spec?.feeds[0]?.symbols).toEqual(FEED.symbols)
  expect(manifests.of({ ...collector(1, spec), status: {} })).toBe(first)
  const wrong = manifests.of(collector(2, { ...spec, feeds: [{ ...FEED, exchange: 'binanc' }] }))
  expect(wrong.spec).toBeUndefined()
  expect(wrong.faults.join()).toContain('spec.feeds[0].exchange')
  // Another of the same name, made anew.
  expect(manifests.of(collector(2, spec, 'v')).faults).toEqual([])
  expect(manifests.of(collector(1, spec))).not.toBe(first)
})
