import { describe, expect, it } from 'vitest'
import { roomOf } from '../exchanges/registry.ts'
import type { GapReason, Message } from '../market/messages.ts'
import { SHARES } from '../sinks/spool.ts'
import { Intake } from '../../test/support/intake.ts'
import { after, lines, playScenario, range } from '../../test/support/scenario.ts'
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
 *   wait, sink away, sink back, close    `wait`: as long as trades may wait
 */
class Stage {
  readonly #intake: Intake
  readonly #track: TradeTrack
  #timeMs = BEGIN_MS
  #repeated = 0
  #asked = 0
  #isAway = false

  constructor({ resume = false, spoolBytes = SPOOL_BYTES } = {}) {
    const room = roomOf('binance', 'perpetual')
    if (room === undefined) throw new Error('no such room')
    const plan = { type: 'trade', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT' } as const
    this.#intake = new Intake(room, [resume ? { ...plan, resume: RESUME } : plan], spoolBytes)
    this.#track = this.#intake.tracks[0] as TradeTrack
  }

  async act(words: readonly string[]): Promise<string[]> {
    await this.#do(words)
    const out: string[] = []
    const { repeated } = this.#track.outlet.channel.tally
    if (repeated > this.#repeated) out.push('repeated')
    this.#repeated = repeated
    if (!this.#isAway) out.push(...this.#intake.take().flatMap(({ message }) => describeMessage(message)))
    for (const { path } of this.#intake.questions.slice(this.#asked))
      out.push(`asks from ${/fromId=(\d+)/.exec(path)?.[1]}`)
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
    else if (verb === 'close') this.#track.close()
    else if (verb === 'sink') {
      this.#isAway = what === 'away'
      if (this.#isAway) this.#fill(words[2] === 'entirely' ? 1 : SHARES.trade)
    } else throw new Error(`nobody knows how to '${words.join(' ')}'`)
  }

  #trade(words: readonly string[]): Buffer {
    const at = after(words, 'at')
    this.#timeMs = at === undefined ? this.#timeMs + 10 : BEGIN_MS + Number(at)
    const row = rowOf(Number(words[1]), this.#timeMs)
    const data = { e: 'aggTrade', E: this.#timeMs + 1, s: 'BTCUSDT', ...row }
    return Buffer.from(JSON.stringify({ stream: 'btcusdt@aggTrade', data }))
  }

  async #answer(rows: readonly number[] | undefined): Promise<void> {
    this.#asked -= 1
    const body = rows?.map((id) => rowOf(id, this.#timeMs))
    await this.#intake.answer('/fapi/v1/aggTrades', body && Buffer.from(JSON.stringify(body)))
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
  if (m.type === 'trade') return [`trade ${m.id}${m.filled ? ' filled' : ''}`]
  if (m.type !== 'gap' || m.of !== 'trade') return []
  return [`gap ${m.reason} ${m.after_id ?? ''}..${m.before_id ?? ''} missing ${m.missing ?? '?'}`]
}

const FILLS: Record<string, string> = {
  'ids that follow are published as they come, and nothing is asked': `
    trade 1
    > trade 1
    trade 2
    > trade 2
    cut
    trade 3 on 2
    > trade 3
  `,
  'a hole is filled in order, later trades wait for it': `
    trade 1
    > trade 1
    trade 4
    > asks from 2
    trade 5
    history 2-5                     # it may say more than was asked
    > trade 2 filled
    > trade 3 filled
    > trade 4
    > trade 5
    trade 6
    > trade 6
  `,
  'a long hole takes more than one page': `
    trade 1
    > trade 1
    trade 6
    > asks from 2
    history 2-3
    > trade 2 filled
    > trade 3 filled
    > asks from 4
    history 4-5
    > trade 4 filled
    > trade 5 filled
    > trade 6
  `,
  'history that is refused makes the gap exact': `
    trade 1
    > trade 1
    cut
    trade 4
    > asks from 2
    trade 5
    refused
    > gap disconnect 1..4 missing 2
    > trade 4
    > trade 5
  `,
  'history that ends too early makes a gap of the rest': `
    trade 1
    > trade 1
    trade 5
    > asks from 2
    history 2-3
    > trade 2 filled
    > trade 3 filled
    > asks from 4
    history none
    > gap sequence 3..5 missing 1
    > trade 5
  `,
  'history that begins too late makes a gap of what it lacks': `
    trade 1
    > trade 1
    trade 6
    > asks from 2
    history 4-5
    > gap sequence 1..4 missing 2
    > trade 4 filled
    > trade 5 filled
    > trade 6
  `,
  'history may say what is not asked, which is left aside': `
    trade 10
    > trade 10
    trade 13
    > asks from 11
    history 1-20
    > trade 11 filled
    > trade 12 filled
    > trade 13
  `,
  'a hole behind a hole is filled after it': `
    trade 1
    > trade 1
    trade 3
    > asks from 2
    trade 5
    history 2-2
    > trade 2 filled
    > trade 3
    > asks from 4
    history 4-4
    > trade 4 filled
    > trade 5
  `,
}

const LATE: Record<string, string> = {
  'trades wait no longer than five seconds; the fill comes late': `
    trade 1
    > trade 1
    trade 3
    > asks from 2
    wait
    > trade 3
    trade 4
    > trade 4
    history 2-2
    > trade 2 filled
    trade 5
    > trade 5
  `,
  'what a late fill does not bring is said then': `
    trade 1
    > trade 1
    trade 4
    > asks from 2
    wait
    > trade 4
    history 2-2
    > trade 2 filled
    > asks from 3
    refused
    > gap sequence 2..4 missing 1
  `,
  'a new hole ends a late fill: what it has brought is not said to be missing': `
    trade 1
    > trade 1
    trade 5
    > asks from 2
    wait
    > trade 5
    history 2-3
    > trade 2 filled
    > trade 3 filled
    > asks from 4
    trade 7
    > gap sequence 3..5 missing 1
    > asks from 6
    history 4-4                     # the answer to the question before: too late
    history 6-6
    > trade 6 filled
    > trade 7
  `,
  'at the end what waits is published and what is missing said': `
    trade 1
    > trade 1
    trade 3
    > asks from 2
    trade 4
    close
    > gap sequence 1..3 missing 1
    > trade 3
    > trade 4
    history 2-2
  `,
}

const ORDERS: Record<string, string> = {
  'a trade that comes twice is taken once': `
    trade 1
    > trade 1
    trade 2 at 500
    > trade 2
    trade 2 at 500
    > repeated
    trade 1 at 10
    > repeated
  `,
  'trades that change places heal themselves': `
    trade 1
    > trade 1
    trade 3 at 500
    > asks from 2
    trade 2 at 490
    > trade 2
    > trade 3
    history 2-3                     # nobody waits for it any more
    trade 4
    > trade 4
  `,
  'many at once, of one millisecond': `
    trade 1 at 500
    > trade 1
    trade 2 at 500
    > trade 2
    trade 4 at 500
    > asks from 3
    history 3-3
    > trade 3 filled
    > trade 4
  `,
  'numbering begins anew': `
    trade 1001
    > trade 1001
    trade 1
    > gap sequence_restart .. missing ?
    > trade 1
    trade 2
    > trade 2
    trade 4
    > asks from 3
    refused
    > gap sequence 2..4 missing 1
    > trade 4
  `,
  'numbering begins anew while a fill is on its way': `
    trade 1001
    > trade 1001
    trade 1003
    > asks from 1002
    trade 1
    trade 2
    refused
    > gap sequence 1001..1003 missing 1
    > trade 1003
    > gap sequence_restart .. missing ?
    > trade 1
    > trade 2
  `,
  'a frame that could not be read is why the next one does not follow': `
    trade 1
    > trade 1
    broken
    trade 3
    > asks from 2
    refused
    > gap malformed 1..3 missing 1
    > trade 3
    broken
    trade 4                         # it was none of ours
    > trade 4
    trade 6
    > asks from 5
    refused
    > gap sequence 4..6 missing 1
    > trade 6
  `,
}

const RESUMES: Record<string, string> = {
  'a later run fills what came since the last trade': `
    trade 103
    > asks from 101
    history 101-102
    > trade 101 filled
    > trade 102 filled
    > trade 103
  `,
  'a later run that missed nothing asks for nothing': `
    trade 101
    > trade 101
  `,
  'a later run that overlaps another publisher repeats nothing': `
    trade 99 at -60100
    > repeated
    trade 100 at -60000
    > repeated
    trade 101
    > trade 101
  `,
  'a later run announces what it cannot fill': `
    trade 103
    > asks from 101
    refused
    > gap restart 100..103 missing 2
    > trade 103
  `,
}

const AWAY: Record<string, string> = {
  'what finds no room is given up, and a gap before the next trade says so': `
    trade 1
    > trade 1
    sink away
    trade 2
    trade 3
    sink back
    trade 4
    > gap spool_full 1..4 missing 2
    > trade 4
    trade 5
    > trade 5
  `,
  'what finds no room before anything was stored has no id before it': `
    sink away
    trade 2
    sink back
    trade 3
    > gap spool_full .. missing 1
    > trade 3
  `,
  'a fill that finds no room is a gap': `
    trade 1
    > trade 1
    trade 4
    > asks from 2
    sink away
    history 2-3                     # the gap finds room where trades do not
    sink back
    > gap sequence 1..4 missing 2
    trade 5
    > gap spool_full 3..5 missing 1
    > trade 5
  `,
  'a gap that finds no room is said with the next trade': `
    trade 1
    > trade 1
    trade 4
    > asks from 2
    sink away entirely
    refused
    trade 5
    sink back
    trade 6
    > gap sequence 1..6 missing 4
    > trade 6
  `,
  'a late fill that finds no room is a gap, and what was published is not in it': `
    trade 1
    > trade 1
    trade 4
    > asks from 2
    wait
    > trade 4
    sink away
    trade 5
    history 2-3
    sink back
    > gap sequence 1..4 missing 2
    trade 6
    > gap spool_full 4..6 missing 1
    > trade 6
  `,
  'numbering begins anew while the sink is away': `
    trade 1001
    > trade 1001
    sink away
    trade 1002
    trade 1
    sink back
    trade 2
    > gap spool_full .. missing 2
    > trade 2
  `,
  'at the end what found no room is said': `
    trade 1
    > trade 1
    sink away
    trade 2
    trade 3
    sink back
    close
    > gap spool_full 1.. missing 2
  `,
}

describe.each(Object.entries({ FILLS, LATE, ORDERS, RESUMES, AWAY }))('trades: %s', (group, scenarios) => {
  it.each(Object.entries(scenarios))('%s', async (_, text) => {
    const stage = new Stage({ resume: group === 'RESUMES' })
    expect(await playScenario(text, (words) => stage.act(words))).toEqual(lines(text))
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
      'trade 3',
      `trade ${2 + HOLD_FRAMES_MAX}`,
    ])
    expect(await stage.act(['history', '2-2'])).toEqual(['trade 2 filled'])
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
