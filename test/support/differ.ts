// Two books that should be the same: as a consumer rebuilt it, and as the exchange had it.
import { compareDecimals, type Level } from '../../collector/book/consumer.ts'
import type { TrueBook } from '../exchange/venue.ts'

/** The first difference between two sides, as far as the snapshot that ours began with reaches. */
export function differenceOf(
  ours: readonly Level[],
  theirs: TrueBook['bids'],
  snapshot: readonly Level[],
  direction: 1 | -1,
): string | undefined {
  const worst = snapshot.at(-1)?.[0]
  if (worst === undefined) return undefined
  const isKnown = (price: string) => compareDecimals(price, worst) * direction >= 0
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    const [a, b] = [ours[i], theirs[i]]
    const same =
      a !== undefined &&
      b !== undefined &&
      compareDecimals(a[0], b[0]) === 0 &&
      compareDecimals(a[2] ?? a[1], b[1]) === 0
    if (same) continue
    if ((a === undefined || !isKnown(a[0])) && (b === undefined || !isKnown(b[0]))) return undefined
    return `level ${i} is ${a?.join(' x ')}, truly it is ${b?.join(' x ')}`
  }
  return undefined
}
