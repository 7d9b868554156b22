// What the status says, of Collectors of every kind: new, stored by an older version, with long names, under wrong clocks.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { FEED, hurriedClock, openHouse, SPEC, templateOf, WAIT } from '../../test/kubernetes/house.ts'
import { DEPLOYMENT, type KubeObject, pathOf, POD } from '../kube/objects.ts'
import { COLLECTOR, MADE } from './kinds.ts'
import type { Condition } from './status.ts'

const MORE = { ...SPEC, feeds: [{ ...FEED, symbols: [...FEED.symbols, 'SOL-USDT'] }] }
const TYPES = ['Degraded', 'MonitoringInstalled', 'Progressing', 'Ready', 'Scalable']

describeWithControlPlane('the status', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 120_000 })
  afterEach(() => void vi.useRealTimers())

  test('has every condition from the first pass, and a time of change moves only with what is true', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    const first = await vi.waitFor(
      async () => {
        const found = await house.status('majors')
        expect(found).toBeDefined()
        return found
      },
      { ...WAIT, interval: 10 },
    )
    expect(first?.conditions?.map(({ type }) => type).toSorted()).toEqual(TYPES)
    await house.settled('majors')
    const before = (await house.status('majors'))?.conditions ?? []
    await house.apply('majors', MORE)
    await house.settled('majors')
    const after = (await house.status('majors'))?.conditions ?? []
    expect(after.map(({ type }) => type).toSorted()).toEqual(TYPES)
    for (const { type, status, observedGeneration, lastTransitionTime } of after) {
      expect(observedGeneration, type).toBe(2)
      const old = before.find((one) => one.type === type) as Condition
      // Progressing went up and down in between.
      if (type === 'Progressing')
        expect(Date.parse(lastTransitionTime)).toBeGreaterThanOrEqual(Date.parse(old.lastTransitionTime))
      else expect([type, status, lastTransitionTime]).toEqual([type, old.status, old.lastTransitionTime])
    }
  })

  test('says what is wrong with a manifest that was stored before it was checked, and nothing is done for it', async () => {
    const namespace = await plane().createNamespace()
    await plane().installCrds()
    await looseCrd(plane())
    const specs: Record<string, unknown> = {
      empty: {},
      nothing: undefined,
      shards: { ...SPEC, shards: 0 },
      odd: { ...SPEC, feeds: [{ ...FEED, exchange: 'mtgox' }], replicas: 3 },
    }
    const path = pathOf(COLLECTOR, namespace)
    const body = { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector' }
    for (const [name, spec] of Object.entries(specs)) {
      await vi.waitFor(async () => {
        const { status } = await plane().request('POST', path, { ...body, metadata: { name }, spec })
        expect([201, 409]).toContain(status)
      }, WAIT)
    }
    await plane().installCrds()
    await vi.waitFor(async () => {
      const { status } = await plane().request('POST', path, { ...body, metadata: { name: 'refused' }, spec: {} })
      expect(status).toBe(422)
    }, WAIT)
    await using house = await openHouse(plane(), { namespace })
    for (const name of Object.keys(specs)) {
      await house.says(name, 'Degraded', { status: 'True', reason: 'Invalid' })
      expect(await house.condition(name, 'Ready')).toMatchObject({ status: 'False', reason: 'Invalid' })
    }
    expect((await house.condition('odd', 'Degraded'))?.message).toContain('spec.feeds[0].exchange')
    expect(await house.list(DEPLOYMENT)).toEqual([])
    expect(house.operator.controller.queue.status.failedPasses).toBe(0)
    // And one that is right is run beside them.
    await house.apply('right', SPEC)
    await house.settled('right')
  })

  test('is of use for names at the limit: names of objects are valid, different, and select no pod of another', async () => {
    await using house = await openHouse(plane())
    const names = ['a', 'b'].map((end) => `market-data-for-derivatives-frankfurt-x${end}`)
    expect(names.map(({ length }) => length)).toEqual([40, 40])
    for (const name of names) await house.apply(name, { ...SPEC, redundancy: 2, shards: 12, feeds: [manySymbols(12)] })
    await vi.waitFor(async () => expect(await house.list(POD)).toHaveLength(48), { ...WAIT, timeout: 60_000 })
    for (const name of names) expect(await house.condition(name, 'Degraded')).toMatchObject({ status: 'False' })
    const pods = await house.list(POD)
    for (const { metadata } of pods) expect(metadata.name.length).toBeLessThanOrEqual(63)
    const deployments = await house.list(DEPLOYMENT)
    expect(new Set(deployments.map(({ metadata }) => metadata.name)).size).toBe(48)
    for (const deployment of deployments) {
      const { matchLabels } = (deployment['spec'] as { selector: { matchLabels: Record<string, string> } }).selector
      const selected = pods.filter(({ metadata: { labels = {} } }) =>
        Object.entries(matchLabels).every(([key, value]) => labels[key] === value),
      )
      expect(selected.map(({ metadata }) => metadata.name.startsWith(`${deployment.metadata.name}-`))).toEqual([true])
      for (const value of Object.values(templateOf(deployment).metadata.labels ?? {})) {
        expect(value.length).toBeLessThanOrEqual(63)
      }
    }
    for (const kind of MADE) {
      const ours = (await house.list(kind)).filter(
        ({ metadata }) => metadata.ownerReferences?.[0]?.kind === 'Collector',
      )
      expect(new Set(ours.map(({ metadata }) => metadata.name)).size).toBe(ours.length)
    }
  })

  test('is not needed for a name that is too long, or none: the API server says what to write', async () => {
    await using house = await openHouse(plane())
    const long = 'market-data-collector-for-the-derivatives-desk-in-frankfurt-eu-a'
    await expect(house.apply(long, SPEC)).rejects.toThrow(/has 64 characters; write at most 40/)
    await expect(house.apply('1st.desk', SPEC)).rejects.toThrow(/cannot name a Collector; write lower-case letters/)
  })

  test.for([10, -10])('is right where the clock of the operator is %i minutes off', async (minutes) => {
    const offMs = minutes * 60_000
    await using house = await openHouse(plane(), { more: { clocks: { healing: hurriedClock(1, offMs) } } })
    const realMs = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: realMs + offMs })
    await house.apply('majors', SPEC)
    await house.settled('majors')
    await house.apply('majors', MORE)
    await house.settled('majors')
    await house.quiet()
    const status = await house.status('majors')
    expect(status?.healing).toBeUndefined()
    for (const { lastTransitionTime } of status?.conditions ?? []) {
      expect(lastTransitionTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    }
    expect(house.writes().filter(({ uri }) => uri.includes('/eviction'))).toEqual([])
  })
})

function manySymbols(count: number): object {
  return { ...FEED, symbols: Array.from({ length: count }, (_, i) => `${String.fromCharCode(65 + i)}BC-USDT`) }
}

/** The API as a version before us might have had it: whatever fields, no rules. */
async function looseCrd(plane: ControlPlane): Promise<void> {
  const file = resolve(import.meta.dirname, '../../crds/collectors.marketprism.io.yaml')
  const crd = parse(readFileSync(file, 'utf8')) as KubeObject
  const { versions, ...spec } = crd['spec'] as { versions: readonly object[] }
  const any = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  const schema = { openAPIV3Schema: any }
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}?fieldManager=test&force=true`
  const loose = { ...crd, spec: { ...spec, versions: versions.map((one) => ({ ...one, schema })) } }
  const { status } = await plane.request('PATCH', path, JSON.stringify(loose))
  expect(status).toBe(200)
}
