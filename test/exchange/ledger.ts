// What was really sent, on each connection and stream, and what was withheld or spoilt on purpose: the account that a
// test compares with what arrived. Written at the socket, after the faults.
import type { Market } from '../../crds/names.ts'
import type { FaultKind } from './faults.ts'
import type { Frame } from './venue.ts'

// About 8 MB a stream; beyond, frames are counted and their ids are not kept.
const IDS_MAX = 1_000_000
const CONNECTIONS_MAX = 10_000
const PATHS_MAX = 200

export interface StreamAccount {
  /** Data frames written to the socket, spoilt ones and second copies included. */
  readonly frames: number
  /** Ids of the frames that were written whole, or of their elements where a frame has several: the first, the last. */
  readonly first: number | undefined
  readonly last: number | undefined
  /** On demand: all of them in the order of sending, second copies included. */
  readonly ids?: readonly number[]
  /** Ids that are no longer kept in `ids`. */
  readonly idsForgotten: number
  /** Frames that a fault took, by its kind: count, and on demand their ids. */
  readonly faults: Readonly<Partial<Record<FaultKind, { readonly frames: number; readonly ids?: readonly number[] }>>>
}

export interface ConnectionAccount {
  readonly connection: number
  readonly market: Market
  /** Path and query as the client asked for. */
  readonly path: string
  /** Milliseconds since the epoch, the exchange's clock. */
  readonly opened: number
  readonly closed: number | undefined
  /** The close code that was sent or came; 1006 when the connection was cut. */
  readonly closeCode: number | undefined
  readonly received: { readonly messages: number; readonly pings: number; readonly pongs: number }
  /** Frames that are not data: acknowledgements, errors, notices; and protocol pings. */
  readonly replies: number
  readonly pings: number
  readonly streams: Readonly<Record<string, StreamAccount>>
}

export interface RestAccount {
  readonly market: Market
  readonly path: string
  /** Requests by the status they got; 0 for those that were never answered. */
  readonly statuses: Readonly<Record<number, number>>
}

export interface LedgerView {
  readonly connections: readonly ConnectionAccount[]
  readonly refused: number
  readonly rest: readonly RestAccount[]
}

class Ids {
  count = 0
  first: number | undefined
  last: number | undefined
  readonly list: number[] = []

  add(id: number): void {
    this.count++
    this.first ??= id
    this.last = id
    if (this.list.length < IDS_MAX) this.list.push(id)
  }

  addRange(first: number, count: number): void {
    if (count === 0) return
    this.count += count
    this.first ??= first
    this.last = first + count - 1
  }
}

class StreamEntry {
  frames = 0
  readonly whole = new Ids()
  readonly faults = new Map<FaultKind, Ids>()

  fault(kind: FaultKind): Ids {
    let ids = this.faults.get(kind)
    if (ids === undefined) this.faults.set(kind, (ids = new Ids()))
    return ids
  }

  view(withIds: boolean): StreamAccount {
    const listed = ({ list }: Ids) => (withIds ? { ids: list.slice() } : {})
    const faults = [...this.faults].map(([kind, ids]) => [kind, { frames: ids.count, ...listed(ids) }])
    const { count, first, last, list } = this.whole
    const idsForgotten = count - list.length
    return { frames: this.frames, first, last, ...listed(this.whole), idsForgotten, faults: Object.fromEntries(faults) }
  }
}

export class ConnectionEntry {
  readonly received = { messages: 0, pings: 0, pongs: 0 }
  replies = 0
  pings = 0
  closed: number | undefined
  closeCode: number | undefined
  readonly #streams = new Map<string, StreamEntry>()
  readonly #head: { connection: number; market: Market; path: string; opened: number }

  constructor(connection: number, market: Market, path: string, opened: number) {
    this.#head = { connection, market, path, opened }
  }

  /** A frame went out whole. */
  sent({ stream, id, ids }: Frame): void {
    const entry = this.#stream(stream)
    entry.frames++
    if (ids === undefined) entry.whole.add(id)
    else for (const each of ids) entry.whole.add(each)
  }

  /** So many frames went out, of consecutive ids, which are not kept one by one. */
  sentRange(stream: string, first: number, count: number): void {
    const entry = this.#stream(stream)
    entry.frames += count
    entry.whole.addRange(first, count)
  }

  /** A fault took a frame; `written` when something of it went out all the same. */
  fault(stream: string, kind: FaultKind, id: number, written: boolean): void {
    const entry = this.#stream(stream)
    entry.fault(kind).add(id)
    if (written) entry.frames++
  }

  view(ids: boolean): ConnectionAccount {
    const { received, replies, pings, closed, closeCode } = this
    const streams = Object.fromEntries([...this.#streams].map(([name, entry]) => [name, entry.view(ids)]))
    return { ...this.#head, closed, closeCode, received: { ...received }, replies, pings, streams }
  }

  #stream(name: string): StreamEntry {
    let entry = this.#streams.get(name)
    if (entry === undefined) this.#streams.set(name, (entry = new StreamEntry()))
    return entry
  }
}

export class Ledger {
  refused = 0
  #connections: ConnectionEntry[] = []
  #opened = 0
  readonly #rest = new Map<string, { market: Market; path: string; statuses: Record<number, number> }>()

  open(market: Market, path: string, now: number): ConnectionEntry {
    const entry = new ConnectionEntry(++this.#opened, market, path, now)
    this.#connections.push(entry)
    if (this.#connections.length > CONNECTIONS_MAX) this.#connections.shift()
    return entry
  }

  rest(market: Market, path: string, status: number): void {
    const key = `${market} ${path}`
    let entry = this.#rest.get(key)
    if (entry === undefined) {
      if (this.#rest.size >= PATHS_MAX) return
      this.#rest.set(key, (entry = { market, path, statuses: {} }))
    }
    entry.statuses[status] = (entry.statuses[status] ?? 0) + 1
  }

  /** @param options.ids also the full lists of ids */
  view(options: { ids?: boolean } = {}): LedgerView {
    const connections = this.#connections.map((entry) => entry.view(options.ids === true))
    return { connections, refused: this.refused, rest: [...this.#rest.values()] }
  }
}
