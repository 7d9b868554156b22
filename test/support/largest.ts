// The largest Collectors that the API allows: what its rules cost at an API server is the highest for these.
import { ALERTS, TIERS } from '../../crds/alerts.ts'
import { nodeAt, type SchemaNode } from '../../crds/crd.ts'
import { FEEDS_MAX, SYMBOLS_MAX } from '../../crds/feed.ts'
import { DATA_TYPES, EXCHANGES } from '../../crds/names.ts'
import { changed, SHORTEST } from './manifests.ts'

/** The most of everything, with texts as long as they may be where their number is small. */
export function largest(): Record<string, unknown> {
  const spec = nodeAt(['spec'])?.properties ?? {}
  const { feeds: _, sink: __, ...others } = spec
  const symbols = (feed: number, from: number) =>
    Array.from({ length: SYMBOLS_MAX - 1 }, (___, i) => `C${feed * 1_000 + from + i}-USDT`)
  const feeds = Array.from({ length: FEEDS_MAX }, (___, i) => ({
    exchange: EXCHANGES[i % EXCHANGES.length],
    market: 'perpetual',
    symbols: ['*-USDT', ...symbols(i, 0)],
    exclude: ['*-USDC', ...symbols(i, 500)],
    types: DATA_TYPES,
    options: atEveryBound(nodeAt(['spec', 'feeds', 0, 'options']) as SchemaNode),
    endpoints: { websocket: `wss://${'w'.repeat(250)}`, rest: `https://${'r'.repeat(248)}` },
    proxy: { url: `socks5://${'p'.repeat(247)}`, secret: { name: 's'.repeat(253) } },
  }))
  const more = Object.fromEntries(Object.entries(others).map(([name, node]) => [name, atEveryBound(node)]))
  const monitoring = more['monitoring'] as { alerts: object }
  return changed({
    ...more,
    feeds,
    monitoring: { ...monitoring, alerts: { ...monitoring.alerts, overrides: overrides(), routing: routing() } },
  })
}

/** Every tier with a receiver of its own. */
function routing(): object {
  const webhook = { name: 'n'.repeat(253), key: 'k'.repeat(253) }
  const receivers = TIERS.map((tier) => ({ tier, webhook }))
  return { ...(atEveryBound(nodeAt(['spec', 'monitoring', 'alerts', 'routing']) as SchemaNode) as object), receivers }
}

/** Every alert changed in every way: names of labels here are those of Prometheus. */
function overrides(): object[] {
  const { labels } = nodeAt(['spec', 'monitoring', 'alerts', 'overrides', 0])?.properties ?? {}
  const keys = Array.from({ length: labels?.maxProperties ?? 0 }, (_, i) => `key_${i}`)
  const values = Object.fromEntries(keys.map((key) => [key, 'v'.repeat(63)]))
  return ALERTS.map((alert) => ({ alert, threshold: 1e12, for: '5m', labels: values }))
}

/** Feeds that differ in their last symbol only: the rule on repeated feeds compares each with each to the end. */
export function manyAlike(): Record<string, unknown> {
  const common = Array.from({ length: SYMBOLS_MAX - 1 }, (_, i) => `${String(i).padStart(40, 'C')}-USDT`)
  const feeds = Array.from({ length: FEEDS_MAX }, (_, i) => ({
    ...SHORTEST.spec.feeds[0],
    symbols: [...common, `N${i}-USDT`],
  }))
  return changed({ feeds })
}

/** A value with every field, and every list and map as long as it may be. `place` tells entries of a set apart. */
export function atEveryBound(node: SchemaNode, place = 0): unknown {
  const {
    properties,
    items,
    additionalProperties: values,
    maxItems = 1,
    maxProperties = 1,
    enum: names,
    example,
  } = node
  if (properties !== undefined) {
    return Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, atEveryBound(each)]))
  }
  if (items !== undefined) {
    const length = Math.min(maxItems, items.enum?.length ?? maxItems)
    return Array.from({ length }, (_, i) => atEveryBound(items, i))
  }
  if (typeof values === 'object') {
    return Object.fromEntries(Array.from({ length: maxProperties }, (_, i) => [`key-${i}`, atEveryBound(values, i)]))
  }
  if (names !== undefined) return names[place % names.length]
  if (node.type === 'integer') return node.maximum
  if (node.type === 'boolean') return true
  if (node.format === 'date-time') return '2026-01-01T00:00:00Z'
  if (example !== undefined) return place === 0 || node['x-kubernetes-int-or-string'] ? example : `${example}${place}`
  return 'x'.repeat(node.maxLength ?? 1)
}
