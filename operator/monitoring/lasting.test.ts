// What lasts, ends and comes again: an alert stays for as long as its fault, ends soon after it, and nothing before it,
// nor a series that froze or is there twice, hides it.
import { beforeAll, expect, test } from 'vitest'
import { ToolMissing } from '../../hack/tools.ts'
import {
  blip,
  BRIEF,
  type Clock,
  clockOf,
  flat,
  grows,
  growsThen,
  HOUR,
  OWNERS,
  type Series,
  seriesOf,
  STEP_SECONDS,
  time,
  turns,
  type Values,
} from '../../test/support/alerts.ts'
import { type Firing, firingOf, promtool } from '../../test/support/promtool.ts'
import { after } from '../../test/support/proof.ts'
import { BOOK, C, O, STREAM } from '../../test/support/well.ts'
import { groupsOf } from './alerts.ts'

const MINUTE = 60 / STEP_SECONDS

/** A counter that grows by so much during so many samples, one stretch after another. */
const stretches =
  (...all: readonly (readonly [samples: number, by: number])[]): Values =>
  () => {
    let total = 0
    return all
      .map(([samples, by]) => {
        const text = `${total}+${by}x${samples - 1}`
        total += by * samples
        return text
      })
      .join(' ')
  }

const LASTS = clockOf(HOUR, 40 * MINUTE)
const STORM = clockOf(HOUR + 12 * MINUTE, 4 * MINUTE)
const SOON = clockOf(BRIEF, 14 * MINUTE)
const claim = 'persistentvolumeclaim="majors-0-a"'

interface Course {
  readonly clock: Clock
  readonly series: Series
  /** The group of rules that says something of it; the data by default. */
  readonly group?: 'sink'
}

const SCENARIOS: Readonly<Record<string, Course>> = {
  'six of ten messages are missing for half an hour': {
    clock: LASTS,
    series: { [`${C}messages_total{${BOOK}}`]: stretches([HOUR, 3000], [30 * MINUTE, 1200], [12 * MINUTE, 3000]) },
  },
  'three of ten messages are missing for half an hour': {
    clock: LASTS,
    series: { [`${C}messages_total{${BOOK}}`]: stretches([HOUR, 3000], [30 * MINUTE, 2100], [12 * MINUTE, 3000]) },
  },
  'a storm of fifty times as many, and ten minutes later too few': {
    clock: STORM,
    series: {
      [`${C}messages_total{${BOOK}}`]: stretches(
        [HOUR, 3000],
        [2 * MINUTE, 150_000],
        [10 * MINUTE, 3000],
        [6 * MINUTE, 900],
      ),
    },
  },
  'an exchange that comes back after half an hour': {
    clock: LASTS,
    series: {
      [`${C}sessions{exchange="okx",market="spot",state="open"}`]: blip(1, 0, 30 * MINUTE),
      [`${C}sessions{exchange="okx",market="spot",state="waiting"}`]: blip(1, 2, 30 * MINUTE),
      [`${C}messages_total{${BOOK}}`]: stretches([HOUR, 3000], [30 * MINUTE, 0], [12 * MINUTE, 3000]),
      // Enough kinds that most can be told, and they go on.
      ...Object.fromEntries(
        ['orderbook', 'ticker'].map((type) => [
          `${C}messages_total{exchange="binance",market="spot",type="${type}"}`,
          grows(1500),
        ]),
      ),
    },
  },
  'a pod that is down in a rollout whose operator went with it': {
    clock: SOON,
    series: {
      'up{}': turns(1, 0),
      [`${O}rollout_started_timestamp_seconds{}`]: time((seconds) => seconds),
    },
  },
  'gaps twenty minutes after the beginning of a rollout that does not end': {
    clock: LASTS,
    series: {
      [`${O}rollout_started_timestamp_seconds{}`]: time((seconds) => seconds),
      [`${C}gaps_total{${BOOK}}`]: ({ before, all }) => `0x${before + 20 * MINUTE} 9x${all}`,
    },
  },
  'a stream under the other prefix, of a leader and a follower': {
    clock: SOON,
    group: 'sink',
    series: Object.fromEntries(
      ['true', 'false'].flatMap((leader) => [
        [`nats_stream_total_bytes{${STREAM},is_stream_leader="${leader}"}`, turns(50, 90)],
        [`nats_stream_limit_bytes{${STREAM},is_stream_leader="${leader}"}`, flat(100)],
      ]),
    ),
  },
  'a stream without limits': {
    clock: SOON,
    group: 'sink',
    series: {
      [`jetstream_stream_total_bytes{${STREAM},is_stream_leader="true"}`]: growsThen(1e9, 1e12),
      [`jetstream_stream_limit_bytes{${STREAM},is_stream_leader="true"}`]: flat(-1),
    },
  },
  'a volume of which two kubelets tell': {
    clock: SOON,
    group: 'sink',
    series: Object.fromEntries(
      ['node-a', 'node-b'].flatMap((instance) => [
        [`kubelet_volume_stats_used_bytes{${claim},instance="${instance}"}`, turns(50, 90)],
        [`kubelet_volume_stats_capacity_bytes{${claim},instance="${instance}"}`, flat(100)],
      ]),
    ),
  },
}

