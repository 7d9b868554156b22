// The routing of alerts in a real control plane: installed on request, changed and taken away again.
import { expect, test, vi } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { openHouse, SPEC, WAIT } from '../../test/kubernetes/house.ts'
import { ALERTMANAGER_CONFIG } from '../kube/objects.ts'
import { serveKind } from '../../test/kubernetes/kinds.ts'
import { installMonitoring } from '../../test/kubernetes/monitoring.ts'

const routed = (routing: object) => ({ ...SPEC, monitoring: { alerts: { routing } } })

describeWithControlPlane('an AlertmanagerConfig', { controllerManager: true }, (plane) => {
  vi.setConfig({ testTimeout: 120_000 })

  test('is made when it is asked for, as soon as its API is there; follows the spec; and goes when it is not wanted', async () => {
    await installMonitoring(plane(), 'podmonitors', 'prometheusrules')
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    expect(await house.condition('majors', 'MonitoringInstalled')).toMatchObject({ status: 'True' })

    await house.apply('majors', routed({ enabled: true }))
    const missing = { status: 'False', reason: 'ApiMissing', message: expect.stringMatching(/^AlertmanagerConfig /) }
    await house.says('majors', 'MonitoringInstalled', missing)
    expect(await house.condition('majors', 'Ready')).toMatchObject({ status: 'True' })
    await serveKind(plane(), ALERTMANAGER_CONFIG)
    await house.says('majors', 'MonitoringInstalled', { status: 'True' }, { ...WAIT, timeout: 90_000 })
    const made = await house.get(ALERTMANAGER_CONFIG, 'majors')
    expect(made?.['spec']).toMatchObject({ route: { matchers: [{ name: 'collector', value: 'majors' }] } })

    const receivers = [{ tier: 'P1', webhook: { name: 'pager' } }]
    await house.apply('majors', routed({ enabled: true, labels: { alertmanager: 'main' }, receivers }))
    await vi.waitFor(async () => {
      const now = await house.get(ALERTMANAGER_CONFIG, 'majors')
      expect(now?.metadata.uid).toBe(made?.metadata.uid)
      expect(now?.metadata.labels).toMatchObject({ alertmanager: 'main' })
      expect(JSON.stringify(now?.['spec'])).toContain('{"urlSecret":{"key":"url","name":"pager"}}')
    }, WAIT)

    await house.apply('majors', SPEC)
    await vi.waitFor(async () => expect(await house.get(ALERTMANAGER_CONFIG, 'majors')).toBeUndefined(), WAIT)
    await house.says('majors', 'MonitoringInstalled', { status: 'True' })
  })
})
