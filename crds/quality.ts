// spec.quality: the checks on each message, what is done where one fails, and what counts as failing.
//
// The one enumeration of checks: the collector, its counters and the flags in messages follow it.
import * as z from 'zod'
import { oneOf } from './schema.ts'

/** What is done with a message that fails a check: published with a flag, given up and announced, or only counted. */
export const ACTIONS = ['flag', 'drop', 'pass'] as const
export type Action = (typeof ACTIONS)[number]

/** Checks, and what is done where one fails if the Collector does not say. */
const QUALITY = {
  badNumber: ['drop', 'A price or size that is negative, or zero where it cannot be, as in what is no trade.'],
  crossedBook: ['flag', 'A best bid at or above the best ask. `drop` withholds a book until it is not crossed.'],
  emptyBook: ['pass', 'A book or best price with nothing on a side; usual for options.'],
  priceJump: ['flag', 'A trade far from the prices before it.'],
  clockSkew: ['flag', 'An event time in the future, or long past.'],
  outOfOrder: ['pass', 'An event time before that of the message before it.'],
} as const satisfies Record<string, readonly [Action, string]>

export type Check = keyof typeof QUALITY
export const CHECKS = Object.keys(QUALITY) as readonly Check[]

const thresholds = z.strictObject({
  priceJumpPercent: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe('A trade may lie so far from the prices before it in any market; in a wild one ten times their spread.'),
  aheadSeconds: z.int().min(1).max(3600).default(5).describe('An event time may lie so far in the future.'),
  behindSeconds: z.int().min(1).max(86_400).default(60).describe('An event time may lie so far in the past.'),
})

export const quality = z.strictObject({
  ...(Object.fromEntries(
    Object.entries(QUALITY).map(([check, [otherwise, text]]) => [
      check,
      oneOf('an action', ACTIONS).default(otherwise).describe(text),
    ]),
  ) as Record<Check, z.ZodDefault<z.ZodEnum<{ [A in Action]: A }>>>),
  thresholds: thresholds.prefault({}).describe('What counts as failing.'),
})

export type Quality = z.output<typeof quality>
