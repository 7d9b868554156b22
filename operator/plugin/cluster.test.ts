// The commands against a real control plane with a running operator; what a kubelet would do to pods is done by the
// stand-in of test/kubernetes/kubelet.ts, so no pod of these answers.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { kubeconfigText } from '../../test/kubernetes/flags.ts'
import { FEED, openHouse, SPEC, WAIT } from '../../test/kubernetes/house.ts'
import { ran, type RunOptions } from '../../test/support/command.ts'
import { COLLECTOR } from '../collectors/kinds.ts'
import { DEPLOYMENT, type KubeObject, pathOf, POD } from '../kube/objects.ts'
import { MANAGER } from '../resources/labels.ts'
import type { Io } from './command.ts'
import { pauseCommand, resumeCommand } from './pause.ts'
import { planCommand } from './plan.ts'
import { restartCommand } from './restart.ts'
import { statusCommand } from './status.ts'

const folder = mkdtempSync(join(tmpdir(), 'plugin-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describeWithControlPlane('kubectl marketprism', { controllerManager: true }, (plane) => {
  vi.setConfig({ testTimeout: 120_000 })

  test('plan --diff: all that is new, then nothing, then what a change would come to; nothing is changed', async () => {
    await using house = await openRoom(plane())
    const before = await house.plan(SPEC, '--diff')
    expect(before.err).toBe('')
    expect(before.code).toBe(1)
    expect(before.out).toContain('+ Deployment majors-0-a\n')
    await house.apply(SPEC)
    await house.settled()
    expect(await house.plan(SPEC, '--diff')).toEqual({
      code: 0,
      out: expect.stringMatching(/Nothing would change: all \d+ objects are as they would be applied\.\n$/),
      err: '',
    })
    const versions = await house.versions()
    const { code, out } = await house.plan({ ...SPEC, image: 'marketprism:two' }, '--diff')
    expect(code).toBe(1)
    expect(out).toContain('~ Deployment majors-0-a   its pod is replaced\n')
    expect(out).toContain('    spec.template.spec.containers[collector].image: marketprism:test -> marketprism:two\n')
    const more = await house.plan({ ...SPEC, feeds: [{ ...FEED, symbols: ['BTC-USDT'] }], shards: 1 }, '--diff')
    expect(more.out).toMatch(/\+ ConfigMap majors-0-[0-9a-f]{10}\n/)
    expect(await house.versions()).toEqual(versions)
  })

  test('plan --diff says in the operator’s words what it would refuse', async () => {
    await using house = await openRoom(plane())
    const { code, err } = await house.plan({ ...SPEC, image: 'somebody/else:1' }, '--diff')
    expect([code, err]).toEqual([2, expect.stringContaining('the operator would refuse it')])
    expect(err).toContain('somebody/else:1')
  })

  test('pause holds the operator back, and resume gives the field back', async () => {
    await using house = await openRoom(plane())
    await house.apply(SPEC)
    await house.settled()
    expect(await house.run(pauseCommand, 'majors')).toMatchObject({ code: 0, out: expect.stringContaining('paused') })
    await house.says('Progressing', { reason: 'Paused' })
    expect((await house.run(pauseCommand, 'majors')).out).toBe('majors: is paused already\n')
    expect(await house.run(resumeCommand, 'majors')).toMatchObject({ code: 0 })
    await house.settled()
    const { managedFields } = (await house.collector()).metadata as { managedFields?: object[] }
    expect(JSON.stringify(managedFields)).not.toContain('f:paused')
    await house.apply({ ...SPEC, paused: true })
    expect(await house.run(resumeCommand, 'majors')).toMatchObject({ code: 0 })
    expect((await house.collector())['spec']).toMatchObject({ paused: false })
  })

  test('restart replaces one pod after another, and stops at the first that does not come up', async () => {
    await using house = await openRoom(plane())
    await house.apply({ ...SPEC, redundancy: 2 })
    await house.settled()
    const pods = await house.pods()
    const done = await house.run(restartCommand, 'majors')
    expect(done).toEqual({
      code: 0,
      out: 'majors-0-a: restarted, 1 of 2\nmajors-0-b: restarted, 2 of 2\n',
      err: '',
    })
    await house.settled()
    expect((await house.pods()).filter((name) => pods.includes(name))).toEqual([])
    const generations = await house.generations()
    const fresh = new Set(await house.pods())
    house.kubelet.decide((pod) => (fresh.has(pod.metadata.name) ? 'ready' : { waiting: 'ImagePullBackOff' }))
    const failed = await house.run(restartCommand, 'majors')
    expect(failed.code).toBe(1)
    expect(failed.err).toMatch(/^majors-0-a: ImagePullBackOff .*The other 1 were left as they were\.\n$/)
    const [a = 0, b = 0] = await house.generations()
    expect([a > (generations[0] ?? 0), b]).toEqual([true, generations[1]])
  })

  test('restart waits for the one before; Ctrl-C leaves the rest as it was', async () => {
    await using house = await openRoom(plane())
    await house.apply({ ...SPEC, redundancy: 2 })
    await house.settled()
    const generations = await house.generations()
    const known = new Set(await house.pods())
    house.kubelet.decide((pod) => (known.has(pod.metadata.name) ? 'ready' : 'unready'))
    const stop = new AbortController()
    const running = house.runWith({ signal: stop.signal }, restartCommand, 'majors')
    await vi.waitFor(async () => expect(await house.pods()).toHaveLength(3), WAIT)
    expect((await house.generations())[1]).toBe(generations[1])
    stop.abort()
    expect(await running).toMatchObject({ code: 2, err: expect.stringContaining('ended before the work was done') })
    expect((await house.generations())[1]).toBe(generations[1])
  })

  test('restart of a Deployment whose pod is broken', async () => {
    await using house = await openRoom(plane())
    await house.apply(SPEC)
    await house.settled()
    const broken = new Set(await house.pods())
    house.kubelet.decide((pod) => (broken.has(pod.metadata.name) ? { waiting: 'CrashLoopBackOff' } : 'ready'))
    await house.says('Ready', { status: 'False' })
    expect(await house.run(restartCommand, 'majors')).toMatchObject({ code: 0 })
    await house.settled()
  })

  test('restart of one shard, and of one that there is not', async () => {
    await using house = await openRoom(plane())
    await house.apply({ ...SPEC, shards: 2 })
    await house.settled()
    expect((await house.run(restartCommand, 'majors', '--shard', '1')).out).toBe('majors-1-a: restarted, 1 of 1\n')
    expect(await house.run(restartCommand, 'majors', '--shard', '7')).toMatchObject({
      code: 2,
      err: expect.stringContaining('majors has no shard 7'),
    })
  })

  test('status: pods that do not answer are rows, and the rest is there', async () => {
    await using house = await openRoom(plane())
    await house.apply({ ...SPEC, shards: 2 })
    await house.settled()
    const { code, out } = await house.run(statusCommand, 'majors')
    expect(code).toBe(0)
    expect(out).toMatch(/^Collector test-\S+\/majors {3}generation 1/)
    expect(out).toContain('AllShardsReady')
    expect(out.match(/does not answer: /g)).toHaveLength(2)
    expect(out).toContain('├─ last healing  none')
    const json = await house.run(statusCommand, '-o', 'json')
    expect(JSON.parse(json.out)).toMatchObject({ collectors: [{ name: 'majors', shards: [{}, {}] }] })
    expect(await house.run(statusCommand, 'minors')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no Collector minors in namespace test-\S+: there is majors; -n names another/),
    })
  })

  test('what cannot be reached or is not permitted is said, with what to do', async () => {
    await using house = await openRoom(plane())
    expect(await house.run(statusCommand)).toMatchObject({ code: 2, err: expect.stringContaining('apply one') })
    const contexts = await house.run(statusCommand, '--context', 'nowhere')
    expect(contexts.err).toContain('--context nowhere is not in the kubeconfig; it has marketprism-test')
    const away = house.saved({ url: 'https://127.0.0.1:1', ca: plane().ca, token: 'x' })
    const unreachable = await ran(statusCommand, ['--kubeconfig', away])
    expect(unreachable).toMatchObject({ code: 2, err: expect.stringContaining('cannot be reached') })
    const { namespace } = house
    const token = await plane().createToken({ namespace, name: 'reader' })
    const poor = house.saved({ url: plane().url, ca: plane().ca, token })
    const forbidden = await ran(statusCommand, ['--kubeconfig', poor, '-n', namespace])
    expect(forbidden).toMatchObject({ code: 2, err: expect.stringContaining('you may not do that') })
    const stranger = house.saved({ url: plane().url, ca: plane().ca, token: 'stranger' })
    expect((await ran(statusCommand, ['--kubeconfig', stranger])).err).toContain('does not know you')
  })
})

