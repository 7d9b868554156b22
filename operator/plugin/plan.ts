// `kubectl marketprism plan -f FILE`: what the operator would apply, without a cluster; with --diff, what would change.
//
// Always: the objects come from the operator's own functions; what a field becomes is asked of the API server, as a dry
// run of the very apply that the operator would send. Never: anything is changed.
import { stringify } from 'yaml'
import { escaped } from '../../crds/sentence.ts'
import { asciiJson, printable } from '../../collector/terminal/escape.ts'
import { ApiError, APPLY_TYPE, type KubeClient } from '../kube/client.ts'
import { differs, stamped } from '../kube/apply.ts'
import { type Kind, type KubeObject, pathOf } from '../kube/objects.ts'
import { COLLECTOR, isTemplateOf, KIND_OF, MADE } from '../collectors/kinds.ts'
import { idOf } from '../collectors/owned.ts'
import { summarySchema } from '../healing/summary.ts'
import { LABEL, MANAGER } from '../resources/labels.ts'
import { askPods } from './ask.ts'
import { changesOf, type FieldChange } from './changes.ts'
import type { Cluster } from './cluster.ts'
import { CLUSTER_FLAGS, CLUSTER_USAGE, Fault, type Io, isColored, outputOf, parse } from './command.ts'
import { factsIn, factsOf, servedIn } from './facts.ts'
import { collectorIn, namespaceOf } from './manifest.ts'
import { type Planned, planned } from './planned.ts'

export const PLAN_USAGE = `Usage: kubectl marketprism plan -f FILE [--diff] [-o yaml|json]
Prints the objects that the operator would apply for a manifest. Needs no cluster, and changes nothing.
  -f, --file FILE            the manifest; - for standard input
  --diff                     asks the cluster, and prints what would change there; exit code 1 where something would
  -o yaml|json               the form of the objects; yaml
  --collector-image IMAGE    image of a Collector that names none; with --diff, the operator's own when left out
  --operator-namespace NS    where the operator runs; marketprism, or with --diff where it is found
${CLUSTER_USAGE}`

const OPTIONS = {
  ...CLUSTER_FLAGS,
  file: { type: 'string', short: 'f' },
  diff: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  'collector-image': { type: 'string' },
  'operator-namespace': { type: 'string' },
} as const

type Flags = ReturnType<typeof parse<typeof OPTIONS>>['values']

export async function planCommand(args: readonly string[], io: Io): Promise<number> {
  const { values: flags, positionals } = parse(args, OPTIONS)
  const { file } = flags
  if (file === undefined || positionals.length > 0) {
    throw new Fault('the manifest is named by -f; write kubectl marketprism plan -f collector.yaml.')
  }
  const format = outputOf(flags.output, ['yaml', 'json'])
  const { collector, notes } = collectorIn(file, io)
  for (const note of notes) io.stderr.write(`note: ${note}\n`)
  if (flags.diff === true) {
    const { withCluster } = await import('./cluster.ts')
    return withCluster(flags, io, (cluster) => diff(cluster, flags, collector, format === 'json', io))
  }
  const namespace = namespaceOf(collector, flags.namespace, 'default')
  const plan = planned(collector, factsOf(flags), namespace)
  refuse(plan)
  io.stdout.write(format === 'json' ? jsonText(plan) : yamlText(plan))
  return 0
}

type Manifest = ReturnType<typeof collectorIn>['collector']

function refuse({ refusals }: Planned): void {
  if (refusals.length > 0) throw new Fault(`the operator would refuse it: ${refusals.join(' ')}`)
}

