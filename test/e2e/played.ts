// Cases from the field that are sessions with a venue, played by the simulated exchange over sockets to a collector that
// keeps what it makes.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ConsumerBook } from '../../collector/book/consumer.ts'
import type { Message } from '../../collector/market/messages.ts'
import type { Market } from '../../crds/names.ts'
import type { Exchange, Urls } from '../exchange/exchange.ts'
import { keep, type Keeping } from '../support/kept.ts'
import { folder, manifest, type Simulated, type WantedFeeds } from './collect.ts'
import { sent } from './proof.ts'
import { startWorld, type World } from './world.ts'

const CASES = join(import.meta.dirname, '../../../shared/cases')
/** For tests that read cases; they are skipped where there are none. */
export const itPlays = existsSync(CASES) ? it : it.skip

/** So many times faster than it happened. */
const PACE = 4
const BEGIN_MS = 1_790_000_000_000
const SINK = { file: { path: 'kept' } }

export function caseFile(id: string, file: string = 'input.ndjson'): string {
  return join(CASES, readdirSync(CASES).find((name) => name.startsWith(id)) ?? id, file)
}

/** A case, what is collected of it, and how it is played. */
export interface Play extends WantedFeeds {
  readonly exchange: Simulated
  readonly file: string
  /** Changes the session before it is played. */
  readonly change?: (text: string) => string
  /** Changes what REST answers. */
  readonly rest?: (body: string) => string
  readonly pace?: number
}

export interface Played extends AsyncDisposable {
  readonly world: World
  readonly keeping: Keeping
  /** Waits until the session has been played and everything of it was read. */
  finish(): Promise<void>
}

/** Plays a session to a collector, each market its own part of it. */
export async function play({ file, change, rest = (body) => body, pace = PACE, ...wanted }: Play): Promise<Played> {
  using place = folder()
  const session = change === undefined ? file : place.write('input.ndjson', change(readFileSync(file, 'utf8')))
  const { exchange, symbols } = wanted
  const markets = Object.keys(symbols) as Market[]
  const world = await startWorld(pace, { exchange, markets, recordings: [session], startTime: BEGIN_MS })
  const fronts = await Promise.all(markets.map((market) => front(world.exchange.urls[market], rest)))
  const urls = Object.fromEntries(fronts.map(({ endpoints }, i) => [markets[i], endpoints])) as Exchange['urls']
  const keeping = await keep(manifest({ urls }, { ...wanted, sink: SINK }), world)
  return {
    world,
    keeping,
    finish: async () => {
      await Promise.race([world.exchange.finished, keeping.until('it is stuck', () => false)])
      await keeping.until('all frames are read', ({ ledger }) => {
        const { data, control } = sent(world.exchange.ledger())
        return ledger.framesReceived === data + control
      })
    },
    [Symbol.asyncDispose]: async () => {
      await keeping.close()
      await Promise.all(fronts.map(({ close }) => close()))
      await world[Symbol.asyncDispose]()
    },
  }
}

/** A market whose REST goes through a server of our own. */
async function front({ websocket, rest }: Urls, change: (body: string) => string) {
  const server = createServer((request, response) => {
    void fetch(rest + (request.url ?? '')).then(async (answer) => {
      response.writeHead(answer.status).end(change(await answer.text()))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { endpoints: { websocket, rest: `http://127.0.0.1:${port}` }, close }
}

/** What was published of one book, a word each, as a consumer takes it; and the book that it comes to. */
export function followed(messages: readonly Message[]): { order: string[]; book: ConsumerBook } {
  const book = new ConsumerBook()
  const order = messages.flatMap((m) => {
    if (m.type === 'gap' && m.of === 'orderbook') return [`gap ${m.reason} ${m.after_seq}..${m.before_seq}`]
    if (m.type !== 'orderbook') return []
    expect(book.take(m)).toBe('applied')
    return [m.kind === 'snapshot' ? `snapshot ${m.seq}` : `delta ${m.prev_seq}->${m.seq}`]
  })
  expect(book.inSync).toBe(true)
  return { order, book }
}
