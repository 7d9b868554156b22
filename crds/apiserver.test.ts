// The CRD at a real API server: it is taken, costs included, and refuses each wrong manifest with the sentence that
// `marketprism validate` says.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { tool } from '../hack/tools.ts'
import { type ControlPlane, describeWithControlPlane } from '../test/kubernetes/controlplane.ts'
import { atEveryBound, largest, manyAlike } from '../test/support/largest.ts'
import { BROKEN, changed, fed, named, SHORTEST } from '../test/support/manifests.ts'
import { collector, HEALING_ACTIONS_MAX, NAME_MAX, SHARDS_MAX } from './collector.ts'
import { crd, nodeAt, schema, type SchemaNode } from './crd.ts'
import { ALERTS } from './alerts.ts'
import { checkCollector } from './faults.ts'
import type { Validation } from './schema.ts'

const CRD_FILE = join(import.meta.dirname, 'collectors.marketprism.io.yaml')
const CRD_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/collectors.marketprism.io'

interface Status {
  readonly message: string
  readonly reason: string
}
type Stored = { metadata: { name: string; resourceVersion: string }; spec: Record<string, unknown> }

/** Breaks every rule that `BROKEN` does not break. */
const MORE: readonly [string, Record<string, unknown>][] = [
  ['a future has no volatility index', fed({ market: 'future', types: ['volatility_index'] })],
  ['an option has no funding', fed({ market: 'option', types: ['funding_rate'] })],
  ['candles without candles', fed({ types: ['trade'], options: { kline: { intervals: ['1m'] } } })],
  ['ratios without ratios', fed({ options: { longShortRatio: { period: '5m' } } })],
  ['a user in a WebSocket address', fed({ endpoints: { websocket: 'wss://me:secret@x.y' } })],
  ['another scheme of REST', fed({ endpoints: { rest: 'ftp://x' } })],
  ['a password of a proxy', fed({ proxy: { url: 'socks5://me:secret@h:1' } })],
  ['a name of a Secret', fed({ proxy: { url: 'socks5://h:1', secret: { name: 'A_B' } } })],
  ['a name of a stream', nats({ stream: { name: 'A B' } })],
  ['an age in days', nats({ stream: { maxAge: '7d' } })],
  ['a window in days', nats({ stream: { duplicateWindow: '8d' } })],
  ['a size in powers of ten', nats({ stream: { maxBytes: '5KB' } })],
  ['a path with a space', changed({ sink: { file: { path: 'a b' } } })],
  ['a volume in powers of ten', changed({ sink: { file: { volume: { size: '5GB' } } } })],
  ['a value of a label', changed({ podLabels: { ok: '-' } })],
  ['a wait of an alert in days', override({ for: '2d' })],
  ['a label of an alert that is its own', override({ labels: { alertname: 'x' } })],
  ['a key of a receiver', routed({ webhook: { name: 'pager', key: 'a b' } })],
  ['a Secret of a receiver', routed({ webhook: { name: 'A_B' } })],
  ['an address of Grafana', changed({ monitoring: { dashboards: { url: 'grafana' } } })],
  ['a folder of dashboards', changed({ monitoring: { dashboards: { folder: '../etc' } } })],
  ['an image', changed({ image: 'a b' })],
  ['a key that is too long', changed({ podAnnotations: { [`${'a'.repeat(250)}/${'b'.repeat(67)}`]: 'x' } })],
  ['a key of a label', changed({ tolerations: [{ key: '-' }] })],
  ['a key of a ConfigMap', changed({ caBundle: { configMap: 'ca', key: 'a b' } })],
]

function nats(change: object): Record<string, unknown> {
  return changed({ sink: { nats: { servers: ['nats://n'], ...change } } })
}

const fast = { size: '1Gi', storageClassName: 'fast' }

function filed(volume: object): Record<string, unknown> {
  return changed({ sink: { file: { volume } } })
}

function stored(storage: string, name = 'MARKET_DATA'): Record<string, unknown> {
  return nats({ stream: { name, storage } })
}

function override(change: object): Record<string, unknown> {
  return changed({ monitoring: { alerts: { overrides: [{ alert: ALERTS[0], ...change }] } } })
}

function routed(change: object): Record<string, unknown> {
  const receivers = [{ tier: 'P1', webhook: { name: 'pager' }, ...change }]
  return changed({ monitoring: { alerts: { routing: { enabled: true, receivers } } } })
}

