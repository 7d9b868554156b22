// How much an exchange has to say, and when: the day and the week, quiet nights, bursts, the hours of funding.
//
// In: a seed and days. Out: for each kind its messages a second at each step. Always: what one seed gives is the same
// everywhere. Never: an incident; these are what an alert must not mistake for one.
import { random } from '../exchange/random.ts'
import { DAY, type Kind, KINDS, normal, START, STEP } from './kinds.ts'

/** Bursts a day: they rise within a minute and ebb away. */
const BURSTS = 5
/** Hours that are wild throughout, a day: at their end the rate falls to less than half. */
const WILD = 0.4
/** Sudden ends of what was lively, not far below the usual: a market that waits for news, a day. */
const LULLS = 0.5
const FUNDING_HOURS = 8

export interface Market {
  /** Messages a second, by kind as in KINDS, at each step. */
  readonly rates: readonly Float64Array[]
  /** How wild the market is beyond what is usual at each step; 0: as always. */
  readonly wild: Float64Array
}

export function marketOf(seed: number, days: number): Market {
  const steps = days * (DAY / STEP)
  const chance = random(seed).fork('market')
  const wild = wildness(seed, steps)
  const tide = wander(chance.fork('tide').next, steps, 3 * 3600, 0.2)
  const rates = KINDS.map((kind, k) => {
    const own = chance.fork(`kind ${k}`)
    const drift = wander(own.next, steps, 2 * 3600, 0.1)
    const restless = wander(own.next, steps, 150, kind.restless)
    return Float64Array.from({ length: steps }, (_, i) => {
      const noise = Math.exp((tide[i] ?? 0) + (drift[i] ?? 0) + (restless[i] ?? 0))
      return kind.restless === 0 ? kind.base : kind.base * usual(kind, i) * noise * stirred(kind, wild[i] ?? 0)
    })
  })
  return { rates, wild }
}

function stirred({ pull }: Kind, wild: number): number {
  return wild < 0 ? 1 + wild : (1 + wild) ** pull
}

/** The share of the week's average that is usual at this time. */
function usual({ market }: Kind, i: number): number {
  const at = START + i * STEP
  const hour = (at / 3600) % 24
  const weekday = Math.floor(at / DAY + 4) % 7
  const day = 0.95 + 0.5 * Math.cos((2 * Math.PI * (hour - 15)) / 24)
  const open = hour >= 13.5 ? 0.5 * Math.exp(-(hour - 13.5) / 1.2) : 0
  const week = weekday === 0 || weekday === 6 ? 0.65 : 1
  // The position of a market's night is the exchange's; a minute or two around the payment are livelier.
  const since = (at % (FUNDING_HOURS * 3600)) / 60
  const funding = (market === 'perpetual' ? 1.2 : 0.3) * Math.exp(-since / 4)
  return (day + open) * week * (1 + funding)
}

/** Bursts that ebb away, hours that are wild throughout, and lulls. */
function wildness(seed: number, steps: number): Float64Array {
  const chance = random(seed).fork('wild')
  const wild = new Float64Array(steps)
  const days = (steps * STEP) / DAY
  const times = (each: number, draw: (from: number) => void): void => {
    for (let at = chance.exponential() / each; at < days; at += chance.exponential() / each)
      draw(Math.floor((at * DAY) / STEP))
  }
  times(BURSTS, (from) => {
    const [height, ebb] = [0.7 * chance.exponential() + 0.5, 120 + 600 * chance.exponential()]
    for (let i = from; i < Math.min(steps, from + (6 * ebb) / STEP); i++) {
      const since = (i - from) * STEP
      wild[i] = (wild[i] ?? 0) + height * Math.min(1, (since + STEP) / 60) * Math.exp(-since / ebb)
    }
  })
  times(WILD, (from) => {
    const [height, long] = [0.8 + chance.exponential(), 1800 + 3600 * chance.next()]
    for (let i = from; i < Math.min(steps, from + long / STEP); i++) wild[i] = (wild[i] ?? 0) + height
  })
  times(LULLS, (from) => {
    const [depth, long] = [0.15 + 0.2 * chance.next(), 600 + 1200 * chance.next()]
    for (let i = from; i < Math.min(steps, from + long / STEP); i++) if ((wild[i] ?? 0) < 0.2) wild[i] = -depth
  })
  return wild
}

/** A walk that returns to 0 within about `seconds`. */
function wander(next: () => number, steps: number, seconds: number, deviation: number): Float64Array {
  const keep = Math.exp(-STEP / seconds)
  const push = deviation * Math.sqrt(1 - keep * keep)
  let at = deviation * normal(next)
  return Float64Array.from({ length: steps }, () => (at = keep * at + push * normal(next)))
}