/** The plan as documents, each after what it is; above them what a person wants to know first. */
function yamlText(plan: Planned): string {
  const { objects } = plan
  const documents = objects.map(
    (object) => `---\n# ${idOf(object)}\n${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })}`,
  )
  const text = `${summaryLines(plan)
    .map((line) => `# ${line}\n`)
    .join('')}${documents.join('')}`
  return text.split('\n').map(escaped).join('\n')
}

function jsonText({ objects }: Planned): string {
  return `${asciiJson({ apiVersion: 'v1', kind: 'List', items: objects })}\n`
}

function summaryLines({ owner, shards, objects }: Planned): string[] {
  const { redundancy, paused } = owner.spec
  const publishers = redundancy === 1 ? 'one publisher each' : `${redundancy} publishers each`
  return [
    [
      `Collector ${owner.namespace}/${owner.name}: ${counted(shards.length, 'shard')}`,
      publishers,
      counted(objects.length, 'object'),
    ].join(', '),
    ...shards.map(({ name, channels }) => `  ${name}  ${counted(channels.length, 'named channel')}`),
    ...(paused ? ['spec.paused is true: nothing of it is applied until it is false.'] : []),
  ]
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

/** What becomes of one object. */
interface Change {
  readonly what: 'new' | 'changed' | 'removed'
  readonly id: string
  /** Whether its pod is replaced. */
  readonly rolls: boolean
  readonly fields: readonly FieldChange[]
}

async function diff(cluster: Cluster, flags: Flags, collector: Manifest, isJson: boolean, io: Io): Promise<number> {
  const { client } = cluster
  const namespace = namespaceOf(collector, flags.namespace, cluster.namespace)
  const { apis, kinds } = await servedIn(client)
  const there = await look(cluster, namespace, collector.metadata.name, kinds, io)
  const deployments = there.objects.filter(({ kind }) => kind === 'Deployment')
  const { facts, notes } = await factsIn(client, flags, { apis, deployments })
  const plan = planned(collector, facts, namespace, there)
  refuse(plan)
  const changes = await changesIn(client, plan)
  for (const note of notes) io.stderr.write(`note: ${printable(note)}\n`)
  if (isJson) io.stdout.write(`${asciiJson({ collector: collector.metadata.name, namespace, changes })}\n`)
  else io.stdout.write(diffText(plan, changes, isColored(io)))
  return changes.length === 0 ? 0 : 1
}

/** What there is of the Collector in the cluster. */
async function look(cluster: Cluster, namespace: string, name: string, optional: readonly Kind[], { signal }: Io) {
  const { client } = cluster
  const { allOf, ofCollector, runningOf } = await import('./cluster.ts')
  const collector = (await allOf(client, namespace)).find(({ metadata }) => metadata.name === name)
  const lists = await Promise.all([...MADE, ...optional].map((kind) => ofCollector(client, kind, namespace, name)))
  const objects = lists.flat().filter(({ metadata }) => metadata.labels?.[LABEL.managedBy] === MANAGER)
  const { pods } = await runningOf(client, { ...NOTHING, metadata: { name, namespace } })
  const answers = await askPods(cluster, pods, { path: 'summary', schema: summarySchema, signal })
  const summaries = new Map([...answers].flatMap(([uid, one]) => ('said' in one ? [[uid, one.said] as const] : [])))
  return { collector, objects, pods, summaries, nowMs: Date.now() }
}

const NOTHING = { apiVersion: `${COLLECTOR.group}/${COLLECTOR.version}`, kind: COLLECTOR.kind }

async function changesIn(client: KubeClient, { objects, live, removed }: Planned): Promise<Change[]> {
  const changes: Change[] = []
  for (const object of objects) {
    const id = idOf(object)
    const before = live.get(id)
    if (before === undefined) changes.push({ what: 'new', id, rolls: false, fields: [] })
    else {
      const path = differs(object, before)
      if (path === undefined) continue
      const fields = await fieldsOf(client, object, before, path)
      if (fields.length > 0) changes.push({ what: 'changed', id, rolls: isTemplateOf(object, before), fields })
    }
  }
  return [
    ...changes,
    ...removed.map((object) => ({ what: 'removed' as const, id: idOf(object), rolls: false, fields: [] })),
  ]
}

/** The fields that would change; only the first of them where dry runs are not permitted. */
async function fieldsOf(
  client: KubeClient,
  object: KubeObject,
  before: KubeObject,
  path: string,
): Promise<readonly FieldChange[]> {
  try {
    return changesOf(before, await dryRun(client, object))
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error
    return [{ path, before: UNKNOWN, after: UNKNOWN }]
  }
}

const UNKNOWN = '(you may not ask: no patch on it)'

/** The object as the API server would store it, were it applied by the operator. */
async function dryRun(client: KubeClient, object: KubeObject): Promise<KubeObject> {
  const kind = KIND_OF[object.kind]
  if (kind === undefined) throw new Error(`${object.kind} is not a kind that the operator makes`)
  return client.request<KubeObject>({
    method: 'PATCH',
    path: pathOf(kind, object.metadata.namespace, object.metadata.name),
    query: { fieldManager: MANAGER, force: 'true', dryRun: 'All' },
    body: stamped(object),
    contentType: APPLY_TYPE,
  })
}

const FIELDS_MAX = 30
const VALUE_MAX = 120
const MARKS = { new: '+', changed: '~', removed: '-' } as const
const COLORS = { new: '32', changed: '33', removed: '31' } as const

function diffText(plan: Planned, changes: readonly Change[], color: boolean): string {
  const { objects } = plan
  const same = objects.length - changes.filter(({ what }) => what !== 'removed').length
  const rest = `${counted(same, 'object')} would stay as ${same === 1 ? 'it is' : 'they are'}.`
  const lines = [
    ...summaryLines(plan),
    '',
    ...changes.flatMap((change) => changeLines(change, color)),
    changes.length === 0
      ? `Nothing would change: all ${objects.length} objects are as they would be applied.`
      : `${counted(changes.length, 'change')}; ${rest}`,
  ]
  return `${lines.join('\n')}\n`
}

function changeLines({ what, id, rolls, fields }: Change, color: boolean): string[] {
  const text = `${MARKS[what]} ${id.replace('/', ' ')}${rolls ? '   its pod is replaced' : ''}`
  const shown = fields.slice(0, FIELDS_MAX).map(({ path, before, after }) => {
    return `    ${printable(path)}: ${valueText(before)} -> ${valueText(after)}`
  })
  const more = fields.length > shown.length ? [`    and ${fields.length - shown.length} more`] : []
  return [color ? `\x1b[${COLORS[what]}m${text}\x1b[0m` : text, ...shown, ...more]
}

function valueText(value: unknown): string {
  if (value === undefined) return '(none)'
  return printable(typeof value === 'string' ? value : JSON.stringify(value), VALUE_MAX)
}
