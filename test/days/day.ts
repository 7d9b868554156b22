// One day: an exchange with all its markets, collectors that follow it, and every fault, drawn from one seed.
//
// Always: one clock moves from event to event, and what follows from a seed is the same on every machine. First a calm
// minute, then faults, then calm again, in which everything must be live. Start reading at `playDay`.
import type { ExchangeName, Market } from '../../crds/names.ts'
import { Clock } from '../exchange/clock.ts'
import { Faults } from '../exchange/faults.ts'
import { Host } from '../exchange/host.ts'
import { Ledger } from '../exchange/ledger.ts'
import { protocols } from '../exchange/protocols.ts'
import { type Random, random } from '../exchange/random.ts'
import { Runner } from './runner.ts'
import { type Account, Witness } from './record.ts'
import { type FeedPlan, type Wished, wholePlan, wishesOf } from './plan.ts'
import { Store } from './store.ts'
import { Trouble } from './trouble.ts'

export const EXCHANGES = Object.keys(protocols) as readonly (keyof typeof protocols)[]

export interface DayOptions {
  readonly seed: number
  readonly exchange: keyof typeof protocols
  readonly minutes?: number
}

/** What happened, for the checks. Times in ms. */
export interface Day {
  readonly exchange: ExchangeName
  readonly hosts: ReadonlyMap<Market, Host>
  readonly wishes: readonly Wished[]
  readonly store: Store
  readonly accounts: readonly Account[]
  readonly witnesses: ReadonlyMap<Market, Witness>
  /** The faults, each a line. */
  readonly log: readonly string[]
  /** What was wrong while it went on, each a sentence. */
  readonly wrong: readonly string[]
  /** When the faults were over, and when all had to be live again. */
  readonly calmFrom: number
  readonly liveFrom: number
  readonly end: number
  /** Sequence of each book shortly before the end, by market and the venue's symbol. */
  readonly settledSeqs: ReadonlyMap<string, number>
  /** Furthest that the venue's clock was from ours, ms. */
  readonly skewMax: number
}

export const START_MS = 1_790_000_000_000
const MINUTE = 60_000
const CALM_BEFORE_MS = 20_000
/** A ban of two minutes, the longest wait between attempts and a little more. */
const CALM_AFTER_MS = 200_000
const LIVE_WITHIN_MS = 160_000
/** What happened so shortly before the end may still be under way. */
export const LAST_MS = 6_000
/** Things that happen within so many ms happen before promises settle. */
const STEP_MS = 20
/** One in so many times sockets and immediates have their turn, too. */
const TURN_EVERY = 8
const LEVELS = 24
/** How likely a market is there, beside the one that is. */
const MARKETS_PART = 0.4

/** Plays one day; never two at once in a process, since the day is also what the process takes for the time. */
export async function playDay({ seed, exchange, minutes = 10 }: DayOptions): Promise<Day> {
  const world = new World(seed, exchange)
  const { now } = Date
  const { random: chance } = Math
  // The package for circuit breakers knows no other.
  const own = world.chance.fork('process')
  Date.now = () => Math.floor(world.clock.now())
  Math.random = () => own.next()
  try {
    return await world.live(minutes * MINUTE)
  } finally {
    Date.now = now
    Math.random = chance
  }
}

export class World {
  readonly exchange: keyof typeof protocols
  readonly clock = new Clock(START_MS)
  readonly chance: Random
  readonly faults: Faults
  readonly hosts = new Map<Market, Host>()
  readonly store = new Store()
  readonly runners: Runner[] = []
  readonly plan: readonly FeedPlan[]
  readonly log: string[] = []
  readonly wrong: string[] = []
  skewMax = 0
  readonly #witnesses = new Map<Market, Witness>()
  #wishes: Wished[] = []

