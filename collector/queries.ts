// What a venue is asked by REST: instruments, snapshots of books, trades that were missed, and what is polled.
//
// Always: missed trades and instruments go before snapshots, these before what is polled.
import assert from 'node:assert'
import type { RestBook, SnapshotSource } from './book/rest.ts'
import { fullJitterMs } from './connection/backoff.ts'
import type { Timer } from './connection/clock.ts'
import { messageOf, printable } from './connection/errors.ts'
import type { AddressLimits } from './connection/limits.ts'
import { type Proxy, agentFor } from './connection/proxy.ts'
import { type RestAnswer, RestClient, type RestRequest } from './connection/rest.ts'
import type { Listing, Query, RestSnapshots, Room, TradeType } from './exchanges/room.ts'
import type { Line } from './polls.ts'
import { HOLD_MS } from './quality/trades.ts'
import type { AddressStatus } from './status.ts'
import type { Shared } from './shared.ts'
import { Frame } from './wire/frame.ts'
import { plainForm } from './wire/general.ts'

export interface QueriesOptions {
  readonly room: Room
  /** Where each of the room's hosts is asked; undefined: the main one. */
  readonly url: (host: string | undefined) => URL
  readonly proxy: Proxy | undefined
  readonly shared: Shared
  /** Ends whatever is under way. */
  readonly signal: AbortSignal
}

/** Books and trades: 5,000 levels a side have 400 KB. */
const ANSWER_BYTES_MAX = 2 * 1024 * 1024
/** Answers that one list of instruments may consist of: a venue has some dozens of families of options. */
const LIST_QUERIES_MAX = 500
const SNAPSHOT_RETRY_BASE_MS = 100
const SNAPSHOT_RETRY_MAX_MS = 10_000

/** One of the room's hosts. */
interface Host {
  readonly limits: AddressLimits
  readonly rest: RestClient
  /** With a circuit of its own: endpoints that are polled may be down while snapshots and trades are to be had. */
  readonly polls: RestClient
  /** Ends requests for trades that were missed. */
  fills: AbortController
}

export class Queries {
  readonly room: Room
  readonly #shared: Shared
  readonly #signal: AbortSignal
  /** By the room's hosts; '' is the main one. Hosts of one origin share one. */
  readonly #hosts: ReadonlyMap<string, Host>
  /** Of snapshots by REST. */
  readonly #snapshotFrame: Frame | undefined
  /** Of snapshots that are to be asked for later. */
  readonly #waits = new Set<Timer>()

  constructor({ room, url, proxy, shared, signal }: QueriesOptions) {
    this.room = room
    this.#shared = shared
    this.#signal = signal
    const snapshots = room.types.orderbook?.snapshots
    this.#snapshotFrame = typeof snapshots === 'object' ? new Frame(snapshots.frame) : undefined
    const origins = new Map<string, Host>()
    const hostAt = (at: URL): Host => {
      const limits = shared.addresses.rest(room.exchange, at.host, room.rules)
      const agent = agentFor(proxy, at.protocol === 'http:' ? 'http' : 'https', shared.clock)
      const { network, clock, random } = shared
      const options = { origin: at.origin, limits, agent, network, clock, random }
      const host = origins.get(at.origin) ?? {
        limits,
        rest: new RestClient(options),
        polls: new RestClient(options),
        fills: new AbortController(),
      }
      origins.set(at.origin, host)
      return host
    }
    const names = [undefined, ...Object.keys(room.hosts ?? {})]
    this.#hosts = new Map(names.map((name) => [name ?? '', hostAt(url(name))]))
    signal.addEventListener('abort', () => this.#waits.forEach((timer) => shared.clock.clearTimeout(timer)))
  }

  get status(): AddressStatus[] {
    return [...new Set(this.#hosts.values())].map(({ rest, polls }) => {
      const [one, other] = [rest.status, polls.status]
      return {
        exchange: this.room.exchange,
        ...one,
        requests: one.requests + other.requests,
        connections: one.connections + other.connections,
        failures: one.failures + other.failures,
      }
    })
  }

  /** Once a second: what waits for a venue that blocks this address for long is given up; rather a gap now than late. */
  tick(): void {
    for (const host of this.#hosts.values()) {
      if (!this.#isBlocked(host)) continue
      host.fills.abort()
      host.fills = new AbortController()
    }
  }

  /** A list of instruments, with all that it leads to; rejects when it cannot be had. */
  async listings(list: Query): Promise<readonly Listing[]> {
    const { instruments } = this.room
    const listings: Listing[] = []
    const waiting = [list]
    for (let asked = 0; waiting.length > 0; asked++) {
      if (asked >= LIST_QUERIES_MAX) throw new Error(`a list of instruments in more than ${LIST_QUERIES_MAX} parts`)
      const query = waiting.shift() as Query
      const { body, status } = await this.#get(query, { priority: 0, signal: this.#signal })
      const read = status === 200 ? instruments.read(body, query) : undefined
      if (read === undefined) throw new Error(`answered ${status} with what is no list of instruments`)
      for (const listing of read.listings) listings.push(listing)
      waiting.push(...(read.more ?? []))
    }
    return listings
  }

  /** The answer to a query that is asked again and again; rejects when there is none. */
  async poll(query: Query): Promise<Buffer> {
    const { path, weight, pool } = query
    const request = { weight, pool, priority: 2, bytesMax: ANSWER_BYTES_MAX, signal: this.#signal }
    const { body, status } = await this.#host(query).polls.get(path, request)
    if (status !== 200) throw new Error(`answered ${status}: ${printable(body.toString('utf8', 0, 100), 80)}`)
    return body
  }

  /** Where such queries wait for one another. */
  line(query: Query): Line {
    const { limits } = this.#host(query)
    return this.#shared.lines.of(limits, limits.weightWindowMs, query.pool)
  }

  #host({ host = '' }: Query): Host {
    const known = this.#hosts.get(host)
    assert(known !== undefined, `${this.room.exchange} ${this.room.market} has no host '${host}'`)
    return known
  }

  #get(query: Query, more: Omit<RestRequest, 'weight' | 'pool'>): Promise<RestAnswer> {
    const { path, weight, pool } = query
    return this.#host(query).rest.get(path, { weight, pool, ...more })
  }

  /** Whether it lasts longer than trades may wait. */
  #isBlocked({ rest }: Host): boolean {
    return rest.status.blockedUntilMs > this.#shared.clock.nowMs() + HOLD_MS
  }

