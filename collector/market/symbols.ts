// Which instruments a feed means: names and patterns against what the venue lists.
import { nearest } from '../../crds/suggest.ts'
import type { Listing } from '../exchanges/room.ts'

export interface Selection {
  readonly listed: readonly Listing[]
  /** Names that the venue does not list, each with a sentence that names the nearest. */
  readonly unlisted: ReadonlyMap<string, string>
}

/**
 * @param symbols names, or patterns in which `*` stands for any letters; a pattern takes what is being traded
 * @param exclude of what the patterns give
 */
export function select(
  symbols: readonly string[],
  exclude: readonly string[] | undefined,
  listings: ReadonlyMap<string, Listing>,
): Selection {
  const listed = new Map<string, Listing>()
  const unlisted = new Map<string, string>()
  const excluded = (exclude ?? []).map(matcher)
  for (const symbol of symbols) {
    if (symbol.includes('*')) {
      const matches = matcher(symbol)
      for (const listing of listings.values()) {
        const { symbol: name, status } = listing
        if (status === 'trading' && matches(name) && !excluded.some((excludes) => excludes(name)))
          listed.set(name, listing)
      }
      continue
    }
    const listing = listings.get(symbol)
    if (listing !== undefined) listed.set(symbol, listing)
    else unlisted.set(symbol, sentence(symbol, listings))
  }
  return { listed: [...listed.values()], unlisted }
}

function matcher(pattern: string): (symbol: string) => boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
  const expression = new RegExp(`^${parts.join('.*')}$`, 'u')
  return (symbol) => expression.test(symbol)
}

function sentence(symbol: string, listings: ReadonlyMap<string, Listing>): string {
  const near = nearest(symbol, [...listings.keys()])
  return near === undefined ? 'not listed by the venue' : `not listed by the venue; did you mean ${near}?`
}
