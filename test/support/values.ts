// Values of made-up series, as promtool writes them: what they are until a fault, and from it on.
export const STEP_SECONDS = 15

/** When the fault begins: after so many samples, the last of them at `seconds`; and how many samples there are. */
export interface Clock {
  readonly before: number
  readonly seconds: number
  readonly all: number
}
export const clockOf = (before: number, after: number): Clock => ({
  before,
  seconds: before * STEP_SECONDS,
  all: before + after,
})
/** Most rules need little history; what is usual needs an hour of it. */
export const BRIEF = 12
export const HOUR = 300

/** Values of a series, as promtool writes them. */
export type Values = (clock: Clock) => string
/** Values by metric and own labels; undefined: there is no such series. */
export type Series = Readonly<Record<string, Values | undefined>>

/** Always the same. */
export const flat =
  (value: number): Values =>
  ({ all }) =>
    `${value}x${all}`
/** Grows by so much each step. */
export const grows =
  (by: number): Values =>
  ({ all }) =>
    `0+${by}x${all}`
/** Another value once the fault begins. */
export const turns =
  (value: number, to: number): Values =>
  ({ before, all }) =>
    `${value}x${before} ${to}x${all - before - 1}`
/** Grows otherwise once the fault begins. */
export const growsThen =
  (by: number, then: number): Values =>
  ({ before, all }) =>
    `0+${by}x${before} ${by * before + then}+${then}x${all - before - 1}`
/** Is there from the fault on only. */
export const appears =
  (value: number): Values =>
  ({ before, all }) =>
    `_x${before + 1} ${value}x${all - before - 1}`
/** Is there until the fault only. */
export const ends =
  (value: number): Values =>
  ({ before }) =>
    `${value}x${before} stale`
/** A fault that is over after so many samples. */
export const blip =
  (value: number, during: number, samples: number): Values =>
  ({ before, all }) =>
    `${value}x${before} ${during}x${samples - 1} ${value}x${all}`
/** A time, by that of the fault: there from then on, or another value before. */
export const time =
  (of: (seconds: number) => number, value?: number): Values =>
  ({ before, seconds, all }) =>
    `${value === undefined ? `_x${before + 1}` : `${value}x${before}`} ${of(seconds)}x${all - before - 1}`
