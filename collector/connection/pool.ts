// Which stream goes over which socket, and the sessions that carry them.
import assert from 'node:assert/strict'
import type { Session } from './session.ts'

/** Streams that share a socket. */
export interface Group {
  readonly id: number
  readonly url: string
  readonly streams: ReadonlySet<string>
}

/** What should be carried: streams by the URL that serves them. */
export type Wanted = ReadonlyMap<string, ReadonlySet<string>>

/**
 * Places streams on sockets. A stream that has a place keeps it; new ones fill free places first, oldest group first,
 * then new groups; a group that carries nothing any more is left out. Pure.
 */
export function allocate(current: readonly Group[], wanted: Wanted, streamsPerSocketMax: number): Group[] {
  assert(streamsPerSocketMax >= 1)
  let lastId = current.reduce((max, group) => Math.max(max, group.id), 0)
  const out: Group[] = []
  for (const [url, streams] of wanted) {
    const groups = current
      .filter((group) => group.url === url)
      .map((group) => ({ id: group.id, streams: new Set([...group.streams].filter((stream) => streams.has(stream))) }))
    const placed = new Set(groups.flatMap((group) => [...group.streams]))
    let at = 0
    for (const stream of streams) {
      if (placed.has(stream)) continue
      while ((groups[at]?.streams.size ?? 0) >= streamsPerSocketMax) at++
      const group = groups[at] ?? { id: ++lastId, streams: new Set<string>() }
      group.streams.add(stream)
      groups[at] = group
    }
    for (const group of groups) if (group.streams.size > 0) out.push({ ...group, url })
  }
  return out
}

/** What the pool needs of a session. */
export type PooledSession = Pick<Session, 'want' | 'resubscribe' | 'close'>

/** The sessions that carry a set of streams, as few as the venue's limit allows. */
export class SessionPool<S extends PooledSession> {
  readonly #streamsPerSocketMax: number
  readonly #make: (url: string) => S
  #groups: Group[] = []
  readonly #sessions = new Map<number, S>()

  /** @param make makes a session for a URL; the pool tells it what to carry. */
  constructor(streamsPerSocketMax: number, make: (url: string) => S) {
    this.#streamsPerSocketMax = streamsPerSocketMax
    this.#make = make
  }

  get sessions(): S[] {
    return [...this.#sessions.values()]
  }

  /** Opens, changes and closes sessions so that exactly these streams are carried; what stays is not touched. */
  want(wanted: Wanted): void {
    this.#groups = allocate(this.#groups, wanted, this.#streamsPerSocketMax)
    const kept = new Set(this.#groups.map((group) => group.id))
    for (const [id, session] of this.#sessions) {
      if (kept.has(id)) continue
      session.close()
      this.#sessions.delete(id)
    }
    for (const { id, url, streams } of this.#groups) {
      const session = this.#sessions.get(id) ?? this.#make(url)
      this.#sessions.set(id, session)
      session.want(streams)
    }
  }

  /**
   * Lets a stream begin anew; see {@link Session.resubscribe}.
   * @returns false when no open socket carries it
   */
  resubscribe(url: string, stream: string, socketId?: number): boolean {
    const group = this.#groups.find((one) => one.url === url && one.streams.has(stream))
    return group !== undefined && this.#sessions.get(group.id)?.resubscribe(stream, socketId) === true
  }

  /** Closes all of them. */
  close(): void {
    this.want(new Map())
  }
}
