// Random histories of trades: ids that jump, fills that come in time, late, in part or not at all, a sink that is away,
// and runs that are cut off after any message. Whatever is stored last, what went before it is stored, announced, or
// said to be still to come.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { between, random, type Random } from '../../test/history.ts'
import { Intake } from '../../test/support/intake.ts'
import { roomOf } from '../exchanges/registry.ts'
import type { Room } from '../exchanges/room.ts'
import type { Track } from '../exchanges/track.ts'
import type { Gap, Message, Trade } from '../market/messages.ts'
import { resumeAfter } from '../resume.ts'
import { SHARES } from '../sinks/spool.ts'
import { HOLD_MS } from './trades.ts'

const BEGIN_MS = 1_790_000_000_000
const STEPS = 60
/** On a busy machine. */
const TIMEOUT_MS = 120_000
const PAGE = 3
const SPOOL_BYTES = 1024 * 1024

/** What is stored, in order, and by which run. */
interface Stored {
  readonly message: Message
  readonly run: number
}

class Life {
  readonly stored: Stored[] = []
  readonly rng: Random
  readonly #room = roomOf('binance', 'perpetual') as Room
  /** Share of the spool that has no room while the sink is away. */
  readonly #full: number
  #intake: Intake
  #run = 0
  #next = 1
  #isAway = false

  constructor(seed: number, full: number) {
    this.rng = random(seed)
    this.#full = full
    this.#intake = this.#open()
  }

  async live(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      await this.#act(this.rng())
      this.#store()
    }
    this.#isAway = false
    this.#trade(this.#next++)
    // What is still asked is refused, so that all is decided.
    for (let i = 0; i < STEPS && this.#intake.questions.length > 0; i++) await this.#answer(undefined)
    this.#trade(this.#next++)
    this.#store()
  }

