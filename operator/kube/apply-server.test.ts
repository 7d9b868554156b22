// What a real API server makes of what it is applied, and whether our tables are its.
import { expect, test } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { ALL, DEPLOYED } from '../../test/kubernetes/desired.ts'
import { APPLIED, differs, stamped } from './apply.ts'
import { openClient } from './client.ts'
import { DEPLOYMENT, type KubeObject } from './objects.ts'
import { isWhole, listKeys } from './schema.ts'

describeWithControlPlane('what a real API server makes of it', {}, (plane) => {
  test.for(ALL.map(([kind, desired]) => [desired.kind, kind, desired] as const))(
    'a %s that was applied does not differ, and neither does it applied again',
    async ([, kind, desired]) => {
      const client = await openClient({ config: plane().config(), userAgent: 'apply-test', fieldManager: 'apply-test' })
      const namespace = await plane().createNamespace()
      const wanted = { ...desired, metadata: { ...desired.metadata, namespace } }
      for (let times = 0; times < 2; times += 1) {
        await client.apply(kind, stamped(wanted))
        expect(differs(wanted, await client.get(kind, namespace, 'one'))).toBeUndefined()
      }
      await client.close()
    },
  )

  test('a field that is no longer wanted goes, and then nothing differs', async () => {
    const client = await openClient({ config: plane().config(), userAgent: 'apply-test', fieldManager: 'apply-test' })
    const namespace = await plane().createNamespace()
    const metadata = { ...DEPLOYED.metadata, namespace }
    const before = structuredClone({ ...DEPLOYED, metadata }) as unknown as Deployed
    before.spec.template.spec.hostname = 'wanted-once'
    await client.apply(DEPLOYMENT, stamped(before as unknown as KubeObject))
    const now = { ...DEPLOYED, metadata }
    expect(differs(now, await client.get(DEPLOYMENT, namespace, 'one'))).toBe(`metadata.annotations['${APPLIED}']`)
    await client.apply(DEPLOYMENT, stamped(now))
    const after = await client.get<KubeObject & Deployed>(DEPLOYMENT, namespace, 'one')
    expect(differs(now, after)).toBeUndefined()
    expect(after?.spec.template.spec.hostname).toBeUndefined()
    await client.close()
  })

  test("our tables of lists and maps are those of the server's OpenAPI document", async () => {
    const client = await openClient({ config: plane().config(), userAgent: 'apply-test', fieldManager: 'apply-test' })
    const api = await client.request<OpenApi>({ method: 'GET', path: '/openapi/v2', timeoutMs: 60_000 })
    await client.close()
    const roots = ['apps.v1.Deployment', 'core.v1.Service', 'core.v1.ConfigMap', 'core.v1.ServiceAccount']
    roots.push('core.v1.PersistentVolumeClaim', 'networking.v1.NetworkPolicy', 'policy.v1.PodDisruptionBudget')
    const wrong = roots.flatMap((name) => wrongIn(api, `io.k8s.api.${name}`, []))
    expect([...new Set(wrong)]).toEqual([])
  })
})

interface Deployed {
  readonly spec: { readonly template: { readonly spec: { hostname?: string } } }
}

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly type?: string
  readonly 'x-kubernetes-list-type'?: string
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-map-type'?: string
}
interface OpenApi {
  readonly definitions: Readonly<Record<string, Schema>>
}

/** Where our tables say of a list or map below a type what the server does not. */
function wrongIn(api: OpenApi, type: string, path: readonly string[]): string[] {
  const { properties = {} } = api.definitions[type] ?? {}
  return Object.entries(properties).flatMap(([field, schema]) => {
    const at = [...path, field]
    if (at[0] === 'metadata' || at[0] === 'status' || path.length > 16) return []
    const said = schema['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined
    const ours = schema.type === 'array' ? listKeys(at, true) : undefined
    const isListWrong = JSON.stringify(said) !== JSON.stringify(ours)
    const ref = (schema.$ref ?? schema.items?.$ref)?.replace('#/definitions/', '')
    const target = ref === undefined ? undefined : api.definitions[ref]
    const map = schema['x-kubernetes-map-type'] ?? target?.['x-kubernetes-map-type']
    const isMapWrong = isWhole(at, true) && map !== 'atomic'
    const here = isListWrong ? [`${at.join('.')}: keys are ${said?.join(',')}, not ${ours?.join(',')}`] : []
    if (isMapWrong) here.push(`${at.join('.')}: a map of the kind ${map}`)
    const item = schema.items === undefined ? at : [...at, '[item]']
    return [...here, ...(ref === undefined ? [] : wrongIn(api, ref, item))]
  })
}
