// `kubectl marketprism logs NAME`: what the pods of a Collector write, each line with the name of its pod before it.
//
// In: the log of each pod, by the API server. Out: lines. Always: with -f a stream that ends goes on after the last
// line that was shown, and pods that come later are followed, too; a line is harmless for a terminal and bounded.
import { setTimeout as pause } from 'node:timers/promises'
import { escaped } from '../../crds/sentence.ts'
import { ApiError, type KubeClient } from '../kube/client.ts'
import { type KubeObject, pathOf, POD } from '../kube/objects.ts'
import { placeOf } from '../collectors/publishing.ts'
import { type Cluster, collectorNamed, runningOf, withCluster } from './cluster.ts'
import { CLUSTER_FLAGS, CLUSTER_USAGE, Fault, type Io, isColored, numberOf, oneName, parse } from './command.ts'

export const LOGS_USAGE = `Usage: kubectl marketprism logs NAME [--shard N] [-f] [--tail N] [--previous]
What the pods of a Collector write.
  --shard N           only the pods of this shard
  -f, --follow        goes on, also with pods that come later
  --tail N            lines of each pod to begin with; 20 with -f, else all
  -p, --previous      what the containers wrote before they were started anew
${CLUSTER_USAGE}`

const OPTIONS = {
  ...CLUSTER_FLAGS,
  shard: { type: 'string' },
  follow: { type: 'boolean', short: 'f' },
  tail: { type: 'string' },
  previous: { type: 'boolean', short: 'p' },
} as const

const TAIL_OF_FOLLOWED = 20
const LINE_MAX = 16_384
const SHARD_MAX = 99
const LOOK_MS = 2_000
const CONTAINER = 'collector'
const COLORS = ['36', '33', '32', '35', '34', '31']

interface Asked {
  readonly follow: boolean
  readonly tail: number | undefined
  readonly previous: boolean
}

export async function logsCommand(args: readonly string[], io: Io): Promise<number> {
  const { values: flags, positionals } = parse(args, OPTIONS)
  const name = oneName(positionals, 'logs majors')
  const shard = numberOf('shard', flags.shard, SHARD_MAX)
  const follow = flags.follow === true
  const tail = numberOf('tail', flags.tail, 1_000_000) ?? (follow ? TAIL_OF_FOLLOWED : undefined)
  const asked = { follow, tail, previous: flags.previous === true }
  if (follow && asked.previous) throw new Fault('what was before cannot be followed; leave out -f or --previous.')
  return withCluster(flags, io, async (cluster) => {
    const collector = await collectorNamed(cluster, name)
    const podsNow = () => podsOf(cluster, collector, shard)
    const pods = await podsNow()
    if (pods.length === 0 && !follow) {
      const of = shard === undefined ? '' : ` of shard ${shard}`
      throw new Fault(`${name} has no pod${of}; kubectl marketprism status ${name} says why.`)
    }
    const print = printer(io)
    if (follow) return followAll(cluster, podsNow, asked, print, io)
    const failures = await Promise.all(pods.map((pod) => whole(cluster, pod, asked, print, io)))
    return failures.every((failed) => !failed) ? 0 : 1
  })
}

async function podsOf(cluster: Cluster, collector: KubeObject, shard: number | undefined): Promise<KubeObject[]> {
  const { pods } = await runningOf(cluster.client, collector)
  return pods
    .filter((pod) => shard === undefined || placeOf(pod).shard === shard)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

type Print = (pod: KubeObject, line: string) => void

/** Writes lines, each pod in a colour of its own where there are colours. */
function printer(io: Io): Print {
  const heads = new Map<string, string>()
  return ({ metadata: { name } }, line) => {
    let head = heads.get(name)
    if (head === undefined) {
      const color = COLORS[heads.size % COLORS.length] ?? ''
      head = isColored(io) ? `\x1b[${color}m${escaped(name)} |\x1b[0m` : `${escaped(name)} |`
      heads.set(name, head)
    }
    const text = line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line
    io.stdout.write(`${head} ${escaped(text)}\n`)
  }
}

/** The log of one pod, as far as it is. @returns whether it could not be had */
async function whole({ client }: Cluster, pod: KubeObject, asked: Asked, print: Print, io: Io): Promise<boolean> {
  try {
    for await (const line of linesOf(client, pod, queryOf(asked, undefined), io.signal)) print(pod, line.text)
    return false
  } catch (error) {
    io.signal.throwIfAborted()
    io.stderr.write(`${escaped(pod.metadata.name)}: no log: ${escaped((error as Error).message.slice(0, 300))}\n`)
    return true
  }
}

/** Follows each pod that there is and that comes, until Ctrl-C. */
async function followAll(
  { client }: Cluster,
  podsNow: () => Promise<KubeObject[]>,
  asked: Asked,
  print: Print,
  { signal }: Io,
): Promise<number> {
  /** Time of the last line that was shown, of each pod that was followed. */
  const last = new Map<string, string>()
  const running = new Map<string, Promise<void>>()
  while (!signal.aborted) {
    for (const pod of await podsNow().catch(ifAway)) {
      const uid = pod.metadata.uid ?? ''
      if (running.has(uid)) continue
      const one = followOne(client, pod, asked, last, print, signal).finally(() => running.delete(uid))
      running.set(uid, one)
    }
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
  await Promise.all(running.values())
  return 0
}

/** The API server may be away for a while; that one may not ask it does not mend itself. */
function ifAway(error: unknown): KubeObject[] {
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) throw error
  return []
}

/** Follows a pod until its stream ends; whoever begins it again goes on after the last line. */
async function followOne(
  client: KubeClient,
  pod: KubeObject,
  asked: Asked,
  last: Map<string, string>,
  print: Print,
  signal: AbortSignal,
): Promise<void> {
  const uid = pod.metadata.uid ?? ''
  const since = last.get(uid)
  try {
    for await (const { time, text } of linesOf(client, pod, queryOf(asked, since), signal)) {
      // The server's sinceTime counts whole seconds.
      if (since !== undefined && time <= since) continue
      last.set(uid, time)
      print(pod, text)
    }
  } catch {
    // Not started yet, or the stream broke: it is tried again in a moment.
  }
}

function queryOf({ follow, tail, previous }: Asked, since: string | undefined): Record<string, string | undefined> {
  return {
    container: CONTAINER,
    timestamps: 'true',
    follow: follow ? 'true' : undefined,
    previous: previous ? 'true' : undefined,
    tailLines: since === undefined && tail !== undefined ? String(tail) : undefined,
    sinceTime: since,
  }
}

interface Line {
  /** RFC 3339 with nanoseconds, as the kubelet writes it: of one width, so texts compare as times. */
  readonly time: string
  readonly text: string
}

async function* linesOf(
  client: KubeClient,
  pod: KubeObject,
  query: Record<string, string | undefined>,
  signal: AbortSignal,
): AsyncGenerator<Line> {
  const path = `${pathOf(POD, pod.metadata.namespace, pod.metadata.name)}/log`
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of await client.stream(path, query, AbortSignal.any([signal]))) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n')
    rest = (lines.pop() ?? '').slice(0, 2 * LINE_MAX)
    for (const line of lines) yield lineOf(line)
  }
  if (rest !== '') yield lineOf(rest)
}

function lineOf(line: string): Line {
  const space = line.indexOf(' ')
  return { time: line.slice(0, Math.max(0, space)), text: line.slice(space + 1) }
}
