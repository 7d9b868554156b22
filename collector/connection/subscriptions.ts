// The subscriptions of one socket: what it should carry, what it was asked for, and the requests between the two.
//
// Always: only the difference is asked, worked out anew before each request, so streams that come and go while
//   requests wait cost nothing.
// Always: no more requests in a second than the venue allows, pings and pongs counted.
// Never: a request unanswered for ten seconds is forgotten: it is repeated once, then reported.
import type { Clock, Timer } from './clock.ts'
import { printable } from './errors.ts'
import type { Protocol } from './protocol.ts'
import { SlidingWindow } from './window.ts'

export interface SubscriptionEvents {
  /** The venue does not give this stream; it is not asked again on this socket. */
  readonly onRefused: (stream: string, message: string) => void
  /** Asked twice without an answer. The data may come all the same. */
  readonly onUnanswered: (streams: readonly string[]) => void
}

interface Request {
  readonly kind: 'subscribe' | 'unsubscribe'
  readonly streams: readonly string[]
  readonly repeated: boolean
}

interface Waiting {
  readonly request: Request
  readonly timer: Timer
}

export const ANSWER_MS = 10_000
/** A little over a second: what we send evenly may arrive in a bunch. */
const RATE_WINDOW_MS = 1_100

export class Subscriptions {
  readonly #protocol: Protocol
  readonly #clock: Clock
  readonly #send: (text: string) => void
  readonly #events: SubscriptionEvents
  readonly #rate = new SlidingWindow(RATE_WINDOW_MS)
  #wanted: ReadonlySet<string> = new Set()
  readonly #asked = new Set<string>()
  readonly #refused = new Set<string>()
  /** Repetitions, and halves of what was refused; sent before anything new. */
  #again: Request[] = []
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #timer: Timer | undefined
  #closed = false

  constructor(protocol: Protocol, clock: Clock, send: (text: string) => void, events: SubscriptionEvents) {
    this.#protocol = protocol
    this.#clock = clock
    this.#send = send
    this.#events = events
  }

  /** Asks for what is missing and gives back what is too much, as fast as the venue allows. */
  want(streams: ReadonlySet<string>): void {
    this.#wanted = streams
    for (const stream of this.#refused) if (!streams.has(stream)) this.#refused.delete(stream)
    this.#pump()
  }

  /** True when everything wanted was asked for and every request was answered or reported. */
  get settled(): boolean {
    return this.#waiting.size === 0 && this.#next() === undefined
  }

  /** A ping or pong left the socket. */
  countKeepAlive(): void {
    this.#rate.add(1, this.#clock.nowMs())
  }

  acknowledged(id: number): void {
    this.#take(id)
  }

  /**
   * Reports each stream that the venue refuses; a refusal that names none of several is halved until it is clear whose.
   * @returns false when it answers nothing that was asked.
   */
  refused(id: number | undefined, message: string, named: readonly string[] = []): boolean {
    const oldest = named.length === 0 ? this.#waiting.keys().next().value : undefined
    const request = this.#take(id ?? oldest)
    const known = named.filter((stream) => this.#asked.has(stream))
    const culprits = known.length === 0 && request?.streams.length === 1 ? request.streams : known
    if (culprits.length > 0) {
      if (request?.kind !== 'unsubscribe') for (const stream of culprits) this.#refuse(stream, message)
    } else if (request?.kind === 'subscribe') {
      const middle = request.streams.length >> 1
      for (const half of [request.streams.slice(0, middle), request.streams.slice(middle)]) {
        this.#again.push({ kind: 'subscribe', streams: half, repeated: false })
      }
    }
    this.#pump()
    return request !== undefined || culprits.length > 0
  }

  /** The socket is gone. */
  close(): void {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
    for (const { timer } of this.#waiting.values()) this.#clock.clearTimeout(timer)
    this.#waiting.clear()
  }

  #refuse(stream: string, message: string): void {
    this.#asked.delete(stream)
    if (!this.#wanted.has(stream)) return
    this.#refused.add(stream)
    this.#events.onRefused(stream, printable(message))
  }

  #take(id: number | undefined): Request | undefined {
    const waiting = id === undefined ? undefined : this.#waiting.get(id)
    if (id === undefined || waiting === undefined) return undefined
    this.#clock.clearTimeout(waiting.timer)
    this.#waiting.delete(id)
    return waiting.request
  }

  #pump(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#closed) return
    const { requestsPerSecondMax } = this.#protocol
    // One place stays free for a ping or pong, which asks nobody.
    const max = Math.max(1, requestsPerSecondMax - 1)
    for (let request = this.#next(); request !== undefined; request = this.#next()) {
      const nowMs = this.#clock.nowMs()
      if (this.#rate.used(nowMs) >= max) {
        this.#timer = this.#clock.setTimeout(() => this.#pump(), this.#rate.nextMs - nowMs)
        return
      }
      this.#rate.add(1, nowMs)
      this.#ask(request)
    }
  }

  /** The next request, or undefined when there is nothing to ask. */
  #next(): Request | undefined {
    this.#again = this.#again.filter((request) => request.streams.length > 0)
    if (this.#again.length > 0) return this.#again[0]
    const max = this.#protocol.streamsPerRequestMax
    const surplus = firstOf(this.#asked, max, (stream) => !this.#wanted.has(stream))
    if (surplus.length > 0) return { kind: 'unsubscribe', streams: surplus, repeated: false }
    const missing = firstOf(this.#wanted, max, (stream) => !this.#asked.has(stream) && !this.#refused.has(stream))
    if (missing.length > 0) return { kind: 'subscribe', streams: missing, repeated: false }
    return undefined
  }

  #ask(request: Request): void {
    if (this.#again[0] === request) this.#again.shift()
    const id = ++this.#lastId
    for (const stream of request.streams) {
      if (request.kind === 'subscribe') this.#asked.add(stream)
      else this.#asked.delete(stream)
    }
    const timer = this.#clock.setTimeout(() => this.#unanswered(id), ANSWER_MS)
    this.#waiting.set(id, { request, timer })
    this.#send(this.#protocol[request.kind](request.streams, id))
  }

  #unanswered(id: number): void {
    const request = this.#take(id)
    if (request === undefined) return
    // Only what is still to be done: a late repetition must not undo a later wish.
    const subscribes = request.kind === 'subscribe'
    const due = request.streams.filter((s) => this.#wanted.has(s) === subscribes && !this.#refused.has(s))
    if (!request.repeated) this.#again.push({ kind: request.kind, streams: due, repeated: true })
    else if (due.length > 0) this.#events.onUnanswered(due)
    this.#pump()
  }
}

/** The first `max` streams that satisfy, in the order of the set. */
function firstOf(streams: Iterable<string>, max: number, satisfies: (stream: string) => boolean): string[] {
  const out: string[] = []
  for (const stream of streams) {
    if (out.length === max) break
    if (satisfies(stream)) out.push(stream)
  }
  return out
}
