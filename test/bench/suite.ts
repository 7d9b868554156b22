// What is measured, against what, and what should come out. The order here is that of the table and of results.json.
import type { DataType, ExchangeName } from '../../crds/names.ts'
import type { Rounds } from './measure.ts'
import type { Figure, Goal } from './results.ts'

export interface Context {
  readonly rounds: Rounds
  /** A few seconds for each benchmark: a look, nothing to keep. */
  readonly quick: boolean
  /** memory.rss for ten minutes rather than one. */
  readonly long: boolean
}

export interface Benchmark {
  /** Figures that one run gives, together. */
  readonly goals: readonly Goal[]
  /** @throws Missing when something is not installed. */
  run(context: Context): Promise<Readonly<Record<string, Figure>>>
}

const ratio = (id: string, target: number, what: string): Goal => ({ id, target, unit: 'x', better: 'higher', what })
const limit = (id: string, target: number, unit: Goal['unit'], what: string): Goal => {
  return { id, target, unit, better: 'lower', what }
}
const share = (id: string, what: string): Goal => ({ id, target: 100, unit: '%', better: 'higher', what })

/** What is pushed beside Binance's first four types, each with tapes of its own; see tapes/. */
const PUSHED: Readonly<Partial<Record<ExchangeName, readonly DataType[]>>> = {
  binance: ['funding_rate', 'liquidation'],
  okx: ['trade', 'orderbook', 'ticker', 'kline', 'funding_rate', 'open_interest', 'liquidation'],
  deribit: [
    ...(['trade', 'orderbook', 'ticker', 'kline', 'funding_rate', 'open_interest', 'liquidation'] as const),
    'volatility_index',
  ],
}

const decodeOf = (exchange: ExchangeName, type: DataType): Benchmark => {
  const what = type === 'orderbook' ? 'frame to message and into the local book' : 'frame to message'
  const target = type === 'orderbook' ? 0.8 : 1.5
  return {
    goals: [ratio(`decode.${type}.${exchange}`, target, `${what}, ÷ JSON.parse of the frame alone`)],
    run: async (context) => (await import('./decode.ts')).decodeOf(exchange, type, context),
  }
}

