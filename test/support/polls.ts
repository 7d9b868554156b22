// Polling on a virtual clock: a venue that answers as the test says, and what comes out.
import { VirtualClock } from '../../collector/connection/clock.ts'
import { AddressLimits } from '../../collector/connection/limits.ts'
import type { PolledType, Query } from '../../collector/exchanges/room.ts'
import { Channels } from '../../collector/market/channel.ts'
import { OwnMessages } from '../../collector/market/outlet.ts'
import { Lines, Poll, Polls } from '../../collector/polls.ts'
import { Policy } from '../../collector/quality/checks.ts'
import { Routes } from '../../collector/routes.ts'
import { Spool } from '../../collector/sinks/spool.ts'
import type { Takeover } from '../../collector/takeover.ts'
import type { DataType } from '../../crds/names.ts'
import { UNCHECKED, listingOf, taken } from './intake.ts'
import { madeUp } from './madeup.ts'

export const MINUTE_MS = 60_000
/** A whole period of any kind begins here. */
export const BEGIN_MS = Math.ceil(1_790_000_000_000 / (60 * MINUTE_MS)) * 60 * MINUTE_MS

type Answer = readonly object[] | 'refused' | 'nonsense'

export class Stage {
  readonly clock = new VirtualClock(BEGIN_MS)
  readonly faults: string[] = []
  late = 0
  /** When each question came, ms after the beginning. */
  readonly asked: { readonly path: string; readonly atMs: number }[] = []
  /** What the venue says from now on. */
  answer: (query: Query) => Answer = () => []
  /** How long it takes. */
  slowMs = 0
  readonly polls: Polls
  readonly #channels = new Channels('market')
  readonly #spool = new Spool(1024 * 1024)
  readonly #routes: Routes
  readonly #takeovers: Takeover[] = []

  constructor(quality = UNCHECKED) {
    const { clock } = this
    const own = new OwnMessages(this.#channels, this.#spool, () => clock.nowUs())
    const history = () => Promise.reject(new Error('no trades here'))
    const none = () => {
      throw new Error('no books here')
    }
    const onSync = () => {}
    this.#routes = new Routes({
      room: madeUp,
      own,
      clock,
      policy: new Policy(quality),
      history,
      snapshots: none,
      resubscribe: none,
      onSync,
      onTakeover: (takeover) => this.#takeovers.push(takeover),
    })
    const lines = new Lines(clock)
    const host = 'main.test'
    const limits = new AddressLimits({ exchange: 'kraken', host, rules: madeUp.rules, clock, random: () => 0.5 })
    this.polls = new Polls({
      clock,
      random: () => 0.5,
      ask: (query) => this.#ask(query),
      line: () => lines.of(limits, madeUp.rules.weight.windowMs),
      onFault: (_channel, error) => this.faults.push(error),
      onLate: () => (this.late += 1),
    })
  }

  add(type: DataType, { symbol = 'BTC-USDT', period = '', resumeMs = Number.NaN } = {}): Poll {
    const options = period === '' ? {} : { period }
    const plan = { listing: listingOf(symbol, symbol.replace('-', '')), type, options, depth: 1 }
    const resume = Number.isNaN(resumeMs) ? undefined : { time: (BEGIN_MS + resumeMs) * 1000 }
    const poll = new Poll(
      this.#routes.channel(plan),
      this.#routes.open(plan, resume),
      madeUp.types[type] as PolledType,
      plan,
    )
    this.polls.add(poll)
    return poll
  }

  /** What was published since the last time, times in ms after the beginning. */
  take(): string[] {
    for (const takeover of this.#takeovers) takeover.end()
    return taken(this.#spool, this.#channels).map(({ message: m }) => {
      if (m.type === 'gap') {
        const missing = m.missing === undefined ? '' : ` missing ${m.missing}`
        return `gap ${m.reason} ${m.from / 1000 - BEGIN_MS}..${m.to / 1000 - BEGIN_MS}${missing}`
      }
      const value = m.type === 'open_interest' ? m.open_interest : m.type === 'lsr_all_account' ? m.ratio : ''
      return `${value} at ${(m.ts ?? 0) / 1000 - BEGIN_MS}`
    })
  }

  async #ask(query: Query): Promise<Buffer> {
    this.asked.push({ path: query.path, atMs: this.clock.nowMs() - BEGIN_MS })
    if (this.slowMs > 0) await new Promise<void>((done) => this.clock.setTimeout(done, this.slowMs))
    const answer = this.answer(query)
    if (answer === 'refused') throw new Error('answered 400')
    return Buffer.from(answer === 'nonsense' ? '{}' : JSON.stringify(answer))
  }
}

export function row(value: number, ms: number): object {
  return { s: 'BTCUSDT', x: `${value}`, t: BEGIN_MS + ms }
}

/** Ratios of five minutes as the venue has them at a time: the newest `count`. */
export function ratios(stage: Stage, count = 30): object[] {
  const last = Math.floor((stage.clock.nowMs() - BEGIN_MS) / (5 * MINUTE_MS))
  return Array.from({ length: count }, (_, i) => last - count + 1 + i).map((n) => row(1000 + n, n * 5 * MINUTE_MS))
}
