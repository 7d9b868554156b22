// What is usual, from a series' own hour before: robust against the incident that it is to find.
//
// Always: the median and the median absolute deviation, recorded one from the other, so that no function is needed that
// Prometheus calls experimental; the last five minutes are left out, and so is what was recorded while an alert about the
// same data was pending or firing. An incident is therefore not learnt within the hour, and the history that must be there
// before anything is said is counted over six, or it would run dry while the incident lasts.
import type { AlertName } from '../../../crds/alerts.ts'
import type { Query } from '../query.ts'
import { type Explained, type Group, on, type Recording } from '../rule.ts'

/** Samples of the history that there must be: 50 minutes at four a minute. */
export const HISTORY_MIN = 200
/** Of a normal distribution one deviation is so many MAD. */
const MAD = 1.4826
/** Deviations beyond which a single value is none of the usual ones. */
const DEVIATIONS = 6

export interface Baseline {
  readonly recordings: readonly Recording[]
  /** The value itself. */
  value(q: Query): string
  median(q: Query): string
  /** How far from the median is unusual: so many deviations, or this share of the median where they are less. */
  band(q: Query, share: number, deviations?: number): string
  /** Holds where there is history enough. */
  known(q: Query): string
}

/** A series by exchange, market and type, recorded with its baseline. */
export function baseline(options: {
  readonly group: Group
  /** As in `messages:rate1m`. */
  readonly name: string
  readonly expr: (q: Query) => string
  /** Alerts during which nothing is learnt. */
  readonly unlearnt: readonly Explained[]
}): Baseline {
  const { group, name, expr, unlearnt } = options
  const names = {
    value: `exchange_market_type:marketprism_collector_${name}`,
    clean: `exchange_market_type:marketprism_collector_${name}_clean`,
    median: `exchange_market_type:marketprism_collector_${name}_median1h`,
    deviation: `exchange_market_type:marketprism_collector_${name}_deviation`,
    mad: `exchange_market_type:marketprism_collector_${name}_mad1h`,
  }
  const middle = (series: string) => `quantile_over_time(0.5, ${series}[1h] offset 5m)`
  const median = (q: Query) => q.recorded(names.median)
  const mad = (q: Query, deviations: number) => `${deviations * MAD} * ${q.recorded(names.mad)}`
  return {
    recordings: [
      { group, record: names.value, expr },
      { group, record: names.clean, expr: (q) => `${q.recorded(names.value)}${without(q, unlearnt)}` },
      { group, record: names.median, expr: (q) => middle(q.recorded(names.clean)) },
      { group, record: names.deviation, expr: (q) => `abs(${q.recorded(names.clean)} - ${median(q)})` },
      { group, record: names.mad, expr: (q) => middle(q.recorded(names.deviation)) },
    ],
    value: (q) => q.recorded(names.value),
    median,
    band: (q, share, deviations = DEVIATIONS) =>
      `((${mad(q, deviations)} > ${share} * ${median(q)}) or ${share} * ${median(q)})`,
    known: (q) => `count_over_time(${q.recorded(names.clean)}[6h]) >= ${HISTORY_MIN}`,
  }
}

function without(q: Query, unlearnt: readonly Explained[]): string {
  return [...Map.groupBy(unlearnt, (each) => on(each.on))]
    .map(([labels, all]) => {
      const names = all.map(({ by }): AlertName => by).join('|')
      return `\nunless ${labels} ${q.alerts(`alertname=~"${names}",alertstate=~"pending|firing"`)}`
    })
    .join('')
}

/**
 * The same half hour of the three days before, its median: known only when all three are there. With fewer it is no better
 * than chance.
 */
export function season(group: Group, record: string, of: (q: Query) => string): Recording {
  const days = (q: Query) =>
    [1, 2, 3]
      .map((day) => {
        const before = `quantile_over_time(0.5, ${of(q)}[30m] offset ${24 * day - 1}h45m)`
        return `label_replace(${before}, "day", "${day}", "", "")`
      })
      .join('\n  or ')
  return {
    group,
    record,
    expr: (q) => `quantile without (day) (0.5,\n  ${days(q)})\nand (count without (day) (\n  ${days(q)}) >= 3)`,
  }
}
