// What somebody probably meant: the nearest known name, and our way of writing what other tools write.

/**
 * The known name that was probably meant: an alias, or the nearest by edits, letters alike in any case.
 * undefined when nothing is near enough to be worth saying.
 */
export function nearest<N extends string>(
  text: string,
  names: readonly N[],
  aliases: Readonly<Record<string, N>> = {},
): N | undefined {
  if (text.length > 64) return undefined
  const word = bare(text)
  const alias = Object.keys(aliases).find((key) => bare(key) === word)
  if (alias !== undefined) return aliases[alias]
  const ranked = names.map((name) => ({ name, distance: edits(word, bare(name)) }))
  ranked.sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.floor(bare(best.name).length / 3) ? best.name : undefined
}

/** Letters and digits in lower case: `orderBook`, `order_book` and `ORDERBOOK` are one word. */
function bare(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
}

/** Levenshtein distance, with a swap of neighbours as one edit. */
function edits(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + same)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) least = Math.min(least, (before[j - 2] ?? 0) + 1)
      row.push(least)
    }
    before = above
    above = row
  }
  return above[b.length] ?? 0
}

/** Quote assets, longer ones first, so that `BTCFDUSD` is not read as `BTCFD-USD`. */
const QUOTES = ['FDUSD', 'USDT', 'USDC', 'TUSD', 'BUSD', 'USD', 'EUR', 'GBP', 'JPY', 'TRY', 'BRL', 'BTC', 'ETH', 'BNB']

/** Our symbol for what a venue or another tool calls it: `btcusdt`, `BTC/USDT:USDT`, `BTC_USDT`, `BTC-USDT-SWAP`. */
export function ourSymbol(text: string): string | undefined {
  if (text.length > 40) return undefined
  const word = text.toUpperCase().replace(/:.*$/, '').replaceAll(/[/_]/g, '-')
  const pair = word.replace(/-?(SWAP|PERP|PERPETUAL)$/, '')
  if (/^[A-Z0-9\p{Lo}]+-[A-Z0-9]+$/u.test(pair)) return pair
  if (!/^[A-Z0-9\p{Lo}]+$/u.test(pair)) return undefined
  const quote = QUOTES.find((name) => pair.endsWith(name) && pair.length > name.length)
  if (quote !== undefined) return `${pair.slice(0, -quote.length)}-${quote}`
  return pair === word ? undefined : `${pair}-USD`
}
