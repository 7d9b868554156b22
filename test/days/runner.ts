// A collector as it lives through a day: started, killed, started again, told of changes.
import { pino } from 'pino'
import { openCollector, type RunningCollector } from '../../collector/collector.ts'
import type { Clock as CollectorClock, Timer } from '../../collector/connection/clock.ts'
import { imbalance } from '../../collector/status.ts'
import type { Market } from '../../crds/names.ts'
import type { Host } from '../exchange/host.ts'
import type { World } from './day.ts'
import { VirtualNetwork } from './network.ts'
import { collectorOf, type FeedPlan } from './plan.ts'
import { Account } from './record.ts'
import { StoreSink } from './store.ts'

const SILENT = pino({ level: 'silent' })

/** One process. */
interface Life {
  readonly network: VirtualNetwork
  readonly running: RunningCollector
  readonly sink: StoreSink
  readonly end: () => void
}

export class Runner {
  readonly account: Account
  readonly wrong: string[] = []
  plan: readonly FeedPlan[]
  readonly #world: World
  readonly #number: number
  #life: Life | undefined
  #lives = 0
  #isAway = false

  constructor(world: World, number: number) {
    this.#world = world
    this.#number = number
    this.plan = world.plan
    this.account = new Account(world.clock, (market, stream) => world.isKept(market, stream))
  }

  get isRunning(): boolean {
    return this.#life !== undefined
  }

  get network(): VirtualNetwork | undefined {
    return this.#life?.network
  }

  get running(): RunningCollector | undefined {
    return this.#life?.running
  }

  async start(): Promise<void> {
    const { exchange, clock, hosts, chance, store } = this.#world
    const own = chance.fork(`collector ${this.#number} ${++this.#lives}`)
    const time = new LifeClock(this.#world)
    const hostAt = (name: string) => hosts.get(name.split('.')[0] as Market) as Host
    const network = new VirtualNetwork({ clock, chance: own.fork('network'), hostAt, tap: this.account })
    let sink: StoreSink | undefined
    const running = await openCollector({
      collector: collectorOf(exchange, this.plan, '1Mi'),
      openSink: (context) => (sink = new StoreSink(context, store, clock, this.#number)),
      log: SILENT,
      network,
      clock: time,
      random: () => own.next(),
    })
    if (sink === undefined) throw new Error('the collector opened no sink')
    if (this.#isAway) sink.away = true
    this.#life = { network, running, sink, end: () => (time.isOver = true) }
  }

  /** Ends it without a word. */
  kill(): void {
    this.#life?.end()
    this.#life?.network.kill()
    this.#life?.sink.kill()
    this.#life = undefined
  }

  /** Ends it in order, and looks at its account. */
  async close(): Promise<void> {
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    const status = await life.running.close(5_000)
    this.wrong.push(...imbalance(status.ledger))
    if (!this.#isAway) this.wrong.push(...life.sink.left().map((text) => `left in the spool: ${text}`))
    life.end()
    life.network.kill()
  }

  /** Another manifest. */
  change(plan: readonly FeedPlan[]): void {
    this.plan = plan
    void this.#life?.running.apply(collectorOf(this.#world.exchange, plan, '1Mi'))
  }

  away(away: boolean): void {
    this.#isAway = away
    if (this.#life !== undefined) this.#life.sink.away = away
  }
}

/** The clock of one life: when that is over nothing runs any more. */
class LifeClock implements CollectorClock {
  isOver = false
  readonly #world: World
  readonly #timers = new Map<number, () => void>()
  #last = 0

  constructor(world: World) {
    this.#world = world
  }

  nowMs(): number {
    return Math.floor(this.#world.clock.now())
  }

  nowUs(): number {
    return Math.floor(this.#world.clock.now() * 1000)
  }

  setTimeout(run: () => void, ms: number): Timer {
    const id = ++this.#last
    const cancel = this.#world.clock.after(Math.max(0, ms), () => {
      this.#timers.delete(id)
      if (!this.isOver) run()
    })
    this.#timers.set(id, cancel)
    return id
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#timers.get(timer as number)?.()
    this.#timers.delete(timer as number)
  }
}