/** Changes that are refused: what was, what is to be, and the field that is named. */
const CHANGES: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>, string])[] = [
  ['a volume that shrinks', filed({ size: '2Gi' }), filed({ size: '2047Mi' }), 'file.volume.size'],
  ['a storage class', filed(fast), filed({ ...fast, storageClassName: 'slow' }), 'file.volume'],
  ['a storage class that is added', filed({ size: '1Gi' }), filed(fast), 'file.volume'],
  ['a storage class that is taken away', filed(fast), filed({ size: '1Gi' }), 'file.volume'],
  ['another storage of a stream', stored('file'), stored('memory'), 'nats.stream.storage'],
]
/** Changes like those that are taken. */
const ALLOWED: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>])[] = [
  ['a volume that grows', filed(fast), filed({ ...fast, size: '1Ti' })],
  ['a volume that is added', changed({ sink: { file: {} } }), filed(fast)],
  ['a volume that is taken away', filed(fast), changed({ sink: { file: {} } })],
  ['files that become a stream', filed(fast), nats({})],
  ['another stream of another storage', stored('file'), stored('memory', 'OTHER')],
  ['a storage that is said', nats({ stream: {} }), stored('memory')],
]

const CASES = [...BROKEN.map(([what, manifest]) => [what, manifest] as const), ...MORE]

