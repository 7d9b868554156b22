// What counts as a difference: by tables and by properties. What a real API server does is in apply-server.test.ts.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  ACCOUNT,
  ALL,
  ALLOWED,
  BUDGET,
  CLAIM,
  CONFIG,
  DEPLOYED,
  object,
  SERVED,
} from '../../test/kubernetes/desired.ts'
import { APPLIED, differs, hashOf, stamped } from './apply.ts'
import type { KubeObject } from './objects.ts'

/** One change of an object, by the path of a field: `spec/ports/0/name`. */
type Change = (object: Fields) => void
type Fields = Record<string, unknown>

/** As the server has it: ours, with what it and others changed. */
function live(desired: KubeObject, ...changes: readonly Change[]): KubeObject {
  const copy = structuredClone(stamped(desired))
  for (const change of changes) change(copy as unknown as Fields)
  return copy
}

/** What a field stands in, and its name. */
function parentOf(object: Fields, path: string): [Fields, string] {
  const fields = path.split('/')
  const last = fields.pop() ?? ''
  return [fields.reduce((at, field) => at[field] as Fields, object), last]
}

function set(path: string, value: unknown): Change {
  return (object) => {
    const [parent, field] = parentOf(object, path)
    parent[field] = value
  }
}

function drop(path: string): Change {
  return (object) => {
    const [parent, field] = parentOf(object, path)
    if (Array.isArray(parent)) parent.splice(Number(field), 1)
    else delete parent[field]
  }
}

/** Puts an item at the beginning of a list. */
function add(path: string, item: unknown): Change {
  return (object) => {
    const [parent, field] = parentOf(object, path)
    parent[field] = [item, ...(parent[field] as unknown[])]
  }
}

function reverse(path: string): Change {
  return (object) => {
    const [parent, field] = parentOf(object, path)
    parent[field] = (parent[field] as unknown[]).toReversed()
  }
}

const POD = 'spec/template/spec'
const MAIN = `${POD}/containers/0`

test('what is missing differs', () => {
  expect(differs(ACCOUNT, undefined)).toBe('(missing)')
})

test.for(ALL.map(([, desired]) => [desired.kind, desired] as const))(
  'a %s as applied does not differ',
  ([, desired]) => {
    expect(differs(desired, live(desired))).toBeUndefined()
    expect(differs(stamped(desired), live(desired))).toBeUndefined()
  },
)

