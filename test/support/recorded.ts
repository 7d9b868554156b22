// The recorded sessions of ../shared/recordings, played into an intake: frames and snapshots in the order of arrival.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { roomOf } from '../../collector/exchanges/registry.ts'
import type { DataType, ExchangeName, Market } from '../../crds/names.ts'
import type { Listing, Room } from '../../collector/exchanges/room.ts'
import { type Item, readRecording } from '../exchange/recording.ts'
import { type ChannelPlan, Intake, isAbout, type Made } from './intake.ts'

const FOLDER = fileURLToPath(new URL('../../../shared/recordings/', import.meta.url))
/** undefined where the recordings are; else why they are skipped. */
export const MISSING_RECORDINGS = existsSync(FOLDER) ? undefined : 'there is no ../shared/recordings'

export interface Session {
  readonly exchange: ExchangeName
  readonly market: Market
  readonly name: string
}

/** What came out after each item of a session. */
export interface Step {
  readonly item: Item
  readonly made: readonly Made[]
}

const INTERVAL = '1m'

/** What the session lists of a market and has frames of. */
function listed(room: Room, lists: readonly Item[], frames: string): Listing[] {
  const read = lists.flatMap((item) => {
    const path = item.url.pathname + item.url.search
    return item.kind === 'rest'
      ? (room.instruments.read(Buffer.from(item.body), { path, weight: 1 })?.listings ?? [])
      : []
  })
  const bySymbol = new Map(read.map((listing) => [listing.venueSymbol, listing]))
  return [...bySymbol.values()].filter(({ venueSymbol }) => frames.includes(`"${venueSymbol}"`))
}

function framesOf(items: readonly Item[]): string {
  return items.flatMap((item) => (item.kind === 'frame' ? [item.body] : [])).join()
}

export function sessionOf({ name }: Session): Item[] {
  return readRecording(FOLDER + name)
}

/** @param change of each frame's text on its way in */
export async function playSession(
  session: Session,
  change: (text: string) => string = (text) => text,
): Promise<Step[]> {
  const room = roomOf(session.exchange, session.market)
  if (room === undefined) throw new Error(`${session.exchange} ${session.market}: no room`)
  const items = sessionOf(session)
  const [list] = room.instruments.queries
  const isList = (item: Item) => item.kind === 'rest' && item.url.pathname === list?.path.replace(/\?.*/, '')
  const plans = listed(room, items.filter(isList), framesOf(items)).flatMap(({ symbol, venueSymbol, sizing, family }) =>
    (Object.keys(room.types) as DataType[]).map((type): ChannelPlan => {
      const interval = type === 'kline' ? { interval: INTERVAL } : {}
      const options = { depth: 1000, sizing, ...interval, ...(family === undefined ? {} : { family }) }
      return { type, symbol, venueSymbol, ...options }
    }),
  )
  const intake = new Intake(room, plans)
  const steps: Step[] = []
  const arrived: { path: string; body: Buffer }[] = []
  for (const item of items) {
    await intake.clock.advance(1)
    if (item.kind === 'frame') intake.frame(Buffer.from(change(item.body)))
    else if (item.kind === 'rest')
      arrived.push({ path: item.url.pathname + item.url.search, body: Buffer.from(item.body) })
    for (const answer of arrived.filter(({ path }) => intake.questions.some((q) => isAbout(q.path, path)))) {
      arrived.splice(arrived.indexOf(answer), 1)
      await intake.answer(answer.path, answer.body)
    }
    steps.push({ item, made: intake.take() })
  }
  return steps
}
