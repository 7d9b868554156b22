// `kubectl marketprism top [NAME]`: the live table of a Collector, all its pods taken together.
//
// Always: asks each pod once a second, never again before it answered or its time is over; a pod that does not answer
// is counted in the first line, and named with --once. Never: leaves the terminal otherwise than it found it.
import type { CollectorStatus } from '../../collector/status.ts'
import { printable } from '../../collector/terminal/escape.ts'
import { canDraw, showJson, showTable } from '../../collector/terminal/show.ts'
import { renderTable } from '../../collector/terminal/table.ts'
import type { KubeObject } from '../kube/objects.ts'
import { askPods } from './ask.ts'
import { type Cluster, collectorOf, runningOf, withCluster } from './cluster.ts'
import {
  CLUSTER_FLAGS,
  CLUSTER_USAGE,
  columnsOf,
  Fault,
  type Io,
  isColored,
  oneName,
  outputOf,
  parse,
} from './command.ts'
import { merged, statusSchema } from './merged.ts'

export const TOP_USAGE = `Usage: kubectl marketprism top [NAME] [--once] [-o json]
Messages a second, latency and age of each channel, each second anew. NAME may be left out where there is one
Collector.
  --once              one table, and the pods that do not answer
  -o json             a line of JSON each second, or with --once one
${CLUSTER_USAGE}`

const OPTIONS = { ...CLUSTER_FLAGS, once: { type: 'boolean' }, output: { type: 'string', short: 'o' } } as const
const SECOND_MS = 1000

export async function topCommand(args: readonly string[], io: Io): Promise<number> {
  const { values: flags, positionals } = parse(args, OPTIONS)
  const name = positionals.length === 0 ? undefined : oneName(positionals, 'top majors')
  const isJson = outputOf(flags.output, ['json']) === 'json'
  const once = flags.once === true
  if (!once && !isJson && !canDraw(io.stdout, io.env)) {
    throw new Fault('this is no terminal for a live table; write --once, or -o json.')
  }
  return withCluster(flags, io, async (cluster) => {
    const collector = await collectorOf(cluster, name)
    const first = await look(cluster, collector, io.signal)
    if (once) return show(first, isJson, io)
    await follow(cluster, collector, first, isJson, io)
    return 0
  })
}

interface Frame {
  readonly status: CollectorStatus
  /** Pods without an answer, each with the reason. */
  readonly silent: readonly string[]
}

async function look(cluster: Cluster, collector: KubeObject, signal: AbortSignal): Promise<Frame> {
  const { pods } = await runningOf(cluster.client, collector)
  const answers = await askPods(cluster, pods, { path: 'status', schema: statusSchema, signal })
  const said = [...answers.values()].flatMap((one) => ('said' in one ? [one.said] : []))
  const silent = pods.flatMap(({ metadata, status }) => {
    const answer = answers.get(metadata.uid ?? '')
    if (answer === undefined)
      return [`${metadata.name}: ${(status as { phase?: string } | undefined)?.phase ?? 'Unknown'}`]
    return 'error' in answer ? [`${metadata.name}: ${answer.error}`] : []
  })
  const { name } = collector.metadata
  const title = silent.length === 0 ? name : `${name}, ${said.length} of ${pods.length} pods`
  return { status: merged(title, said, Date.now()), silent }
}

function show({ status, silent }: Frame, isJson: boolean, io: Io): number {
  if (isJson)
    showJson({ ...io.stdout, write: (text) => io.stdout.write(text), writableNeedDrain: false }, () => status).close()
  else {
    const columns = Math.min(columnsOf(io), 200)
    io.stdout.write(`${renderTable(status, new Map(), { columns, rows: Infinity, color: isColored(io) })}\n`)
    for (const one of silent) io.stdout.write(` ${printable(one, 300)}\n`)
  }
  return silent.length === 0 && status.channels.length > 0 ? 0 : 1
}

/** Shows what is newest until Ctrl-C, while it asks again and again. */
async function follow(cluster: Cluster, collector: KubeObject, first: Frame, isJson: boolean, io: Io): Promise<void> {
  let frame = first
  const shown = isJson
    ? showJson(io.stdout, () => frame.status)
    : showTable(io.stdout, () => frame.status, isColored(io))
  try {
    while (!io.signal.aborted) {
      const startedMs = performance.now()
      // The API server may be away for a while: the table stays as it was, and its clock with it.
      frame = await look(cluster, collector, io.signal).catch(() => frame)
      await pause(SECOND_MS - (performance.now() - startedMs), io.signal)
    }
  } finally {
    shown.close()
  }
}

/** Waits, at most until the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, Math.max(0, ms))
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
