import { expect, test } from 'vitest'
import type { CollectorManifest } from './collector.ts'
import { nodeAt, schema, type SchemaNode } from './crd.ts'
import { pathText } from './faults.ts'
import { reference } from './reference.ts'
import type { Path } from './schema.ts'
import { ACTED_ON_BY, actorOf, notActedOn } from './support.ts'

function leaves(node: SchemaNode, path: Path): Path[] {
  if (node.items !== undefined) return leaves(node.items, [...path, 0])
  const fields = Object.entries(node.properties ?? {})
  return fields.length === 0 ? [path] : fields.flatMap(([name, each]) => leaves(each, [...path, name]))
}

test('every field has an actor, and every entry of the table is a field', () => {
  expect(leaves(schema, []).filter((path) => actorOf(path) === undefined)).toEqual([])
  for (const key of Object.keys(ACTED_ON_BY)) {
    const path = key
      .replaceAll('[]', '.0')
      .split('.')
      .map((part) => (part === '0' ? 0 : part))
    expect(nodeAt(path), key).toBeDefined()
  }
})

test('what the user set and the collector does not act on is named once, and nothing else', () => {
  const manifest: CollectorManifest = {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'majors' },
    spec: {
      feeds: [
        {
          exchange: 'binance',
          market: 'perpetual',
          symbols: ['BTC-USDT'],
          types: ['trade', 'lsr_all_account'],
          options: { longShortRatio: { period: '1h' } },
        },
        { exchange: 'kraken', market: 'option', symbols: ['BTC-USD-*'], types: ['trade'] },
      ],
      sink: { nats: { servers: ['nats://n'], credentialsSecret: { name: 'c' } } },
      shards: 2,
      caBundle: { configMap: 'ca' },
      quality: { crossedBook: 'drop' },
      resources: { limits: { cpu: 1 } },
      spool: { bytesMax: '1Gi' },
    },
  }
  expect(notActedOn(manifest).map(({ path, says }) => `${pathText(path)}: ${says}`)).toEqual([
    "spec.feeds[1].exchange: 'kraken' is not yet spoken by this version; it speaks 'binance', 'okx' or 'deribit'.",
    'spec.shards: is used by the operator only; `marketprism run` does not act on it.',
    'spec.caBundle: is used by the operator only; `marketprism run` does not act on it.',
    'spec.resources: is used by the operator only; `marketprism run` does not act on it.',
  ])
})

test('the reference names every field of the schema', () => {
  const page = reference()
  const names = leaves(schema, []).map((path) => pathText(path).replaceAll('[0]', '[]').replace(/\[\]$/, ''))
  expect(names.length).toBeGreaterThan(100)
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
})
