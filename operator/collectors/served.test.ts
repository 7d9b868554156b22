// Versions of the operator and of the CustomResourceDefinition that are not those of each other.
import { expect, test, vi } from 'vitest'
import { checkStored, pathText } from '../../crds/faults.ts'
import { crd, type SchemaNode } from '../../crds/crd.ts'
import { VirtualClock } from '../../collector/connection/clock.ts'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { hurriedClock, openHouse, SPEC, WAIT } from '../../test/kubernetes/house.ts'
import { SHORTEST } from '../../test/support/manifests.ts'
import { servedSchema } from '../kube/discovery.ts'
import { COLLECTOR } from './kinds.ts'
import { unservedFields, versionProblems, watchServed } from './served.ts'

/** The definition as another version of ours might have it. */
function definition(change: (root: SchemaNode) => void): object {
  const changed = structuredClone(crd()) as { spec: { versions: [{ schema: { openAPIV3Schema: SchemaNode } }] } }
  change(changed.spec.versions[0].schema.openAPIV3Schema)
  return changed
}

function rootOf(object: object): SchemaNode {
  return (object as { spec: { versions: [{ schema: { openAPIV3Schema: SchemaNode } }] } }).spec.versions[0].schema
    .openAPIV3Schema
}

function fieldsOf(root: SchemaNode, ...path: readonly string[]): Record<string, SchemaNode> {
  const node = path.reduce<SchemaNode | undefined>((at, name) => {
    return name === '[]' ? at?.items : at?.properties?.[name]
  }, root)
  if (node?.properties === undefined) throw new Error(`no fields at ${path.join('.')}`)
  return node.properties
}

/** Without some fields: one of the spec, one inside a list, one of the status. */
const older = (root: SchemaNode): void => {
  delete fieldsOf(root, 'spec')['selfHealing']
  delete fieldsOf(root, 'spec', 'feeds', '[]')['proxy']
  delete fieldsOf(root, 'status')['healing']
}
const newer = (root: SchemaNode): void => {
  fieldsOf(root, 'spec')['novelty'] = { type: 'boolean' }
  fieldsOf(root, 'spec', 'feeds', '[]')['colour'] = { type: 'string', maxLength: 9 }
}

test('our own definition lacks nothing; of another the uppermost of what is missing is named', () => {
  expect(unservedFields(rootOf(crd()))).toEqual([])
  expect(unservedFields(rootOf(definition(newer)))).toEqual([])
  expect(unservedFields(rootOf(definition(older)))).toEqual([
    'spec.feeds[].proxy',
    'spec.selfHealing',
    'status.healing',
  ])
  expect(unservedFields({ 'x-kubernetes-preserve-unknown-fields': true })).toEqual([])
})

test('fields that are not known are left out and named, and what else is wrong is still said', () => {
  const [feed] = SHORTEST.spec.feeds
  const spec = { ...SHORTEST.spec, novelty: { deep: 1 }, feeds: [{ ...feed, colour: 'red' }] }
  const taken = checkStored({ ...SHORTEST, spec })
  expect(taken.faults).toEqual([])
  expect(taken.unknown.map(pathText).toSorted()).toEqual(['spec.feeds[0].colour', 'spec.novelty'])
  expect(taken.collector).toEqual(checkStored(SHORTEST).collector)
  const wrong = checkStored({ ...SHORTEST, spec: { ...spec, shards: 0 } })
  expect(wrong.faults.map(({ path }) => pathText(path))).toEqual(['spec.shards'])
})

