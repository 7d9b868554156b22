import { describe, expect, it } from 'vitest'
import { roomOf } from '../exchanges/registry.ts'
import type { Room } from '../exchanges/room.ts'
import type { GapReason, Message } from '../market/messages.ts'
import { SHARES } from '../sinks/spool.ts'
import { Intake } from '../../test/support/intake.ts'
import { after, lines, playScenario, range } from '../../test/support/scenario.ts'
import { type BookTrack, PENDING_FRAMES_MAX } from './sync.ts'

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
  readonly #track: BookTrack
  #timeMs = BEGIN_MS
  #asked = 0
  #repeated = 0
  #isAway = false

  constructor(market: Market, resume: boolean) {
    const room = roomOf('binance', market)
    if (room === undefined) throw new Error('no such room')
    this.#market = market
    const plan = { type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT', depth: 2 } as const
    const snapshot: Room['book']['snapshot'] = (...asked) => ({ ...room.book.snapshot(...asked), limit: LIMIT })
    const short = { ...room, book: { ...room.book, snapshot } }
    this.#intake = new Intake(short, [resume ? { ...plan, resume: RESUME } : plan], SPOOL_BYTES)
    this.#track = this.#intake.tracks[0] as BookTrack
  }

  async act(words: readonly string[]): Promise<string[]> {
    const said = await this.#do(words)
    const out = said === undefined ? [] : [said]
    const { repeated } = this.#track.outlet.channel.tally
    if (repeated > this.#repeated) out.push('repeated')
    this.#repeated = repeated
    if (!this.#isAway) out.push(...this.#intake.take().flatMap(({ message }) => describeMessage(message)))
    if (this.#intake.questions.length > this.#asked) out.push('asks for a snapshot')
    this.#asked = this.#intake.questions.length
    return out
  }

  async #do(words: readonly string[]): Promise<string | undefined> {
    const [verb = '', what] = words
    if (verb === 'follows') return this.#track.follows(Number(what)) ? 'yes' : 'no'
    if (verb === 'delta') return this.#take(this.#delta(words), Number(after(words, 'on') ?? 1))
    if (verb === 'snapshot') {
      const body = { lastUpdateId: Number(what), bids: levels(words, 'bid'), asks: levels(words, 'ask') }
      await this.#answer(Buffer.from(JSON.stringify(body)))
    } else if (verb === 'no') await this.#answer(undefined)
    else if (verb === 'leave') this.#track.leave(Number(what))
    else if (verb in BEFALLS) this.#track.interrupt(BEFALLS[verb] as GapReason, Number(what))
    else if (verb === 'refresh' || verb === 'check' || verb === 'close') this.#track[verb]()
    else if (verb === 'sink') {
      this.#isAway = what === 'away'
      if (this.#isAway) this.#fill()
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
    const sides = { b: levels(words, 'bid'), a: levels(words, 'ask') }
    const data = { e: 'depthUpdate', ...times, s: 'BTCUSDT', U: first, u: last, ...pu, ...sides }
    return Buffer.from(JSON.stringify({ stream: 'btcusdt@depth@100ms', data }))
  }

  async #answer(body: Buffer | undefined): Promise<void> {
    this.#asked -= 1
    await this.#intake.answer(this.#market === 'spot' ? '/api/v3/depth' : '/fapi/v1/depth', body)
  }

  /** Takes the room that books may have. */
  #fill(): void {
    const { own, channel } = this.#track.outlet
    const { exchange, market, symbol } = channel
    const state = { type: 'state', v: 1, exchange, market, symbol, of: 'orderbook', state: 'live', since: 0 } as const
    for (let received = BEGIN_MS * 1000; own.spool.open(150, SHARES.orderbook) !== undefined; received++) {
      own.publish({ ...state, received })
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

interface Scenario {
  readonly market: Market
  readonly text: string
  /** An earlier run left off at 100. */
  readonly resume?: true
}

const spot = (text: string): Scenario => ({ market: 'spot', text })
const perpetual = (text: string): Scenario => ({ market: 'perpetual', text })

/** The venue's own steps: spot page "How to manage a local order book correctly", futures page of the same name. */
const VENUE: Record<string, Scenario> = {
  'spot 1 and 2: the stream is buffered while the snapshot is fetched': spot(`
    delta 101-103 bid 10 1
    > asks for a snapshot
    delta 104-106 bid 9 2
    snapshot 104 bid 10 5 ask 11 1
    > snapshot 106 bid 10 5 bid 9 2 ask 11 1
  `),
  'spot 3: a snapshot older than the first event is fetched again': spot(`
    delta 101-103
    > asks for a snapshot
    snapshot 99 bid 10 1
    > asks for a snapshot
    snapshot 100 bid 10 1           # 101 follows it
    > snapshot 103 bid 10 1
  `),
  'spot 4: events up to lastUpdateId are dropped': spot(`
    delta 101-103 bid 10 9
    > asks for a snapshot
    delta 104-105 bid 10 8
    snapshot 105 bid 10 1           # both are in it
    > snapshot 105 bid 10 1
  `),
  'spot 5: the first event kept contains lastUpdateId + 1': spot(`
    delta 101-103
    > asks for a snapshot
    snapshot 110 bid 10 1           # ahead of the stream: waits for it
    delta 104-109 bid 10 9
    delta 110-112 bid 9 2
    > snapshot 112 bid 10 1 bid 9 2
  `),
  'spot 6: an event that does not begin at the last u + 1 starts it over': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101 bid 10 1 ask 11 1
    > snapshot 101 bid 10 1 ask 11 1
    delta 102-104 ask 11 0
    > delta 101->104
    delta 106-107 bid 12 1          # 105 is missing
    > asks for a snapshot
    snapshot 107 bid 12 1
    > gap sequence 104..107
    > snapshot 107 bid 12 1
    delta 108-108
    > delta 107->108
  `),
  'perpetual 3: an event is dropped only below lastUpdateId; one that ends there joins': perpetual(`
    delta 95-99 pu 90 bid 10 9
    > asks for a snapshot
    delta 100-104 pu 99
    snapshot 104 bid 10 1
    > snapshot 104 bid 10 1
    delta 110-112 pu 104
    > delta 104->112
  `),
  'perpetual 4: the first event kept spans lastUpdateId': perpetual(`
    delta 95-99 pu 90 bid 10 9
    > asks for a snapshot
    delta 100-110 pu 99 bid 9 2
    snapshot 105 bid 10 1
    > snapshot 110 bid 10 1 bid 9 2
  `),
  'perpetual, live streams: the first event names the snapshot as its predecessor': perpetual(`
    delta 100-104 pu 99
    > asks for a snapshot
    snapshot 108 bid 10 1
    delta 115-119 pu 108            # no event spans 108
    > snapshot 119 bid 10 1
  `),
  'perpetual 5: an event whose pu is not the last u starts it over': perpetual(`
    delta 100-104 pu 99
    > asks for a snapshot
    snapshot 104 bid 10 1
    > snapshot 104 bid 10 1
    delta 110-112 pu 108 bid 12 1
    > asks for a snapshot
    snapshot 112 bid 12 1
    > gap sequence 104..112
    > snapshot 112 bid 12 1
  `),
}

const HOLES: Record<string, Scenario> = {
  'a delta that comes twice is taken once': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    delta 102-103 at 500
    > delta 101->103
    delta 102-103 at 500
    > repeated
  `),
  'deltas that change places cost a snapshot, and nothing is applied twice': spot(`
    delta 101-101 at 100
    > asks for a snapshot
    snapshot 101 bid 10 1
    > snapshot 101 bid 10 1
    delta 104-105 at 300 bid 10 3
    > asks for a snapshot
    delta 102-103 at 200 bid 10 2
    > repeated
    snapshot 105 bid 10 3
    > gap sequence 101..105
    > snapshot 105 bid 10 3
  `),
  'a hole while the snapshot is on its way: only what lies behind it can join': spot(`
    delta 101-103
    > asks for a snapshot
    delta 110-112 bid 9 1           # 104 to 109 are missing
    snapshot 105 bid 10 1           # before the hole's end
    > asks for a snapshot
    snapshot 111 bid 10 1
    > snapshot 112 bid 10 1 bid 9 1
  `),
  'no snapshot: the next delta asks again': spot(`
    delta 101-103
    > asks for a snapshot
    no snapshot
    delta 104-104
    > asks for a snapshot
    snapshot 104
    > snapshot 104
  `),
  'a frame that could not be read is why the next one does not follow': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    broken 1
    delta 103-104
    > asks for a snapshot
    snapshot 104
    > gap malformed 101..104
    > snapshot 104
  `),
  'a frame that could not be read and was none of ours costs nothing': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    broken 1
    delta 102-104
    > delta 101->104
    delta 106-106
    > asks for a snapshot
    snapshot 106
    > gap sequence 104..106
    > snapshot 106
  `),
  'numbers out of order in themselves are refused': spot(`
    delta 105-101
    > refused
    delta 0-4                       # before the first there is none
    > refused
  `),
}

const RESTARTS: Record<string, Scenario> = {
  'the venue begins its numbering anew': spot(`
    delta 1001-1001
    > asks for a snapshot
    snapshot 1001 bid 10 1
    > snapshot 1001 bid 10 1
    delta 2-3 bid 10 2
    > asks for a snapshot
    snapshot 3 bid 10 2
    > gap sequence_restart 1001..3
    > snapshot 3 bid 10 2
    delta 4-4
    > delta 3->4
  `),
  'anew, and the first delta spans where the book stands': spot(`
    delta 51-55
    > asks for a snapshot
    snapshot 55 bid 10 1
    > snapshot 55 bid 10 1
    delta 2-90 bid 9 9              # would fit by its numbers alone
    > asks for a snapshot
    snapshot 90 bid 9 9
    > gap sequence_restart 55..90
    > snapshot 90 bid 9 9
  `),
  'anew while a snapshot is on its way, which may be of the old numbering': spot(`
    delta 51-55
    > asks for a snapshot
    delta 2-3
    snapshot 60 bid 10 1            # of the old one; the new one will come by there, too
    > asks for a snapshot
    delta 4-70 bid 9 9
    snapshot 4 bid 9 1
    > snapshot 70 bid 9 9
  `),
  'anew after the snapshot came that waits to be joined': spot(`
    delta 51-55
    > asks for a snapshot
    snapshot 60 bid 10 1
    delta 2-3
    > asks for a snapshot
    snapshot 3 bid 9 1
    > snapshot 3 bid 9 1
  `),
  'anew while the socket was down': spot(`
    delta 51-55
    > asks for a snapshot
    snapshot 55 bid 10 1
    > snapshot 55 bid 10 1
    cut 1
    delta 2-90 bid 9 9 on 2
    > asks for a snapshot
    snapshot 90 bid 9 9
    > gap sequence_restart 55..90
    > snapshot 90 bid 9 9
  `),
}

const SOCKETS: Record<string, Scenario> = {
  'a socket was lost and nothing was missed': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    cut 1
    delta 102-104 on 2
    > delta 101->104
  `),
  'a socket was lost and something was missed': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    cut 1
    delta 103-104 on 2
    > asks for a snapshot
    snapshot 104
    > gap disconnect 101..104
    > snapshot 104
  `),
  'a socket fell silent and another one took over': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    silent 1
    delta 110-111 on 2              # not what follows, but socket 1 might still bring that
    follows 2
    > no
    leave 1
    > asks for a snapshot
    snapshot 111
    > gap disconnect 101..111
    > snapshot 111
  `),
  'a planned replacement: the sockets cut the changes at other places': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    delta 102-104 on 1
    > delta 101->104
    follows 2
    > no
    delta 103-106 on 2              # overlaps
    > delta 102->106
    delta 105-108 on 1
    > delta 104->108
    follows 2
    > yes
    leave 1
    delta 107-110 on 2
    > delta 106->110
  `),
  'a planned replacement of a book that hardly changes: both said the same': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    delta 102-104 on 1 at 500
    > delta 101->104
    delta 102-104 on 2 at 503       # spot stamps the time of sending
    > repeated
    follows 2
    > yes
    leave 1
    delta 105-105 on 2
    > delta 104->105
  `),
  'a planned replacement by a socket that is ahead': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    delta 104-106 on 2              # 102 and 103 were before its time
    delta 107-108 on 2
    follows 2
    > no
    delta 102-105 on 1
    > delta 101->105
    > delta 103->106
    > delta 106->108
    follows 2
    > yes
    leave 1
    delta 109-109 on 2
    > delta 108->109
  `),
  'a planned replacement whose old socket was cut too early': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    delta 104-106 on 2
    cut 1
    > asks for a snapshot
    delta 107-108 on 2
    snapshot 106
    > gap disconnect 101..108
    > snapshot 108
  `),
  'the socket that was about to take over is lost': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    delta 104-106 on 2
    cut 2
    delta 102-106 on 1
    > delta 101->106
  `),
  'the one that takes over had a hole in what it was ahead': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    delta 104-106 on 2
    delta 110-111 on 2              # 107 to 109 are missing
    delta 102-106 on 1
    > delta 101->106
    delta 107-109 on 1
    > delta 106->109
    > delta 109->111
  `),
  'numbering begins anew just when a socket takes over': spot(`
    delta 101-105
    > asks for a snapshot
    snapshot 105
    > snapshot 105
    delta 2-3 on 2
    > repeated
    leave 1
    delta 4-5 on 2
    > asks for a snapshot
    snapshot 5
    > gap sequence_restart 105..5
    > snapshot 5
  `),
}

const OTHERS: Record<string, Scenario> = {
  'a later run announces what was missed since the last message': {
    ...spot(`
      delta 121-121
      > asks for a snapshot
      snapshot 121 bid 10 1
      > gap restart 100..121
      > snapshot 121 bid 10 1
    `),
    resume: true,
  },
  'the sink is away: deltas are given up, and a gap and a snapshot make up for them': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101 bid 10 1 ask 11 1
    > snapshot 101 bid 10 1 ask 11 1
    sink away
    delta 102-102 bid 10 2
    delta 103-104 bid 9 3
    sink back
    delta 105-105 ask 11 0
    > gap spool_full 101..105 missing 2
    > snapshot 105 bid 10 2 bid 9 3
    delta 106-106
    > delta 105->106
  `),
  'the sink is away when the book comes in sync': spot(`
    delta 101-101
    > asks for a snapshot
    sink away
    snapshot 101 bid 10 1
    sink back
    delta 102-102
    > gap spool_full ..102 missing 1
    > snapshot 102 bid 10 1
  `),
  'a snapshot for late joiners: only where something changed, not while the sink is away': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101 bid 10 1
    > snapshot 101 bid 10 1
    refresh
    delta 102-102 bid 10 2
    > delta 101->102
    refresh
    > snapshot 102 bid 10 2
    delta 103-103 bid 10 3
    > delta 102->103
    sink away
    refresh
    sink back
    delta 104-104
    > delta 103->104
  `),
  'too little of a cut snapshot is left: another one beside the living book, and no gap': perpetual(`
    delta 100-104 pu 99
    > asks for a snapshot
    snapshot 104 bid 10 1 bid 9 1 bid 8 1 bid 7 1 ask 11 1
    > snapshot 104 bid 10 1 bid 9 1 ask 11 1
    check
    delta 110-112 pu 104 bid 10 0 bid 9 0 bid 8 0
    > delta 104->112
    check                           # 4 levels were asked for; of them 1 is left
    > asks for a snapshot
    delta 120-121 pu 112 bid 7 5
    > delta 112->121
    snapshot 121 bid 7 5 bid 6 1 bid 5 1 bid 4 1 ask 11 1
    > snapshot 121 bid 7 5 bid 6 1 ask 11 1
    delta 130-131 pu 121
    > delta 121->131
  `),
  'at the end what is known to be missing is said': spot(`
    delta 101-101
    > asks for a snapshot
    snapshot 101
    > snapshot 101
    delta 103-104
    > asks for a snapshot
    close
    > gap sequence 101..
    snapshot 104                    # too late
  `),
}

describe.each(Object.entries({ VENUE, HOLES, RESTARTS, SOCKETS, OTHERS }))('a book: %s', (_, scenarios) => {
  it.each(Object.entries(scenarios))('%s', async (_name, { market, text, resume }) => {
    const stage = new Stage(market, resume ?? false)
    expect(await playScenario(text, (words) => stage.act(words))).toEqual(lines(text))
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