export const SUITE: readonly Benchmark[] = [
  {
    goals: [ratio('decode.trade', 2, 'frame to message, ÷ JSON.parse of the frame alone')],
    run: async (context) => (await import('./decode.ts')).decode('trade', context),
  },
  {
    goals: [ratio('decode.ticker', 1.8, 'frame to message, ÷ JSON.parse of the frame alone')],
    run: async (context) => (await import('./decode.ts')).decode('ticker', context),
  },
  {
    goals: [ratio('decode.kline', 1.8, 'frame to message, ÷ JSON.parse of the frame alone')],
    run: async (context) => (await import('./decode.ts')).decode('kline', context),
  },
  {
    goals: [ratio('decode.book', 1, 'frame to message and into the local book, ÷ JSON.parse of the frame alone')],
    run: async (context) => (await import('./decode.ts')).decode('orderbook', context),
  },
  ...Object.entries(PUSHED).flatMap(([exchange, types]) =>
    types.map((type) => decodeOf(exchange as ExchangeName, type)),
  ),
  {
    goals: [ratio('decode.tardis', 4, 'recorded sessions of all venues, ÷ tardis-dev')],
    run: async (context) => (await import('./sessions.ts')).againstTardis(context),
  },
  {
    goals: [ratio('decode.cryptofeed', 5, 'recorded sessions of all venues, ÷ cryptofeed')],
    run: async (context) => (await import('./sessions.ts')).againstCryptofeed(context),
  },
  {
    goals: [limit('days.seeds', 600, 's', '1,000 random days of ten minutes, all of them right')],
    run: async (context) => (await import('./days.ts')).days(context),
  },
  {
    goals: [ratio('audit', 0.5, 'messages audited from files, ÷ JSON.parse of the same lines alone')],
    run: async (context) => (await import('./audit.ts')).auditFiles(context),
  },
  {
    goals: [ratio('publish.jetstream', 4, "socket to acknowledged, ÷ the client library's own publish")],
    run: async (context) => (await import('./publish.ts')).publish(context),
  },
  {
    goals: [
      limit('latency.p99', 20, 'ms', 'socket read to acknowledged, 20,000 msg/s'),
      limit('latency.sink', 5, 'ms', "socket read to written to the sink's socket, 20,000 msg/s"),
    ],
    run: async (context) => (await import('./latency.ts')).latency(context),
  },
  {
    goals: [limit('connect.p95', 1, 's', 'start to first message published, 10 sockets')],
    run: async (context) => (await import('./connect.ts')).connect(context),
  },
  {
    goals: [limit('memory.rss', 200, 'MB', '200 books of 1,000 levels, 20,000 msg/s')],
    run: async (context) => (await import('./memory.ts')).memory(context),
  },
  {
    goals: [
      ratio('operator.create', 0.7, '1,000 Collectors made at once, objects/s ÷ a bare loop that applies the same'),
      limit('operator.settled', 0, 'writes', 'writes with 1,000 settled Collectors in a minute, ten with --long'),
      limit('operator.change', 500, 'ms', 'one change of a Collector until it is applied, with 1,000 others, p99'),
      limit('operator.memory', 200, 'MB', 'the operator with 1,000 Collectors'),
    ],
    run: async (context) => (await import('./operator.ts')).operator(context),
  },
  {
    goals: [
      limit('rollout.missing', 0, 'messages', 'sent and not stored, over a rolling update or a drain at 5,000 msg/s'),
      limit('rollout.duplicates', 0, 'messages', 'stored twice, over the same'),
      limit('heal.seconds', 60, 's', 'from a stuck collector to live data'),
    ],
    run: async () => (await import('./cluster.ts')).cluster(),
  },
  {
    goals: [share('proof.panels', 'queries of panels that show data of a running collector and operator')],
    run: async () => (await import('./panels.ts')).panels(),
  },
  {
    goals: [share('proof.rules', 'rules that fire for their fault in time, and keep silent for what looks like it')],
    run: async () => (await import('./alerts.ts')).alerts(),
  },
  {
    goals: [share('proof.metrics', 'declared metrics that move in a run with simulated exchange, NATS and API server')],
    run: async () => (await import('./metrics.ts')).metrics(),
  },
  {
    goals: [
      { id: 'faults.detected', target: 95, unit: '%', better: 'higher', what: 'faults of the table that are said' },
      limit('faults.p95', 60, 's', 'from a fault to its alert, p95 of the alerts that promise a minute'),
    ],
    run: async () => (await import('./faults.ts')).faults(),
  },
  {
    goals: [
      limit('noise.false', 5, '%', 'alerts that no incident explains, of all, over 30 simulated days'),
      {
        id: 'noise.recall',
        target: 90,
        unit: '%',
        better: 'higher',
        what: 'sown incidents that the adaptive rules find',
      },
      limit('noise.perIncident', 1, 'alerts', 'alerts for one incident, median'),
    ],
    run: async (context) => (await import('./noise.ts')).noise(context),
  },
  {
    goals: [share('agree.tardis', 'recorded frames that agree, or whose difference is explained')],
    run: async () => (await import('./agree.ts')).withTardis(),
  },
  {
    goals: [share('agree.cryptofeed', 'recorded frames that agree, or whose difference is explained')],
    run: async () => (await import('./agree.ts')).withCryptofeed(),
  },
]

export const GOALS: readonly Goal[] = SUITE.flatMap((benchmark) => benchmark.goals)

/** The goals that a word means: the one with this id, else those whose ids begin so, up to a point: `decode`. */
export function goalsOf(word: string): readonly Goal[] {
  const exact = GOALS.filter(({ id }) => id === word)
  return exact.length > 0 ? exact : GOALS.filter(({ id }) => id.startsWith(`${word}.`))
}