test('a few fields are named, the others counted', () => {
  expect(versionProblems([], [])).toEqual([])
  const [problem] = versionProblems([], ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
  expect(problem?.reason).toBe('DefinitionOutdated')
  expect(problem?.message).toContain('drops a, b, c, d, e and 2 more; upgrade the chart')
})

test('looks each minute; a server that does not answer has not changed', async () => {
  const clock = new VirtualClock()
  const answers = [older, undefined, older, newer]
  let changes = 0
  const client = {
    request: <T>() => {
      const change = answers.shift()
      if (change === undefined) return Promise.reject(new Error('away'))
      const of = { 'x-kubernetes-group-version-kind': [{ kind: 'Collector' }], ...rootOf(definition(change)) }
      return Promise.resolve({ components: { schemas: { other: {}, of } } } as T)
    },
  }
  const watch = watchServed({ client, clock, onChange: () => (changes += 1) })
  watch.start()
  await clock.advance(1_000)
  expect([watch.current.includes('spec.selfHealing'), changes]).toEqual([true, 1])
  await clock.advance(120_000)
  expect([watch.current.includes('spec.selfHealing'), changes]).toEqual([true, 1])
  await clock.advance(60_000)
  expect([watch.current, changes]).toEqual([[], 2])
  watch.close()
  await clock.advance(600_000)
  expect(clock.waiting).toBe(0)
})

describeWithControlPlane('a CustomResourceDefinition', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 120_000 })

  test('that is older than the operator: Collectors run, each says what is dropped, and all is well after an upgrade', async () => {
    await plane().installCrds()
    await install(plane(), definition(older))
    await using house = await openHouse(plane(), {
      isInstalled: true,
      more: { clocks: { caches: hurriedClock(20) } },
    })
    await house.apply('majors', SPEC)
    await house.settled('majors')
    await house.says('majors', 'Degraded', { status: 'True', reason: 'DefinitionOutdated' })
    const { message } = (await house.condition('majors', 'Degraded')) ?? {}
    expect(message).toContain('spec.feeds[].proxy, spec.selfHealing, status.healing')
    expect(await house.condition('majors', 'Ready')).toMatchObject({ status: 'True' })
    await install(plane(), crd())
    await house.says('majors', 'Degraded', { status: 'False', reason: 'AsExpected' })
    const events = (await house.events('majors')).map(({ reason }) => reason)
    expect(events.filter((reason) => reason === 'DefinitionOutdated')).toHaveLength(1)
    expect((await house.deployments()).map(({ metadata }) => metadata.generation)).toEqual([1])
  })

  test('that is newer: what is not known is named, and everything else is done', async () => {
    await plane().installCrds()
    await install(plane(), definition(newer))
    await using house = await openHouse(plane(), { isInstalled: true })
    const [feed] = SPEC.feeds
    await house.apply('majors', { ...SPEC, novelty: true, feeds: [{ ...feed, colour: 'red' }] })
    await house.settled('majors')
    await house.says('majors', 'Degraded', { status: 'True', reason: 'UnknownField' })
    const { message } = (await house.condition('majors', 'Degraded')) ?? {}
    expect(message).toMatch(/spec\.(novelty|feeds\[0\]\.colour), spec\.(novelty|feeds\[0\]\.colour)/)
    expect(JSON.stringify(await house.documents())).not.toContain('colour')
    // An edit of what it knows is carried out.
    await house.apply('majors', { ...SPEC, novelty: true, redundancy: 2 })
    await house.settled('majors')
    expect(await house.deployments()).toHaveLength(2)
    await house.apply('majors', SPEC)
    await house.says('majors', 'Degraded', { status: 'False' })
  })
})

/** Resolves when the API server serves it so. */
async function install(plane: ControlPlane, definitionOf: object): Promise<void> {
  const name = 'collectors.marketprism.io'
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}?fieldManager=test&force=true`
  const { status, body } = await plane.request<{ message?: string }>('PATCH', path, JSON.stringify(definitionOf))
  expect([status, body.message]).toEqual([200, undefined])
  const client = {
    request: async <T>({ path: at }: { path: string }) => (await plane.request<T>('GET', at)).body,
  }
  const wanted = fieldNames(rootOf(definitionOf))
  await vi.waitFor(async () => expect(fieldNames((await servedSchema(client, COLLECTOR)) ?? {})).toEqual(wanted), WAIT)
}

function fieldNames(root: Pick<SchemaNode, 'properties'>): string[] {
  const spec = root.properties?.['spec']?.properties ?? {}
  return [...Object.keys(spec), ...Object.keys(root.properties?.['status']?.properties ?? {})].toSorted()
}
