import { describe, expect, it } from 'vitest'
import { roomOf } from '../exchanges/registry.ts'
import type { BookType, RestSnapshots } from '../exchanges/room.ts'
import type { GapReason } from '../market/messages.ts'
import { describeBook, fillSpool, levelsOf } from '../../test/support/books.ts'
import { Intake } from '../../test/support/intake.ts'
import { after, lines, playScenario, range, readScenarios } from '../../test/support/scenario.ts'
import { PENDING_FRAMES_MAX } from './queue.ts'
import type { RestBook } from './rest.ts'

type Market = 'spot' | 'perpetual'

const BEGIN_MS = 1_790_000_000_000
const BEFALLS: Record<string, GapReason> = { cut: 'disconnect', silent: 'stale', broken: 'malformed' }
/** Levels a side that are asked for: a snapshot that has so many was cut. */
const LIMIT = 4
const SPOOL_BYTES = 1024 * 1024
const RESUME = { at: 100, time: (BEGIN_MS - 60_000) * 1000 }

/**
 * What can be done to a book:
 *   delta 101-104 [pu 90] [bid 10 1] [ask 11 0] [at 500] [on 2]   a delta of socket 1 or another; every next one is
 *                                                                 100 ms later, or it is `at` ms after the beginning
 *   snapshot 104 [bid 10 1] [ask 11 2], no snapshot               answers the oldest question
 *   cut 1, leave 1, silent 1, broken 1                            what befalls a socket
 *   refresh, check, follows 2, sink away, sink back, close
 */
class Stage {
  readonly #market: Market
  readonly #intake: Intake
  readonly #track: RestBook
  #timeMs = BEGIN_MS
  #asked = 0
  #repeated = 0
  #isAway = false

  constructor(market: Market, resume: boolean) {
    const room = roomOf('binance', market)
    if (room === undefined) throw new Error('no such room')
    this.#market = market
    const plan = { type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT', depth: 2 } as const
    const book = room.types.orderbook as BookType
    const snapshots = book.snapshots as RestSnapshots
    const query: RestSnapshots['query'] = (...asked) => ({ ...snapshots.query(...asked), limit: LIMIT })
    const orderbook = { ...book, snapshots: { ...snapshots, query } }
    const short = { ...room, types: { ...room.types, orderbook } }
    this.#intake = new Intake(short, [resume ? { ...plan, resume: RESUME } : plan], SPOOL_BYTES)
    this.#track = this.#intake.tracks[0] as RestBook
  }

  async act(words: readonly string[]): Promise<string[]> {
    const said = await this.#do(words)
    const out = said === undefined ? [] : [said]
    const { repeated } = this.#track.outlet.channel.tally
    if (repeated > this.#repeated) out.push('repeated')
    this.#repeated = repeated
    if (!this.#isAway) out.push(...this.#intake.take().flatMap(({ message }) => describeBook(message)))
    if (this.#intake.questions.length > this.#asked) out.push('asks for a snapshot')
    this.#asked = this.#intake.questions.length
    return out
  }

  async #do(words: readonly string[]): Promise<string | undefined> {
    const [verb = '', what] = words
    if (verb === 'follows') return this.#track.follows(Number(what)) ? 'yes' : 'no'
    if (verb === 'delta') return this.#take(this.#delta(words), Number(after(words, 'on') ?? 1))
    if (verb === 'snapshot') {
      const body = { lastUpdateId: Number(what), bids: levelsOf(words, 'bid'), asks: levelsOf(words, 'ask') }
      await this.#answer(Buffer.from(JSON.stringify(body)))
    } else if (verb === 'no') await this.#answer(undefined)
    else if (verb === 'leave') this.#track.leave(Number(what))
    else if (verb in BEFALLS) this.#track.interrupt(BEFALLS[verb] as GapReason, Number(what))
    else if (verb === 'refresh' || verb === 'check') this.#track[verb]()
    else if (verb === 'close') this.#intake.close()
    else if (verb === 'sink') {
      this.#isAway = what === 'away'
      if (this.#isAway) fillSpool(this.#track.outlet)
    } else throw new Error(`nobody knows how to '${words.join(' ')}'`)
    return undefined
  }

  #take(frame: Buffer, socketId: number): string | undefined {
    const { refused } = this.#intake.counts
    const before = refused.malformed
    this.#intake.frame(frame, { socketId })
    return refused.malformed > before ? 'refused' : undefined
  }

  #delta(words: readonly string[]): Buffer {
    const [first, last] = range(words[1])
    const at = after(words, 'at')
    this.#timeMs = at === undefined ? this.#timeMs + 100 : BEGIN_MS + Number(at)
    const times = this.#market === 'spot' ? { E: this.#timeMs } : { E: this.#timeMs + 5, T: this.#timeMs }
    const pu = this.#market === 'spot' ? {} : { pu: Number(after(words, 'pu')) }
    const sides = { b: levelsOf(words, 'bid'), a: levelsOf(words, 'ask') }
    const data = { e: 'depthUpdate', ...times, s: 'BTCUSDT', U: first, u: last, ...pu, ...sides }
    return Buffer.from(JSON.stringify({ stream: 'btcusdt@depth@100ms', data }))
  }

  async #answer(body: Buffer | undefined): Promise<void> {
    this.#asked -= 1
    await this.#intake.answer(this.#market === 'spot' ? '/api/v3/depth' : '/fapi/v1/depth', body)
  }
}

describe('a book', () => {
  const scenarios = readScenarios(new URL('rest.scenarios.txt', import.meta.url))
  it.each(scenarios)('$stage: $title', async ({ stage, text }) => {
    const [market, run] = stage.split(', ')
    const book = new Stage(market as Market, run === 'a later run')
    expect(await playScenario(text, (words) => book.act(words))).toEqual(lines(text))
  })
})

describe('a book that waits', () => {
  it(`keeps ${PENDING_FRAMES_MAX} deltas at most, the newest, and joins them`, async () => {
    const stage = new Stage('spot', false)
    const count = PENDING_FRAMES_MAX * 3
    for (let seq = 1; seq <= count; seq++) await stage.act(['delta', `${seq}-${seq}`])
    expect(await stage.act(['snapshot', '5', 'bid', '10', '1'])).toEqual(['asks for a snapshot'])
    const joined = await stage.act(['snapshot', `${count - 900}`, 'bid', '10', '1'])
    expect(joined).toEqual([`snapshot ${count} bid 10 1`])
  })
})
