// The general road: any JSON, brought into the plain form that tokens.ts and the layouts read.
//
// In: bytes that did not fit. Out: the same values without white space, escapes and repeated keys, digits of numbers as
// they stood; or undefined when it is no JSON object. What no frame declaration could read (deeper objects, arrays that
// are no levels) is left out. So one declaration reads all frames, and there is no second mapping to keep in step.

/** Objects inside one another that are kept: a wrapper, its data, one object in it. */
const DEPTH_MAX = 3
/** Longer frames in a form that is not plain are refused: reading 64 KiB of the smallest values takes up to 50 ms. */
export const GENERAL_BYTES_MAX = 64 * 1024

const EXPONENT = /e/i
const NOTHING = '{}'
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A number as it stood in the text. */
class Digits {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/**
 * A JSON value whose numbers keep their digits; undefined when the bytes are no JSON or no UTF-8.
 * Whoever calls it bounds the length.
 */
export function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes), (_key, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' ? new Digits(context?.source ?? String(value)) : value,
    )
  } catch {
    // No JSON, no UTF-8, or nested deeper than the stack: the caller counts it as refused.
    return undefined
  }
}

/**
 * The plain form of a frame, or undefined.
 * @param wrapper keys of the object around a data frame: one that has them all is printed with them alone, in this order
 */
export function plainForm(bytes: Uint8Array, wrapper: readonly string[] = []): Buffer | undefined {
  const value = parse(bytes)
  if (!isRecord(value)) return undefined
  const isWrapped = wrapper.length > 0 && wrapper.every((key) => Object.hasOwn(value, key))
  if (!isWrapped) return Buffer.from(printRecord(value, 1))
  return Buffer.from(`{${wrapper.map((key) => `${printString(key)}:${print(value[key], 2) ?? 'null'}`).join(',')}}`)
}

/** The plain form of a value that {@link parse} gave; undefined for what plain form does not have. */
export function print(value: unknown, depth = 1): string | undefined {
  if (value instanceof Digits) return EXPONENT.test(value.text) ? undefined : value.text
  if (typeof value === 'string') return printString(value)
  if (value === null || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return printLevels(value)
  const record = isRecord(value) && depth <= DEPTH_MAX ? printRecord(value, depth) : NOTHING
  return record === NOTHING ? undefined : record
}

/** The text of a scalar that {@link parse} gave: a string, or a number's digits; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  if (value instanceof Digits) return value.text
  return typeof value === 'string' ? value : undefined
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Digits)
}

function printRecord(value: Record<string, unknown>, depth: number): string {
  const pairs: string[] = []
  for (const [key, inner] of Object.entries(value)) {
    const text = print(inner, depth + 1)
    if (text !== undefined) pairs.push(`${printString(key)}:${text}`)
  }
  return `{${pairs.join(',')}}`
}

/** What would need an escape cannot be part of anything that we read; it becomes a question mark. */
function printString(text: string): string {
  return `"${text.toWellFormed().replaceAll(/["\\\u0000-\u001f]/g, '?')}"`
}

/** `[["price","size",…],…]`: the first two of each row. */
function printLevels(rows: readonly unknown[]): string | undefined {
  const printed: string[] = []
  for (const row of rows) {
    if (!Array.isArray(row)) return undefined
    const price = textOf(row[0])
    const size = textOf(row[1])
    if (price === undefined || size === undefined) return undefined
    printed.push(`[${printString(price)},${printString(size)}]`)
  }
  return `[${printed.join(',')}]`
}
