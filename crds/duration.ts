// Durations and sizes as a manifest writes them: `60s`, `5m`, `24h`; `64Mi`, `50Gi`. One number, one unit.

const MILLISECONDS = { s: 1000, m: 60_000, h: 3_600_000 } as const
const BYTES = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 } as const

/** At most 999999 of a unit: far within what Go, CEL and a double can hold. */
export const DURATION = /^[1-9][0-9]{0,5}(s|m|h)$/
export const BYTE_SIZE = /^[1-9][0-9]{0,11}(Ki|Mi|Gi|Ti)?$/

/**
 * Milliseconds of a duration such as `5m`.
 * @throws RangeError when the text is no such duration; a checked Collector has none.
 */
export function parseDuration(text: string): number {
  const unit = DURATION.exec(text)?.[1] as keyof typeof MILLISECONDS | undefined
  if (unit === undefined) throw new RangeError(`'${text.slice(0, 40)}' is not a duration; write a number and s, m or h`)
  return Number.parseInt(text, 10) * MILLISECONDS[unit]
}

/**
 * Bytes of a size such as `64Mi`.
 * @throws RangeError when the text is no such size; a checked Collector has none.
 */
export function parseBytes(text: string): number {
  const match = BYTE_SIZE.exec(text)
  if (match === null) throw new RangeError(`'${text.slice(0, 40)}' is not a size; write a number and Ki, Mi, Gi or Ti`)
  return Number.parseInt(text, 10) * BYTES[(match[1] ?? '') as keyof typeof BYTES]
}