  /** Where a book's snapshots come from: the first at once, the next with growing waits while they do not help. */
  snapshots(listing: Listing): SnapshotSource {
    const { venueSymbol } = listing
    const symbol = Buffer.from(venueSymbol)
    const rest = this.room.types.orderbook?.snapshots as RestSnapshots
    let attempt = 0
    let askedMs = -Infinity
    const ask = async (track: RestBook): Promise<void> => {
      const query = rest.query(listing, track.depth)
      askedMs = this.#shared.clock.nowMs()
      try {
        const request = { priority: 1, bytesMax: ANSWER_BYTES_MAX, signal: this.#signal }
        const { body, status } = await this.#get(query, request)
        const plain = status === 200 ? this.#readSnapshot(body, symbol) : undefined
        if (plain === undefined) throw new Error(`answered ${status} with what is no book`)
        track.arrived(plain, query.limit)
      } catch (error) {
        if (this.#signal.aborted) return
        const { exchange, market } = this.room
        const fields = { exchange, market, symbol: venueSymbol, error: messageOf(error) }
        this.#shared.faults.warn(`snapshot ${exchange} ${market} ${venueSymbol}`, fields, 'no snapshot; trying again')
        track.failed()
      }
    }
    return {
      frame: this.#snapshotFrame as Frame,
      seq: rest.seq,
      bids: rest.bids,
      asks: rest.asks,
      request: (track) => {
        const { clock, random } = this.#shared
        // The first one at once; one soon after another means that it did not help.
        attempt = clock.nowMs() - askedMs > SNAPSHOT_RETRY_MAX_MS ? 0 : attempt + 1
        const waitMs = attempt === 0 ? 0 : fullJitterMs(attempt, SNAPSHOT_RETRY_BASE_MS, SNAPSHOT_RETRY_MAX_MS, random)
        const timer = clock.setTimeout(() => {
          this.#waits.delete(timer)
          void ask(track)
        }, waitMs)
        this.#waits.add(timer)
      },
    }
  }

  #readSnapshot(body: Buffer, symbol: Buffer): Buffer | undefined {
    const frame = this.#snapshotFrame as Frame
    if (frame.read(body, 0, body.length, symbol) === body.length) return body
    const plain = plainForm(body)
    return plain !== undefined && frame.read(plain, 0, plain.length, symbol) === plain.length ? plain : undefined
  }

  /** Trades from an id on; rejects when they cannot be had, which is logged here. */
  async history(listing: Listing, from: number): Promise<readonly Buffer[]> {
    const { venueSymbol } = listing
    const { exchange, market, types } = this.room
    const { history } = types.trade as TradeType
    const query = history.query(listing, from)
    try {
      const host = this.#host(query)
      if (this.#isBlocked(host)) throw new Error('the venue blocks this address')
      const signal = AbortSignal.any([this.#signal, host.fills.signal])
      const { body, status } = await this.#get(query, { priority: 0, bytesMax: ANSWER_BYTES_MAX, signal })
      const rows = status === 200 ? history.read(body, venueSymbol) : undefined
      if (rows === undefined) throw new Error(`answered ${status} with what are no trades`)
      return rows
    } catch (error) {
      const fields = { exchange, market, symbol: venueSymbol, error: messageOf(error) }
      this.#shared.faults.warn(
        `history ${exchange} ${market} ${venueSymbol}`,
        fields,
        'missed trades cannot be fetched',
      )
      throw error
    }
  }
}
