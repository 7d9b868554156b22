// Patterns of symbols: `*` stands for any run of characters.

export function isPattern(symbol: string): boolean {
  return symbol.includes('*')
}

/** Whether a symbol is what this name or pattern means. */
export function matcher(pattern: string): (symbol: string) => boolean {
  const [head = '', ...rest] = pattern.split('*')
  const tail = rest.pop()
  if (tail === undefined) return (symbol) => symbol === head
  return (symbol) => {
    if (!symbol.startsWith(head)) return false
    let pos = head.length
    for (const part of rest) {
      const at = symbol.indexOf(part, pos)
      if (at < 0) return false
      pos = at + part.length
    }
    return symbol.length - tail.length >= pos && symbol.endsWith(tail)
  }
}

/** Whether one of the patterns among `symbols` finds a symbol; `exclude` takes from what they find. */
export function finder(
  symbols: readonly string[],
  exclude: readonly string[] | undefined,
): (symbol: string) => boolean {
  const patterns = symbols.filter(isPattern).map(matcher)
  const excluded = (exclude ?? []).map(matcher)
  return (symbol) => patterns.some((matches) => matches(symbol)) && !excluded.some((matches) => matches(symbol))
}
