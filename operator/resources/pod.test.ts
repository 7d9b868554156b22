import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { desiredOf, goldenDesired, shardOf } from '../../test/support/desired.ts'
import packageJson from '../../package.json' with { type: 'json' }
import type { Desired } from './facts.ts'
import { objectsOf } from './index.ts'
import { collectorSelector, labelsOf, publisherSelector, scaleSelector } from './labels.ts'
import { podTemplate, secretsOf } from './pod.ts'

/** The only shard of this spec, publisher `a`. */
function template(spec: object = {}, change: (desired: Desired) => Desired = (same) => same): Template {
  const desired = change(desiredOf(spec))
  return podTemplate(desired, desired.shards[0] as Desired['shards'][number], 'a') as Template
}

interface Template {
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> }
  readonly spec: {
    readonly tolerations: readonly { key?: string; tolerationSeconds?: number }[]
    readonly affinity?: Record<string, unknown>
    readonly volumes: readonly Record<string, unknown>[]
    readonly containers: readonly {
      readonly image: string
      readonly resources?: Record<string, Record<string, string>>
      readonly env?: unknown
      readonly volumeMounts: readonly { name: string; mountPath: string }[]
    }[]
  }
}

function container(spec: object = {}): Template['spec']['containers'][number] {
  return template(spec).spec.containers[0] as Template['spec']['containers'][number]
}

