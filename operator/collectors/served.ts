// Whether the API server and this operator mean the same by a Collector: either may be of another version.
//
// Always: what can be done is done. A field that the server's CustomResourceDefinition lacks it drops from what users
// write, and one that this operator does not know it does without; both are named. Never: reads the definition itself,
// for which an operator of a few namespaces has no right: what is served says the same to everyone.
import { schema, type SchemaNode, structural } from '../../crds/crd.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Clock } from '../kube/clock.ts'
import { servedSchema, type ServedSchema } from '../kube/discovery.ts'
import { COLLECTOR } from './kinds.ts'
import type { Problem } from './status.ts'

const EVERY_MS = 60_000
/** More than these are counted, not named. */
const NAMED_MAX = 5

/** Fields of ours that a served schema lacks, the uppermost of each branch: `spec.selfHealing`. */
export function unservedFields(served: ServedSchema): string[] {
  const { spec, status } = structural(schema).properties ?? {}
  return missing({ type: 'object', properties: { ...(spec && { spec }), ...(status && { status }) } }, served, '')
}

function missing(ours: SchemaNode, served: ServedSchema, path: string): string[] {
  if (served['x-kubernetes-preserve-unknown-fields'] === true) return []
  const fields = Object.entries(ours.properties ?? {}).flatMap(([name, node]) => {
    const at = path === '' ? name : `${path}.${name}`
    const found = served.properties?.[name]
    return found === undefined ? [at] : missing(node, found, at)
  })
  const { items, additionalProperties: values } = ours
  const below = items !== undefined ? served.items : served.additionalProperties
  const node = items ?? (typeof values === 'object' ? values : undefined)
  const more = node === undefined || typeof below !== 'object' ? [] : missing(node, below, `${path}[]`)
  return [...fields, ...more]
}

/** What a person must know where versions differ, of one Collector. */
export function versionProblems(unknown: readonly string[], unserved: readonly string[]): Problem[] {
  return [
    ...problem('UnknownField', unknown, (fields) => {
      return `This operator is older than the manifest: it does not know ${fields}, and does without; upgrade it.`
    }),
    ...problem('DefinitionOutdated', unserved, (fields) => {
      return (
        'The CustomResourceDefinition in the cluster is older than this operator: the API server drops ' +
        `${fields}; upgrade the chart, or kubectl apply -f crds/.`
      )
    }),
  ]
}

function problem(reason: string, fields: readonly string[], says: (fields: string) => string): Problem[] {
  if (fields.length === 0) return []
  const more = fields.length > NAMED_MAX ? ` and ${fields.length - NAMED_MAX} more` : ''
  return [{ reason, message: says(`${fields.slice(0, NAMED_MAX).join(', ')}${more}`) }]
}

export interface ServedWatch {
  /** {@link unservedFields}, as last seen; none while nothing is known. */
  readonly current: readonly string[]
  /** Looks now, and then again and again; nothing waits for it. */
  start(): void
  close(): void
}

export interface ServedOptions {
  readonly client: Pick<KubeClient, 'request'>
  readonly clock: Clock
  /** What the API server serves is another now. */
  readonly onChange: () => void
}

/** Looks each minute what the API server serves. */
export function watchServed({ client, clock, onChange }: ServedOptions): ServedWatch {
  let current: readonly string[] = []
  let timer: ReturnType<Clock['setTimeout']> | undefined
  let isClosed = false
  const look = async (): Promise<void> => {
    const before = current.join()
    // A server that does not answer has not changed.
    const served = await servedSchema(client, COLLECTOR).catch(() => undefined)
    if (isClosed) return
    if (served !== undefined) current = unservedFields(served)
    timer = clock.setTimeout(() => void look(), EVERY_MS)
    if (current.join() !== before) onChange()
  }
  return {
    get current() {
      return current
    },
    start: () => void look(),
    close() {
      isClosed = true
      clock.clearTimeout(timer)
    },
  }
}