  async #act(dice: number): Promise<void> {
    const { rng } = this
    if (dice < 0.45) {
      if (rng() < 0.3) this.#next += between(rng, 1, 2 * PAGE)
      this.#trade(this.#next++)
    } else if (dice < 0.5) this.#trade(between(rng, 1, this.#next))
    else if (dice < 0.75) await this.#answer(this.#rows())
    else if (dice < 0.86) await this.#intake.clock.advance(rng() < 0.5 ? HOLD_MS : HOLD_MS / 4)
    else if (dice < 0.92) this.#toggle()
    else this.#end()
  }

  #open(): Intake {
    const last = this.stored.findLast(({ message }) => message.type === 'trade')
    const gap = this.stored.findLast(({ message }) => isGap(message))
    const resume = resumeAfter(last?.message, gap?.message)
    const plan = { type: 'trade', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT' } as const
    this.#run += 1
    return new Intake(this.#room, [resume === undefined ? plan : { ...plan, resume }], SPOOL_BYTES)
  }

  #toggle(): void {
    this.#isAway = !this.#isAway
    if (this.#isAway && this.rng() < 0.7) fill(this.#intake, this.#full)
  }

  #store(): void {
    if (!this.#isAway) this.#keep(this.#intake.take().map(({ message }) => message))
  }

  #keep(messages: readonly Message[]): void {
    this.stored.push(...messages.map((message) => ({ message, run: this.#run })))
  }

  /** In order, or killed: then of what was made so many messages are stored, and no more. */
  #end(): void {
    const isKilled = this.rng() < 0.8
    if (!isKilled) this.#intake.tracks[0]?.close()
    const made = this.#intake.take().map(({ message }) => message)
    this.#keep(isKilled || this.#isAway ? made.slice(0, between(this.rng, 0, made.length)) : made)
    this.#isAway = false
    this.#intake = this.#open()
  }

  #trade(id: number): void {
    const data = { e: 'aggTrade', E: BEGIN_MS, s: 'BTCUSDT', ...rowOf(id) }
    this.#next = Math.max(this.#next, id + 1)
    this.#intake.frame(Buffer.from(JSON.stringify({ stream: 'btcusdt@aggTrade', data })))
  }

  async #answer(rows: ((from: number) => readonly number[]) | undefined): Promise<void> {
    const path = this.#intake.questions[0]?.path
    if (path === undefined) return
    const from = Number(/fromId=(\d+)/.exec(path)?.[1])
    await this.#intake.answer('/fapi/v1/aggTrades', rows && Buffer.from(JSON.stringify(rows(from).map(rowOf))))
  }

  /** A page, not always whole; none; undefined: refused. */
  #rows(): ((from: number) => readonly number[]) | undefined {
    const kind = this.rng()
    if (kind < 0.15) return undefined
    const lacks = kind < 0.3 ? 0.3 : 0
    const count = kind < 0.4 ? 0 : PAGE
    return (from) => {
      const ids = Array.from({ length: Math.min(count, Math.max(0, this.#next - from)) }, (_, i) => from + i)
      return ids.filter(() => this.rng() >= lacks)
    }
  }
}

/** Takes the room up to this share: that of trades, or all there is. */
function fill({ tracks: [track] }: Intake, share: number): void {
  if (share === 0) return
  const { own, channel } = (track as Track).outlet
  const { exchange, market, symbol } = channel
  const gap = { type: 'gap', v: 1, exchange, market, symbol, of: 'ticker', received: BEGIN_MS } as const
  let from = 0
  for (const bytes of [32_000, 2_000, 1]) {
    const text = { reason: 'stale', after_id: 'x'.repeat(bytes) } as const
    while (own.spool.open(bytes + 150, share) !== undefined && own.publish({ ...gap, ...text, from, to: from }))
      from += 1
  }
}

function rowOf(id: number): object {
  return { a: id, p: '64000.1', q: '0.5', f: id * 2, l: id * 2 + 1, T: BEGIN_MS + id * 10, m: false }
}

const isTrade = (m: Message): m is Trade => m.type === 'trade'
const isGap = (m: Message): m is Gap => m.type === 'gap' && m.of === 'trade'
const isSaid = (id: number, { after_id: after, before_id: before }: Gap) =>
  Number(after) < id && id < Number(before ?? Infinity)
/** Whether a gap says that a trade may yet come. */
const isOpen = (id: number, { pending }: Gap) => pending !== undefined && pending.after < id && id < pending.before

/** Ids that are neither stored, nor in a gap, nor said to be open, at some place of what is stored. */
function silent(stored: readonly Stored[]): string[] {
  const known = new Set<number>()
  const out: string[] = []
  let first = Infinity
  for (const { message: m } of stored) {
    if (isGap(m)) for (let id = first; id < Number(m.before_id ?? 0); id++) if (isSaid(id, m)) known.add(id)
    if (!isTrade(m)) continue
    const id = Number(m.id)
    first = Math.min(first, id)
    if (known.has(id) && stored.some((one) => one.message !== m && isTrade(one.message) && one.message.id === m.id))
      out.push(`${id} is stored twice`)
    known.add(id)
    const { after, before, last } = m.pending ?? { after: id, before: id + 1, last: id }
    for (let one = first; one <= last; one++) {
      if (!known.has(one) && !(after < one && one < before)) out.push(`${one} is missing at ${JSON.stringify(m)}`)
    }
  }
  return out
}

/** Where a run that ends in order does not know what comes next, it says how many are missing. */
function isDenied(id: number, gap: Gap): boolean {
  const { after_id: after, missing = 0 } = gap
  if (gap.before_id === undefined && id > Number(after) + missing) return false
  return isSaid(id, gap) && !isOpen(id, gap)
}

/** Trades that a gap says are missing for good. */
function denied(stored: readonly Stored[]): string[] {
  return stored.flatMap(({ message: gap }) => {
    if (!isGap(gap)) return []
    return stored.flatMap(({ message: m }) =>
      isTrade(m) && isDenied(Number(m.id), gap) ? [`${m.id} lies in a gap`] : [],
    )
  })
}

it.each([
  ['room in the spool', 0, 150],
  ['room for gaps alone while the sink is away', SHARES.trade, 40],
  ['no room while the sink is away', 1, 40],
])(
  'wherever a run is cut off, with %s, nothing is missing in silence, nothing comes twice',
  { timeout: TIMEOUT_MS },
  async (_, full, runs) => {
    let late = 0
    await fc.assert(
      fc.asyncProperty(fc.noShrink(fc.nat(2 ** 31)), async (seed) => {
        const life = new Life(seed, full)
        await life.live()
        expect(silent(life.stored)).toEqual([])
        // Where not even a gap finds room, one that is said later reaches over what was published meanwhile.
        if (full < 1) expect(denied(life.stored)).toEqual([])
        late += life.stored.filter(
          ({ message: m }) => isTrade(m) && m.filled === true && m.pending !== undefined,
        ).length
      }),
      { numRuns: runs, examples: [[1977562910], [888552669], [1822694255], [563630314], [196871138]] },
    )
    expect(late).toBeGreaterThan(10)
  },
)