const firing = new Map<string, Firing>()

beforeAll(async () => {
  if (promtool instanceof ToolMissing) return
  const [intoNats, , intoFiles] = OWNERS
  for (const [name, { clock, series, group = 'data' }] of Object.entries(SCENARIOS)) {
    const all = groupsOf((name.includes('volume') ? intoFiles : intoNats) as never)
    const groups = all.filter((one) => one.name.endsWith(`/${group}`))
    const scenario = { name, series: seriesOf(series, clock), times: [clock.seconds, ...after(clock)] }
    firing.set(name, await firingOf(groups, [scenario]))
  }
}, 600_000)

/** The seconds after the fault at which an alert fires. */
function secondsOf(scenario: string, alert: string): number[] {
  const times = firing.get(scenario)?.get(scenario)
  expect(times?.size).toBeGreaterThan(10)
  const { seconds } = (SCENARIOS[scenario] as Course).clock
  return [...(times ?? [])].flatMap(([at, alerts]) =>
    alerts.some(({ alertname }) => alertname === alert) ? [at - seconds] : [],
  )
}

const only = (title: string, check: () => void) =>
  test(title, ({ skip }) => {
    if (promtool instanceof ToolMissing) return skip(promtool.message)
    check()
  })

only('a loss that lasts is said for as long as it does, and no more within two minutes of its end', () => {
  const at = secondsOf('six of ten messages are missing for half an hour', 'MarketPrismMessageRateDropped')
  expect(at[0]).toBeLessThanOrEqual(75)
  const lasting = at.filter((seconds) => seconds <= 1800)
  expect(lasting).toEqual(lasting.map((_, i) => (at[0] ?? 0) + i * STEP_SECONDS))
  expect(lasting.at(-1)).toBe(1800)
  expect(at.at(-1)).toBeLessThanOrEqual(1800 + 120)
})

only('what is less than usual, and no loss, is not said however long it lasts', () => {
  expect(secondsOf('three of ten messages are missing for half an hour', 'MarketPrismMessageRateDropped')).toEqual([])
})

only('what is only beginning to flow again is not said to be missing', () => {
  const scenario = 'an exchange that comes back after half an hour'
  expect(secondsOf(scenario, 'MarketPrismExchangeDisconnected').at(-1)).toBeGreaterThanOrEqual(1740)
  expect(secondsOf(scenario, 'MarketPrismMessageRateDropped')).toEqual([])
})

only('a storm does not hide what is missing after it', () => {
  const at = secondsOf('a storm of fifty times as many, and ten minutes later too few', 'MarketPrismMessageRateDropped')
  expect(at[0]).toBeGreaterThan(0)
  expect(at[0]).toBeLessThanOrEqual(75)
})

only('a rollout excuses ten minutes, and no more where nobody says that it is over', () => {
  const at = secondsOf('a pod that is down in a rollout whose operator went with it', 'MarketPrismSystemDown')
  expect(at[0]).toBeGreaterThanOrEqual(600)
  expect(at[0]).toBeLessThanOrEqual(660)
  expect(at).toHaveLength(SOON.all - SOON.before - 2 - (at[0] ?? 0) / STEP_SECONDS + 1)
})

only('nor does it excuse gaps for longer', () => {
  const scenario = 'gaps twenty minutes after the beginning of a rollout that does not end'
  expect(secondsOf(scenario, 'MarketPrismDataGap')[0]).toBeGreaterThan(1200)
  expect(secondsOf(scenario, 'MarketPrismDataGap')[0]).toBeLessThanOrEqual(1245)
})

only('NATS is read under either prefix, and its followers are no second stream', () => {
  const at = secondsOf('a stream under the other prefix, of a leader and a follower', 'MarketPrismStreamNearLimit')
  expect(at[0]).toBeGreaterThan(0)
  expect(at[0]).toBeLessThanOrEqual(165)
  expect(secondsOf('a stream without limits', 'MarketPrismStreamNearLimit')).toEqual([])
})

only('what two tell of one volume is judged all the same', () => {
  const at = secondsOf('a volume of which two kubelets tell', 'MarketPrismHighDiskUsage')
  expect(at[0]).toBeGreaterThan(0)
  expect(at[0]).toBeLessThanOrEqual(345)
})
