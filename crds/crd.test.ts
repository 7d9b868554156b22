// What the API server asks of a CRD, checked without one. Cost limits of the rules need its own estimator and are
// checked where there is one; here every bound that the estimator looks for must be there.
import { expect, test } from 'vitest'
import { collector } from './collector.ts'
import { crd, nodeAt, schema, type SchemaNode } from './crd.ts'

interface Place {
  readonly path: string
  readonly node: SchemaNode
  /** Below a list or a map. */
  readonly repeated: boolean
}

const root = (crd() as { spec: { versions: { schema: { openAPIV3Schema: SchemaNode } }[] } }).spec.versions[0]?.schema
  .openAPIV3Schema as SchemaNode
const places = [...walk(root, '', false)]
const spec = places.filter(({ path }) => path.startsWith('.spec'))

function* walk(node: SchemaNode, path: string, repeated: boolean): Generator<Place> {
  yield { path, node, repeated }
  for (const [name, each] of Object.entries(node.properties ?? {})) yield* walk(each, `${path}.${name}`, repeated)
  if (node.items !== undefined) yield* walk(node.items, `${path}[]`, true)
  if (typeof node.additionalProperties === 'object') yield* walk(node.additionalProperties, `${path}{}`, true)
}

function offenders(found: readonly Place[], offends: (place: Place) => boolean): string[] {
  return found.filter(offends).map(({ path }) => path)
}

test('the schema is structural: a type everywhere, and no keyword that is not allowed', () => {
  const allowed =
    /^(type|description|default|enum|pattern|format|minimum|maximum|minLength|maxLength|minItems|maxItems|maxProperties|items|properties|required|additionalProperties|x-kubernetes-(validations|list-type|list-map-keys|int-or-string))$/
  expect(offenders(places, ({ node }) => Object.keys(node).some((key) => !allowed.test(key)))).toEqual([])
  const intOrString = ({ node }: Place): boolean => node['x-kubernetes-int-or-string'] === true
  expect(offenders(places, (place) => (place.node.type === undefined) !== intOrString(place))).toEqual([])
  expect(offenders(places, ({ node }) => node.type === 'array' && node.items === undefined)).toEqual([])
  expect(offenders(places, ({ node }) => !!node.properties && !!node.additionalProperties)).toEqual([])
  expect(offenders(places, ({ node }) => typeof node.additionalProperties === 'boolean')).toEqual([])
})

test('required fields exist and have no default', () => {
  for (const { path, node } of places) {
    for (const name of node.required ?? []) {
      expect(node.properties?.[name], `${path}.${name}`).toBeDefined()
      expect(node.properties?.[name]?.default, `${path}.${name}`).toBeUndefined()
    }
  }
})

test('everything that a user writes is bounded, or its rules would cost more than the API server allows', () => {
  expect(offenders(spec, ({ node }) => node.type === 'array' && node.maxItems === undefined)).toEqual([])
  expect(offenders(spec, ({ node }) => !!node.additionalProperties && node.maxProperties === undefined)).toEqual([])
  const text = ({ node }: Place): boolean => node.type === 'string' && node.enum === undefined
  expect(offenders(spec, (place) => text(place) && place.node.maxLength === undefined)).toEqual([])
  const whole = ({ node }: Place): boolean => node.type === 'integer'
  expect(offenders(spec, (p) => whole(p) && (p.node.minimum === undefined || p.node.maximum === undefined))).toEqual([])
})

test('defaults stand outside lists and maps only, and each is valid', () => {
  expect(offenders(places, ({ node, repeated }) => repeated && node.default !== undefined)).toEqual([])
  const defaults = places.filter(({ node }) => node.default !== undefined)
  expect(defaults.length).toBeGreaterThan(10)
  for (const { path, node } of defaults) {
    const at = path.slice(1).split('.')
    const manifest = laptop()
    put(manifest, at, node.default)
    if (path.startsWith('.spec.sink.'))
      (manifest.spec as Record<string, unknown>)['sink'] = withOnly(manifest, at[2] ?? '')
    expect(collector.safeParse(manifest).error?.issues ?? [], path).toEqual([])
  }
})

