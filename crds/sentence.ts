// Sentences about a value, written once as a template and filled in twice: here, and by the API server in CEL.

/** Controls, marks that turn text or cover their neighbours, separators, halves of pairs, unassigned characters. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Mn}\p{Me}\p{Zl}\p{Zp}]/gu
const PLACEHOLDER = /\{([A-Za-z.]+)\}/g
const SHOWN_MAX = 60

/** Text from outside made harmless for a terminal and a log: control and direction characters as `\u{1b}`. */
export function escaped(text: string): string {
  return text.replaceAll(UNSAFE, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`)
}

/** A value as a message quotes it: short, on one line, harmless. */
export function quoted(value: unknown): string {
  if (typeof value === 'string') return `'${escaped(shortened(value))}'`
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  return String(value)
}

function shortened(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}…`
}

/** The sentence with the values in it. */
export function fill(template: string, self: unknown): string {
  return template.replaceAll(PLACEHOLDER, (_, place: string) => {
    const names = place === 'self' ? [] : place.split('.')
    const length = names.at(-1) === 'length'
    const value = at(self, length ? names.slice(0, -1) : names)
    return length && typeof value === 'string' ? `${value.length}` : quoted(value)
  })
}

/**
 * The sentence as a CEL expression; undefined when no value stands in it.
 * By `format` and not by `+`: the API server takes what `string(int)` gives for unbounded and refuses its sum.
 */
export function fillCel(template: string): string | undefined {
  const values = [...template.matchAll(PLACEHOLDER)].map(([, place]) => celValue(place as string))
  if (values.length === 0) return undefined
  const text = template
    .replaceAll('%', '%%')
    .replaceAll(PLACEHOLDER, (_, place: string) => (place.endsWith('.length') ? '%d' : "'%s'"))
  return `${celText(text)}.format([${values.join(', ')}])`
}

/** The sentence without the values: for the docs, and for the API server where it cannot build the longer one. */
export function plain(template: string): string {
  return template
    .replaceAll('{self}', 'the value')
    .replaceAll(/\{[A-Za-z.]+\.length\}/g, 'too many')
    .replaceAll(/ \{[A-Za-z.]+\}/g, '')
}

/** A text as a CEL literal. */
export function celText(text: string): string {
  return JSON.stringify(text)
}

function celValue(place: string): string {
  if (place === 'self') return 'self'
  return place.endsWith('.length') ? `self.${place.slice(0, -'.length'.length)}.size()` : `self.${place}`
}

function at(value: unknown, names: readonly string[]): unknown {
  return names.reduce<unknown>((v, name) => (v as Record<string, unknown> | undefined)?.[name], value)
}
