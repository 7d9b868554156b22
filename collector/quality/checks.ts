// What the policy for checks says, as the hot path reads it, and how failures are counted.
//
// Always: one policy for all channels of a process; taking up another one holds for the next message.
import { ACTIONS, type Action, CHECKS, type Check, type Quality } from '../../crds/quality.ts'
import type { Failures } from '../market/guard.ts'
import type { Flag } from '../market/messages.ts'
import { ascii } from '../wire/bytes.ts'

/** Place of each check among the bits of a verdict. */
export const BIT = Object.fromEntries(CHECKS.map((check, i) => [check, 1 << i])) as Readonly<Record<Check, number>>

const FLAG: Readonly<Record<Check, Flag>> = {
  badNumber: 'bad_number',
  crossedBook: 'crossed_book',
  emptyBook: 'empty_book',
  priceJump: 'price_jump',
  clockSkew: 'clock_skew',
  outOfOrder: 'out_of_order',
}

/** `,"flags":["price_jump"]` for each set of bits. */
const TEXTS = Array.from({ length: 1 << CHECKS.length }, (_, bits) => {
  const flags = CHECKS.filter((check) => (bits & BIT[check]) !== 0).map((check) => FLAG[check])
  return ascii(flags.length === 0 ? '' : `,"flags":${JSON.stringify(flags)}`)
})

/** How a message says which checks it failed: a member with the comma before it; empty for none. */
export function flagsText(bits: number): Buffer {
  return TEXTS[bits] as Buffer
}

/** What is done where a check fails, and what counts as failing: plain numbers. */
export class Policy {
  /** Checks whose failure drops a message, and those that are named in it. */
  drops = 0
  flags = 0
  /** A trade may lie so far from those before it, as a fraction. */
  jump = 0
  /** µs */
  aheadUs = 0
  behindUs = 0

  constructor(quality: Quality) {
    this.take(quality)
  }

  /** What holds from now on. */
  take(quality: Quality): void {
    const bitsOf = (action: Action): number =>
      CHECKS.reduce((bits, check) => (quality[check] === action ? bits | BIT[check] : bits), 0)
    const { priceJumpPercent, aheadSeconds, behindSeconds } = quality.thresholds
    this.drops = bitsOf('drop')
    this.flags = bitsOf('flag')
    this.jump = priceJumpPercent / 100
    this.aheadUs = aheadSeconds * 1e6
    this.behindUs = behindSeconds * 1e6
  }
}

/** Failures of one channel. */
export class FailureCounts {
  readonly #counts = new Float64Array(CHECKS.length * ACTIONS.length)

  add(check: Check, action: Action): void {
    const place = CHECKS.indexOf(check) * ACTIONS.length + ACTIONS.indexOf(action)
    this.#counts[place] = (this.#counts[place] as number) + 1
  }

  /** Of these checks: what was counted, and the action of now at least at 0. */
  read(checks: readonly Check[], actionOf: (check: Check) => Action): Failures {
    const failures: Partial<Record<Check, Partial<Record<Action, number>>>> = {}
    for (const check of checks) {
      const row = CHECKS.indexOf(check) * ACTIONS.length
      const ofNow = actionOf(check)
      const counts: Partial<Record<Action, number>> = {}
      for (let i = 0; i < ACTIONS.length; i++) {
        const action = ACTIONS[i] as Action
        const count = this.#counts[row + i] as number
        if (count > 0 || action === ofNow) counts[action] = count
      }
      failures[check] = counts
    }
    return failures
  }
}
