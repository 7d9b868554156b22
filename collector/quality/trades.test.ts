import { describe, expect, it } from 'vitest'
import { roomOf } from '../exchanges/registry.ts'
import type { Room } from '../exchanges/room.ts'
import type { GapReason, Message, Trade } from '../market/messages.ts'
import { type Resume, resumeAfter } from '../resume.ts'
import { SHARES } from '../sinks/spool.ts'
import { madeUp } from '../../test/support/madeup.ts'
import { Intake } from '../../test/support/intake.ts'
import { after, lines, playScenario, range, readScenarios } from '../../test/support/scenario.ts'
import { HOLD_FRAMES_MAX, HOLD_MS, PAGES_MAX, type TradeTrack } from './trades.ts'

const BEGIN_MS = 1_790_000_000_000
const SPOOL_BYTES = 1024 * 1024
const RESUME = { at: 100, time: (BEGIN_MS - 60_000) * 1000 }
const BEFALLS: Record<string, GapReason> = { cut: 'disconnect', silent: 'stale', broken: 'malformed' }

/**
 * What can be done to trades:
 *   trade 5 [at 700] [on 2]              each is 10 ms later than the one before it, or `at` ms after the beginning
 *   history 3-4, history none, refused   answers the oldest question
 *   cut, silent, broken                  what befalls the socket
 *   wait, pass 1000, sink away, sink back, close    `wait`: as long as trades may wait
 *   killed                               another run follows; what the sink was not given is lost
 */
class Stage {
  readonly #room: Room
  readonly #spoolBytes: number
  #intake: Intake
  #stored: Message | undefined
  #announced: Message | undefined
  #timeMs = BEGIN_MS
  #repeated = 0
  #asked = 0
  #isAway = false
  readonly #gaps = new Set<string>()

  /** The number of a trade is not its id, but its `seq`. */
  readonly #isNumbered: boolean

  constructor({ resume = false, isNumbered = false, spoolBytes = SPOOL_BYTES } = {}) {
    const room = isNumbered ? madeUp : roomOf('binance', 'perpetual')
    this.#isNumbered = isNumbered
    if (room === undefined) throw new Error('no such room')
    this.#room = room
    this.#spoolBytes = spoolBytes
    this.#intake = this.#run(resume ? RESUME : undefined)
  }

