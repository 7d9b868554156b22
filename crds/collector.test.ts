import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BROKEN, changed, fed, named, SHORTEST } from '../test/support/manifests.ts'
import { collector } from './collector.ts'
import { nodeAt, schema } from './crd.ts'
import { checkCollector, FAULTS_MAX, pathText } from './faults.ts'
import { feedOptions } from './feed.ts'
import type { Path } from './schema.ts'
import { subjectPrefix } from './sink.ts'

test('the shortest manifest gets every default', () => {
  const { spec } = collector.parse(SHORTEST)
  expect(spec).toEqual({
    ...SHORTEST.spec,
    sink: {
      nats: { servers: ['nats://nats:4222'], prefix: 'market', stream: { name: 'MARKET_DATA', manage: 'operator' } },
    },
    redundancy: 1,
    sharding: { channelsPerShard: 50 },
    quality: {
      badNumber: 'drop',
      crossedBook: 'flag',
      emptyBook: 'pass',
      priceJump: 'flag',
      clockSkew: 'flag',
      outOfOrder: 'pass',
      thresholds: { priceJumpPercent: 3, aheadSeconds: 5, behindSeconds: 60 },
    },
    monitoring: {
      alerts: { enabled: true, routing: { enabled: false } },
      dashboards: { enabled: true, folder: 'MarketPrism' },
    },
    selfHealing: { mode: 'act', actionsPerHour: 6 },
    paused: false,
    spool: { bytesMax: '64Mi' },
  })
  expect(subjectPrefix(spec.sink)).toBe('market')
})

test('a file sink has its defaults, and the prefix of subjects is market where no sink names one', () => {
  const { spec } = collector.parse(changed({ sink: { file: {} } }))
  expect(spec.sink).toEqual({ file: { path: 'data', rotate: '1h', fsync: 'everySecond', compression: 'none' } })
  expect(subjectPrefix(spec.sink)).toBe('market')
  expect(subjectPrefix({ nats: { prefix: 'desk' } })).toBe('desk')
})

test('options of a feed are filled in where they are asked for, not in the feed', () => {
  const { spec } = collector.parse(SHORTEST)
  expect(spec.feeds[0]).not.toHaveProperty('options')
  expect(feedOptions({})).toEqual({
    kline: { intervals: ['1m'] },
    orderbook: { depth: 400, snapshotSeconds: 60 },
    longShortRatio: { period: '5m' },
  })
  expect(feedOptions({ options: { kline: { intervals: ['1h'] } } }).kline.intervals).toEqual(['1h'])
})

test.each([...BROKEN])('%s is refused with the sentence of the API server', (_, broken, path, ruleAt) => {
  const { faults } = checkCollector(broken)
  expect(faults.map((fault) => pathText(fault.path))).toEqual([path])
  const self = ruleAt.reduce<unknown>((value, part) => (value as Record<string | number, unknown>)[part], broken)
  const says = faults[0]?.says.replace(/ Did you mean .*$/, '')
  expect(sentences(ruleAt, self)).toContain(says)
  expect(says).not.toContain('secret@')
})

test('C017: a name too long for the names made of it, or one that cannot begin a name, says the limit and what was found', () => {
  const says = (name: string) => checkCollector(named(name)).faults[0]?.says
  for (const last of ['a', 'b']) {
    const name = `market-data-collector-for-the-derivatives-desk-in-frankfurt-eu-${last}`
    expect(says(name)).toContain(`has ${name.length} characters; write at most 40`)
  }
  expect(says('1st.desk')).toContain('cannot name a Collector')
})

test('C010: a duplicate window longer than the age of the stream is refused, and none is made up', () => {
  const stream = { maxAge: '60s', duplicateWindow: '5m' }
  const { faults } = checkCollector(changed({ sink: { nats: { servers: ['nats://n'], stream } } }))
  expect(faults[0]?.says).toMatch(/'5m'.*'60s'; write a duplicateWindow of at most maxAge, or a longer maxAge\./)
  const { collector: short } = checkCollector(
    changed({ sink: { nats: { servers: ['nats://n'], stream: { maxAge: '60s' } } } }),
  )
  expect(short?.spec.sink.nats?.stream).not.toHaveProperty('duplicateWindow')
})

