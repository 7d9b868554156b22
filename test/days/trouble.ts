// Everything that goes wrong on a day, drawn from the seed: on the way, at the venue, at the sink, in the cluster, and by
// whoever changes the manifest.
//
// Always: when it ends, all of it has ended, and what was killed or changed is as it was.
import type { DataType, Market } from '../../crds/names.ts'
import type { Fault, FaultSpec } from '../exchange/faults.ts'
import type { Connection } from '../exchange/host.ts'
import type { Random } from '../exchange/random.ts'
import type { World } from './day.ts'
import type { Runner } from './runner.ts'

/** Mean time between two of them, ms, on a good day and on a bad one. */
const RARELY_MS = 12_000
const OFTEN_MS = 2_500

interface Kind {
  readonly weight: number
  readonly begin: (trouble: Trouble) => void
}

const frames = (make: (chance: Random) => FaultSpec, weight = 3): Kind => ({
  weight,
  begin: (trouble) => trouble.fault({ stream: trouble.stream(), ...make(trouble.chance) } as FaultSpec),
})
const fault = (weight: number, make: (chance: Random, trouble: Trouble) => FaultSpec): Kind => ({
  weight,
  begin: (trouble) => trouble.fault(make(trouble.chance, trouble)),
})
const upTo = (chance: Random, max: number) => 1 + chance.int(max)
const oneOf = <T>(chance: Random, all: readonly T[]) => all[chance.int(all.length)] as T

/** By name, as the log has them. */
const KINDS: Readonly<Record<string, Kind>> = {
  drop: frames((chance) => ({ kind: 'drop', next: upTo(chance, 4) })),
  duplicate: frames((chance) => ({ kind: 'duplicate', next: upTo(chance, 4) })),
  reorder: frames((chance) => ({ kind: 'reorder', next: upTo(chance, 4) })),
  truncate: frames((chance) => ({ kind: 'truncate', next: upTo(chance, 2) })),
  delay: frames((chance) => ({ kind: 'delay', next: upTo(chance, 20), ms: 20 + chance.int(4_000) })),
  lost: frames(() => ({ kind: 'close', next: 1 }), 2),
  close: frames((chance) => ({ kind: 'close', code: oneOf(chance, [1000, 1001, 1006, 1006, 1008, 1011, 1012]) }), 4),
  stall: frames((chance) => ({ kind: 'stall', seconds: upTo(chance, 30), pongs: chance.chance(0.5) })),
  corrupt: { weight: 3, begin: (trouble) => trouble.corrupt() },
  refuse: fault(2, (chance) => ({
    kind: 'refuse',
    seconds: upTo(chance, 25),
    ...statusOf(oneOf(chance, [undefined, 403, 429, 503])),
  })),
  rest: fault(3, (chance) => ({
    kind: 'rest',
    seconds: upTo(chance, 20),
    status: oneOf(chance, [400, 404, 500, 502, 503, 504]),
  })),
  limited: fault(1, (chance) => ({
    kind: 'rest',
    next: upTo(chance, 2),
    status: oneOf(chance, [418, 429]),
    retryAfterSeconds: upTo(chance, 25),
  })),
  hang: fault(2, (chance) => ({ kind: 'rest', next: upTo(chance, 3), hang: true })),
  slow: fault(2, (chance) => ({ kind: 'rest', next: upTo(chance, 4), delayMs: 100 + chance.int(8_000) })),
  'half an answer': { weight: 2, begin: (trouble) => trouble.breakAnswers() },
  'sequence gap': fault(3, (chance, trouble) => ({
    kind: 'sequence_gap',
    symbol: trouble.symbol(),
    of: oneOf(chance, ['trade', 'orderbook', 'orderbook']),
    count: upTo(chance, 6),
  })),
  'sequence restart': { weight: 1, begin: (trouble) => trouble.restartSequence() },
  'clock skew': { weight: 1, begin: (trouble) => trouble.skew() },
  'shutdown notice': { weight: 1, begin: (trouble) => trouble.notice() },
  'sink away': { weight: 2, begin: (trouble) => trouble.sinkAway() },
  kill: { weight: 1, begin: (trouble) => trouble.kill() },
  restart: { weight: 1, begin: (trouble) => void trouble.restart() },
  manifest: { weight: 2, begin: (trouble) => trouble.change() },
}

function statusOf(status: number | undefined): { status?: number } {
  return status === undefined ? {} : { status }
}

export class Trouble {
  readonly chance: Random
  readonly #world: World
  readonly #meanMs: number
  readonly #kinds: readonly (readonly [string, Kind])[]
  readonly #restarted = new Set<string>()
  #market: Market
  #isOver = false

