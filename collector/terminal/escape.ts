// What came from outside never reaches a terminal or a log as it is.

// Controls (C0, DEL, C1), marks that turn the direction of text, invisible ones, those that are drawn over their
// neighbours, line and paragraph separators, halves of surrogate pairs, private and unassigned characters.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Mn}\p{Me}\p{Zl}\p{Zp}]/u

/**
 * Text that is safe to print on one line, at most `max` characters long: what is not printable becomes `\xNN`, `\uNNNN`
 * or `\u{NNNNN}`, a backslash becomes two, and what is too long ends in `…`.
 */
export function printable(text: string, max = 200): string {
  let out = ''
  let short = ''
  for (const char of text) {
    const safe = char === '\\' ? '\\\\' : UNPRINTABLE.test(char) ? escaped(char) : char
    if (out.length + safe.length > max) return `${short}…`
    out += safe
    if (out.length < max) short = out
  }
  return out
}

/** JSON of printable ASCII characters alone, so that none of it can do anything to a terminal. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^ -~]/g, (char) => `\\u${hex(char.charCodeAt(0), 4)}`)
}

function escaped(char: string): string {
  const code = char.codePointAt(0) as number
  if (code <= 0xff) return `\\x${hex(code, 2)}`
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 5)}}`
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
