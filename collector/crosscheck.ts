// Books against what the venue says otherwise: once a second against its best bid and offer, for each symbol of which a
// collector has both; and against a fresh snapshot where somebody asks for it.
import { BookTrack, type Verdict } from './book/track.ts'
import type { Clock } from './connection/clock.ts'
import type { Lane } from './lane.ts'
import { BestCheck } from './quality/best.ts'

/** Told of a book that has other best prices than the ticker, and what the ticker says. */
export type OnDiffers = (book: Lane, ticker: Lane) => void

/** Compares what there is to compare; called once a second with all lanes. */
export function crossCheck(lanes: readonly Lane[], onDiffers: OnDiffers): void {
  const tickers = new Map<string, Lane>()
  for (const lane of lanes) if (lane.channel.type === 'ticker') tickers.set(placeOf(lane), lane)
  for (const lane of lanes) {
    const track = lane.route?.track
    if (!(track instanceof BookTrack)) continue
    const ticker = tickers.get(placeOf(lane))
    const guard = ticker?.route?.track.outlet.guard
    if (ticker === undefined || guard === undefined) continue
    lane.bestCheck ??= new BestCheck()
    const agreement = lane.bestCheck.tick(track.outlet.guard, guard.best, track.inSync && ticker.state === 'live')
    if (agreement === 'differs') onDiffers(lane, ticker)
  }
}

/** What asking about one book came to. */
export interface BookVerdict extends Verdict {
  readonly exchange: string
  readonly market: string
  readonly symbol: string
}

/** A snapshot waits for the limits of its venue, and for a change that joins it. */
const VERIFY_MS_MAX = 60_000

/** Asks for a snapshot of each book and compares; a book that has not been compared after a minute is `unknown`. */
export function verifyBooks(lanes: readonly Lane[], clock: Clock): Promise<BookVerdict[]> {
  const books = lanes.flatMap(({ channel, route }) => {
    return route?.track instanceof BookTrack ? [{ channel, track: route.track }] : []
  })
  return Promise.all(
    books.map(({ channel: { exchange, market, symbol }, track }) => {
      return new Promise<BookVerdict>((resolve) => {
        const done = (verdict: Verdict): void => {
          clock.clearTimeout(timer)
          resolve({ exchange, market, symbol, ...verdict })
        }
        const late: Verdict = { agreement: 'unknown', why: 'no snapshot that could be compared came within a minute' }
        const timer = clock.setTimeout(() => done(late), VERIFY_MS_MAX)
        track.verify(done)
      })
    }),
  )
}

function placeOf({ channel: { exchange, market, symbol } }: Lane): string {
  return `${exchange} ${market} ${symbol}`
}
