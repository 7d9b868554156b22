// Why our reading of a recorded frame differs from a peer's. Each rule is checked against the frame, for exactly the field
// that differs; what no rule explains counts as a disagreement.
import type { Difference, Rule } from './differences.ts'

export const TARDIS_RULES: readonly Rule[] = [
  {
    reason: 'tardis-dev maps no candles',
    explains: (d) => d.field === 'message' && d.ours === 'kline' && d.theirs === undefined,
  },
  {
    reason: "spot's bookTicker has no time: tardis-dev puts the time of arrival (in ms), we put none",
    explains: (d) => isTimeless(d) && d.theirs === String(Math.floor(d.source.received / 1000) * 1000),
  },
  {
    reason: 'of the two times of a perpetual, tardis-dev takes that of sending (`E`), we that of the event (`T`)',
    explains: takeOtherTime,
  },
  {
    reason: 'the update that joins a book to its REST snapshot: we publish the book with it, tardis-dev each by itself',
    explains: isJoin,
  },
  {
    reason: 'a ticker in which neither best price nor its size changed: tardis-dev gives it again, we do not',
    explains: isUnchanged,
  },
]

export const CRYPTOFEED_RULES: readonly Rule[] = [
  {
    reason: "spot's bookTicker has no time: cryptofeed puts the time of arrival, we put none",
    explains: (d) => isTimeless(d) && d.theirs === String(d.source.received),
  },
  {
    reason: 'of the two times of a perpetual, cryptofeed takes that of sending (`E`), we that of the event (`T`)',
    explains: takeOtherTime,
  },
  {
    reason: 'the update that joins a book to its REST snapshot: we publish the book with it, cryptofeed each by itself',
    explains: isJoin,
  },
  {
    reason: 'a ticker in which neither best price nor its size changed: cryptofeed gives it again, we do not',
    explains: isUnchanged,
  },
  {
    reason: 'a side without an offer: cryptofeed says that its price is 0, we leave it out',
    explains: isEmptySide,
  },
  {
    reason: 'a level is removed that the book has not: cryptofeed leaves that out, we pass it on',
    explains: isUnheld,
  },
]

function isTimeless({ source, type, field, ours }: Difference): boolean {
  return (
    type === 'ticker' &&
    field === 'time' &&
    ours === undefined &&
    source.stream === 'bookTicker' &&
    !('E' in source.frame)
  )
}

function takeOtherTime({ source, field, ours, theirs }: Difference): boolean {
  const { E, T } = source.frame
  return source.market === 'perpetual' && field === 'time' && ours === `${String(T)}000` && theirs === `${String(E)}000`
}

/** Spot's is the last update that the REST snapshot has already, so they make nothing of it. */
function isJoin({ source, field, ours, theirs }: Difference): boolean {
  const made = source.market === 'spot' ? undefined : 'orderbook'
  return 'U' in source.frame && field === 'message' && ours === 'snapshot' && theirs === made
}

const BEST = ['best_bid_price', 'best_bid_amount', 'best_ask_price', 'best_ask_amount'] as const

function isUnchanged({ source, field, ours, theirs }: Difference): boolean {
  const { frame, before } = source
  const isSame = before !== undefined && BEST.every((key) => key in frame && frame[key] === before[key])
  return isSame && field === 'message' && ours === undefined && theirs === 'ticker'
}

function isEmptySide({ source, type, field, ours, theirs }: Difference): boolean {
  const isNone = source.frame[`best_${field}_price`] === 0 && source.frame[`best_${field}_amount`] === 0
  return type === 'ticker' && isNone && ours === undefined && Number(theirs) === 0
}

function isUnheld({ source, type, field, ours, theirs }: Difference): boolean {
  if (type !== 'orderbook' || (field !== 'bids' && field !== 'asks') || ours === undefined) return false
  const held = ours.split(' ').filter((level) => !source.unheld.has(`${field} ${level.replace(/:0$/, '')}`))
  return held.join(' ') === theirs
}