type Command = (args: readonly string[], io: Io) => Promise<number>

/** A house whose operator is the one that its Deployment says, and the plugin as a person runs it there. */
async function openRoom(plane: ControlPlane) {
  const namespace = await plane.createNamespace()
  const made = await plane.request('POST', pathOf(DEPLOYMENT, namespace), operatorDeployment(namespace))
  expect(made.status).toBe(201)
  const house = await openHouse(plane, { namespace, more: { facts: { ...FACTS, operatorNamespace: namespace } } })
  const mine = async () => (await house.deployments()).filter(({ metadata }) => metadata.name !== MANAGER)
  const runWith = (options: RunOptions, command: Command, ...args: string[]) =>
    ran(command, [...args, '--kubeconfig', plane.kubeconfig, '-n', namespace], options)
  let files = 0
  return {
    namespace,
    kubelet: house.kubelet,
    apply: (spec: object) => house.apply('majors', spec),
    collector: async () => (await house.get(COLLECTOR, 'majors')) as KubeObject,
    says: (type: string, like: object) => house.says('majors', type, like),
    versions: house.versions,
    runWith,
    run: (command: Command, ...args: string[]) => runWith({}, command, ...args),
    plan: (spec: object, ...args: string[]) => {
      const manifest = { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', metadata: { name: 'majors' }, spec }
      const flags = ['-f', '-', '--operator-namespace', namespace, ...args]
      return runWith({ stdin: JSON.stringify(manifest) }, planCommand, ...flags)
    },
    saved(of: Parameters<typeof kubeconfigText>[0]) {
      const file = join(folder, `${namespace}-${(files += 1)}.json`)
      writeFileSync(file, kubeconfigText(of))
      return file
    },
    /** Resolves when the newest generation is rolled out and ready, and no pod of an older one is left. */
    async settled() {
      await house.settled('majors')
      await vi.waitFor(async () => {
        const pods = await house.list(POD)
        expect(pods).toHaveLength((await mine()).length)
      }, WAIT)
    },
    pods: async () => (await house.list(POD)).map(({ metadata }) => metadata.name),
    generations: async () => (await mine()).map(({ metadata }) => metadata.generation ?? 0),
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  }
}

const FACTS = {
  image: 'marketprism:test',
  allowedImages: ['marketprism:*'],
  clusterRanges: ['10.0.0.0/8'],
  // The Service of the API server; there is nothing behind it here.
  apiServers: ['10.96.0.1'],
}

/** The operator as the chart installs it: what plan reads its flags from. */
function operatorDeployment(namespace: string): KubeObject {
  const labels = { 'app.kubernetes.io/name': MANAGER }
  const args = ['--collector-image=marketprism:test', '--allowed-images=marketprism:*', '--cluster-ranges=10.0.0.0/8']
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: MANAGER, namespace, labels },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'operator', image: 'operator:test', args }] } },
    },
  }
}
