// What stands in the places of a record that change; paste.ts has the code that writes it.
//
// Each value is proved to be of its kind before (layout.ts).
import { ascii } from './bytes.ts'

export const Op = {
  Digits: 0,
  Size: 1,
  Time: 2,
  Count: 3,
  Own: 4,
  OwnFlag: 5,
  Constant: 6,
  Hours: 7,
} as const
export type Op = (typeof Op)[keyof typeof Op]

/** What stands in one place of the record; one shape for all kinds, so that the loop over them stays monomorphic. */
export interface Step {
  readonly op: Op
  /** Constant bytes before and behind the value. */
  readonly lead: Buffer
  readonly trail: Buffer
  /** Row in the layout's `at`, or index into `own`. */
  readonly field: number
  /** Op.Count: the row of the last id. Op.Size: that of the price. Op.Hours: that of the later time. */
  readonly other: number
  /** Lead and trail belong to the slot, which is empty when there is no value. */
  readonly optional: boolean
  /** A value that is zero is none. */
  readonly unlessZero: boolean
}

/** Digits of a time in µs. */
export const TIME_DIGITS = 16

export function value(op: Op, field: number, lead: string, trail: string, other = 0): Step {
  const scanned = op !== Op.Own && op !== Op.OwnFlag
  return {
    op,
    lead: ascii(lead),
    trail: ascii(trail),
    field: scanned ? field * 2 : field,
    other: other * 2,
    optional: false,
    unlessZero: false,
  }
}

export function optional(step: Step): Step {
  return { ...step, optional: true }
}

export function constant(text: string): Step {
  return { ...value(Op.Constant, 0, text, ''), lead: ascii(text) }
}
