// Manifests for tests: the shortest that is right, and one for each rule that it can break.
import type { CollectorManifest } from '../../crds/collector.ts'
import type { Path } from '../../crds/schema.ts'

export const SHORTEST = {
  apiVersion: 'marketprism.io/v1alpha1',
  kind: 'Collector',
  metadata: { name: 'majors' },
  spec: {
    feeds: [{ exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade', 'kline'] }],
    sink: { nats: { servers: ['nats://nats:4222'] } },
  },
} satisfies CollectorManifest

const feed = SHORTEST.spec.feeds[0]

/** With other fields of the spec. */
export function changed(spec: Record<string, unknown>): Record<string, unknown> {
  return { ...SHORTEST, spec: { ...SHORTEST.spec, ...spec } }
}

/** With other fields of its feed. */
export function fed(change: Record<string, unknown>): Record<string, unknown> {
  return changed({ feeds: [{ ...feed, ...change }] })
}

export function named(name: string): Record<string, unknown> {
  return { ...SHORTEST, metadata: { name } }
}

/**
 * Each breaks one rule that the API server runs in CEL: what it is, the manifest, where the fault is shown, and where the
 * rule stands.
 */
export const BROKEN: readonly [string, Record<string, unknown>, string, Path][] = [
  ['a name that makes names of pods too long', named('a'.repeat(41)), 'metadata.name', []],
  ['a name that is not one for a Service', named('1st.desk'), 'metadata.name', []],
  ['two sinks', changed({ sink: { stdout: {}, file: {} } }), 'spec.sink', ['spec', 'sink']],
  ['no sink', changed({ sink: {} }), 'spec.sink', ['spec', 'sink']],
  [
    'ids remembered for longer than messages',
    changed({ sink: { nats: { servers: ['nats://n'], stream: { maxAge: '60s', duplicateWindow: '5m' } } } }),
    'spec.sink.nats.stream.duplicateWindow',
    ['spec', 'sink', 'nats', 'stream'],
  ],
  [
    'a prefix of two tokens',
    changed({ sink: { nats: { servers: ['nats://n'], prefix: 'a.b' } } }),
    'spec.sink.nats.prefix',
    ['spec', 'sink', 'nats', 'prefix'],
  ],
  [
    'a password in a URL',
    changed({ sink: { nats: { servers: ['nats://me:secret@nats:4222'] } } }),
    'spec.sink.nats.servers[0]',
    ['spec', 'sink', 'nats', 'servers', 0],
  ],
  ['a feed that repeats another', changed({ feeds: [feed, feed] }), 'spec.feeds[1]', ['spec', 'feeds']],
  ['a venue symbol', fed({ symbols: ['BTCUSDT'] }), 'spec.feeds[0].symbols[0]', ['spec', 'feeds', 0, 'symbols', 0]],
  ['funding of a spot market', fed({ types: ['funding_rate'] }), 'spec.feeds[0].types[0]', ['spec', 'feeds', 0]],
  ['an exclusion from names', fed({ exclude: ['A-B'] }), 'spec.feeds[0].exclude', ['spec', 'feeds', 0]],
  [
    'options of books without books',
    fed({ options: { orderbook: { depth: 5 } } }),
    'spec.feeds[0].options.orderbook',
    ['spec', 'feeds', 0],
  ],
  ['a spool too small', changed({ spool: { bytesMax: '1Ki' } }), 'spec.spool.bytesMax', ['spec', 'spool', 'bytesMax']],
  [
    'a file kept open too long',
    changed({ sink: { file: { rotate: '25h' } } }),
    'spec.sink.file.rotate',
    ['spec', 'sink', 'file', 'rotate'],
  ],
  [
    'a label of ours',
    changed({ podLabels: { 'marketprism.io/shard': 'x' } }),
    "spec.podLabels['marketprism.io/shard']",
    ['spec', 'podLabels'],
  ],
]
