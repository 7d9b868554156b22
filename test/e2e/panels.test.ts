// Every panel shows data: each query of each dashboard is asked of a real Prometheus that scrapes a running collector and
// a running operator.
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { tool, ToolMissing } from '../../hack/tools.ts'
import { podMonitor } from '../../operator/resources/pod-monitor.ts'
import { describeWithControlPlane } from '../kubernetes/controlplane.ts'
import { desiredOf } from '../support/desired.ts'
import { CHOICES, DASHBOARD_NAMES, emptyPanels, emptyVariables, openWatched, podLabels, queriesIn } from './watched.ts'
import type { Watched } from './watched.ts'

vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 })

const WAIT = { timeout: 60_000, interval: 1_000 }

const missing = await Promise.all((['prometheus', 'nats-server'] as const).map(tool)).then(
  () => undefined,
  (error: unknown) => {
    if (error instanceof ToolMissing) return error.message
    throw error
  },
)

describeWithControlPlane('each panel', {}, (plane) => {
  let watched: Watched
  beforeEach(({ skip }) => skip(missing !== undefined, missing))
  beforeAll(async () => {
    if (missing === undefined) watched = await openWatched(plane())
  })
  afterAll(() => watched?.[Symbol.asyncDispose]())

  for (const name of DASHBOARD_NAMES) {
    for (const [choice, values] of Object.entries(CHOICES)) {
      it(`of the dashboard ${name} shows data, with its variables at ${choice}`, async () => {
        expect(queriesIn(watched, name)).toBeGreaterThan(10)
        await vi.waitFor(async () => expect(await emptyPanels(watched, name, values)).toEqual([]), WAIT)
      })
    }
    it(`of the dashboard ${name} can be narrowed: each variable has values`, async () => {
      expect(await emptyVariables(watched, name)).toEqual([])
    })
  }

  it('is found empty where nothing is: of an exchange that is not collected', async () => {
    const empty = await emptyPanels(watched, 'exchange', { ...CHOICES.All, exchange: 'nowhere' })
    expect(empty).toHaveLength(queriesIn(watched, 'exchange'))
  })
})

it('the labels are those that the PodMonitor gives', () => {
  const { podMetricsEndpoints } = podMonitor(desiredOf())['spec'] as {
    podMetricsEndpoints: { relabelings: { targetLabel: string }[] }[]
  }
  const given = podMetricsEndpoints.flatMap(({ relabelings }) => relabelings.map(({ targetLabel }) => targetLabel))
  expect(Object.keys(podLabels('desk-a'))).toEqual(expect.arrayContaining(given))
})
