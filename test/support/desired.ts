// What objects are made of, for tests: a Collector as a manifest says it, in a cluster as most are.
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { checkCollector } from '../../crds/faults.ts'
import type { ClusterFacts, Desired, Owner, Shard } from '../../operator/resources/facts.ts'

export const UID = '7a2c5a43-9d0a-4f8e-8a52-0d3c6f1be001'

/** The operator's flags as they are without any, and an API server. */
export const CLUSTER: ClusterFacts = {
  image: 'registry.example.com/marketprism/collector:1.2.3',
  allowedImages: ['registry.example.com/marketprism/*'],
  clusterRanges: ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  apiServers: ['10.96.0.1', '203.0.113.10', 'api.cluster.example.com'],
  operatorNamespace: 'marketprism-system',
  apis: { podMonitor: true, prometheusRule: true, alertmanagerConfig: true, grafanaDashboard: true },
}

/** As the API server stores it. @throws Error with the first fault of the manifest */
export function ownerOf(manifest: unknown): Owner {
  const { collector, faults } = checkCollector(manifest)
  if (collector === undefined) throw new Error(faults[0]?.says)
  const { name, namespace = 'default' } = collector.metadata
  return { name, namespace, uid: UID, generation: 1, spec: collector.spec }
}

/** A shard with a document of its own, as short as can be. */
export function shardOf(collector: string, index: number, more: Partial<Shard> = {}): Shard {
  const text = `kind: Shard\nmetadata: { name: ${collector}-${index} }\n`
  return { index, configName: `${collector}-${index}-0123456789`, text, channels: [], ...more }
}

/** A Collector of one feed into NATS with these fields besides, and its first shard. */
export function desiredOf(spec: object = {}, facts: Partial<ClusterFacts> = {}): Desired {
  const feeds = [{ exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }]
  const sink = { nats: { servers: ['nats://nats.messaging.svc:4222'] } }
  const owner = ownerOf({
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'majors', namespace: 'desk-a' },
    spec: { feeds, sink, ...spec },
  })
  return { owner, facts: { ...CLUSTER, ...facts }, shards: [shardOf(owner.name, 0)] }
}

/** Folder of the golden pairs: NAME.objects.yaml is what becomes of NAME.collector.yaml. */
export const GOLDEN = fileURLToPath(new URL('../../operator/resources/golden/', import.meta.url))
const COLLECTOR = '.collector.yaml'

export const goldenNames = readdirSync(GOLDEN)
  .filter((file) => file.endsWith(COLLECTOR))
  .map((file) => file.slice(0, -COLLECTOR.length))

/** Shards of the pairs that are about more than the first. */
const SHARDS: Readonly<Record<string, (collector: string) => Shard[]>> = {
  redundant: (collector) => [shardOf(collector, 0, { avoidNodes: ['worker-3', 'worker-5'] }), shardOf(collector, 1)],
  'long-names': (collector) => [shardOf(collector, 99)],
}

/** What the objects of a golden pair are made of. */
export function goldenDesired(name: string): Desired {
  const owner = ownerOf(parse(readFileSync(GOLDEN + name + COLLECTOR, 'utf8')))
  const shards = SHARDS[name]?.(owner.name) ?? [shardOf(owner.name, 0)]
  return { owner, facts: CLUSTER, shards }
}
