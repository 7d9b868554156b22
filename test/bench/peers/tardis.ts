// tardis-dev's mappers, run over frames as its own `normalizeMessages` does, but without its async generators.
//
// What it does not do: of Binance it maps `@trade`, not the aggregated trades that the recordings hold, so these are given
// to it under that name with `t` for `a`; candles it does not map, so of these only the parse is counted. Of OKX it reads
// for the days of the recording `books-l2-tbt`, whose frames are those of `books`, so it gets these under that name. Its
// prices and sizes are doubles. Its books are not kept: it passes changes on, in order, without a check of the sequence
// after the first.
import { latin1 } from '../latin1.ts'
import { createRequire } from 'node:module'
import type { Market } from '../../../crds/names.ts'
import { Missing } from '../missing.ts'
import type { RecordedFrame, Recording } from '../recordings.ts'

/** What tardis-dev makes of a frame: one flat object, see its README. Dates are Date objects. */
export type TardisEvent = Readonly<Record<string, unknown>> & { readonly type: string; readonly symbol: string }

interface Mapper {
  canHandle(message: unknown): boolean
  map(message: unknown, received: Date): Iterable<TardisEvent> | undefined
}
type MakeMapper = (exchange: string, since: Date) => Mapper

interface Module {
  readonly normalizeTrades: MakeMapper
  readonly normalizeBookChanges: MakeMapper
  readonly normalizeBookTickers: MakeMapper
}

interface Peer {
  /** Its name of the venue's market. */
  readonly names: Partial<Record<Market, string>>
  /** It chooses mappers by a date; absent: that of the recording. */
  readonly since?: Date
  /** The frame as its own subscription would bring it. */
  readonly sees?: (text: string) => string
}

const PEERS: Readonly<Record<string, Peer>> = {
  binance: {
    names: { spot: 'binance', perpetual: 'binance-futures' },
    sees: (text) =>
      text.includes('@aggTrade"')
        ? text.replace('@aggTrade"', '@trade"').replace('"e":"aggTrade"', '"e":"trade"').replace('"a":', '"t":')
        : text,
  },
  okx: {
    names: { spot: 'okex', perpetual: 'okex-swap', future: 'okex-futures' },
    // Five days later it would take tickers from another stream than the recorded one.
    since: new Date('2022-05-05T00:00:00Z'),
    sees: (text) => text.replace('"channel":"books"', '"channel":"books-l2-tbt"'),
  },
  deribit: { names: { option: 'deribit' } },
}

/** @throws Missing when tardis-dev is not installed. */
export function loadTardis(): Module {
  const require = createRequire(import.meta.url)
  try {
    return require('tardis-dev') as Module
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw cause
    throw new Missing('tardis-dev is not installed', 'npm --prefix test/bench ci')
  }
}

/** Fresh mappers for one market, which have taken the recorded snapshots. */
export function mappers(tardis: Module, { session, market, frames }: Recording): Mapper[] {
  const { names, since = new Date((frames[0] as RecordedFrame).received / 1000) } = PEERS[session.exchange] as Peer
  const makers = [tardis.normalizeTrades, tardis.normalizeBookChanges, tardis.normalizeBookTickers]
  const all = makers.map((make) => make(names[market] ?? '', since))
  for (const [symbol, body] of session.snapshots) {
    const message = { stream: `${symbol.toLowerCase()}@depthSnapshot`, data: JSON.parse(body) }
    for (const mapper of all) if (mapper.canHandle(message)) for (const _ of mapper.map(message, since) ?? []);
  }
  return all
}

/** The frame as tardis-dev's own subscription would bring it. */
export function asTardisSees({ session }: Recording, { bytes }: RecordedFrame): Buffer {
  const { sees } = PEERS[session.exchange] as Peer
  return sees === undefined ? bytes : Buffer.from(sees(latin1(bytes)), 'latin1')
}

/** Parse, map: the events of one frame, each given to `take`. */
export function mapFrame(
  all: readonly Mapper[],
  frame: Buffer,
  received: Date,
  take: (event: TardisEvent) => void,
): void {
  const message = JSON.parse(latin1(frame)) as unknown
  for (const mapper of all) {
    if (!mapper.canHandle(message)) continue
    const events = mapper.map(message, received)
    if (events === undefined) continue
    for (const event of events) take(event)
  }
}
