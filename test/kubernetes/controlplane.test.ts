// The control plane that other tests stand on: it starts, breaks on request, and leaves nothing.
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { describeWithControlPlane, startControlPlane } from './controlplane.ts'

const WAIT = { timeout: 30_000, interval: 50 }

describeWithControlPlane('a control plane', { audit: true }, (plane) => {
  test('serves the Collector kind once it is installed', async () => {
    await plane().installCrds()
    const { status } = await plane().request('GET', '/apis/marketprism.io/v1alpha1/collectors')
    expect(status).toBe(200)
  })

  test('keeps its address and data over a stop and a start', async () => {
    const namespace = await plane().createNamespace()
    await plane().stop()
    await expect(plane().request('GET', '/readyz')).rejects.toThrow('ECONNREFUSED')
    await plane().start()
    expect((await plane().request('GET', `/api/v1/namespaces/${namespace}`)).status).toBe(200)
  })

  test('answers nothing while it is paused, and what was asked meanwhile afterwards', async () => {
    plane().pause()
    const asked = plane().request('GET', '/readyz')
    const inTime = asked.then(() => 'answered')
    await expect(Promise.race([inTime, pause(200, 'nothing')])).resolves.toBe('nothing')
    plane().resume()
    expect((await asked).status).toBe(200)
  })

  test('knows who a token belongs to, and refuses one that has expired', async () => {
    const namespace = await plane().createNamespace()
    const reviews = '/apis/authentication.k8s.io/v1/tokenreviews'
    const whoAmI = async (token: string): Promise<unknown> =>
      (await plane().request('POST', reviews, { spec: { token } })).body
    const account = { namespace, name: 'operator' }
    expect(await whoAmI(await plane().createToken(account))).toMatchObject({
      status: { authenticated: true, user: { username: `system:serviceaccount:${namespace}:operator` } },
    })
    expect(await whoAmI(await plane().createToken(account, 0))).toMatchObject({
      status: { error: expect.stringContaining('expired') },
    })
  })

  test('writes a line for each request into the audit log', async () => {
    const namespace = await plane().createNamespace('audited')
    await vi.waitFor(() => expect(readFileSync(plane().auditLog ?? '', 'utf8')).toContain(`"${namespace}"`), WAIT)
  })

  test('its kubeconfig is an administrator', async () => {
    const config = plane().config()
    expect(config.getCurrentCluster()?.server).toBe(plane().url)
    expect(readFileSync(plane().kubeconfig, 'utf8')).toContain(plane().url)
  })
})

describeWithControlPlane('a control plane with a controller manager', { controllerManager: true }, (plane) => {
  test('removes what an owner leaves behind', async () => {
    const namespace = await plane().createNamespace()
    const configMaps = `/api/v1/namespaces/${namespace}/configmaps`
    const owner = await plane().request<{ metadata: { uid: string } }>('POST', configMaps, {
      metadata: { name: 'owner' },
    })
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.body.metadata.uid }
    await plane().request('POST', configMaps, { metadata: { name: 'owned', ownerReferences: [reference] } })
    await plane().request('DELETE', `${configMaps}/owner`)
    await vi.waitFor(async () => expect((await plane().request('GET', `${configMaps}/owned`)).status).toBe(404), WAIT)
  })
})

test('at the end no folder and no process is left', async ({ skip }) => {
  const plane = await startControlPlane().catch((error: Error) => {
    if (error.name !== 'ToolMissing') throw error
    return skip(error.message)
  })
  await plane[Symbol.asyncDispose]()
  expect(existsSync(plane.folder)).toBe(false)
  await expect(fetch(plane.url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
})
