// Which kinds the API server serves: those of other operators may be missing, and may come later.
import { ApiError, type KubeClient } from './client.ts'
import { apiVersionOf, type Kind } from './objects.ts'

/** Those of the kinds that are served now; each group is asked for once. */
export async function servedKinds(client: Pick<KubeClient, 'request'>, kinds: readonly Kind[]): Promise<Set<Kind>> {
  const groups = new Map(kinds.map((kind) => [apiVersionOf(kind), pathOfGroup(kind)]))
  const asked = [...groups].map(async ([group, path]) => [group, await namesAt(client, path)] as const)
  const names = new Map(await Promise.all(asked))
  return new Set(kinds.filter((kind) => names.get(apiVersionOf(kind))?.has(kind.plural) === true))
}

/** A schema as far as fields are compared. */
export interface ServedSchema {
  readonly properties?: Readonly<Record<string, ServedSchema>>
  readonly items?: ServedSchema
  readonly additionalProperties?: ServedSchema | boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
}

interface OpenApi {
  readonly components?: { readonly schemas?: Readonly<Record<string, ServedSchema & Described>> }
}

interface Described {
  readonly 'x-kubernetes-group-version-kind'?: readonly { readonly kind: string }[]
}

/** The schema of a kind by which the API server drops fields; undefined where it serves none. */
export async function servedSchema(client: Pick<KubeClient, 'request'>, kind: Kind): Promise<ServedSchema | undefined> {
  const { components } = await client.request<OpenApi>({ method: 'GET', path: `/openapi/v3${pathOfGroup(kind)}` })
  return Object.values(components?.schemas ?? {}).find((schema) =>
    schema['x-kubernetes-group-version-kind']?.some((one) => one.kind === kind.kind),
  )
}

function pathOfGroup(kind: Kind): string {
  return `${kind.group === '' ? '/api' : '/apis'}/${apiVersionOf(kind)}`
}

async function namesAt(client: Pick<KubeClient, 'request'>, path: string): Promise<Set<string>> {
  try {
    const { resources } = await client.request<{ resources: { name: string }[] }>({ method: 'GET', path })
    return new Set(resources.map(({ name }) => name))
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return new Set()
    throw error
  }
}