test('a description explains every field of the Collector that is not Kubernetes own', () => {
  const kubernetes = /\.metadata|\.(affinity|tolerations|topologySpreadConstraints)[.[]/
  const silent = places.filter(
    ({ path, node }) => !/[\]}]$/.test(path) && path !== '' && node.description === undefined,
  )
  expect(silent.map(({ path }) => path).filter((path) => !kubernetes.test(path))).toEqual([])
})

test('every rule has a sentence of one line that says what to write', () => {
  const rules = places.flatMap(({ node }) => node['x-kubernetes-validations'] ?? [])
  expect(rules.length).toBeGreaterThan(20)
  for (const { message, fieldPath = '.x' } of rules) {
    expect(message).toMatch(/^[^{}\n]+; (write|join|leave|add) [^\n]+\.$|write one|write lower/)
    expect(fieldPath).toMatch(/^\./)
  }
  for (const { path, node } of places) {
    for (const { fieldPath } of node['x-kubernetes-validations'] ?? []) {
      if (fieldPath !== undefined) expect(nodeAt(fieldPath.slice(1).split('.'), node), path + fieldPath).toBeDefined()
    }
  }
})

test('regular expressions mean the same to RE2 as to us', () => {
  const text = JSON.stringify(crd())
  expect(text).not.toMatch(/\(\?[=!<:]/)
  // Both know the general categories of Unicode, ours with the flag `u`, which `matching` asks for.
  expect(text.replaceAll(/\\+p\{[LN][ulmo]?\}/g, '')).not.toMatch(/\\\\[dDwWsSbBpPku1-9]/)
})

test('kubectl shows what an operator looks for, and can scale', () => {
  const { names, versions } = crd()['spec'] as {
    names: Record<string, unknown>
    versions: {
      additionalPrinterColumns: { name: string; jsonPath: string }[]
      subresources: Record<string, unknown>
    }[]
  }
  const [version] = versions
  expect(names).toMatchObject({ plural: 'collectors', shortNames: ['mpc'], categories: ['marketprism'] })
  expect(version?.additionalPrinterColumns.map(({ name }) => name)).toEqual([
    'Ready',
    'Shards',
    'Channels',
    'Live',
    'Stale',
    'Reason',
    'Age',
  ])
  expect(version?.subresources['status']).toEqual({})
  for (const path of Object.values(version?.subresources['scale'] as Record<string, string>)) {
    expect(nodeAt(path.slice(1).split('.')), path).toBeDefined()
  }
})

test('a node is found by its path, also through lists and maps, and never on the prototype', () => {
  expect(nodeAt(['spec', 'feeds', 3, 'types', 0])?.enum).toContain('trade')
  expect(nodeAt(['spec', 'podLabels', 'anything'])?.type).toBe('string')
  expect(nodeAt(['spec', 'constructor'])).toBeUndefined()
  expect(nodeAt(['spec', '__proto__', 'x'])).toBeUndefined()
  expect(nodeAt([])).toBe(schema)
})

function laptop(): Record<string, unknown> {
  return {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'laptop' },
    spec: {
      feeds: [{ exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }],
      sink: { nats: { servers: ['nats://nats:4222'] }, file: { volume: { size: '1Gi' } } },
      caBundle: { configMap: 'ca' },
    },
  }
}

function withOnly(manifest: Record<string, unknown>, kind: string): unknown {
  const sink = (manifest['spec'] as { sink: Record<string, unknown> }).sink
  return { [kind]: sink[kind] }
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const parent = path.slice(0, -1).reduce<Record<string, unknown>>((node, name) => {
    node[name] ??= {}
    return node[name] as Record<string, unknown>
  }, target)
  parent[path.at(-1) ?? ''] = value
  const spec = target['spec'] as Record<string, unknown>
  if (path[1] !== 'sink') spec['sink'] = { stdout: {} }
}
