// docs/collector.md: every field of the Collector, from the same schema that checks it.
import { API_VERSION, GROUP, KIND } from './collector.ts'
import { schema, type SchemaNode } from './crd.ts'
import type { Path } from './schema.ts'
import { actorOf, SPOKEN } from './support.ts'

/** One field, with all that the page says of it. */
interface Row {
  readonly path: Path
  readonly node: SchemaNode
  readonly required: boolean
}

/** The reference page, as Markdown: a section for the whole, one for `spec`, one for each field of it that has fields. */
export function reference(): string {
  const { spec = {}, status = {}, ...head } = schema.properties ?? {}
  const top: SchemaNode = {
    properties: { ...head, spec: bare(spec), status: bare(status) },
    required: schema.required ?? [],
  }
  const parts = Object.entries(spec.properties ?? {}).filter(([, node]) => fieldsOf(node) !== undefined)
  return [
    INTRODUCTION,
    section('Collector', below(top, [])),
    section('spec', ownRows(spec, ['spec'])),
    ...parts.map(([name, node]) => section(`spec.${name}`, below(node, ['spec', name]))),
    section('status', below(status, ['status'])),
  ].join('\n')
}

const INTRODUCTION = `<!-- Generated from crds/collector.ts by \`npm run generate\`. Do not edit. -->

# The Collector

\`apiVersion: ${GROUP}/${API_VERSION}\`, \`kind: ${KIND}\`. A manifest is checked alike by the API server and by
\`marketprism validate -f FILE\`; examples are in [examples](../examples).

- \`*\` marks what must be there.
- **Default**: what holds where the field is absent. Defaults inside lists are filled in by the collector and do not show
  in the cluster.
- **By**: who acts on the field in this version. \`collector\`: the collector, in a cluster and with \`marketprism run\`.
  \`operator\`: the operator only; \`marketprism run\` names what it does not act on.
- Secrets are read from \`/etc/marketprism/secrets/NAME/KEY\`, where the operator mounts them; outside a cluster from below
  the folder that \`MARKETPRISM_SECRETS_DIR\` names.
- Durations are a number and \`s\`, \`m\` or \`h\`; sizes a number and \`Ki\`, \`Mi\`, \`Gi\` or \`Ti\`.
- This version speaks the exchanges ${code(SPOKEN)}, with all markets and types that they have. Other exchanges of the list
  below are accepted and named in a note.
`

function section(title: string, list: readonly Row[]): string {
  const head = '| Field | Type | Default | Bounds | By | Meaning |\n|---|---|---|---|---|---|'
  return [`## ${title}\n`, head, ...list.map(line), ...rules(list)].join('\n') + '\n'
}

function line({ path, node, required }: Row): string {
  const name = `\`${text(path)}\`${required ? ' *' : ''}`
  const otherwise = node.default === undefined || node.type === 'object' ? '' : code([defaultText(node.default)])
  return `| ${[name, typeText(node), otherwise, bounds(node), actorOf(path) ?? '', node.description ?? ''].join(' | ')} |`
}

/** The sentences of the rules, each once, with the fields for which they hold. */
function rules(list: readonly Row[]): string[] {
  const fields = new Map<string, string[]>()
  for (const { path, node } of list) {
    for (const [at, each] of [
      [path, node],
      [[...path, 0], node.items],
    ] as const) {
      for (const { message, fieldPath = '' } of each?.['x-kubernetes-validations'] ?? []) {
        fields.set(message, [...(fields.get(message) ?? []), text(at) + fieldPath])
      }
    }
  }
  if (fields.size === 0) return []
  const lines = [...fields].map(([message, names]) => {
    const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
    return `- ${code(names.slice(0, 3))}${more}: ${message}`
  })
  return ['\nRefused, with these words:\n', ...lines]
}

/** All fields below a node, depth first. */
function below(node: SchemaNode, path: Path): Row[] {
  const { properties = {}, required = [] } = fieldsOf(node) ?? {}
  const at = node.items === undefined ? path : [...path, 0]
  return Object.entries(properties).flatMap(([name, each]) => [
    { path: [...at, name], node: each, required: required.includes(name) },
    ...below(each, [...at, name]),
  ])
}

/** The fields of a node, without theirs. */
function ownRows(node: SchemaNode, path: Path): Row[] {
  return below(node, path).filter((row) => row.path.length === path.length + 1)
}

/** The node that has the fields: the node itself, or the entries of a list. */
function fieldsOf(node: SchemaNode): SchemaNode | undefined {
  const holder = node.items ?? node
  return holder.properties === undefined || Object.keys(holder.properties).length === 0 ? undefined : holder
}

function bare(node: SchemaNode | undefined): SchemaNode {
  return { type: 'object', ...(node?.description !== undefined && { description: node.description }) }
}

function typeText(node: SchemaNode): string {
  if (node['x-kubernetes-int-or-string'] === true) return 'quantity'
  if (node.enum !== undefined) return code(node.enum)
  if (node.items !== undefined) return `list of ${typeText(node.items)}`
  if (typeof node.additionalProperties === 'object' && node.properties === undefined) {
    return `map of ${typeText(node.additionalProperties)}`
  }
  if (node.type === 'string') return 'text'
  return node.type === 'object' ? 'map' : (node.type ?? '')
}

function defaultText(value: unknown): string {
  return JSON.stringify(value).replaceAll('"', '')
}

function bounds(node: SchemaNode): string {
  const { minimum, maximum, minItems = 0, maxItems, maxLength, maxProperties } = node
  if (maxItems !== undefined) return `${minItems} to ${maxItems} entries`
  if (maxProperties !== undefined) return `up to ${maxProperties} entries`
  if (node.type === 'integer' && maximum !== Number.MAX_SAFE_INTEGER) return `${minimum} to ${maximum}`
  return maxLength === undefined ? '' : `up to ${maxLength} characters`
}

function code(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}

function text(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? '[]' : `.${part}`))
    .join('')
    .slice(1)
}