  constructor(seed: number, exchange: keyof typeof protocols) {
    this.exchange = exchange
    this.chance = random(seed).fork(exchange)
    const { clock, chance, hosts } = this
    const each = (act: (host: Host) => void) => [...hosts.values()].forEach(act)
    this.faults = new Faults(
      clock,
      chance.fork('faults'),
      (fault) => each((host) => host.begin(fault)),
      (fault) => each((host) => host.end(fault)),
    )
    const ledger = new Ledger()
    const protocol = protocols[exchange]
    const markets = this.#draw(protocol.markets)
    for (const market of markets) {
      const own = chance.fork(`market ${market}`)
      const options = {
        seed: own.int(2 ** 31),
        symbols: own.chance(0.3) ? 2 : 1,
        rate: 0.2 + 0.8 * own.next(),
        levels: LEVELS,
        limits: {},
      }
      const venue = protocol.synthetic(market, clock, options)
      hosts.set(market, new Host(venue, clock, this.faults, ledger, own.fork('host')))
    }
    this.plan = wholePlan(exchange, markets)
  }

  /** Some of the exchange's markets; over many seeds all of them, alone and together. */
  #draw(all: readonly Market[]): readonly Market[] {
    const own = this.chance.fork('markets')
    const first = all[own.int(all.length)] as Market
    return all.filter((market) => own.chance(MARKETS_PART) || market === first)
  }

  get wishes(): readonly Wished[] {
    return this.#wishes
  }

  async live(lengthMs: number): Promise<Day> {
    await this.#prepare()
    const end = START_MS + lengthMs
    const calmFrom = end - CALM_AFTER_MS
    const trouble = new Trouble(this)
    this.clock.after(CALM_BEFORE_MS, () => trouble.begin())
    this.clock.at(calmFrom, () => trouble.end())
    const settledSeqs = new Map<string, number>()
    this.clock.at(end - LAST_MS, () => this.#settle(settledSeqs))
    await this.pass(end)
    await Promise.all(this.runners.map((runner) => runner.close()))
    for (const runner of this.runners) this.wrong.push(...runner.wrong)
    const { exchange, hosts, wishes, store, log, wrong, skewMax } = this
    for (const witness of this.#witnesses.values()) witness.close()
    for (const host of hosts.values()) host.venue.close()
    const accounts = this.runners.map(({ account }) => account)
    const account = { exchange, hosts, wishes, store, accounts, witnesses: this.#witnesses, log, wrong, skewMax }
    return { ...account, calmFrom, liveFrom: calmFrom + LIVE_WITHIN_MS, end, settledSeqs }
  }

  /** Lets time pass, from event to event. */
  async pass(until: number): Promise<void> {
    const { clock } = this
    for (let step = 1; ; step++) {
      const next = clock.next() ?? Infinity
      clock.advanceTo(Math.min(until, next + STEP_MS))
      if (step % TURN_EVERY === 0) await turned()
      else await settled()
      if (clock.now() >= until) return
    }
  }

  say(what: string): void {
    this.log.push(`${((this.clock.now() - START_MS) / 1000).toFixed(2)} s ${what}`)
  }

  isKept(market: string, stream: string): boolean {
    return this.#kept.has(`${market} ${stream}`)
  }

  readonly #kept = new Set<string>()

  #settle(seqs: Map<string, number>): void {
    for (const [market, { venue }] of this.hosts) {
      for (const symbol of venue.truth.symbols()) seqs.set(`${market} ${symbol}`, venue.truth.seq(symbol) ?? 0)
    }
  }

  async #prepare(): Promise<void> {
    const { exchange, hosts, clock, chance } = this
    for (const plan of this.plan) {
      const { venue } = hosts.get(plan.market) as Host
      const wishes = await wishesOf(exchange, plan, venue)
      this.#wishes.push(...wishes)
      const streams = new Map<string, Set<string>>()
      for (const { stream, wanted } of wishes) {
        if (stream === undefined || wanted.type === 'trade' || wanted.type === 'orderbook') continue
        streams.set(stream.path, (streams.get(stream.path) ?? new Set()).add(stream.name))
        this.#kept.add(`${plan.market} ${stream.name}`)
      }
      const lists = new Map([...streams].map(([path, names]) => [path, [...names]]))
      const own = chance.fork(`witness ${plan.market}`)
      const { room } = wishes[0] as Wished
      this.#witnesses.set(plan.market, new Witness(venue, clock, own, room, lists))
    }
    this.runners.push(new Runner(this, 0))
    await this.runners[0]?.start()
  }
}

/** Lets promises come to rest. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}

function turned(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
