// The operator as a process: who leads, who takes over, and how it ends.
import { expect, test, vi } from 'vitest'
import { type ControlPlane, describeWithControlPlane } from '../test/kubernetes/controlplane.ts'
import { startOperatorProcess } from '../test/kubernetes/operator.ts'
import { COLLECTOR } from './collectors/kinds.ts'
import { openClient } from './kube/client.ts'
import { type KubeObject, LEASE, SERVICE } from './kube/objects.ts'

const IMAGE = 'marketprism:test'
const WAIT = { timeout: 60_000, interval: 100 }

describeWithControlPlane('the operator', {}, (plane) => {
  vi.setConfig({ testTimeout: 150_000 })

  test('leads alone, hands over when it is told to end, and the other goes on with the work', async () => {
    await using house = await openHouse(plane())
    await using first = await startOperatorProcess({ plane: plane(), image: IMAGE })
    const holder = await house.leader()
    await using second = await startOperatorProcess({ plane: plane(), image: IMAGE })
    await house.apply('one')
    await house.made('one')
    expect(await house.leader()).toBe(holder)
    const beganMs = performance.now()
    expect(await first.stop()).toBe(0)
    await vi.waitFor(async () => expect(await house.leader()).not.toBe(holder), WAIT)
    await house.apply('two')
    await house.made('two')
    // One retry of the Lease, and room for a busy machine.
    expect(performance.now() - beganMs).toBeLessThan(30_000)
    expect(await second.stop()).toBe(0)
  })

  test('that was stopped for longer than its Lease writes nothing any more, and ends', async () => {
    await using house = await openHouse(plane())
    await using first = await startOperatorProcess({ plane: plane(), image: IMAGE })
    const holder = await house.leader()
    first.child.kill('SIGSTOP')
    await using second = await startOperatorProcess({ plane: plane(), image: IMAGE })
    await vi.waitFor(async () => expect(await house.leader()).not.toBe(holder), WAIT)
    first.child.kill('SIGCONT')
    expect(await first.ended()).toBe(1)
    expect(first.log()).toContain('lost')
    expect(second.child.exitCode).toBeNull()
  })

  test('says what is wrong with its command line', async () => {
    const wrong = startOperatorProcess({ plane: plane(), image: 'no image!', args: ['--namespace', 'x'] })
    await expect(wrong).rejects.toThrow(/--namespaces/)
  })
})

async function openHouse(plane: ControlPlane) {
  await plane.installCrds()
  const namespace = await plane.createNamespace()
  const client = await openClient({ config: plane.config(), userAgent: 'test', fieldManager: 'test' })
  return {
    async leader() {
      const lease = await vi.waitFor(async () => {
        const found = await client.get<KubeObject>(LEASE, 'default', 'marketprism-operator')
        expect((found?.['spec'] as { holderIdentity?: string })?.holderIdentity).toBeTruthy()
        return found
      }, WAIT)
      return (lease?.['spec'] as { holderIdentity?: string } | undefined)?.holderIdentity
    },
    apply: (name: string) =>
      client.apply(COLLECTOR, {
        apiVersion: 'marketprism.io/v1alpha1',
        kind: 'Collector',
        metadata: { name, namespace },
        spec: {
          feeds: [{ exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }],
          sink: { nats: { servers: ['nats://nats:4222'], stream: { manage: 'collector' } } },
        },
      }),
    made: (name: string) =>
      vi.waitFor(async () => expect(await client.get(SERVICE, namespace, name)).toBeDefined(), WAIT),
    [Symbol.asyncDispose]: () => client.close(),
  }
}
