// JSON schemas for kubeconform from what an API server says of its objects (OpenAPI v2).
import type { Rendered } from './helm.ts'

interface Schema {
  readonly [keyword: string]: unknown
}
interface OpenApi {
  readonly definitions: Readonly<Record<string, Schema>>
}
interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

const REF = '#/definitions/'

/** A schema for the kind of each object, by the name of its file. @throws Error where the server does not know one */
export function schemasOf(openApi: object, objects: readonly Rendered[]): Map<string, Schema> {
  const { definitions } = openApi as OpenApi
  return new Map(
    objects.map(({ apiVersion, kind }) => {
      const [version = '', group = ''] = apiVersion.split('/').toReversed()
      const [name] = Object.entries(definitions).find(([, each]) => isOf(each, { group, version, kind })) ?? []
      if (name === undefined) throw new Error(`the API server does not know ${apiVersion} ${kind}`)
      // As kubeconform calls it: `service-v1.json`, `role-rbac-v1.json`.
      const file = [kind.toLowerCase(), ...(group === '' ? [] : [group.replace(/\..*/, '')]), version].join('-')
      return [`${file}.json`, { $ref: REF + name, definitions: closure(definitions, name) }]
    }),
  )
}

function isOf(schema: Schema, { group, version, kind }: GroupVersionKind): boolean {
  const kinds = (schema['x-kubernetes-group-version-kind'] ?? []) as readonly GroupVersionKind[]
  return kinds.some((each) => each.group === group && each.version === version && each.kind === kind)
}

/** The definition and all that it is made of, strict: a field that is not known is wrong. */
function closure(definitions: OpenApi['definitions'], name: string): Record<string, Schema> {
  const all: Record<string, Schema> = {}
  const waiting = [name]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (all[next] !== undefined) continue
    const schema = definitions[next] ?? {}
    all[next] = strict(schema)
    for (const [, ref = ''] of JSON.stringify(schema).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)) waiting.push(ref)
  }
  return all
}

function strict(schema: Schema): Schema {
  if (schema['format'] === 'int-or-string') return { type: ['string', 'integer'] }
  const properties = schema['properties'] as Readonly<Record<string, Schema>> | undefined
  const { items, additionalProperties } = schema as { items?: Schema; additionalProperties?: Schema }
  return {
    ...schema,
    ...(items && { items: strict(items) }),
    ...(additionalProperties && { additionalProperties: strict(additionalProperties) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, strict(value)])),
      additionalProperties: false,
    }),
  }
}