  get #track(): TradeTrack {
    return this.#intake.tracks[0] as TradeTrack
  }

  #run(resume: Resume | undefined): Intake {
    const plan = { type: 'trade', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT' } as const
    return new Intake(this.#room, [resume === undefined ? plan : { ...plan, resume }], this.#spoolBytes)
  }

  #kill(): void {
    this.#intake = this.#run(resumeAfter(this.#stored, this.#announced))
    this.#asked = 0
    this.#repeated = 0
    this.#isAway = false
  }

  async act(words: readonly string[]): Promise<string[]> {
    await this.#do(words)
    const out: string[] = []
    const { repeated } = this.#track.outlet.channel.tally
    if (repeated > this.#repeated) out.push('repeated')
    this.#repeated = repeated
    if (!this.#isAway) {
      const taken = this.#intake.take()
      for (const { id } of taken.filter(({ message: m }) => m.type === 'gap' && m.of === 'trade')) {
        // The store drops what has an id that it knows.
        if (this.#gaps.has(id)) throw new Error(`two gaps have the id ${id}`)
        this.#gaps.add(id)
      }
      const messages = taken.map(({ message }) => message)
      out.push(...messages.flatMap(describeMessage))
      this.#stored = messages.findLast(({ type }) => type === 'trade') ?? this.#stored
      this.#announced = messages.findLast((m) => m.type === 'gap' && m.of === 'trade') ?? this.#announced
    }
    for (const { path } of this.#intake.questions.slice(this.#asked))
      out.push(`asks from ${/from(?:Id)?=(\d+)/.exec(path)?.[1]}`)
    this.#asked = this.#intake.questions.length
    return out
  }

  async #do(words: readonly string[]): Promise<void> {
    const [verb = '', what = ''] = words
    if (verb === 'trade') this.#intake.frame(this.#trade(words), { socketId: Number(after(words, 'on') ?? 1) })
    else if (verb === 'history') await this.#answer(what === 'none' ? [] : ids(range(what)))
    else if (verb === 'refused') await this.#answer(undefined)
    else if (verb in BEFALLS) this.#track.interrupt(BEFALLS[verb] as GapReason)
    else if (verb === 'wait') await this.#intake.clock.advance(HOLD_MS)
    else if (verb === 'pass') await this.#pass(Number(what))
    else if (verb === 'close') this.#track.close()
    else if (verb === 'killed') this.#kill()
    else if (verb === 'sink') {
      this.#isAway = what === 'away'
      if (this.#isAway) this.#fill(words[2] === 'entirely' ? 1 : SHARES.trade)
    } else throw new Error(`nobody knows how to '${words.join(' ')}'`)
  }

  async #pass(ms: number): Promise<void> {
    await this.#intake.clock.advance(ms)
    this.#timeMs += ms
  }

  #trade(words: readonly string[]): Buffer {
    const at = after(words, 'at')
    this.#timeMs = at === undefined ? this.#timeMs + 10 : BEGIN_MS + Number(at)
    if (this.#isNumbered) {
      return Buffer.from(JSON.stringify({ stream: 'BTCUSDT@trade', data: this.#rowOf(Number(words[1])) }))
    }
    const row = rowOf(Number(words[1]), this.#timeMs)
    const data = { e: 'aggTrade', E: this.#timeMs + 1, s: 'BTCUSDT', ...row }
    return Buffer.from(JSON.stringify({ stream: 'btcusdt@aggTrade', data }))
  }

  async #answer(rows: readonly number[] | undefined): Promise<void> {
    this.#asked -= 1
    const body = rows?.map((id) => (this.#isNumbered ? this.#rowOf(id) : rowOf(id, this.#timeMs)))
    const path = this.#isNumbered ? '/trades' : '/fapi/v1/aggTrades'
    await this.#intake.answer(path, body && Buffer.from(JSON.stringify(body)))
  }

  #rowOf(seq: number): object {
    return { s: 'BTCUSDT', n: seq, i: `T-${seq * 3}`, p: '64000.1', q: '0.5', t: this.#timeMs, b: true }
  }

  /** Takes the room that trades may have, or all there is. */
  #fill(share: number): void {
    const { own, channel } = this.#track.outlet
    const { exchange, market, symbol } = channel
    const gap = { type: 'gap', v: 1, exchange, market, symbol, of: 'ticker', reason: 'stale', from: 0, to: 1 } as const
    let received = BEGIN_MS
    while (own.spool.open(150, share) !== undefined && own.publish({ ...gap, received })) received++
  }
}

function ids([from, to]: readonly [number, number]): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

function rowOf(id: number, timeMs: number): object {
  return { a: id, p: '64000.1', q: '0.5', f: id * 2, l: id * 2 + 1, T: timeMs, m: false }
}

function describeMessage(m: Message): string[] {
  if (m.type === 'trade') return [`trade ${m.id}${m.filled ? ' filled' : ''}${describePending(m)}`]
  if (m.type !== 'gap' || m.of !== 'trade') return []
  const ends =
    m.after_seq === undefined
      ? `${m.after_id ?? ''}..${m.before_id ?? ''}`
      : `seq ${m.after_seq}..${m.before_seq ?? ''}`
  const open = m.pending === undefined ? '' : ` open ${m.pending.after}..${m.pending.before}`
  return [`gap ${m.reason} ${ends} missing ${m.missing ?? '?'}${open}`]
}

/** What of it is open, and what it is not itself. */
function describePending({ id, pending }: Trade): string {
  if (pending === undefined) return ''
  const { after, before, last } = pending
  const open = before - after > 1 ? ` open ${after}..${before}` : ''
  return `${open}${id === `${last}` || id === `T-${last * 3}` ? '' : ` last ${last}`}`
}

describe('trades', () => {
  const scenarios = readScenarios(new URL('trades.scenarios.txt', import.meta.url))
  it.each(scenarios)('$stage: $title', async ({ stage, text }) => {
    const trades = new Stage({ resume: stage.endsWith('a later run'), isNumbered: stage.startsWith('numbered') })
    expect(await playScenario(text, (words) => trades.act(words))).toEqual(lines(text))
  })
})

describe('trades that wait', () => {
  it(`are ${HOLD_FRAMES_MAX} at most; then they go on without the fill`, async () => {
    const stage = new Stage({ spoolBytes: 8 * SPOOL_BYTES })
    await stage.act(['trade', '1'])
    expect(await stage.act(['trade', '3'])).toEqual(['asks from 2'])
    for (let n = 1; n < HOLD_FRAMES_MAX - 1; n++) expect(await stage.act(['trade', `${3 + n}`])).toEqual([])
    const released = await stage.act(['trade', `${2 + HOLD_FRAMES_MAX}`])
    expect([released.length, released[0], released.at(-1)]).toEqual([
      HOLD_FRAMES_MAX,
      'trade 3 open 1..3',
      `trade ${2 + HOLD_FRAMES_MAX} open 1..3`,
    ])
    expect(await stage.act(['history', '2-2'])).toEqual([`trade 2 filled last ${2 + HOLD_FRAMES_MAX}`])
  })

  it(`are filled by ${PAGES_MAX} pages at most; the rest is a gap`, async () => {
    const stage = new Stage()
    await stage.act(['trade', '1'])
    await stage.act(['trade', '1000'])
    let out: string[] = []
    for (let page = 0; page < PAGES_MAX; page++) out = await stage.act(['history', `${2 + page}-${2 + page}`])
    const last = 1 + PAGES_MAX
    expect(out).toEqual([`trade ${last} filled`, `gap sequence ${last}..1000 missing ${999 - last}`, 'trade 1000'])
  })
})
