// tardis-dev's Binance mappers, run over frames as its own `normalizeMessages` does, but without its async generators.
//
// What it does not do: it maps `@trade`, not the aggregated trades that the recordings hold, so these are given to it
// under that name with `t` for `a`; candles it does not map, so of these only the parse is counted. Its prices and sizes
// are doubles. Its books are not kept: it passes changes on, in order, without a check of the sequence after the first.
import { latin1 } from '../latin1.ts'
import { createRequire } from 'node:module'
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

const EXCHANGES = { spot: 'binance', perpetual: 'binance-futures' } as const

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
export function mappers(tardis: Module, recording: Recording): Mapper[] {
  const since = new Date((recording.frames[0] as RecordedFrame).received / 1000)
  const exchange = EXCHANGES[recording.market]
  const makers = [tardis.normalizeTrades, tardis.normalizeBookChanges, tardis.normalizeBookTickers]
  const all = makers.map((make) => make(exchange, since))
  for (const [symbol, body] of recording.snapshots) {
    const message = { stream: `${symbol.toLowerCase()}@depthSnapshot`, data: JSON.parse(body) }
    for (const mapper of all) if (mapper.canHandle(message)) for (const _ of mapper.map(message, since) ?? []);
  }
  return all
}

/** The frame as tardis-dev's own subscription would bring it: an aggregated trade becomes a trade. */
export function asTardisSees(frame: Buffer): Buffer {
  const text = latin1(frame)
  if (!text.includes('@aggTrade"')) return frame
  return Buffer.from(
    text.replace('@aggTrade"', '@trade"').replace('"e":"aggTrade"', '"e":"trade"').replace('"a":', '"t":'),
  )
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
