import { expect, test } from 'vitest'
import { Latencies, LatencyTotal } from './latency.ts'
import { METRICS, openMetrics } from './metrics.ts'
import { LABELS } from './metrics/declare.ts'
import type { Metric } from './metrics/declare.ts'
import type { RuntimeStatus } from './runtime.ts'
import type { CollectorStatus } from './status.ts'
import { sampleAddress, sampleChannel, sampleSession, sampleStatus } from '../test/support/status.ts'

const KIND = 'exchange="binance",market="perpetual",type="trade"'
const declared = Object.entries<Metric>(METRICS)

/** Statuses go in, one a second; the series of the last text come out. */
function collect() {
  const latencies = new Latencies()
  const latency = latencies.channel({ exchange: 'binance', market: 'perpetual', type: 'trade' })
  const runtime = sampleRuntime()
  const certificate = { expiresMs: 1_800_000_000_000 }
  const certificateExpiresMs = () => certificate.expiresMs
  const metrics = openMetrics({ latencies, runtime: { status: () => runtime }, certificateExpiresMs })
  return { latency, runtime, certificate, read: async (status: CollectorStatus) => parse(await metrics.text(status)) }
}

function sampleRuntime() {
  return {
    loopDelay: new LatencyTotal(),
    gcSeconds: { minor: 0, major: 0, incremental: 0, weak_callback: 0 },
    heapUsedBytes: 1,
    heapLimitBytes: 2,
    residentBytes: 3,
    memoryLimitBytes: 6,
    cpuSeconds: { user: 0, system: 0 },
    openFds: 4,
    maxFds: 5,
    wallMs: 7,
  } satisfies RuntimeStatus
}

/** The text format of Prometheus, strictly: whatever is not a comment or a sample of a declared series throws. */
function parse(text: string): Map<string, number> {
  const series = new Map<string, number>()
  const types = new Map<string, string>()
  expect(text.endsWith('\n')).toBe(true)
  for (const line of text.split('\n').filter((l) => l !== '')) {
    const comment = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line)
    if (comment) {
      if (comment[1] === 'TYPE') types.set(comment[2] as string, comment[3] as string)
      continue
    }
    const sample = /^(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[\d.]+(?:e[+-]?\d+)?|\+Inf)$/.exec(line)
    if (!sample) throw new Error(`not a line of the text format: ${line}`)
    const [, name = '', labels = '', value] = sample
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')
    expect(types.get(family), line).toBeDefined()
    const key = labels === '' ? name : `${name}{${labels}}`
    expect(series.has(key), `twice: ${line}`).toBe(false)
    series.set(key, Number(value))
  }
  return series
}

/** A status in which everything that a metric may tell of is otherwise than in the sample. */
function changedStatus(): CollectorStatus {
  const before = sampleStatus()
  const grown = { made: 200, acknowledged: 180, duplicates: 9, repeated: 7, gaps: 5, dropped: 5 }
  return {
    ...before,
    atMs: before.atMs + 1000,
    ready: false,
    channels: [
      sampleChannel({ ...grown, state: 'stale', age: 3, staleAfter: 40 }),
      sampleChannel({ symbol: 'ETH-USDT' }),
      sampleChannel({ ...grown, type: 'orderbook', inSync: false, best: { equal: 1, differs: 1, unknown: 1 } }),
      sampleChannel({ ...grown, type: 'orderbook', symbol: 'ETH-USDT', inSync: false }),
    ],
    sessions: [sampleSession({ state: 'waiting', lost: 4, planned: 3, bytes: 999_999 })],
    addresses: [
      sampleAddress({
        requests: 50,
        connections: 3,
        failures: 2,
        weightUsed: 2000,
        weightMax: 6000,
        breaker: 'open',
        blockedUntilMs: before.atMs + 60_000,
      }),
    ],
    sink: { ...before.sink, connected: false, outstanding: 99, resent: 3, lastSettledMs: before.atMs },
    spool: { bytesUsed: 999, bytesMax: 1999, pending: 77 },
    ledger: {
      ...before.ledger,
      framesReceived: 900,
      framesData: 300,
      framesControl: 10,
      framesRefused: { malformed: 3 },
      messagesForeign: 1,
      messagesDropped: { spool_full: 60 },
    },
  }
}