describeWithControlPlane('the CRD', {}, (plane) => {
  const installed = async () => {
    if ((await plane().request('GET', CRD_PATH)).status === 404) await plane().installCrds([CRD_FILE])
  }
  /** A namespace of a test's own, with the CRD in place. */
  const room = async () => {
    await installed()
    const namespace = await plane().createNamespace('crd')
    const path = `/apis/marketprism.io/v1alpha1/namespaces/${namespace}/collectors`
    return {
      path,
      kubectl: (...args: string[]) => kubectl(plane(), '--namespace', namespace, ...args),
      post: (manifest: object) => plane().request<Stored & Status>('POST', path, manifest),
      /** As `kubectl replace` does it. */
      replace: async (manifest: object) => {
        const { metadata } = (await plane().request<Stored>('GET', `${path}/majors`)).body
        return plane().request<Stored & Status>('PUT', `${path}/majors`, { ...manifest, metadata })
      },
      get: async (name: string) => (await plane().request<Stored>('GET', `${path}/${name}`)).body,
    }
  }
  const saved = (manifest: object): string => {
    const file = join(plane().folder, 'manifest.json')
    writeFileSync(file, JSON.stringify(manifest))
    return file
  }

  test('C034: it is applied by plain kubectl, twice, and then by the server, without a warning', async () => {
    expect(JSON.stringify(crd()).length).toBeLessThan(100_000)
    await plane().request('DELETE', CRD_PATH)
    await expect.poll(async () => (await plane().request('GET', CRD_PATH)).status).toBe(404)
    const name = 'customresourcedefinition.apiextensions.k8s.io/collectors.marketprism.io'
    expect(await kubectl(plane(), 'apply', '-f', CRD_FILE)).toEqual({
      code: 0,
      text: `${name} created\n`,
      warnings: '',
    })
    expect(await kubectl(plane(), 'apply', '-f', CRD_FILE)).toEqual({
      code: 0,
      text: `${name} unchanged\n`,
      warnings: '',
    })
    const applied = await kubectl(plane(), 'apply', '--server-side', '-f', CRD_FILE)
    expect(applied).toEqual({ code: 0, text: `${name} serverside-applied\n`, warnings: '' })
    await kubectl(plane(), 'wait', '--for=condition=Established', 'crd/collectors.marketprism.io', '--timeout=20s')
    const { body } = await plane().request<{ status: { conditions: { type: string; status: string }[] } }>(
      'GET',
      CRD_PATH,
    )
    const conditions = Object.fromEntries(body.status.conditions.map(({ type, status }) => [type, status]))
    expect(conditions).toEqual({ Established: 'True', NamesAccepted: 'True' })
  })

  test('the shortest manifest gets the defaults that we fill in', async () => {
    const { post } = await room()
    const { status, body } = await post(SHORTEST)
    expect([status, body.message]).toEqual([201, undefined])
    expect(body.spec).toEqual(collector.parse(SHORTEST).spec)
    expect(checkCollector(body).faults).toEqual([])
  })

  test.for(CASES)('%s is refused with our sentence', async ([, manifest]) => {
    const { post } = await room()
    const { status, body } = await post(manifest)
    const [fault] = checkCollector(manifest).faults
    expect([status, body.reason]).toEqual([422, 'Invalid'])
    expect(body.message).toContain(fault?.says.replace(/ Did you mean .*$/, ''))
    expect(body.message.replaceAll(/Invalid value: "[^"]*"/g, '')).not.toContain('secret@')
  })

  test.for(CHANGES)('%s is refused, and what is stored stays', async ([, before, after, field]) => {
    const { post, replace, get } = await room()
    expect((await post(before)).status).toBe(201)
    const { status, body } = await replace(after)
    expect([status, body.reason]).toEqual([422, 'Invalid'])
    expect(body.message).toContain(`spec.sink.${field}: Invalid value`)
    expect((await get('majors')).spec).toEqual(collector.parse(before).spec)
  })

  test.for(ALLOWED)('%s is taken', async ([, before, after]) => {
    const { post, replace } = await room()
    expect((await post(before)).status).toBe(201)
    expect((await replace(after)).status).toBe(200)
  })

  test('every rule of the CRD has been seen to refuse', async () => {
    const { post } = await room()
    const refused = await Promise.all(CASES.map(([, manifest]) => post(manifest)))
    const changes = CHANGES.map(async ([, before, after]) => {
      const { post: make, replace } = await room()
      await make(before)
      return replace(after)
    })
    const said = [...refused, ...(await Promise.all(changes))].map(({ body }) => body.message)
    const rules = [...new Map(rulesOf(schema).map((rule) => [rule.rule, rule])).values()]
    expect(rules.length).toBeGreaterThan(25)
    const silent = rules.filter((rule) => !said.some((message) => sentence(rule).test(message)))
    expect(silent.map(({ rule }) => rule)).toEqual([])
  })

  test('kubectl refuses what is no field, and with validation off the API server drops it; rules hold all the same', async () => {
    const { get, kubectl: run } = await room()
    const unknown = { ...changed({ selfheal: {} }), metadata: { name: 'unknown' } }
    const refused = await run('apply', '-f', saved(unknown))
    expect(refused.code).toBe(1)
    expect(refused.text).toContain('unknown field "spec.selfheal"')
    const dropped = await run('create', '--validate=false', '-f', saved(unknown))
    expect(dropped.code).toBe(0)
    expect((await get('unknown')).spec).not.toHaveProperty('selfheal')
    const wrong = { ...fed({ symbols: ['BTCUSDT'] }), metadata: { name: 'wrong' } }
    for (const how of [['apply'], ['apply', '--server-side'], ['create', '--validate=false']]) {
      const refusal = await run(...how, '-f', saved(wrong))
      expect(refusal.code).toBe(1)
      expect(refusal.text).toContain("'BTCUSDT' is not a symbol; write a name such as 'BTC-USDT' or a pattern such as")
    }
  })

  test('C017: names that are too long are refused with the limit and what was found; the longest that fits is taken', async () => {
    const { post } = await room()
    for (const last of ['a', 'b']) {
      const name = `market-data-collector-for-the-derivatives-desk-in-frankfurt-eu-${last}`
      const { status, body } = await post(named(name))
      expect(status).toBe(422)
      expect(body.message).toContain(`has ${name.length} characters; write at most ${NAME_MAX}`)
    }
    expect((await post(named('1st.desk'))).body.message).toContain('cannot name a Collector')
    expect((await post(named('a'.repeat(NAME_MAX)))).status).toBe(201)
  })

  test('C010: a duplicate window longer than the age is refused by the server, and none is made up', async () => {
    const { post } = await room()
    const stream = (fields: object) => ({
      ...nats({ prefix: 'market', stream: { name: 'MARKET_DATA', ...fields } }),
      metadata: { name: 'short-lived' },
    })
    const refused = await post(stream({ maxAge: '60s', duplicateWindow: '5m' }))
    expect(refused.body.message).toContain(
      "spec.sink.nats.stream.duplicateWindow: Invalid value: duplicateWindow '5m' is longer than maxAge '60s'; " +
        'write a duplicateWindow of at most maxAge, or a longer maxAge.',
    )
    const taken = await post(stream({ maxAge: '60s' }))
    expect(taken.status).toBe(201)
    expect(taken.body.spec).not.toHaveProperty('sink.nats.stream.duplicateWindow')
  })

  test('a Collector at every bound costs the API server no more than it allows', async () => {
    const { post } = await room()
    for (const [name, manifest] of Object.entries({ largest: largest(), alike: manyAlike() })) {
      expect([name, checkCollector(manifest).faults]).toEqual([name, []])
      const { status, body } = await post({ ...manifest, metadata: { name } })
      expect([name, status, body.message]).toEqual([name, 201, undefined])
    }
  })

  test('kubectl get says at a glance what is well; a status at every bound is taken', async () => {
    const { get, kubectl: run, path, post } = await room()
    const name = 'glance'
    await post(named(name))
    const conditions = [condition('Ready', 'True', 'AllShardsReady')]
    const status = { conditions, replicas: 3, channels: { total: 120, live: 118, stale: 2 }, selector: 'a=b' }
    await plane().request('PUT', `${path}/${name}/status`, { ...(await get(name)), status })
    const { text } = await run('get', 'collectors', name)
    const [head = '', line = ''] = text.split('\n')
    expect(head.split(/ +/)).toEqual(['NAME', 'READY', 'SHARDS', 'CHANNELS', 'LIVE', 'STALE', 'REASON', 'AGE'])
    expect(line.split(/ +/).slice(0, -1)).toEqual([name, 'True', '3', '120', '118', '2', 'AllShardsReady'])
    const full = atEveryBound(nodeAt(['status']) as SchemaNode) as {
      conditions: object[]
      shards: unknown[]
      healing: { actions: unknown[] }
    }
    expect([full.shards.length, full.healing.actions.length]).toEqual([SHARDS_MAX, HEALING_ACTIONS_MAX])
    full.conditions = full.conditions.map((one, i) => ({ ...one, type: `Type${i}` }))
    const put = await plane().request<Status>('PUT', `${path}/${name}/status`, { ...(await get(name)), status: full })
    expect([put.status, put.body.message]).toEqual([200, undefined])
  })

  test('kubectl scale works, also before a number of shards was set; kubectl explain reads well', async () => {
    const { get, kubectl: run, path, post } = await room()
    await post(named('scaled'))
    const before = await plane().request<Status>('GET', `${path}/scaled/scale`)
    expect(before.status).toBe(500)
    expect((await run('scale', 'collector/scaled', '--replicas=4')).code).toBe(0)
    expect((await get('scaled')).spec['shards']).toBe(4)
    expect((await plane().request<Status>('GET', `${path}/scaled/scale`)).status).toBe(200)
    expect((await run('scale', 'collector/scaled', '--replicas=101')).text).toContain('should be less than or equal')
    const { text } = await run('explain', 'collector.spec.feeds')
    expect(text).toMatch(/What is collected\.[^]*exchange\t<string> -required-[^]*The venue\./)
  })
})

async function kubectl(
  plane: ControlPlane,
  ...args: string[]
): Promise<{ code: number; text: string; warnings: string }> {
  const flags = [`--kubeconfig=${plane.kubeconfig}`, ...args]
  try {
    const { stdout, stderr } = await promisify(execFile)(await tool('kubectl'), flags)
    return { code: 0, text: stdout, warnings: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, text: stdout + stderr, warnings: stderr }
  }
}

function condition(type: string, status: string, reason: string): object {
  return { type, status, reason, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }
}

function rulesOf(node: SchemaNode): Validation[] {
  const below = [
    ...Object.values(node.properties ?? {}),
    ...(node.items === undefined ? [] : [node.items]),
    ...(typeof node.additionalProperties === 'object' ? [node.additionalProperties] : []),
  ]
  return [...(node['x-kubernetes-validations'] ?? []), ...below.flatMap(rulesOf)]
}

/** What a rule says, with any values in it. */
function sentence({ message, messageExpression }: Validation): RegExp {
  const [, text] = /^(".*")\.format\(/.exec(messageExpression ?? '') ?? []
  const parts = (text === undefined ? message : (JSON.parse(text) as string)).split(/%[sd]/)
  return new RegExp(parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*'))
}