/** The order of keys says nothing to a cluster. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}

describe('frozen', () => {
  test('selectors are what they always were: a cluster refuses to change them', () => {
    expect(collectorSelector('majors')).toEqual({
      'app.kubernetes.io/name': 'marketprism',
      'app.kubernetes.io/instance': 'majors',
    })
    expect(publisherSelector('majors', 3, 'b')).toEqual({
      'app.kubernetes.io/name': 'marketprism',
      'app.kubernetes.io/instance': 'majors',
      'marketprism.io/shard': '3',
      'marketprism.io/publisher': 'b',
    })
    expect(scaleSelector('majors')).toBe(
      'app.kubernetes.io/name=marketprism,app.kubernetes.io/instance=majors,marketprism.io/publisher=a',
    )
    expect(labelsOf('majors')).toMatchObject(collectorSelector('majors'))
  })

  test('each Deployment selects its own pods and no others', () => {
    for (const name of ['redundant', 'long-names', 'volumes']) {
      const deployments = objectsOf(goldenDesired(name)).filter(({ kind }) => kind === 'Deployment') as unknown as {
        spec: { selector: { matchLabels: Record<string, string> }; template: Template }
      }[]
      for (const one of deployments) {
        const selected = deployments.filter(({ spec }) =>
          Object.entries(one.spec.selector.matchLabels).every(
            ([key, value]) => spec.template.metadata.labels[key] === value,
          ),
        )
        expect(selected).toEqual([one])
      }
    }
  })

  // A change here starts every collector of every user anew when the operator is upgraded. Where that must be, say so in
  // the changelog.
  test.each([
    ['minimal', '65ccf8ac80fdcc71'],
    ['redundant', '339a8fcd41998687'],
    ['volumes', '8954d3b480c8b30e'],
    ['full', 'd6e62744904c07e5'],
  ])('the template of %s is what it was', (name, hash) => {
    const desired = goldenDesired(name)
    const text = canonical(podTemplate(desired, desired.shards[0] as Desired['shards'][number], 'a'))
    expect(createHash('sha256').update(text).digest('hex').slice(0, 16)).toBe(hash)
  })

  test('another operator in another place makes the same template of the same image', () => {
    const elsewhere = (desired: Desired): Desired => ({
      owner: { ...desired.owner, generation: 7, uid: 'another' },
      facts: {
        image: desired.facts.image,
        allowedImages: [],
        clusterRanges: [],
        operatorNamespace: 'elsewhere',
        apis: { podMonitor: false, prometheusRule: false, alertmanagerConfig: false, grafanaDashboard: false },
      },
      shards: [shardOf('majors', 0, { channels: ['one'] }), shardOf('majors', 1)],
    })
    expect(JSON.stringify(template({}, elsewhere))).toBe(JSON.stringify(template()))
    expect(JSON.stringify(template())).not.toContain(packageJson.version)
  })

  test('what the pod does not read changes no template', () => {
    for (const spec of [
      { paused: true },
      { shards: 4 },
      { sharding: { channelsPerShard: 7 } },
      { selfHealing: { mode: 'none' } },
      { monitoring: { alerts: { enabled: false, labels: { release: 'x' } } } },
    ]) {
      expect(JSON.stringify(template(spec))).toBe(JSON.stringify(template()))
    }
  })
})

describe('what a pod is given', () => {
  test('memory by the size of the spool, and no limit of the processor', () => {
    expect(container().resources).toEqual({
      requests: { cpu: '100m', memory: '256Mi' },
      limits: { memory: '512Mi' },
    })
    expect(container({ spool: { bytesMax: '1Gi' } }).resources).toEqual({
      requests: { cpu: '100m', memory: '1216Mi' },
      limits: { memory: '1472Mi' },
    })
  })

  test('what the user says of resources, all of it: half of ours beside it could contradict', () => {
    expect(container({ resources: { requests: { cpu: 2, memory: '4Gi' } } }).resources).toEqual({
      requests: { cpu: '2', memory: '4Gi' },
    })
    expect(container({ resources: {} }).resources).toBeUndefined()
  })

  test('the image of the spec, digits and all, else that of the operator', () => {
    expect(container().image).toBe('registry.example.com/marketprism/collector:1.2.3')
    expect(container({ image: 'registry.example.com/marketprism/x:20260921' }).image).toBe(
      'registry.example.com/marketprism/x:20260921',
    )
  })

  test('labels and annotations of the user, beside ours', () => {
    const { metadata } = template({ podLabels: { team: 'x' }, podAnnotations: { 'example.com/a': 'b' } })
    expect(metadata.labels).toMatchObject({ team: 'x', ...publisherSelector('majors', 0, 'a') })
    expect(metadata.annotations).toEqual({
      'example.com/a': 'b',
      'kubectl.kubernetes.io/default-container': 'collector',
    })
  })

  test('each Secret once, in one order, whichever feed names it; only those of the shard where the plan says so', () => {
    const proxied = (name: string, symbol: string) => ({
      exchange: 'binance',
      market: 'spot',
      symbols: [symbol],
      types: ['trade'],
      proxy: { url: 'http://proxy:3128', secret: { name } },
    })
    const nats = { servers: ['nats://nats:4222'], credentialsSecret: { name: 'n' }, tls: { secret: { name: 'n' } } }
    const { owner } = desiredOf({
      feeds: [proxied('z', 'A-B'), proxied('a', 'C-D'), proxied('z', 'E-F')],
      sink: { nats },
    })
    expect(secretsOf(owner.spec, {})).toEqual(['a', 'n', 'z'])
    expect(secretsOf(owner.spec, { proxySecrets: ['z'] })).toEqual(['n', 'z'])
  })

  test('a Secret that was rotated changes no template: nothing of it is in there but its name', () => {
    const nats = { servers: ['nats://nats:4222'], credentialsSecret: { name: 'nats' } }
    const { volumes } = template({ sink: { nats } }).spec
    expect(volumes.find(({ secret }) => secret !== undefined)).toEqual({
      name: 'secret-0',
      secret: { secretName: 'nats' },
    })
  })

  test('files: a folder that the node bounds, unless the user does', () => {
    const volume = (spec: object) => template(spec).spec.volumes.find(({ name }) => name === 'data')
    expect(volume({ sink: { file: {} } })).toEqual({ name: 'data', emptyDir: { sizeLimit: '10Gi' } })
    const limits = { 'ephemeral-storage': '80Gi' }
    expect(volume({ sink: { file: {} }, resources: { limits } })).toEqual({ name: 'data', emptyDir: {} })
    expect(volume({ sink: { file: { volume: { size: '1Gi' } } } })).toEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: 'majors-0-a' },
    })
    expect(volume({})).toBeUndefined()
  })
})

describe('where a pod runs', () => {
  const SECONDS = { 'node.kubernetes.io/not-ready': 15, 'node.kubernetes.io/unreachable': 15 }
  const seconds = (tolerations?: readonly object[]) =>
    Object.fromEntries(
      template(tolerations && { tolerations }).spec.tolerations.map(({ key, tolerationSeconds }) => [
        key,
        tolerationSeconds,
      ]),
    )

  test('a lost node is given up after 15 s, unless the user bears it for another time', () => {
    expect(seconds()).toEqual(SECONDS)
    const taint = 'node.kubernetes.io/not-ready'
    expect(seconds([{ key: taint, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }])).toEqual({
      ...SECONDS,
      [taint]: 60,
    })
    expect(seconds([{ key: taint, operator: 'Exists', effect: 'NoSchedule' }])).toHaveProperty([taint], 15)
    expect(seconds([{ operator: 'Exists' }])).toEqual({ undefined: undefined })
  })

  test('publishers of a shard keep apart, each from the other only', () => {
    expect(template().spec.affinity).toBeUndefined()
    const { affinity } = template({ redundancy: 2 }).spec
    const { podAntiAffinity } = affinity as {
      podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: { podAffinityTerm: object }[] }
    }
    const terms = podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution
    expect(terms.map(({ podAffinityTerm }) => podAffinityTerm)).toMatchObject(
      ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
        topologyKey,
        labelSelector: {
          matchLabels: { 'marketprism.io/shard': '0' },
          matchExpressions: [{ key: 'marketprism.io/publisher', operator: 'In', values: ['b'] }],
        },
      })),
    )
  })

  test('what the user says of affinity stands, field by field', () => {
    const own = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] }, podAntiAffinity: {} }
    expect(
      template({ redundancy: 2, affinity: { podAntiAffinity: own.podAntiAffinity } }).spec.affinity,
    ).toBeUndefined()
    const preference = { matchExpressions: [{ key: 'fast', operator: 'Exists' }] }
    const nodeAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] }
    const both = template({ redundancy: 2, affinity: { nodeAffinity } }).spec.affinity
    expect(both).toMatchObject({ nodeAffinity, podAntiAffinity: {} })
  })

  test('it goes back to a node that healing took it off only where there is no other', () => {
    const avoiding = (desired: Desired): Desired => ({
      ...desired,
      shards: [shardOf('majors', 0, { avoidNodes: ['worker-3'] })],
    })
    expect(template({}, avoiding).spec.affinity).toEqual({
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            preference: { matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['worker-3'] }] },
          },
        ],
      },
    })
  })
})
