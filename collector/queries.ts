// What a venue is asked by REST: instruments, snapshots of books, trades that were missed.
import type { BookTrack, SnapshotSource } from './book/sync.ts'
import { fullJitterMs } from './connection/backoff.ts'
import type { Timer } from './connection/clock.ts'
import { messageOf } from './connection/errors.ts'
import { type Proxy, agentFor } from './connection/proxy.ts'
import { RestClient } from './connection/rest.ts'
import type { Listing, Room } from './exchanges/room.ts'
import { HOLD_MS } from './quality/trades.ts'
import type { AddressStatus } from './status.ts'
import type { Shared } from './venue.ts'
import { Frame } from './wire/frame.ts'
import { plainForm } from './wire/general.ts'

export interface QueriesOptions {
  readonly room: Room
  readonly url: URL
  readonly proxy: Proxy | undefined
  readonly shared: Shared
  /** Ends whatever is under way. */
  readonly signal: AbortSignal
}

/** Books and trades: 5,000 levels a side have 400 KB. */
const ANSWER_BYTES_MAX = 2 * 1024 * 1024
const SNAPSHOT_RETRY_BASE_MS = 100
const SNAPSHOT_RETRY_MAX_MS = 10_000

export class Queries {
  readonly room: Room
  readonly #shared: Shared
  readonly #signal: AbortSignal
  readonly #rest: RestClient
  readonly #snapshotFrame: Frame
  /** Of snapshots that are to be asked for later. */
  readonly #waits = new Set<Timer>()
  /** Ends requests for trades that were missed. */
  #fills = new AbortController()

  constructor({ room, url, proxy, shared, signal }: QueriesOptions) {
    this.room = room
    this.#shared = shared
    this.#signal = signal
    this.#snapshotFrame = new Frame(room.book.snapshotFrame)
    this.#rest = new RestClient({
      origin: url.origin,
      limits: shared.addresses.limits(room.exchange, url.host, room.rules),
      agent: agentFor(proxy, url.protocol === 'http:' ? 'http' : 'https', shared.clock),
      clock: shared.clock,
      random: shared.random,
    })
    signal.addEventListener('abort', () => this.#waits.forEach((timer) => shared.clock.clearTimeout(timer)))
  }

  get status(): AddressStatus {
    return { exchange: this.room.exchange, ...this.#rest.status }
  }

  /** Once a second: what waits for a venue that blocks this address for long is given up; rather a gap now than late. */
  tick(): void {
    if (!this.#isBlocked) return
    this.#fills.abort()
    this.#fills = new AbortController()
  }

  /** Whether it lasts longer than trades may wait. */
  get #isBlocked(): boolean {
    return this.#rest.status.blockedUntilMs > this.#shared.clock.nowMs() + HOLD_MS
  }

  /** What the venue lists; undefined when it could not be loaded, which is logged here. */
  async instruments(): Promise<Listing[] | undefined> {
    const { exchange, market, instruments } = this.room
    try {
      const { body, status } = await this.#rest.get(instruments.path, {
        weight: instruments.weight,
        priority: 0,
        signal: this.#signal,
      })
      const listings = status === 200 ? instruments.read(body) : undefined
      if (listings === undefined) throw new Error(`answered ${status} with what is no list of instruments`)
      return listings
    } catch (error) {
      if (this.#signal.aborted) return undefined
      const fields = { exchange, market, error: messageOf(error) }
      this.#shared.faults.warn(
        `instruments ${exchange} ${market}`,
        fields,
        'instruments could not be loaded; trying again',
      )
      return undefined
    }
  }

  /** Where a book's snapshots come from: the first at once, the next with growing waits while they do not help. */
  snapshots(venueSymbol: string, symbol: Buffer): SnapshotSource {
    let attempt = 0
    let askedMs = -Infinity
    const ask = async (track: BookTrack): Promise<void> => {
      const query = this.room.book.snapshot(venueSymbol, track.depth)
      askedMs = this.#shared.clock.nowMs()
      try {
        const request = { weight: query.weight, priority: 1, bytesMax: ANSWER_BYTES_MAX, signal: this.#signal }
        const { body, status } = await this.#rest.get(query.path, request)
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
      frame: this.#snapshotFrame,
      ...this.room.book.snapshotKeys,
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
    const frame = this.#snapshotFrame
    if (frame.read(body, 0, body.length, symbol)) return body
    const plain = plainForm(body)
    return plain !== undefined && frame.read(plain, 0, plain.length, symbol) ? plain : undefined
  }

  /** Trades from an id on; rejects when they cannot be had, which is logged here. */
  async history(venueSymbol: string, fromId: number): Promise<readonly Buffer[]> {
    const query = this.room.trades.history(venueSymbol, fromId)
    const { exchange, market } = this.room
    try {
      if (this.#isBlocked) throw new Error('the venue blocks this address')
      const signal = AbortSignal.any([this.#signal, this.#fills.signal])
      const request = { weight: query.weight, priority: 0, bytesMax: ANSWER_BYTES_MAX, signal }
      const { body, status } = await this.#rest.get(query.path, request)
      const rows = status === 200 ? this.room.trades.readHistory(body, venueSymbol) : undefined
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
