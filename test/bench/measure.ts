// Two ways to do the same work, measured against each other so that a busy machine cannot fool the result.
//
// Rounds go A B, B A, A B …; each gives one ratio from two samples taken right after one another, and the median of the
// ratios counts. Time is the CPU time of the process, so that what neighbours take is not counted; that they also take
// the caches is met by short samples and many rounds: the further apart the ratios lie, the more rounds are run.
import assert from 'node:assert'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Work done, and the CPU seconds that it took. */
export interface Sample {
  readonly units: number
  readonly seconds: number
}

/** Does a fixed amount of work once. */
export type Side = () => Sample | Promise<Sample>

export interface Comparison {
  /** Median over the rounds of (our units per second ÷ the peer's). */
  readonly ratio: number
  /** The middle half of the rounds lies between these. */
  readonly low: number
  readonly high: number
  /** Medians, units per second. */
  readonly ours: number
  readonly peer: number
  readonly rounds: number
}

export interface Rounds {
  /** Rounds before the first that counts: both sides get compiled. */
  readonly warmUp: number
  readonly min: number
  readonly max: number
  /** Enough rounds were run once this share of the median is the width of the middle half over the root of the rounds. */
  readonly error: number
}

export const ROUNDS: Rounds = { warmUp: 4, min: 21, max: 81, error: 0.015 }
export const QUICK: Rounds = { warmUp: 4, min: 5, max: 9, error: 0.05 }

/**
 * Measures `ours` against `peer`.
 * @param before called before each sample, so that none pays for the garbage of the one before.
 */
export async function compare(ours: Side, peer: Side, rounds: Rounds, before = collectGarbage): Promise<Comparison> {
  const ratios: number[] = []
  const rates: { ours: number[]; peer: number[] } = { ours: [], peer: [] }
  for (let round = -rounds.warmUp; round < rounds.max; round++) {
    const oursFirst = round % 2 === 0
    before()
    const first = rate(await (oursFirst ? ours : peer)())
    before()
    const second = rate(await (oursFirst ? peer : ours)())
    if (round < 0) continue
    const [a, b] = oursFirst ? [first, second] : [second, first]
    ratios.push(a / b)
    rates.ours.push(a)
    rates.peer.push(b)
    if (ratios.length >= rounds.min && spread(ratios) <= rounds.error * Math.sqrt(ratios.length)) break
  }
  return {
    ratio: median(ratios),
    low: quantile(ratios, 0.25),
    high: quantile(ratios, 0.75),
    ours: median(rates.ours),
    peer: median(rates.peer),
    rounds: ratios.length,
  }
}

function rate({ units, seconds }: Sample): number {
  assert(units > 0 && seconds > 0, 'benchmark: a sample without work or without time')
  return units / seconds
}

/** CPU seconds that this process has used, all threads, user and system. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** A stopwatch over {@link cpuSeconds} that can be stopped between passes. */
export class CpuClock {
  seconds = 0
  #since = 0

  start(): void {
    this.#since = cpuSeconds()
  }

  stop(): void {
    this.seconds += cpuSeconds() - this.#since
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The q-quantile with linear interpolation between neighbours; q from 0 to 1. */
export function quantile(values: readonly number[], q: number): number {
  assert(values.length > 0, 'quantile of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * q
  const below = sorted[Math.floor(place)] as number
  const above = sorted[Math.ceil(place)] as number
  return below + (above - below) * (place - Math.floor(place))
}

/** Width of the middle half as a share of the median. */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)
}

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** A full collection. */
export function collectGarbage(): void {
  gc()
}