test.each([
  'BTC-USDT',
  '1000SHIB-USDT',
  'BTC-USDT-20261225',
  'BTC-USD-20261225-100000-C',
  'XRP-USD-20261225-0d525-P',
  '币安人生-USDT',
  '币*',
  '*-USDT',
  'BTC-*',
  '*',
])('%s is a symbol', (symbol) => {
  expect(checkCollector(fed({ symbols: [symbol] })).faults).toEqual([])
})

test.each([
  '',
  'BTC',
  'btc-usdt',
  'BTC.USDT',
  'BTC->',
  'BTC-USDT\n',
  'BTC-USDT-SWAP',
  'BTC-USD-20261225-0.5-P',
  'A>B',
  'é-USDT',
])('%j is no symbol', (symbol) => {
  expect(checkCollector(fed({ symbols: [symbol] })).faults).toHaveLength(1)
})

test('a list that is too long is one fault, and a list of faults has an end', () => {
  const symbols = Array.from({ length: 5000 }, () => 'nonsense')
  expect(checkCollector(fed({ symbols })).faults.map(({ says }) => says)).toEqual(['has 5000 entries; write 1 to 200.'])
  const unknown = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`field${i}`, 1]))
  const { faults } = checkCollector(fed(unknown))
  expect(faults).toHaveLength(FAULTS_MAX + 1)
  expect(faults.at(-1)?.says).toBe('and 4800 more.')
})

test('whatever is checked, nothing is thrown, and no fault holds a character that a terminal obeys', () => {
  const key = fc.oneof(
    fc.constantFrom('spec', 'feeds', 'sink', 'nats', '__proto__', 'constructor', 'a\u001b[2J'),
    fc.string(),
  )
  const { tree } = fc.letrec((tie) => ({
    leaf: fc.oneof(
      fc.string({ unit: fc.constantFrom('a', '-', '\0', '\n', '\u001b', '\u202e', '\u2028', '\ud800') }),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
    ),
    tree: fc.oneof({ maxDepth: 5 }, tie('leaf'), fc.array(tie('tree')), fc.dictionary(key, tie('tree'))),
  }))
  fc.assert(
    fc.property(tree, key, (value, name) => {
      for (const broken of [value, changed({ [name]: value }), fed({ [name]: value })]) {
        for (const { path, says } of checkCollector(broken).faults) {
          expect(pathText(path) + says).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        }
      }
    }),
  )
})

test('a Collector with its defaults filled in is a Collector, and is left as it is', () => {
  const once = collector.parse(SHORTEST)
  expect(collector.parse(once)).toEqual(once)
})

/** The sentences of the rules at a path, as the API server would say them of this value. */
function sentences(path: Path, self: unknown): string[] {
  const rules = nodeAt(path, schema)?.['x-kubernetes-validations'] ?? []
  return rules.map(({ message, messageExpression }) => {
    if (messageExpression === undefined) return message
    const [, text = '', values = ''] = /^(".*")\.format\(\[(.*)\]\)$/.exec(messageExpression) ?? []
    const shown = values.split(', ').map((value) => evaluated(value, self))
    return (JSON.parse(text) as string).replaceAll(/%[sd]/g, () => shown.shift() ?? '')
  })
}

/** As much of CEL as a sentence needs: `self`, `self.a.b`, `self.a.size()`. */
function evaluated(expression: string, self: unknown): string {
  const names = expression.replace('.size()', '').split('.').slice(1)
  const value = names.reduce<unknown>((v, name) => (v as Record<string, unknown>)[name], self)
  return expression.endsWith('.size()') ? `${(value as string).length}` : `${value as string}`
}