  constructor(world: World) {
    this.#world = world
    this.chance = world.chance.fork('trouble')
    this.#meanMs = OFTEN_MS + this.chance.next() * (RARELY_MS - OFTEN_MS)
    this.#market = [...world.hosts.keys()][0] as Market
    // Each day has some kinds more often than others, and some not at all.
    this.#kinds = Object.entries(KINDS).map(([name, kind]) => {
      const share = this.chance.chance(0.2) ? 0 : this.chance.exponential()
      return [name, { ...kind, weight: kind.weight * share }]
    })
  }

  begin(): void {
    if (this.#isOver) return
    const world = this.#world
    world.clock.after(this.chance.exponential() * this.#meanMs, () => {
      if (this.#isOver) return
      this.#market = oneOf(this.chance, [...world.hosts.keys()])
      const [name, kind] = this.#draw()
      world.say(`${this.#market}: ${name}`)
      kind.begin(this)
      this.begin()
    })
  }

  end(): void {
    const world = this.#world
    this.#isOver = true
    world.faults.clear()
    world.say('the faults are over')
    for (const runner of world.runners) {
      runner.away(false)
      if (runner.network !== undefined) {
        runner.network.brokenAnswers = 0
        for (const socket of runner.network.sockets) socket.corrupt = 0
      }
      runner.change(world.plan)
      if (!runner.isRunning) void runner.start()
    }
  }

  fault(spec: FaultSpec): void {
    const full = { market: this.#market, ...spec } as Fault
    this.#world.say(`  ${JSON.stringify(full)}`)
    this.#world.faults.add(full)
  }

  /** A stream that some connection carries. */
  stream(): string {
    const host = this.#world.hosts.get(this.#market)
    const streams = [...(host?.connections ?? [])].flatMap((c: Connection) => [...c.session.streams()])
    return streams.length === 0 || this.chance.chance(0.1) ? '*' : oneOf(this.chance, streams)
  }

  symbol(): string {
    return oneOf(this.chance, this.#world.hosts.get(this.#market)?.venue.truth.symbols() ?? [])
  }

  corrupt(): void {
    const sockets = [...(this.#runner().network?.sockets ?? [])]
    if (sockets.length > 0) oneOf(this.chance, sockets).corrupt = upTo(this.chance, 2)
  }

  breakAnswers(): void {
    const { network } = this.#runner()
    if (network !== undefined) network.brokenAnswers = upTo(this.chance, 2)
  }

  /** Once for each market: where it begins at 1 twice, the numbers of the two runs are the same and tell nothing. */
  restartSequence(): void {
    if (this.#restarted.has(this.#market)) return
    this.#restarted.add(this.#market)
    this.fault({ kind: 'sequence_restart', symbol: '*', of: 'orderbook' })
  }

  skew(): void {
    const ms = (this.chance.chance(0.3) ? 60_000 : 2_000) * (2 * this.chance.next() - 1)
    this.#world.skewMax = Math.max(this.#world.skewMax, Math.abs(ms))
    this.fault({ kind: 'clock_skew', ms: Math.round(ms), seconds: upTo(this.chance, 40) })
  }

  notice(): void {
    for (const connection of this.#world.hosts.get(this.#market)?.connections ?? []) connection.shutdownNotice()
  }

  /** Mostly for moments, sometimes until nothing finds room. */
  sinkAway(): void {
    const runner = this.#runner()
    const seconds = this.chance.chance(0.25) ? 30 + this.chance.int(150) : upTo(this.chance, 15)
    this.#world.say(`  for ${seconds} s`)
    runner.away(true)
    this.#after(seconds, () => runner.away(false))
  }

  kill(): void {
    const runner = this.#runner()
    if (!runner.isRunning) return
    const seconds = this.chance.int(40)
    this.#world.say(`  for ${seconds} s`)
    runner.kill()
    this.#after(seconds, () => void (runner.isRunning || runner.start()))
  }

  async restart(): Promise<void> {
    const runner = this.#runner()
    if (!runner.isRunning) return
    const seconds = this.chance.int(15)
    await runner.close()
    this.#after(seconds, () => void (runner.isRunning || runner.start()))
  }

  /** Some types of a market are not wanted any more, for a while. */
  change(): void {
    const runner = this.#runner()
    const left = (types: readonly DataType[]) => types.filter(() => this.chance.chance(0.7))
    const plan = runner.plan.map((feed) => {
      if (feed.market !== this.#market) return feed
      const types = left(feed.types)
      return { ...feed, types: types.length === 0 ? feed.types : types, depth: oneOf(this.chance, [5, 20, 50]) }
    })
    runner.change(plan)
    this.#after(upTo(this.chance, 60), () => runner.change(this.#world.plan))
  }

  #runner(): Runner {
    return oneOf(this.chance, this.#world.runners)
  }

  /** Unless the end comes first, which puts all things right. */
  #after(seconds: number, run: () => void): void {
    this.#world.clock.after(seconds * 1_000, () => {
      if (!this.#isOver) run()
    })
  }

  #draw(): readonly [string, Kind] {
    const total = this.#kinds.reduce((sum, [, { weight }]) => sum + weight, 0)
    let left = this.chance.next() * total
    return this.#kinds.find(([, { weight }]) => (left -= weight) < 0) ?? (this.#kinds[0] as readonly [string, Kind])
  }
}
