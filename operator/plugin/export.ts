// `kubectl marketprism export monitoring`: the alerts and dashboards of a Collector as plain files, for a Prometheus
// and a Grafana that no operator looks after.
//
// Always: the same as the operator installs, from the same functions; the same bytes for the same Collector.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesOf } from '../monitoring/files.ts'
import { CLUSTER_FLAGS, CLUSTER_USAGE, Fault, type Io, oneName, parse } from './command.ts'
import { factsOf } from './facts.ts'
import { checkStored } from '../../crds/faults.ts'
import type { Collector } from '../../crds/collector.ts'
import { collectorIn, namespaceOf } from './manifest.ts'

export const EXPORT_USAGE = `Usage: kubectl marketprism export monitoring (NAME | -f FILE) --dir DIR
Writes what the operator installs to watch a Collector as plain files: rules and scrape configuration for Prometheus,
routes for Alertmanager, dashboards for Grafana. Files of the same name are written anew.
  -f, --file FILE     a manifest; needs no cluster
  --dir DIR           the folder; it is made where it is missing
  --runbooks URL      where the pages are that alerts lead to; those of our repository when left out
${CLUSTER_USAGE}`

const OPTIONS = {
  ...CLUSTER_FLAGS,
  file: { type: 'string', short: 'f' },
  dir: { type: 'string' },
  runbooks: { type: 'string' },
} as const

export async function exportCommand(args: readonly string[], io: Io): Promise<number> {
  const { values: flags, positionals } = parse(args, OPTIONS)
  const [what, ...names] = positionals
  const { file, dir, runbooks } = flags
  if (what !== 'monitoring')
    throw new Fault('only monitoring can be exported; write export monitoring majors --dir DIR.')
  if (dir === undefined) throw new Fault('no folder is named; write --dir DIR.')
  if (file !== undefined && names.length > 0) throw new Fault('name a Collector or a file, not both.')
  if (file !== undefined) {
    const { collector } = collectorIn(file, io)
    return write(collector, namespaceOf(collector, flags.namespace, 'default'), { dir, runbooks }, io)
  }
  const name = oneName(names, 'export monitoring majors --dir DIR')
  const { withCluster, collectorNamed } = await import('./cluster.ts')
  return withCluster(flags, io, async (cluster) => {
    const { status: _, ...manifest } = await collectorNamed(cluster, name)
    const { collector, faults } = checkStored(manifest)
    if (collector === undefined) throw new Fault(`${name} has faults: ${faults.map(({ says }) => says).join(' ')}`)
    return write(collector, cluster.namespace, { dir, runbooks }, io)
  })
}

interface Where {
  readonly dir: string
  readonly runbooks: string | undefined
}

function write({ metadata: { name }, spec }: Collector, namespace: string, { dir, runbooks }: Where, io: Io): number {
  const owner = { name, namespace, uid: '', generation: 1, spec }
  const files = filesOf({ owner, facts: factsOf({ runbooks }), shards: [] })
  if (files.length === 0) throw new Fault(`${name} wants neither alerts nor dashboards; see spec.monitoring.`)
  try {
    mkdirSync(dir, { recursive: true })
    for (const { path, content } of files) writeFileSync(join(dir, path), content)
  } catch (error) {
    throw new Fault(`--dir ${dir}: ${(error as Error).message}; name a folder that can be written to.`, {
      cause: error,
    })
  }
  for (const { path } of files) io.stdout.write(`${join(dir, path)}\n`)
  return 0
}
