// Intervals of klines and periods of ratios, as the spec writes them.
const SECOND_US = 1_000_000
const MINUTE_US = 60 * SECOND_US
const DAY_US = 24 * 60 * MINUTE_US
/** Months differ: where the longest would leave a hole, one is missing. */
const UNITS_US = { s: SECOND_US, m: MINUTE_US, h: 60 * MINUTE_US, d: DAY_US, w: 7 * DAY_US, M: 31 * DAY_US } as const

/** µs of an interval or a period such as `1m`, `4h`, `1M`; undefined for anything else. */
export function periodUs(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,2})([smhdwM])$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * UNITS_US[unit as keyof typeof UNITS_US]
}