test('every name follows the rules: prefix, unit at the end, _total for counters only, labels known, help a sentence', () => {
  const endings = { seconds: /_seconds$/, bytes: /_bytes$/, timestamp: /_timestamp_seconds$|_time_seconds$/ }
  for (const [name, metric] of declared) {
    expect(name).toMatch(/^(marketprism_collector_[a-z_]+|process_start_time_seconds)$/)
    expect(name.endsWith('_total'), name).toBe(metric.type === 'counter')
    const bare = name.replace(/_total$/, '')
    if (metric.unit in endings) expect(bare).toMatch(endings[metric.unit as keyof typeof endings])
    else expect(bare).not.toMatch(/_(seconds|bytes|percent|ms|us)$/)
    expect(metric.help, name).toMatch(/^["A-Z\d].*\.$/)
    for (const label of metric.labels) expect(LABELS).toHaveProperty(label)
    expect(metric.labels).not.toContain('symbol')
  }
})

test('each metric appears, and moves when what it tells of changes', async () => {
  const { latency, runtime, certificate, read } = collect()
  const before = await read(sampleStatus())
  latency.record(1500)
  runtime.loopDelay.record(3000)
  runtime.gcSeconds.minor = 0.1
  runtime.cpuSeconds.user = 1
  Object.assign(runtime, {
    heapUsedBytes: 10,
    heapLimitBytes: 20,
    residentBytes: 30,
    memoryLimitBytes: 60,
    openFds: 40,
    maxFds: 50,
    wallMs: 70,
  })
  certificate.expiresMs += 1
  const after = await read(changedStatus())
  const constant = [
    'marketprism_collector_build_info',
    'process_start_time_seconds',
    'marketprism_collector_feed_subscribed',
  ]
  for (const [name] of declared) {
    const own = [...after].filter(
      ([key]) =>
        key.replace(/\{.*/, '').replace(/_(bucket|sum|count)$/, '') === name || key.replace(/\{.*/, '') === name,
    )
    expect(own.length, name).toBeGreaterThan(0)
    const moved = own.some(([key, value]) => before.get(key) !== value)
    expect(moved, name).toBe(!constant.includes(name))
  }
})

test('a label value of each declared label is given, and no other label', async () => {
  const series = await collect().read(sampleStatus())
  for (const [name, metric] of declared) {
    const own = [...series.keys()].filter((key) => key.startsWith(`${name}{`))
    for (const key of own) {
      const labels = [...key.matchAll(/(\w+)="([^"]*)"/g)].map((m) => m[1])
      expect(labels).toEqual(metric.labels)
      expect(key).not.toContain('undefined')
    }
  }
})

test('counters are there at 0 before the first event, and a time is absent until there is one', async () => {
  const quiet = { made: 0, acknowledged: 0, duplicates: 0, repeated: 0, gaps: 0, age: undefined }
  const none = sampleStatus({
    channels: [sampleChannel(quiet)],
    sink: { ...sampleStatus().sink, lastSettledMs: 0 },
  })
  const series = await collect().read(none)
  expect(series.get(`marketprism_collector_messages_total{${KIND}}`)).toBe(0)
  expect(series.get(`marketprism_collector_gaps_total{${KIND}}`)).toBe(0)
  expect(series.get(`marketprism_collector_publish_latency_seconds_count{${KIND}}`)).toBe(0)
  expect(series.get('marketprism_collector_frames_refused_total{reason="unknown_stream"}')).toBe(0)
  expect(series.get(`marketprism_collector_feed_subscribed{${KIND}}`)).toBe(1)
  expect([...series.keys()].filter((key) => /last_(message|acknowledged)_timestamp/.test(key))).toEqual([])
})

test('of several channels the last message is that of the one that is latest, by how often it talks', async () => {
  const read = async (...channels: ReturnType<typeof sampleChannel>[]) => {
    const series = await collect().read(sampleStatus({ channels }))
    const at = series.get(`marketprism_collector_last_message_timestamp_seconds{${KIND}}`)
    const age = at === undefined ? undefined : Math.round(sampleStatus().atMs / 1000 - at)
    return [age, series.get(`marketprism_collector_stale_after_seconds{${KIND}}`)]
  }
  const fresh = sampleChannel({ age: 1 })
  const dead = sampleChannel({ symbol: 'ETH-USDT', age: 70, state: 'stale' })
  const rare = sampleChannel({ symbol: 'FTT-USDT', age: 1800, state: 'quiet', staleAfter: 9000 })
  const { staleAfter: _, ...restless } = sampleChannel({ symbol: 'XNO-USDT', age: 2000, state: 'quiet' })
  const never = sampleChannel({ symbol: 'SOL-USDT', age: undefined, state: 'down' })
  expect(await read(fresh, dead, rare, restless, never)).toEqual([70, 30])
  expect(await read(fresh, rare, restless)).toEqual([1800, 9000])
  expect(await read(fresh, restless)).toEqual([1, 30])
  expect(await read(restless, never)).toEqual([2000, undefined])
  expect(await read(never)).toEqual([undefined, undefined])
})

test('failures of checks are added up by check and action, and so are comparisons of books; both stay when a channel goes', async () => {
  const { read } = collect()
  const trade = (symbol: string, flag: number) =>
    sampleChannel({ symbol, failures: { priceJump: { flag, drop: 1 }, badNumber: { drop: 0 } } })
  const book = sampleChannel({
    type: 'orderbook',
    inSync: true,
    failures: {},
    best: { equal: 7, differs: 1, unknown: 2 },
  })
  const before = await read(sampleStatus({ channels: [trade('BTC-USDT', 2), trade('ETH-USDT', 3), book] }))
  const failed = (series: Map<string, number>, check: string, action: string) =>
    series.get(`marketprism_collector_checks_failed_total{${KIND},check="${check}",action="${action}"}`)
  expect(failed(before, 'priceJump', 'flag')).toBe(5)
  expect(failed(before, 'priceJump', 'drop')).toBe(2)
  expect(failed(before, 'badNumber', 'drop')).toBe(0)
  const place = 'exchange="binance",market="perpetual"'
  const compared = (outcome: string) =>
    before.get(`marketprism_collector_order_book_checks_total{${place},outcome="${outcome}"}`)
  expect(['equal', 'differs', 'unknown'].map(compared)).toEqual([7, 1, 2])
  expect(failed(await read(sampleStatus({ channels: [trade('BTC-USDT', 4)] })), 'priceJump', 'flag')).toBe(7)
})

test('a counter never falls: not when a channel is taken away, nor does it jump when it comes back', async () => {
  const { read } = collect()
  const made = async (status: CollectorStatus) =>
    (await read(status)).get(`marketprism_collector_messages_total{${KIND}}`)
  const [btc, eth] = [sampleChannel({ made: 100 }), sampleChannel({ symbol: 'ETH-USDT', made: 1000 })]
  const at = (seconds: number, ...channels: (typeof btc)[]) =>
    sampleStatus({ channels, atMs: sampleStatus().atMs + seconds * 1000 })
  expect(await made(at(0, btc, eth))).toBe(1100)
  expect(await made(at(1, { ...btc, made: 110 }))).toBe(1110)
  const gone = await read(at(2))
  expect(gone.get(`marketprism_collector_messages_total{${KIND}}`)).toBe(1110)
  expect(gone.get(`marketprism_collector_feed_subscribed{${KIND}}`)).toBe(0)
  expect(await made(at(3, { ...btc, made: 120 }, { ...eth, made: 1005 }))).toBe(1125)
})

test('channel-seconds count wanted time always, live time only while the collector was there to see it', async () => {
  const { read } = collect()
  const seconds = async (what: string, status: CollectorStatus) =>
    (await read(status)).get(`marketprism_collector_channel_${what}_seconds_total{${KIND}}`)
  const at = (second: number, state: 'live' | 'down') =>
    sampleStatus({ channels: [sampleChannel({ state })], atMs: sampleStatus().startedMs + second * 1000 })
  expect(await seconds('live', at(1, 'live'))).toBe(1)
  expect(await seconds('live', at(2, 'live'))).toBe(2)
  expect(await seconds('live', at(3, 'down'))).toBe(2)
  expect(await seconds('live', at(600, 'live'))).toBe(2)
  expect(await seconds('live', at(601, 'live'))).toBe(3)
  expect(await seconds('wanted', at(602, 'live'))).toBe(602)
})

test('hosts and reasons from outside can neither break the text nor make series without end', async () => {
  const framesRefused = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`reason_${i}`, 1]))
  const status = sampleStatus({
    addresses: [sampleAddress({ host: 'a"b\\c\nd{}' })],
    ledger: { ...sampleStatus().ledger, framesRefused },
  })
  const series = await collect().read(status)
  const refused = [...series].filter(([key]) => key.startsWith('marketprism_collector_frames_refused_total'))
  expect(refused.length).toBe(32)
  expect(refused.reduce((all, [, count]) => all + count, 0)).toBe(1000)
  expect(series.get('marketprism_collector_rest_requests_total{exchange="binance",host="a\\"b\\\\c\\nd{}"}')).toBe(40)
})

test('buckets of a histogram are cumulative, and the last one is the count', async () => {
  const { latency, read } = collect()
  for (const us of [100, 4000, 4000, 40_000, 5e8]) latency.record(us)
  const series = await read(sampleStatus())
  const bucket = (le: string) => series.get(`marketprism_collector_publish_latency_seconds_bucket{${KIND},le="${le}"}`)
  expect(['0.00025', '0.001', '0.005', '0.05', '100', '+Inf'].map(bucket)).toEqual([1, 1, 3, 4, 4, 5])
  expect(series.get(`marketprism_collector_publish_latency_seconds_count{${KIND}}`)).toBe(5)
  expect(series.get(`marketprism_collector_publish_latency_seconds_sum{${KIND}}`)).toBeCloseTo(500.0481, 6)
})
