// The words that both catalogues of metrics are written in, the collector's and the operator's: how a metric is declared,
// and what every program says of itself. Imports nothing; what a metric is read from is the business of its catalogue.

export type MetricType = 'counter' | 'gauge' | 'histogram'
/** What a metric tells of: the machine, the business, the speed, or what went wrong. */
export type MetricClass = 'system' | 'business' | 'performance' | 'exception'
/** `flag` is 0 or 1, `timestamp` seconds since the epoch, `count` a number of what the name says. */
export type Unit = 'seconds' | 'bytes' | 'timestamp' | 'count' | 'flag'

/** How often values were at most each bound; never reset. */
export interface Distribution {
  /** Upper bounds in the unit of the metric, ascending. */
  readonly bounds: readonly number[]
  /** Of all values, in the unit of the metric. */
  readonly sum: number
  /** For each bound, and at last for all, how many values there were up to it. */
  cumulative(): number[]
}

/** One series: its value, and the values of its labels in the order of the declaration. No value, no series. */
export type Row = readonly [value: number | Distribution | undefined, ...labels: string[]]

/** A metric: its labels by name, and how its series are read from what was seen. */
export interface Metric<Seen, Label extends string> {
  readonly type: MetricType
  readonly class: MetricClass
  readonly unit: Unit
  readonly labels: readonly Label[]
  readonly help: string
  readonly read: (seen: Seen) => Iterable<Row>
}

/** Metrics by name: ours begin with the product and the program. */
export type Declarations<Program extends string, Seen, Label extends string> = Readonly<
  Partial<Record<`marketprism_${Program}_${string}` | 'process_start_time_seconds', Metric<Seen, Label>>>
>

/** Milliseconds since the epoch as Prometheus has them; no series where there is no time. */
export function timestamp(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

/** What every program of ours can say of itself. */
export interface ProgramSeen {
  /** When it started, ms since the epoch. */
  readonly startedMs: number
  readonly build: { readonly version: string; readonly node: string }
  readonly process: {
    readonly residentBytes: number
    readonly heapUsedBytes: number
    readonly cpuSeconds: { readonly user: number; readonly system: number }
  }
  /** When the first of the certificates that it uses expires, ms since the epoch; undefined where there is none. */
  readonly certificateExpiresMs: number | undefined
}

/** Labels of {@link PROGRAM}. */
export const PROGRAM_LABELS = {
  mode: '`user` or `system`',
  version: 'version of MarketPrism',
  node: 'version of Node',
} as const

/** What a program says of itself, to be declared under a name of each catalogue. */
export const PROGRAM = {
  residentMemory: {
    type: 'gauge',
    class: 'system',
    unit: 'bytes',
    labels: [],
    help: 'Memory of the process.',
    read: (program) => [[program.process.residentBytes]],
  },
  heap: {
    type: 'gauge',
    class: 'system',
    unit: 'bytes',
    labels: [],
    help: "JavaScript's heap in use.",
    read: (program) => [[program.process.heapUsedBytes]],
  },
  cpu: {
    type: 'counter',
    class: 'system',
    unit: 'seconds',
    labels: ['mode'],
    help: 'Processor time used.',
    read: ({ process: { cpuSeconds } }) => [
      [cpuSeconds.user, 'user'],
      [cpuSeconds.system, 'system'],
    ],
  },
  build: {
    type: 'gauge',
    class: 'system',
    unit: 'flag',
    labels: ['version', 'node'],
    help: 'Always 1; what runs is in the labels.',
    read: ({ build }) => [[1, build.version, build.node]],
  },
  start: {
    type: 'gauge',
    class: 'system',
    unit: 'timestamp',
    labels: [],
    help: 'When the process started, under the name that every dashboard knows.',
    read: ({ startedMs }) => [[timestamp(startedMs)]],
  },
} as const satisfies Record<string, Metric<ProgramSeen, keyof typeof PROGRAM_LABELS>>
