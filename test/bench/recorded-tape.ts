// A recorded market without an end: played again and again, each time with ids and times that follow on.
import type { ExchangeName } from '../../crds/names.ts'
import { Tape, type Advance, type Frame } from './frames.ts'
import type { RecordedFrame, Recording } from './recordings.ts'

type Data = RecordedFrame['data']

/** The keys of a stream that number its frames; the first of `ids` from frame to frame, the rest along with it. */
interface Numbering {
  readonly ids: readonly string[]
  /** What the first number of the next pass must be, from the first and the last frame of this one. */
  readonly next: (first: Data, last: Data) => number
  /** The first is what messages are timed by. */
  readonly times: readonly string[]
}

const NO_IDS = { ids: [], next: () => 0 } as const
const after =
  (key: string) =>
  (_: Data, last: Data): number =>
    Number(last[key]) + 1

const NUMBERINGS: Readonly<Partial<Record<ExchangeName, Readonly<Record<string, Numbering>>>>> = {
  binance: {
    aggTrade: { ids: ['a', 'f', 'l'], next: after('a'), times: ['T', 'E'] },
    bookTicker: { ids: ['u'], next: after('u'), times: ['T', 'E'] },
    kline_1m: { ...NO_IDS, times: ['E'] },
    // Spot's updates follow one another (`U` is the last `u` + 1); of perpetuals `pu` names the one before.
    'depth@100ms': {
      ids: ['U', 'u', 'pu'],
      next: ({ U, pu }, { u }) => (pu === undefined ? Number(u) + 1 : Number(u) + Number(U) - Number(pu)),
      times: ['E', 'T'],
    },
  },
  // Each pass of a book begins with the snapshot, as after a subscription.
  okx: {
    trades: { ids: ['tradeId'], next: after('tradeId'), times: ['ts'] },
    books: { ...NO_IDS, times: ['ts'] },
    tickers: { ...NO_IDS, times: ['ts'] },
  },
  deribit: {
    book: { ids: ['change_id', 'prev_change_id'], next: after('change_id'), times: ['timestamp'] },
    ticker: { ...NO_IDS, times: ['timestamp'] },
  },
}

/** Frames of the recording under today's names; each `advance` makes them those of the next half minute. */
export function recordedTape({ session, frames }: Recording): Tape {
  const streams = Map.groupBy(frames, ({ stream, listing }) => `${stream} ${listing.venueSymbol}`)
  const lastsMs = 1 + Math.max(...[...streams.values()].map((group) => lasts(session.exchange, group)))
  const shifts = new Map([...streams].map(([name, group]) => [name, shift(session.exchange, group)]))
  return new Tape(
    frames.map(({ bytes, stream, listing, data }): Frame => {
      const { ids, times } = numberingOf(session.exchange, stream)
      const by = shifts.get(`${stream} ${listing.venueSymbol}`) as number
      const moves: Advance[] = [...ids.map((key) => ({ key, by })), ...times.map((key) => ({ key, by: lastsMs }))]
      return { text: session.renamed(bytes).toString('latin1'), advances: moves.filter(({ key }) => key in data) }
    }),
  )
}

/** From the first to the last time of a stream, ms. */
function lasts(exchange: ExchangeName, group: readonly RecordedFrame[]): number {
  const [key = ''] = numberingOf(exchange, (group[0] as RecordedFrame).stream).times
  const times = group.flatMap(({ data }) => (key in data ? [Number(data[key])] : []))
  return times.length === 0 ? 0 : Math.max(...times) - Math.min(...times)
}

function shift(exchange: ExchangeName, group: readonly RecordedFrame[]): number {
  const [first, last] = [group.at(0), group.at(-1)] as [RecordedFrame, RecordedFrame]
  const { ids, next } = numberingOf(exchange, first.stream)
  return ids[0] === undefined ? 0 : next(first.data, last.data) - Number(first.data[ids[0]])
}

function numberingOf(exchange: ExchangeName, stream: string): Numbering {
  const numbering = NUMBERINGS[exchange]?.[stream]
  if (numbering === undefined) throw new Error(`recording: a stream ${stream} of ${exchange} that is not known here`)
  return numbering
}
