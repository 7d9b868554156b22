// From the schema to the CustomResourceDefinition: the structural form of OpenAPI v3 that the API server takes.
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { API_VERSION, collector, GROUP, KIND } from './collector.ts'
import type { Validation } from './schema.ts'

/** A node of the schema: what zod says of it, with our marks (`example`) and Kubernetes' (`x-kubernetes-…`). */
export interface SchemaNode {
  type?: string
  description?: string
  default?: unknown
  example?: string
  enum?: string[]
  pattern?: string
  format?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  maxProperties?: number
  items?: SchemaNode
  properties?: Record<string, SchemaNode>
  required?: string[]
  additionalProperties?: SchemaNode | boolean
  'x-kubernetes-int-or-string'?: boolean
  'x-kubernetes-list-type'?: string
  'x-kubernetes-list-map-keys'?: string[]
  'x-kubernetes-validations'?: Validation[]
}

/** The order of a node's fields in the file: what a reader looks for first. */
const ORDER: readonly (keyof SchemaNode)[] = [
  'description',
  'type',
  'x-kubernetes-int-or-string',
  'format',
  'enum',
  'pattern',
  'default',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
  'required',
  'properties',
  'items',
  'additionalProperties',
]

/** The whole schema as zod says it: every default, examples, strictness. What docs and messages read. */
export const schema = z.toJSONSchema(collector, { target: 'openapi-3.0', io: 'input' }) as SchemaNode

/** The node at a path such as `['spec', 'feeds', 0, 'types']`; undefined where the schema has none. */
export function nodeAt(path: readonly PropertyKey[], from: SchemaNode = schema): SchemaNode | undefined {
  let node: SchemaNode | undefined = from
  for (const part of path) {
    const { additionalProperties: values, properties = {} }: SchemaNode = node
    if (typeof part === 'number') node = node.items
    else if (Object.hasOwn(properties, String(part))) node = properties[String(part)]
    else node = typeof values === 'object' ? values : undefined
    if (node === undefined) return undefined
  }
  return node
}

/**
 * The structural form of a node. Defaults inside lists and maps are left out (the code fills them in): a server that
 * fills them in makes tools that compare with Git see a difference for ever.
 */
export function structural(node: SchemaNode, repeated = false): SchemaNode {
  const out: SchemaNode = { ...node }
  if (repeated) delete out.default
  if (out.minimum === Number.MIN_SAFE_INTEGER) delete out.minimum
  if (out.maximum === Number.MAX_SAFE_INTEGER) delete out.maximum
  if (node.items !== undefined) out.items = structural(node.items, true)
  if (typeof node.additionalProperties === 'object' && node.properties === undefined) {
    out.additionalProperties = structural(node.additionalProperties, true)
  } else {
    delete out.additionalProperties
  }
  if (node.properties !== undefined) {
    const entries = Object.entries(node.properties).map(([name, each]) => [name, structural(each, repeated)])
    out.properties = Object.fromEntries(entries) as Record<string, SchemaNode>
    if (isDeepStrictEqual(out.properties, {})) delete out.properties
  }
  return Object.fromEntries(ORDER.filter((key) => out[key] !== undefined).map((key) => [key, out[key]]))
}

/** The CustomResourceDefinition, ready to be written as YAML. */
export function crd(): Record<string, unknown> {
  const root = structural(schema)
  // Of metadata the API server lets a CRD bound the name only; the rest is its own.
  root.properties = {
    ...root.properties,
    metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 253 } } },
  }
  const plural = 'collectors'
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${GROUP}`,
      // Helm deletes what a release no longer has: it must never take this, and with it all Collectors, whoever applied it.
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural,
        singular: 'collector',
        shortNames: ['mpc'],
        categories: ['marketprism'],
      },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: COLUMNS,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.shards',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.selector',
            },
          },
          schema: { openAPIV3Schema: root },
        },
      ],
    },
  }
}

const COLUMNS = [
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Shards', type: 'integer', jsonPath: '.status.replicas' },
  { name: 'Channels', type: 'integer', jsonPath: '.status.channels.total' },
  { name: 'Live', type: 'integer', jsonPath: '.status.channels.live' },
  { name: 'Stale', type: 'integer', jsonPath: '.status.channels.stale' },
  { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
]
