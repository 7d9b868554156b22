// The general road: any JSON, brought into the plain form that tokens.ts and the layouts read.
//
// In: bytes that did not fit. Out: the same values without white space, escapes, exponents and repeated keys, digits of
// numbers as they stood; or undefined when it is no JSON object. Only what lies deeper than any venue nests is left out,
// so one declaration reads all frames, and there is no second mapping to keep in step.
import { DEPTH_MAX } from './plain.ts'

/** Longer frames in a form that is not plain are refused: reading 64 KiB of the smallest values takes up to 50 ms. */
export const GENERAL_BYTES_MAX = 64 * 1024
/** Digits of a number whose exponent is written out; what would need more keeps it, and is no decimal then. */
const EXPANDED_MAX = 64

const EXPONENT = /^(-?)(\d+)(?:\.(\d+))?e([-+]?\d{1,3})$/i
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Keys of the objects around a venue's data, in the order in which its room reads them. A frame that has all but the
 * optional ones is printed with them alone.
 */
export type Shape = { readonly [key: string]: Shape | 'value' | 'optional' }

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

/** The plain form of a frame, its wrapper in the given shape where it has that shape; undefined when it is no object. */
export function plainForm(bytes: Uint8Array, wrapper: Shape = {}): Buffer | undefined {
  const value = parse(bytes)
  if (!isRecord(value)) return undefined
  return Buffer.from(has(value, wrapper) ? printShape(value, wrapper, 1) : printRecord(value, 1))
}

/** The plain form of a value that {@link parse} gave; undefined for what lies too deep. */
export function print(value: unknown, depth = 1): string | undefined {
  if (value instanceof Digits) return expanded(value.text)
  if (typeof value === 'string') return printString(value)
  if (depth > DEPTH_MAX) return undefined
  if (Array.isArray(value)) return `[${value.map((cell) => print(cell, depth + 1) ?? 'null').join(',')}]`
  return isRecord(value) ? printRecord(value, depth) : String(value)
}

/** The text of a scalar that {@link parse} gave: a string, or a number's digits; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  if (value instanceof Digits) return value.text
  return typeof value === 'string' ? value : undefined
}

/** The object that a control text is; undefined for anything else. Its numbers are JavaScript's. */
export function recordOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Digits)
}

/** Whether a frame has the wrapper's keys. */
function has(value: Record<string, unknown>, shape: Shape): boolean {
  const keys = Object.entries(shape)
  return (
    keys.length > 0 &&
    keys.every(([key, inner]) => {
      if (inner === 'optional') return true
      if (!Object.hasOwn(value, key)) return false
      const within = value[key]
      return inner === 'value' || (isRecord(within) && has(within, inner))
    })
  )
}

function printShape(value: Record<string, unknown>, shape: Shape, depth: number): string {
  const pairs = Object.entries(shape).flatMap(([key, inner]) => {
    if (!Object.hasOwn(value, key)) return []
    const within = value[key]
    const text =
      typeof inner === 'object' && isRecord(within) ? printShape(within, inner, depth + 1) : print(within, depth + 1)
    return [`${printString(key)}:${text ?? 'null'}`]
  })
  return `{${pairs.join(',')}}`
}

function printRecord(value: Record<string, unknown>, depth: number): string {
  const pairs = Object.entries(value).flatMap(([key, inner]) => {
    const text = print(inner, depth + 1)
    return text === undefined ? [] : [`${printString(key)}:${text}`]
  })
  return `{${pairs.join(',')}}`
}

/** What would need an escape cannot be part of anything that we read; it becomes a question mark. */
function printString(text: string): string {
  return `"${text.toWellFormed().replaceAll(/["\\\u0000-\u001f]/g, '?')}"`
}

/** A number without its exponent: `-4.7e-7` as `-0.00000047`. */
function expanded(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = ''] = EXPONENT.exec(text) ?? []
  const [digits, point] = [whole + fraction, whole.length + Number(exponent)]
  if (whole === '' || Math.max(digits.length, point) - Math.min(0, point) > EXPANDED_MAX) return text
  const padded = digits.padStart(digits.length - Math.min(0, point - 1), '0').padEnd(point, '0')
  const place = Math.max(1, point)
  const left = padded.slice(0, place).replace(/^0+(?=\d)/, '')
  return `${sign}${left}${place < padded.length ? `.${padded.slice(place)}` : ''}`
}
