// Which instruments a feed means: names and patterns against what the venue lists.
import { isPattern, matcher } from '../../crds/pattern.ts'
import { nearest } from '../../crds/suggest.ts'
import type { Listing } from '../exchanges/room.ts'

export interface Selection {
  readonly listed: readonly Listing[]
  /** Names that the venue does not list, or no more, each with a sentence; it names the nearest. */
  readonly unlisted: ReadonlyMap<string, string>
}

/**
 * @param symbols names, or patterns in which `*` stands for any letters; a pattern takes what is being traded or will
 * be: the first trades of a listing come within the second in which it opens
 * @param exclude of what the patterns give
 * @param taken what is being collected: a pattern keeps it until it is delisted, since a halt passes
 */
export function select(
  symbols: readonly string[],
  exclude: readonly string[] | undefined,
  listings: ReadonlyMap<string, Listing>,
  taken: ReadonlySet<string> = new Set(),
): Selection {
  const listed = new Map<string, Listing>()
  const unlisted = new Map<string, string>()
  const excluded = (exclude ?? []).map(matcher)
  for (const symbol of symbols) {
    if (isPattern(symbol)) {
      const matches = matcher(symbol)
      for (const listing of listings.values()) {
        const { symbol: name, status } = listing
        const isOpen = status === 'trading' || status === 'pre_open' || (status === 'halted' && taken.has(name))
        if (isOpen && matches(name) && !excluded.some((excludes) => excludes(name))) listed.set(name, listing)
      }
      continue
    }
    const listing = listings.get(symbol)
    if (listing === undefined) unlisted.set(symbol, sentence(symbol, listings))
    else if (listing.status === 'delisted') unlisted.set(symbol, 'delisted by the venue')
    else listed.set(symbol, listing)
  }
  return { listed: [...listed.values()], unlisted }
}

function sentence(symbol: string, listings: ReadonlyMap<string, Listing>): string {
  const near = nearest(symbol, [...listings.keys()])
  return near === undefined ? 'not listed by the venue' : `not listed by the venue; did you mean ${near}?`
}
