// Which metrics of a catalogue have moved: what was scraped of each process, from its first scrape on.
//
// In: texts as Prometheus reads them, by the process that gave them. Out: for each metric whether it moved, or why not.
// Always: a metric moves when one of its series takes another value, comes, or goes, within one process. What never changes
// within a process by its nature (a limit, a start) must differ between two of them. Pure.

/** Never changes within a process: two of them must say different things. */
const FIXED = [
  'marketprism_collector_spool_limit_bytes',
  'marketprism_collector_heap_limit_bytes',
  'marketprism_collector_max_fds',
  'marketprism_collector_rest_weight_limit',
  'marketprism_collector_certificate_expires_timestamp_seconds',
  'marketprism_operator_certificate_expires_timestamp_seconds',
  'process_start_time_seconds',
]
/**
 * More than 0 says that our own account does not add up, or that a handler of ours threw: nothing from outside can do that.
 * stirred.test.ts makes them move by what never happens.
 */
export const OUR_FAULTS: readonly string[] = [
  'marketprism_collector_ledger_imbalances',
  'marketprism_operator_watch_failed_handlers_total',
]
/** Always 1, whatever happens: what it says is in its labels. */
const INFO = /_build_info$/

interface Kept {
  readonly first: number
  moved: boolean
  seen: number
}

export class Moves {
  readonly #names: readonly string[]
  /** By process and series. */
  readonly #series = new Map<string, Kept>()
  readonly #scrapes = new Map<string, number>()
  /** By metric, what was ever said. */
  readonly #values = new Map<string, Set<string>>()

  /** @param names of the metrics of the catalogue */
  constructor(names: Iterable<string>) {
    this.#names = [...names]
  }

  /** Takes what a process says at a scrape. */
  take(process: string, text: string): void {
    const scrape = (this.#scrapes.get(process) ?? 0) + 1
    this.#scrapes.set(process, scrape)
    for (const line of text.split('\n')) {
      const [, series = '', value = ''] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? []
      if (series === '') continue
      const id = `${process} ${series}`
      const kept = this.#series.get(id) ?? { first: Number(value), moved: scrape > 1, seen: scrape }
      this.#series.set(id, kept)
      // One that went and came again moved, too.
      if (Number(value) !== kept.first || kept.seen < scrape - 1) kept.moved = true
      kept.seen = scrape
      const metric = metricOf(series)
      this.#values.set(metric, (this.#values.get(metric) ?? new Set()).add(value))
    }
  }

  /** Metrics that have not moved. */
  still(): string[] {
    const moved = new Set<string>()
    for (const [id, { moved: isMoved, seen }] of this.#series) {
      const [process, series] = split(id)
      if (isMoved || seen < (this.#scrapes.get(process) ?? 0)) moved.add(metricOf(series))
    }
    return this.#names.filter((name) => {
      const values = this.#values.get(name) ?? new Set()
      if (INFO.test(name)) return !values.has('1')
      return FIXED.includes(name) ? values.size < 2 : !moved.has(name)
    })
  }
}

function split(id: string): [string, string] {
  const at = id.indexOf(' ')
  return [id.slice(0, at), id.slice(at + 1)]
}

/** Name of the metric that a series is of; of a histogram without what tells its series apart. */
function metricOf(series: string): string {
  const name = series.replace(/\{.*$/, '')
  return name.replace(/_(?:bucket|sum|count)$/, '')
}
