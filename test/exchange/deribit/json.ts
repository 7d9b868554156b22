// JSON as Deribit prints it. Numbers stay text from end to end: a float always has a point or an exponent (`869.0`,
// `-4.7e-7`), which JSON.stringify would take away.

/** An object of values that are JSON already; undefined ones are left out. */
export function object(fields: Readonly<Record<string, string | undefined>>): string {
  let text = ''
  for (const key of Object.keys(fields)) {
    const value = fields[key]
    if (value !== undefined) text += `${text === '' ? '' : ','}"${key}":${value}`
  }
  return `{${text}}`
}

export function array(items: readonly string[]): string {
  return `[${items.join(',')}]`
}

export function quoted(text: string): string {
  return JSON.stringify(text)
}

/** A float: `869` is `869.0`, and what is below a millionth has an exponent. */
export function float(value: number): string {
  const text = String(value)
  return /[.e]/u.test(text) ? text : `${text}.0`
}

/** A float with so many significant digits at most. */
export function rounded(value: number, digits: number): string {
  return float(Number(value.toPrecision(digits)))
}
