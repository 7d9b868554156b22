// Who acts on what in this version: the one source of the notes of `validate` and `run` and of a column of the docs.
import type { CollectorManifest } from './collector.ts'
import type { ExchangeName } from './names.ts'
import { pathText } from './faults.ts'
import { either, type Path } from './schema.ts'

/** `operator`: only where the operator runs the Collector; `marketprism run` does not act on it. */
export type Actor = 'collector' | 'operator'

/** A field is acted on as the longest of these that leads to it says. `[]` is any entry of a list. */
export const ACTED_ON_BY: Readonly<Record<string, Actor>> = {
  apiVersion: 'collector',
  kind: 'collector',
  metadata: 'collector',
  'spec.feeds': 'collector',
  'spec.sink': 'collector',
  'spec.sink.file.volume': 'operator',
  'spec.spool': 'collector',
  'spec.quality': 'collector',
  'spec.redundancy': 'operator',
  'spec.shards': 'operator',
  'spec.sharding': 'operator',
  'spec.monitoring': 'operator',
  'spec.selfHealing': 'operator',
  'spec.paused': 'operator',
  'spec.image': 'operator',
  'spec.imagePullSecrets': 'operator',
  'spec.resources': 'operator',
  'spec.podLabels': 'operator',
  'spec.podAnnotations': 'operator',
  'spec.priorityClassName': 'operator',
  'spec.nodeSelector': 'operator',
  'spec.tolerations': 'operator',
  'spec.affinity': 'operator',
  'spec.topologySpreadConstraints': 'operator',
  'spec.serviceAccount': 'operator',
  'spec.caBundle': 'operator',
  status: 'operator',
}

/** Exchanges that this version speaks; the others are accepted and named in a note. Markets and types are spoken all. */
export const SPOKEN: readonly ExchangeName[] = ['binance', 'okx', 'deribit']

export interface Note {
  readonly path: Path
  readonly says: string
}

/** Who acts on the field at a path; undefined for a container of fields that different ones act on. */
export function actorOf(path: Path): Actor | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const actor = ACTED_ON_BY[key(path.slice(0, length))]
    if (actor !== undefined) return actor
  }
  return undefined
}

/** Each thing that the user set and that the collector of this version does not act on. */
export function notActedOn(manifest: CollectorManifest): Note[] {
  const unspoken = manifest.spec.feeds.flatMap((feed, i) => {
    if (SPOKEN.includes(feed.exchange)) return []
    const says = `'${feed.exchange}' is not yet spoken by this version; it speaks ${either(SPOKEN)}.`
    return [{ path: ['spec', 'feeds', i, 'exchange'], says }]
  })
  return [...unspoken, ...fieldNotes(manifest, [])]
}

/** Walks down to the fields on which others act, and says each once, not its contents. */
function fieldNotes(value: unknown, path: Path): Note[] {
  const actor = ACTED_ON_BY[key(path)]
  if (actor === 'operator') {
    return [{ path, says: 'is used by the operator only; `marketprism run` does not act on it.' }]
  }
  if (Array.isArray(value)) return value.flatMap((each, i) => fieldNotes(each, [...path, i]))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) => (each === undefined ? [] : fieldNotes(each, [...path, name])))
}

function key(path: Path): string {
  return pathText(path).replaceAll(/\[\d+\]/g, '[]')
}
