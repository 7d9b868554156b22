// Who acts on what in this version: the one source of the notes of `validate` and `run` and of a column of the docs.
import type { CollectorManifest } from './collector.ts'
import { DATA_TYPES, MARKETS, type DataType, type ExchangeName, type Market } from './names.ts'
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
  'spec.feeds[].proxy.secret': 'operator',
  'spec.sink': 'collector',
  'spec.sink.nats.credentialsSecret': 'operator',
  'spec.sink.nats.tls': 'operator',
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

/** What of the names that a feed may use this version speaks; the others are accepted and named in a note. */
export const SPOKEN: {
  readonly exchanges: readonly ExchangeName[]
  readonly markets: readonly Market[]
  readonly types: readonly DataType[]
} = {
  exchanges: ['binance', 'okx', 'deribit'],
  markets: MARKETS,
  types: DATA_TYPES,
}

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
    const at = ['spec', 'feeds', i]
    return [
      ...unknown([...at, 'exchange'], feed.exchange, SPOKEN.exchanges),
      ...unknown([...at, 'market'], feed.market, SPOKEN.markets),
      ...feed.types.flatMap((type, j) => unknown([...at, 'types', j], type, SPOKEN.types)),
    ]
  })
  return [...unspoken, ...fieldNotes(manifest, [])]
}

function unknown(path: Path, value: string, spoken: readonly string[]): Note[] {
  if (spoken.includes(value)) return []
  return [{ path, says: `'${value}' is not yet spoken by this version; it speaks ${either(spoken)}.` }]
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