/** Of others: what they do with our objects, which is none of our business. */
const OTHERS: Record<string, [KubeObject, ...Change[]]> = {
  'a label': [DEPLOYED, set('metadata/labels/theirs', 'yes')],
  'an annotation': [DEPLOYED, set('metadata/annotations/deployment.kubernetes.io~revision', '3')],
  'kubectl rollout restart': [
    DEPLOYED,
    set('spec/template/metadata/annotations', { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' }),
  ],
  'a sidecar before ours': [DEPLOYED, add(`${POD}/containers`, { name: 'proxy', image: 'mesh' })],
  'a variable in our container': [DEPLOYED, add(`${MAIN}/env`, { name: 'THEIRS', value: '1' })],
  'a volume and its mount': [
    DEPLOYED,
    add(`${POD}/volumes`, { name: 'theirs', emptyDir: {} }),
    add(`${MAIN}/volumeMounts`, { name: 'theirs', mountPath: '/theirs' }),
  ],
  'a limit that we do not set': [DEPLOYED, set(`${MAIN}/resources/limits/ephemeral-storage`, '1Gi')],
  'an owner': [DEPLOYED, add('metadata/ownerReferences', { uid: 'uid-2', name: 'theirs' })],
  'a finalizer': [DEPLOYED, set('metadata/finalizers', ['theirs'])],
  'a port of the Service': [SERVED, add('spec/ports', { port: 9090, protocol: 'TCP' })],
  'what the server allots': [SERVED, set('spec/clusterIPs', ['None'])],
  'secrets of the account': [ACCOUNT, set('secrets', [{ name: 'token-x' }])],
  'a key of the data': [CONFIG, set('data/theirs', '1')],
  'a status': [DEPLOYED, set('status', { replicas: 3 })],
}
test.for(Object.entries(OTHERS))('stays silent about %s', ([, [desired, ...changes]]) => {
  expect(differs(desired, live(desired, ...changes))).toBeUndefined()
})

/** As the server writes it down: another text for the same. */
const SAME: Record<string, [KubeObject, ...Change[]]> = {
  quantities: [
    DEPLOYED,
    set(`${MAIN}/resources/requests`, { cpu: '1', memory: '512Mi' }),
    set(`${MAIN}/resources/limits`, { cpu: '2', memory: '512Mi' }),
  ],
  'a size': [DEPLOYED, set(`${POD}/volumes/1/emptyDir/sizeLimit`, '1Gi')],
  'empty maps': [DEPLOYED, drop(`${POD}/nodeSelector`), drop('spec/template/metadata/annotations')],
  'false, 0 and empty texts that are left out': [
    DEPLOYED,
    drop(`${POD}/hostNetwork`),
    drop(`${MAIN}/env/1/value`),
    drop(`${MAIN}/volumeMounts/0/readOnly`),
    drop(`${MAIN}/livenessProbe/initialDelaySeconds`),
  ],
  null: [DEPLOYED, drop(`${POD}/priorityClassName`)],
  'a protocol': [DEPLOYED, set(`${MAIN}/ports/0/protocol`, 'TCP')],
  'modes of files': [DEPLOYED, set(`${POD}/volumes/2/configMap/defaultMode`, 420)],
  'another order of what has names': [DEPLOYED, reverse(`${MAIN}/env`), reverse(`${POD}/volumes`)],
  'the protocol of a rule': [ALLOWED, set('spec/egress/1/ports/0/protocol', 'TCP')],
  'an empty list': [ALLOWED, drop('spec/ingress')],
  'a number as int-or-string': [BUDGET, set('spec/maxUnavailable', '1')],
}
test.for(Object.entries(SAME))('takes as the same: %s', ([, [desired, ...changes]]) => {
  expect(differs(desired, live(desired, ...changes))).toBeUndefined()
})

/** Ours: each is put back. */
const OURS: Record<string, [KubeObject, Change]> = {
  'spec.template.spec.containers[collector].image': [DEPLOYED, set(`${MAIN}/image`, 'other')],
  'spec.template.spec.containers[collector]': [DEPLOYED, set(`${MAIN}/name`, 'renamed')],
  'spec.template.spec.containers[collector].args': [DEPLOYED, add(`${MAIN}/args`, '--more')],
  'spec.template.spec.containers[collector].args[1]': [DEPLOYED, set(`${MAIN}/args/1`, '-x')],
  'spec.template.spec.containers[collector].env[A].value': [DEPLOYED, set(`${MAIN}/env/0/value`, '2')],
  'spec.template.spec.containers[collector].env[A]': [DEPLOYED, drop(`${MAIN}/env/0`)],
  'spec.template.spec.containers[collector].ports[8080,TCP]': [DEPLOYED, set(`${MAIN}/ports/0/protocol`, 'UDP')],
  'spec.template.spec.containers[collector].resources.requests.cpu': [
    DEPLOYED,
    set(`${MAIN}/resources/requests/cpu`, '1001m'),
  ],
  'spec.template.spec.containers[collector].securityContext.allowPrivilegeEscalation': [
    DEPLOYED,
    drop(`${MAIN}/securityContext/allowPrivilegeEscalation`),
  ],
  'spec.template.spec.automountServiceAccountToken': [DEPLOYED, drop(`${POD}/automountServiceAccountToken`)],
  'spec.template.spec.hostNetwork': [DEPLOYED, set(`${POD}/hostNetwork`, true)],
  'spec.template.spec.tolerations[0].tolerationSeconds': [DEPLOYED, set(`${POD}/tolerations/0/tolerationSeconds`, 300)],
  'spec.template.spec.volumes[tmp].emptyDir': [
    DEPLOYED,
    set(`${POD}/volumes/0`, { name: 'tmp', hostPath: { path: '/' } }),
  ],
  'spec.template.spec.volumes[secrets].projected.sources': [
    DEPLOYED,
    add(`${POD}/volumes/3/projected/sources`, { secret: { name: 'more' } }),
  ],
  'spec.strategy.rollingUpdate.maxUnavailable': [DEPLOYED, set('spec/strategy/rollingUpdate/maxUnavailable', '25%')],
  'spec.replicas': [DEPLOYED, set('spec/replicas', 0)],
  'metadata.labels.empty': [DEPLOYED, drop('metadata/labels/empty')],
  'metadata.ownerReferences[uid-1].controller': [DEPLOYED, drop('metadata/ownerReferences/0/controller')],
  'spec.selector.theirs': [SERVED, set('spec/selector/theirs', 'yes')],
  'spec.ports[8080,TCP].targetPort': [SERVED, set('spec/ports/0/targetPort', 9090)],
  'spec.egress[1].ports[0].endPort': [ALLOWED, set('spec/egress/1/ports/0/endPort', 65_535)],
  'spec.egress[0].to[0].namespaceSelector': [ALLOWED, set('spec/egress/0/to/0', { ipBlock: { cidr: '0.0.0.0/0' } })],
  'spec.egress[0].to[0].podSelector': [ALLOWED, set('spec/egress/0/to/0/podSelector', {})],
  'spec.ingress': [ALLOWED, set('spec/ingress', [{}])],
  'spec.podSelector.matchLabels.more': [ALLOWED, set('spec/podSelector/matchLabels/more', 'x')],
  'spec.maxUnavailable': [BUDGET, set('spec/maxUnavailable', 0)],
  automountServiceAccountToken: [ACCOUNT, drop('automountServiceAccountToken')],
  "data['collector.yaml']": [CONFIG, set('data/collector.yaml', 'a: 2\n')],
  'data.empty': [CONFIG, drop('data/empty')],
  'spec.storageClassName': [CLAIM, set('spec/storageClassName', 'standard')],
  [`metadata.annotations['${APPLIED}']`]: [CONFIG, set('metadata/annotations', {})],
}
test.for(Object.entries(OURS))('sees %s', ([path, [desired, change]]) => {
  expect(differs(desired, live(desired, change))).toBe(path)
})

test('a field that is no longer wanted is noticed by the hash of what was applied', () => {
  const before = object('ConfigMap', 'v1', { data: { one: '1', two: '2' } })
  const now = object('ConfigMap', 'v1', { data: { one: '1' } })
  expect(differs(now, live(before))).toBe(`metadata.annotations['${APPLIED}']`)
})

test("objects of other operators' kinds are compared as they were sent", () => {
  const rule = (groups: object[]) =>
    object('PrometheusRule', 'monitoring.coreos.com/v1', {
      spec: { groups, empty: '', none: {}, volumes: [{ name: 'a' }] },
    })
  const desired = rule([{ name: 'a', rules: [] }])
  expect(differs(desired, live(desired))).toBeUndefined()
  // Defaults of their CRD, in items of a list.
  expect(differs(desired, live(desired, set('spec/groups/0/interval', '30s')))).toBeUndefined()
  expect(differs(desired, live(desired, add('spec/groups', { name: 'b' })))).toBe('spec.groups')
  expect(differs(desired, live(desired, drop('spec/empty')))).toBe('spec.empty')
  expect(differs(desired, live(desired, add('spec/volumes', { name: 'b' })))).toBe('spec.volumes')
})

test('a status is compared by the types of its conditions, and needs no hash', () => {
  const status = { conditions: [{ type: 'Ready', status: 'True' }], shards: [{ name: 'a' }] }
  const desired = object('Collector', 'marketprism.io/v1alpha1', { status })
  const now = { ...desired, status: { ...status, conditions: [{ type: 'Theirs' }, ...status.conditions], more: 1 } }
  expect(differs(desired, now)).toBeUndefined()
  const changed = { ...desired, status: { ...status, conditions: [{ type: 'Ready', status: 'False' }] } }
  expect(differs(desired, changed)).toBe('status.conditions[Ready].status')
})

test('the hash is of what is wanted: order of fields, status and the hash itself are nothing to it', () => {
  const text = fc.string({ maxLength: 5 })
  const value = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(undefined), fc.array(text, { maxLength: 3 }))
  fc.assert(
    fc.property(fc.dictionary(text, value, { maxKeys: 6 }), (fields) => {
      const data = object('ConfigMap', 'v1', { data: fields })
      const turned = object('ConfigMap', 'v1', { data: Object.fromEntries(Object.entries(fields).toReversed()) })
      expect(hashOf(turned)).toBe(hashOf(data))
      expect(hashOf(stamped(data))).toBe(hashOf(data))
      expect(hashOf({ ...data, status: { any: 1 } })).toBe(hashOf(data))
      expect(hashOf({ ...data, more: 1 })).not.toBe(hashOf(data))
    }),
  )
})

test('any leaf of ours that is changed is seen', () => {
  const paths = leavesOf(DEPLOYED).filter((path) => path.startsWith('spec/'))
  expect(paths.length).toBeGreaterThan(50)
  for (const path of paths) expect(differs(DEPLOYED, live(DEPLOYED, set(path, 'changed'))), path).toBeDefined()
})

test('whatever is added to a map that is not ours as a whole is not seen', () => {
  const open = [
    'spec',
    POD,
    MAIN,
    'metadata/labels',
    `${MAIN}/resources`,
    'spec/strategy',
    `${POD}/volumes/2/configMap`,
  ]
  fc.assert(
    fc.property(fc.constantFrom(...open), fc.stringMatching(/^[a-z]{12,16}$/), fc.jsonValue(), (path, field, value) => {
      expect(differs(DEPLOYED, live(DEPLOYED, set(`${path}/${field}`, value)))).toBeUndefined()
    }),
  )
})

/** Paths to all values of an object that are not null. */
function leavesOf(value: unknown, path: readonly string[] = []): string[] {
  if (value === null) return []
  if (typeof value !== 'object') return [path.join('/')]
  return Object.entries(value as Fields).flatMap(([field, one]) => leavesOf(one, [...path, field]))
}
