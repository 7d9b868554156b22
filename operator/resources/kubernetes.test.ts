// The objects at a real API server, in a namespace that enforces Pod Security `restricted`: taken as they are, without a
// warning, and of no effect when they are there.
import { Agent, request } from 'undici'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { goldenDesired, goldenNames } from '../../test/support/desired.ts'
import { differs, stamped } from '../kube/apply.ts'
import { DEPLOYMENT, type Kind, type KubeObject, pathOf, POD } from '../kube/objects.ts'
import * as kinds from '../kube/objects.ts'
import { objectsOf } from './index.ts'

interface Answer {
  readonly status: number
  readonly warnings: readonly string[]
  readonly object: KubeObject
}
type Send = (method: string, path: string, body: object) => Promise<Answer>

const KINDS = Object.values(kinds).filter((each): each is Kind => typeof each === 'object')

/** With the warnings of the API server, which a Collector's owner would never see. */
function sender({ url, ca, token }: ControlPlane): Send {
  const dispatcher = new Agent({ connect: { ca } })
  onTestFinished(() => dispatcher.close())
  return async (method, path, body) => {
    const type = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json'
    const answer = await request(url + path, {
      dispatcher,
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body: JSON.stringify(body),
    })
    const warnings = [answer.headers['warning'] ?? []].flat()
    return { status: answer.statusCode, warnings, object: (await answer.body.json()) as KubeObject }
  }
}

function apply(send: Send, object: KubeObject): Promise<Answer> {
  const kind = KINDS.find((each) => each.kind === object.kind) as Kind
  const { namespace, name } = object.metadata
  return send('PATCH', `${pathOf(kind, namespace, name)}?fieldManager=test&force=true&fieldValidation=Strict`, object)
}

function versionOf({ object: { kind, metadata } }: Answer): string {
  return `${kind} ${metadata.name} ${metadata.resourceVersion}`
}

/** As what the API server said, when it is not as wanted. */
function expectTaken({ status, warnings, object }: Answer, what: string): void {
  expect({ status, warnings, message: object['message'] }, what).toEqual({
    status: expect.toBeOneOf([200, 201]) as number,
    warnings: [],
    message: undefined,
  })
}

/** A namespace whose labels are in force: the API server's cache of namespaces is a moment behind. */
async function restrictedNamespace(plane: ControlPlane, send: Send): Promise<string> {
  const namespace = await plane.createNamespace()
  const labels = Object.fromEntries(
    ['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
  )
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  await send('PATCH', `/api/v1/namespaces/${namespace}?fieldManager=labels`, body)
  const root = { spec: { containers: [{ name: 'root', image: 'x' }] }, metadata: { labels: { app: 'root' } } }
  const spec = { selector: { matchLabels: root.metadata.labels }, template: root }
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'root', namespace }, spec }
  const path = `${pathOf(DEPLOYMENT, namespace)}?dryRun=All`
  await vi.waitFor(
    async () => expect((await send('POST', path, deployment)).warnings.join()).toContain('would violate PodSecurity'),
    { timeout: 10_000, interval: 20 },
  )
  return namespace
}

describeWithControlPlane('objects of a Collector at an API server', {}, (plane) => {
  test.each(goldenNames)('%s: all are taken without a warning, and once settled change nothing', async (name) => {
    const send = sender(plane())
    const namespace = await restrictedNamespace(plane(), send)
    const { owner, ...rest } = goldenDesired(name)
    // The API of PodMonitors is not Kubernetes' own.
    const objects = objectsOf({ owner: { ...owner, namespace }, ...rest })
      .filter(({ kind }) => kind !== 'PodMonitor')
      .map(stamped)
    for (const object of objects) expectTaken(await apply(send, object), `${object.kind} ${object.metadata.name}`)
    // A claim is stored once more by the second apply: only then does the API server write down its phase.
    const settled = await Promise.all(objects.map((object) => apply(send, object)))
    const again = await Promise.all(objects.map((object) => apply(send, object)))
    expect(again.map(versionOf)).toEqual(settled.map(versionOf))
    // The operator sees it, too, and would not have asked.
    expect(again.map(({ object }, i) => differs(objects[i] as KubeObject, object))).toEqual(
      objects.map(() => undefined),
    )
  })

  test.each(goldenNames)('%s: its pods are admitted where Pod Security is restricted', async (name) => {
    const send = sender(plane())
    const namespace = await restrictedNamespace(plane(), send)
    const { owner, ...rest } = goldenDesired(name)
    const objects = objectsOf({ owner: { ...owner, namespace }, ...rest })
    await prerequisites(send, namespace, owner.spec)
    for (const object of objects) if (object.kind === 'ServiceAccount') expectTaken(await apply(send, object), name)
    for (const deployment of objects.filter(({ kind }) => kind === 'Deployment')) {
      const { template } = deployment['spec'] as { template: { metadata: object; spec: object } }
      // As the Deployment's ReplicaSet would name it.
      const podName = `${deployment.metadata.name}-5d4f8c7b9d-x7k2p`
      expect(podName.length).toBeLessThanOrEqual(63)
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...template.metadata, name: podName },
        spec: template.spec,
      }
      const answer = await send('POST', `${pathOf(POD, namespace)}?dryRun=All&fieldValidation=Strict`, pod)
      expectTaken(answer, podName)
    }
  })

  test('whatever a Collector was before, its Deployment is what it would have been made', async () => {
    const send = sender(plane())
    const taken = async (namespace: string, name: string): Promise<unknown> => {
      const { owner, ...rest } = goldenDesired(name)
      const objects = objectsOf({ owner: { ...owner, namespace }, ...rest })
      const deployment = objects.find(({ kind }) => kind === 'Deployment') as KubeObject
      const answer = await apply(send, deployment)
      expectTaken(answer, name)
      return answer.object['spec']
    }
    const namespace = await plane().createNamespace()
    for (const name of ['full', 'minimal', 'files', 'volumes', 'files', 'secrets', 'full', 'volumes', 'minimal']) {
      const fresh = await plane().createNamespace()
      expect(await taken(namespace, name), name).toEqual(await taken(fresh, name))
    }
  })
})

/** What a pod of this spec needs before it is admitted. */
async function prerequisites(
  send: Send,
  namespace: string,
  {
    serviceAccount,
    priorityClassName,
  }: { serviceAccount?: string | undefined; priorityClassName?: string | undefined },
): Promise<void> {
  if (serviceAccount !== undefined) {
    const metadata = { name: serviceAccount, namespace }
    expectTaken(await apply(send, { apiVersion: 'v1', kind: 'ServiceAccount', metadata }), serviceAccount)
  }
  if (priorityClassName !== undefined) {
    const body = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', value: 1000 }
    const path = `/apis/scheduling.k8s.io/v1/priorityclasses/${priorityClassName}?fieldManager=test`
    expectTaken(await send('PATCH', path, { ...body, metadata: { name: priorityClassName } }), priorityClassName)
  }
}
