// What a venue lists, as far as it is known: its lists, each loaded until it is there, and again when they are old.
//
// Always: a list that cannot be had does not hold up the others, and what was known of it stays known. Never: a list that
// had instruments is taken for empty: a venue under maintenance may say so.
import { fullJitterMs } from './connection/backoff.ts'
import type { Clock, Random } from './connection/clock.ts'
import { messageOf } from './connection/errors.ts'
import type { Listing, Query } from './exchanges/room.ts'

export interface ListingsOptions {
  /** One for each list. */
  readonly queries: readonly Query[]
  /** Asks for a list; rejects when the venue does not give it. */
  readonly load: (query: Query) => Promise<readonly Listing[]>
  readonly clock: Clock
  readonly random: Random
  /** Ends whatever is under way. */
  readonly signal: AbortSignal
  /** A list could not be had; it is asked for again. */
  readonly onFault: (query: Query, error: string) => void
  /** A list is there, or there anew. */
  readonly onList: () => void
}

/** Waits between attempts grow up to this. */
const RETRY_BASE_MS = 500
const RETRY_MAX_MS = 60_000

/** The one that is worth more comes first. */
const STATUSES: readonly Listing['status'][] = ['trading', 'pre_open', 'halted', 'delisted']

interface List {
  readonly query: Query
  listings: readonly Listing[] | undefined
  /** While it is asked for, until it is there. */
  loading: Promise<void> | undefined
}

export class Listings {
  readonly #options: ListingsOptions
  readonly #lists: readonly List[]
  #all: ReadonlyMap<string, Listing> = new Map()
  /** When the lists were asked for last, ms since the epoch; -Infinity before. */
  #refreshedMs = -Infinity

  constructor(options: ListingsOptions) {
    this.#options = options
    this.#lists = options.queries.map((query) => ({ query, listings: undefined, loading: undefined }))
  }

  /** By symbol. Of two of one name the one that is traded. */
  get all(): ReadonlyMap<string, Listing> {
    return this.#all
  }

  /** Whether every list is there, so that a symbol that is in none is not listed. */
  get isWhole(): boolean {
    return this.#lists.every(({ listings }) => listings !== undefined)
  }

  get refreshedMs(): number {
    return this.#refreshedMs
  }

  /** Resolves when a list is there; asks for them if nobody did. */
  async known(): Promise<void> {
    if (this.#lists.some(({ listings }) => listings !== undefined)) return
    if (this.#lists.every(({ loading }) => loading === undefined)) void this.refresh()
    await Promise.race(this.#lists.flatMap(({ loading }) => loading ?? []))
  }

  /** Asks for all lists anew. Resolves when each has been tried; what fails is tried again until it is there. */
  async refresh(): Promise<void> {
    this.#refreshedMs = this.#options.clock.nowMs()
    // One that is being tried again and again is not waited for.
    const lists = this.#lists.filter(({ loading }) => loading === undefined)
    await Promise.all(
      lists.map((list) => {
        const tried = Promise.withResolvers<void>()
        list.loading = this.#load(list, tried.resolve).finally(() => {
          list.loading = undefined
          tried.resolve()
        })
        return tried.promise
      }),
    )
  }

  async #load(list: List, onTried: () => void): Promise<void> {
    const { load, signal, onFault, onList } = this.#options
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const listings = await load(list.query)
        if (signal.aborted) return
        if (listings.length === 0 && (list.listings?.length ?? 0) > 0) throw new Error('answered with an empty list')
        list.listings = listings
        this.#all = merged(this.#lists)
        onList()
        return
      } catch (error) {
        if (signal.aborted) return
        onFault(list.query, messageOf(error))
        onTried()
        await this.#pause(attempt)
      }
    }
  }

  #pause(attempt: number): Promise<void> {
    const { clock, random, signal } = this.#options
    return pause(clock, fullJitterMs(attempt, RETRY_BASE_MS, RETRY_MAX_MS, random), signal)
  }
}

/** Resolves after a time, or when the signal says so. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const passed = Promise.withResolvers<void>()
  const end = () => passed.resolve()
  const timer = clock.setTimeout(end, ms)
  signal.addEventListener('abort', end)
  await passed.promise
  signal.removeEventListener('abort', end)
  clock.clearTimeout(timer)
}

function merged(lists: readonly List[]): Map<string, Listing> {
  const all = new Map<string, Listing>()
  for (const listing of lists.flatMap(({ listings }) => listings ?? [])) {
    const known = all.get(listing.symbol)
    if (known === undefined || STATUSES.indexOf(listing.status) < STATUSES.indexOf(known.status)) {
      all.set(listing.symbol, listing)
    }
  }
  return all
}
