// Dashboards in a real control plane: whose they are, when they move to another Collector, and the Grafana Operator's.
import { expect, test, vi } from 'vitest'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { type House, openHouse, SPEC, WAIT } from '../../test/kubernetes/house.ts'
import { serveKind } from '../../test/kubernetes/kinds.ts'
import { CONFIG_MAP, GRAFANA_DASHBOARD, type KubeObject } from '../kube/objects.ts'
import { COLLECTOR } from './kinds.ts'

const SHARED = ['exchange', 'operator', 'performance', 'quality']

describeWithControlPlane('dashboards', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 120_000 })

  test('C001: each namespace has its own; when the Collector that carries them goes, the next one does', async () => {
    await using house = await openHouse(plane())
    await using other = await openHouse(plane())
    for (const one of [house, other]) await one.apply('majors', SPEC)
    await house.settled('majors')
    await house.apply('alts', SPEC)
    await house.settled('alts')
    expect(await dashboards(house)).toEqual(
      ['alts-overview', 'majors-overview', ...SHARED.map((name) => `majors-${name}`)].toSorted(),
    )
    await other.settled('majors')
    const texts = async (one: House) => (await maps(one)).flatMap((map) => Object.entries(map['data'] as object))
    const [here, there] = [await texts(house), await texts(other)]
    expect(new Set([...here, ...there].map(([key]) => key)).size).toBe(here.length + there.length)
    expect(here.every(([, text]) => !String(text).includes(other.namespace))).toBe(true)
    await house.remove(COLLECTOR, 'majors')
    await vi.waitFor(async () => {
      expect(await dashboards(house)).toEqual(['alts-overview', ...SHARED.map((name) => `alts-${name}`)].toSorted())
    }, WAIT)
    // The links of alerts that fire lead there still.
    const uids = (all: [string, unknown][]) => all.map(([, text]) => (JSON.parse(String(text)) as { uid: string }).uid)
    expect(uids(here)).toEqual(expect.arrayContaining(uids(await texts(house))))
    expect(await texts(other)).toEqual(there)
  })

  test('who wants none carries none; and what was changed by hand is put right', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { ...SPEC, monitoring: { dashboards: { enabled: false } } })
    await house.settled('majors')
    expect(await dashboards(house)).toEqual([])
    await house.apply('alts', SPEC)
    await vi.waitFor(async () => expect(await dashboards(house)).toHaveLength(5), WAIT)
    const before = await house.get(CONFIG_MAP, 'alts-overview')
    const key = Object.keys(before?.['data'] as object)[0] as string
    await house.patch(CONFIG_MAP, 'alts-overview', { data: { [key]: '{}' } })
    await vi.waitFor(async () => {
      expect((await house.get(CONFIG_MAP, 'alts-overview'))?.['data']).toEqual(before?.['data'])
    }, WAIT)
    await house.apply('alts', { ...SPEC, monitoring: { dashboards: { enabled: false } } })
    await vi.waitFor(async () => expect(await dashboards(house)).toEqual([]), WAIT)
  })

  test('the Grafana Operator is told when it arrives; other instances are other objects, and nothing is written twice', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    await installGrafana(plane())
    const told = async () => (await house.list(GRAFANA_DASHBOARD)).map(({ metadata }) => metadata.name)
    await vi.waitFor(async () => expect(await told()).toHaveLength(5), { ...WAIT, timeout: 90_000 })
    await house.quiet()
    // A pass that does not see yet what the last one made asks in vain for it to be new.
    const writes = () =>
      house.writes().filter(({ uri, code }) => uri.includes('/grafanadashboards/') && code < 300).length
    expect(writes()).toBe(5)
    await house.restart()
    await vi.waitFor(() => expect(house.passes()).toBeGreaterThan(0), WAIT)
    await house.quiet()
    expect(writes()).toBe(5)
    await house.apply('majors', { ...SPEC, monitoring: { dashboards: { instances: { team: 'quants' } } } })
    await vi.waitFor(async () => {
      const all = await house.list(GRAFANA_DASHBOARD)
      expect(all).toHaveLength(5)
      for (const { spec } of all) expect(spec).toMatchObject({ instanceSelector: { matchLabels: { team: 'quants' } } })
    }, WAIT)
  })
})

async function maps(house: House): Promise<KubeObject[]> {
  return (await house.list(CONFIG_MAP)).filter(({ metadata }) => metadata.labels?.['grafana_dashboard'] === '1')
}

async function dashboards(house: House): Promise<string[]> {
  return (await maps(house)).map(({ metadata }) => metadata.name).toSorted()
}

/** A kind as the Grafana Operator declares it, in short: which instances it is for cannot be changed. */
async function installGrafana(plane: ControlPlane): Promise<void> {
  const immutable = [{ rule: 'self == oldSelf', message: 'spec.instanceSelector is immutable' }]
  const selector = {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    'x-kubernetes-validations': immutable,
  }
  const spec = {
    type: 'object',
    required: ['instanceSelector'],
    'x-kubernetes-preserve-unknown-fields': true,
    properties: { instanceSelector: selector, resyncPeriod: { type: 'string', default: '10m0s' } },
  }
  await serveKind(plane, GRAFANA_DASHBOARD, { type: 'object', properties: { spec } })
}
