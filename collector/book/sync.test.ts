import { describe, expect, it } from 'vitest'
import { roomOf } from '../exchanges/registry.ts'
import type { Message } from '../market/messages.ts'
import { SHARES } from '../sinks/spool.ts'
import { Intake } from '../../test/support/intake.ts'
import { after, lines, playScenario, range } from '../../test/support/scenario.ts'
import { BookTrack, PENDING_FRAMES_MAX } from './sync.ts'

type Market = 'spot' | 'perpetual'

const BEGIN_MS = 1_790_000_000_000
const SPOOL_BYTES = 2 * 1024 * 1024
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
  readonly #track: BookTrack
  #timeMs = BEGIN_MS
  #asked = 0
  #repeated = 0

  constructor(market: Market, resume: boolean) {
    const room = roomOf('binance', market)
    if (room === undefined) throw new Error('no such room')
    this.#market = market
    const plan = { type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT', depth: 2 } as const
    this.#intake = new Intake(room, [resume ? { ...plan, resume: RESUME } : plan], SPOOL_BYTES)
    this.#track = this.#intake.tracks[0] as BookTrack
  }

  async act(words: readonly string[]): Promise<string[]> {
    const said = await this.#do(words)
    const out = said === undefined ? [] : [said]
    const { repeated } = this.#track.outlet.channel.tally
    if (repeated > this.#repeated) out.push('repeated')
    this.#repeated = repeated
    out.push(...this.#intake.take().flatMap(({ message }) => describeMessage(message)))
    if (this.#intake.questions.length > this.#asked) out.push('asks for a snapshot')
    this.#asked = this.#intake.questions.length
    return out
  }

  async #do(words: readonly string[]): Promise<string | undefined> {
    const [verb, what] = words
    const socket = Number(what)
    switch (verb) {
      case 'delta':
        return this.#intake.frame(this.#delta(words), { socketId: Number(after(words, 'on') ?? 1) }) ? undefined : 'no'
      case 'snapshot': {
        const body = { lastUpdateId: Number(what), bids: levels(words, 'bid'), asks: levels(words, 'ask') }
        return void (await this.#answer(Buffer.from(JSON.stringify(body))))
      }
      case 'no':
        return void (await this.#answer(undefined))
      case 'cut':
        return this.#track.interrupt('disconnect', socket)
      case 'silent':
        return this.#track.interrupt('stale', socket)
      case 'broken':
        return this.#track.interrupt('malformed', socket)
      case 'leave':
        return this.#track.leave(socket)
      case 'follows':
        return this.#track.follows(socket) ? 'yes' : 'no'
      case 'sink':
        return what === 'away' ? this.#fill() : void this.#intake.take()
      case 'refresh':
      case 'check':
      case 'close':
        return this.#track[verb]()
      default:
        throw new Error(`nobody knows how to '${words.join(' ')}'`)
    }
  }

  #delta(words: readonly string[]): Buffer {
    const [first, last] = range(words[1])
    const at = after(words, 'at')
    this.#timeMs = at === undefined ? this.#timeMs + 100 : BEGIN_MS + Number(at)
    const times = this.#market === 'spot' ? { E: this.#timeMs } : { E: this.#timeMs + 5, T: this.#timeMs }
    const pu = this.#market === 'spot' ? {} : { pu: Number(after(words, 'pu')) }
    const sides = { b: levels(words, 'bid'), a: levels(words, 'ask') }
    const data = { e: 'depthUpdate', ...times, s: 'BTCUSDT', U: first, u: last, ...pu, ...sides }
    return Buffer.from(JSON.stringify({ stream: 'btcusdt@depth@100ms', data }))
  }

  async #answer(body: Buffer | undefined): Promise<void> {
    this.#asked -= 1
    await this.#intake.answer(this.#market === 'spot' ? '/api/v3/depth' : '/fapi/v1/depth', body)
  }

  /** Takes the room that books may have, by messages of somebody else that nobody takes out yet. */
  #fill(): void {
    const { spool } = this.#intake
    for (let room = spool.open(200_000, SHARES.orderbook); room !== undefined; ) {
      const at = spool.at
      const json = `{"type":"orderbook","filler":true,"published":0000000000000000}`
      void json
      spool.commit(0, at, at, 0)
      spool.at = at + 200_000
      room = spool.open(200_000, SHARES.orderbook)
    }
  }
}

function levels(words: readonly string[], side: string): [string, string][] {
  return words.flatMap((word, i) => (word === side ? [[words[i + 1] as string, words[i + 2] as string]] : []))
}

function describeMessage(m: Message): string[] {
  if (m.type === 'gap') {
    const ends = `${m.after_seq ?? ''}..${m.before_seq ?? ''}`
    return [`gap ${m.reason} ${ends}${m.missing === undefined ? '' : ` missing ${m.missing}`}`]
  }
  if (m.type !== 'orderbook') return []
  if (m.kind === 'delta') return [`delta ${m.prev_seq}->${m.seq}`]
  const sides = [...m.bids.map((l) => `bid ${l.join(' ')}`), ...m.asks.map((l) => `ask ${l.join(' ')}`)]
  return [['snapshot', m.seq, ...sides].join(' ')]
}
