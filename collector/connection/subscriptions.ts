// The subscriptions of one socket: what it should carry, what it was asked for, and the requests between the two.
//
// Always: only the difference is asked, worked out anew before each request, so streams that come and go while
//   requests wait cost nothing.
// Always: no more requests than the venue allows in each of its windows; what is tried again or renewed uses half of
//   them at most, so that what is newly wanted never waits for it.
// Never: a request unanswered for ten seconds is forgotten: it is repeated once, then reported.
import { GrowingWaits } from './backoff.ts'
import type { Clock, Timer } from './clock.ts'
import { printable } from './errors.ts'
import type { Ack, Protocol, RequestKind } from './protocol.ts'
import { Rate } from './rate.ts'
import { Refusals } from './refusals.ts'
import { Renewals } from './renewals.ts'

export interface SubscriptionEvents {
  /** The venue does not give this stream. It is asked for again, less and less often; that is not told again. */
  readonly onRefused: (stream: string, message: string) => void
  /** The venue refuses a request as a whole; its halves are asked for. */
  readonly onDivided: (streams: readonly string[], message: string) => void
  /** The venue has accepted this stream, which it may have refused before, on this socket or another. */
  readonly onAccepted: (stream: string) => void
  /** Asked twice without an answer. The data may come all the same. */
  readonly onUnanswered: (streams: readonly string[]) => void
  /** The venue puts a request off; nothing is asked on this socket for so long. */
  readonly onLater: (message: string, waitMs: number) => void
}

interface Request {
  readonly kind: RequestKind
  readonly streams: readonly string[]
  readonly repeated: boolean
}

interface Waiting {
  readonly request: Request
  /** Streams that are not answered. */
  readonly open: Set<string>
  readonly timer: Timer
}

export const ANSWER_MS = 10_000
/** After a request was put off: so long, and twice as long each time that it is again. */
export const LATER_BASE_MS = 1_000
export const LATER_CAP_MS = 60_000
/** Of each window of the venue's, for what is tried again or renewed. */
const BACKGROUND_PART = 0.5
const NOT_LISTED = 'not among the streams that the venue accepted'

export class Subscriptions {
  readonly #protocol: Protocol
  readonly #clock: Clock
  readonly #send: (text: string) => void
  readonly #events: SubscriptionEvents
  readonly #rate: Rate
  #wanted: ReadonlySet<string> = new Set()
  readonly #asked = new Set<string>()
  readonly #refusals: Refusals
  readonly #renewals = new Renewals()
  /** Repetitions, and halves of what was refused; sent before anything new. */
  #again: Request[] = []
  readonly #waiting = new Map<number, Waiting>()
  readonly #putOff = new GrowingWaits(LATER_BASE_MS, LATER_CAP_MS)
  #putOffUntilMs = 0
  #lastId = 0
  #timer: Timer | undefined
  #closed = false

  constructor(protocol: Protocol, clock: Clock, send: (text: string) => void, events: SubscriptionEvents) {
    this.#protocol = protocol
    this.#clock = clock
    this.#send = send
    this.#events = events
    // One place stays free for a ping, pong or answer, which asks nobody.
    this.#rate = new Rate(protocol.requests, protocol.keepAlivesCount === true ? 1 : 0)
    this.#refusals = new Refusals(clock.nowMs())
  }

  /** Asks for what is missing and gives back what is too much, as fast as the venue allows. */
  want(streams: ReadonlySet<string>): void {
    this.#wanted = streams
    this.#refusals.keep(streams)
    this.#renewals.keep(streams)
    this.#pump()
  }

  /**
   * Unsubscribes a stream and subscribes it again, each after the answer to the request before. More calls do nothing
   * until the new subscription was answered, and come with growing waits, of at most a minute, while they follow each
   * other. A stream that is not subscribed, but will be, is left as it is.
   */
  resubscribe(stream: string): void {
    if (!this.#wanted.has(stream) || !this.#asked.has(stream)) return
    this.#renewals.ask(stream, this.#clock.nowMs())
    this.#pump()
  }

  /** True when everything wanted was asked for and every request was answered or reported. */
  get settled(): boolean {
    return this.#waiting.size === 0 && this.#urgent() === undefined
  }

  /** A ping or pong left the socket. */
  countKeepAlive(): void {
    if (this.#protocol.keepAlivesCount === true) this.#rate.add(this.#clock.nowMs())
  }

  /** Sends a text that is no request of these, at once. */
  say(text: string): void {
    this.countKeepAlive()
    this.#send(text)
  }

  acknowledged(ack: Ack): void {
    if ('streams' in ack) {
      for (const stream of ack.streams) this.#acknowledgedOne(stream, ack.id, ack.to)
    } else {
      const waiting = this.#take(ack.id)
      const accepted = ack.accepted === undefined ? waiting?.open : new Set(ack.accepted)
      for (const stream of waiting?.request.kind === 'subscribe' ? waiting.open : []) {
        if (accepted?.has(stream) === true) this.#accept(stream)
        else this.#refuse(stream, NOT_LISTED)
      }
    }
    this.#putOff.forget('')
    this.#pump()
  }

  /**
   * Reports each stream that the venue refuses; a refusal that names none of several is halved until it is clear whose.
   * @returns false when it answers nothing that was asked.
   */
  refused(id: number | undefined, message: string, named: readonly string[] = []): boolean {
    const known = named.filter((stream) => this.#refusedOne(stream, id, message))
    // One that names only what we do not know is no answer to whichever request is the oldest.
    const waiting =
      known.length > 0 || (id === undefined && named.length > 0) ? undefined : this.#take(id ?? this.#oldest)
    if (waiting?.request.kind === 'subscribe') {
      const streams = [...waiting.open]
      const middle = streams.length >> 1
      if (middle === 0) for (const stream of streams) this.#refuse(stream, message)
      else {
        this.#events.onDivided(streams, printable(message))
        for (const half of [streams.slice(0, middle), streams.slice(middle)]) {
          this.#again.push({ kind: 'subscribe', streams: half, repeated: false })
        }
      }
    }
    this.#pump()
    return waiting !== undefined || known.length > 0
  }

  /**
   * Asks for the same again after a while.
   * @returns false when it answers nothing that was asked.
   */
  later(id: number | undefined, message: string): boolean {
    const waiting = this.#take(id ?? this.#oldest)
    if (waiting === undefined) return false
    const { kind } = waiting.request
    this.#again.push({ kind, streams: [...waiting.open], repeated: false })
    const waitMs = this.#putOff.next('')
    this.#putOffUntilMs = Math.max(this.#putOffUntilMs, this.#clock.nowMs() + waitMs)
    this.#events.onLater(printable(message), waitMs)
    this.#pump()
    return true
  }

  /** The socket is gone. */
  close(): void {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
    for (const { timer } of this.#waiting.values()) this.#clock.clearTimeout(timer)
    this.#waiting.clear()
  }

  get #oldest(): number | undefined {
    return this.#waiting.keys().next().value
  }

  #acknowledgedOne(stream: string, id: number | undefined, to: RequestKind | undefined): void {
    const kind = this.#answeredOne(stream, id, to)
    // One that comes too late for its request is true all the same.
    if (kind === 'subscribe' || (kind === undefined && to === 'subscribe' && this.#asked.has(stream))) {
      this.#accept(stream)
    }
  }

  /** @returns false when we never asked for it */
  #refusedOne(stream: string, id: number | undefined, message: string): boolean {
    const kind = this.#answeredOne(stream, id) ?? (this.#asked.has(stream) ? 'subscribe' : undefined)
    if (kind === 'subscribe') this.#refuse(stream, message)
    return kind !== undefined
  }

  /** A stream of a request is answered. @returns what was asked for it, undefined when nothing waits */
  #answeredOne(stream: string, id: number | undefined, to?: RequestKind): RequestKind | undefined {
    for (const [key, { request, open }] of this.#waiting) {
      if ((id !== undefined && id !== key) || (to !== undefined && to !== request.kind) || !open.delete(stream))
        continue
      if (open.size === 0) this.#take(key)
      return request.kind
    }
    return undefined
  }

  #accept(stream: string): void {
    this.#refusals.accepted(stream)
    this.#renewals.returned(stream)
    if (this.#wanted.has(stream)) this.#events.onAccepted(stream)
  }

  #refuse(stream: string, message: string): void {
    this.#asked.delete(stream)
    this.#renewals.refused(stream)
    if (!this.#wanted.has(stream)) return
    if (this.#refusals.refused(stream, this.#clock.nowMs())) this.#events.onRefused(stream, printable(message))
  }

  /** The request waits no longer. */
  #take(id: number | undefined): Waiting | undefined {
    const waiting = id === undefined ? undefined : this.#waiting.get(id)
    if (id === undefined || waiting === undefined) return undefined
    this.#clock.clearTimeout(waiting.timer)
    this.#waiting.delete(id)
    const { kind, streams } = waiting.request
    if (kind === 'unsubscribe') for (const stream of streams) this.#renewals.left(stream)
    return waiting
  }

  #pump(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    while (!this.#closed) {
      const nowMs = this.#clock.nowMs()
      const urgent = this.#urgent()
      const request = urgent ?? this.#background(nowMs)
      const freeMs = this.#rate.freeMs(nowMs, urgent === undefined ? BACKGROUND_PART : 1)
      const atMs = request === undefined ? this.#nextMs(nowMs) : Math.max(freeMs, this.#putOffUntilMs)
      if (request === undefined || atMs > nowMs) {
        if (atMs < Infinity) this.#timer = this.#clock.setTimeout(() => this.#pump(), atMs - nowMs)
        return
      }
      this.#rate.add(nowMs)
      this.#ask(request)
    }
  }

  /** The next request for what is wanted; undefined when there is none. */
  #urgent(): Request | undefined {
    this.#again = this.#again.filter((request) => request.streams.length > 0)
    if (this.#again.length > 0) return this.#again[0]
    return (
      this.#request('unsubscribe', this.#asked, (stream) => !this.#wanted.has(stream)) ??
      this.#request('subscribe', this.#wanted, (stream) => this.#isMissing(stream))
    )
  }

  /** The next request for what is renewed or tried again. */
  #background(nowMs: number): Request | undefined {
    const renewals = this.#renewals
    const refusals = this.#refusals
    return (
      this.#request('unsubscribe', renewals.streams, (s) => renewals.isDue(s, nowMs) && !this.#isOpen(s)) ??
      this.#request('subscribe', refusals.streams, (s) => refusals.isDue(s, nowMs))
    )
  }

  /** When the next request for the background is due, ms since the epoch. */
  #nextMs(nowMs: number): number {
    return Math.min(this.#renewals.nextMs(nowMs), this.#refusals.nextMs)
  }

  #isMissing(stream: string): boolean {
    return !this.#asked.has(stream) && !this.#refusals.has(stream) && !this.#renewals.isLeaving(stream)
  }

  /** Whether a request with this stream waits for its answer. */
  #isOpen(stream: string): boolean {
    for (const { open } of this.#waiting.values()) if (open.has(stream)) return true
    return false
  }

  /** A request for the first streams that satisfy, as many as one may hold, in their order; undefined without any. */
  #request(kind: RequestKind, from: Iterable<string>, satisfies: (stream: string) => boolean): Request | undefined {
    const streams: string[] = []
    for (const stream of from) {
      if (streams.length === this.#protocol.streamsPerRequestMax) break
      if (satisfies(stream)) streams.push(stream)
    }
    return streams.length === 0 ? undefined : { kind, streams, repeated: false }
  }

  #ask(request: Request): void {
    if (this.#again[0] === request) this.#again.shift()
    const id = ++this.#lastId
    const { kind, streams } = request
    for (const stream of streams) {
      if (kind === 'subscribe') {
        this.#asked.add(stream)
        this.#refusals.asked(stream)
      } else {
        this.#asked.delete(stream)
        if (this.#wanted.has(stream)) this.#renewals.began(stream, this.#clock.nowMs())
      }
    }
    const timer = this.#clock.setTimeout(() => this.#unanswered(id), ANSWER_MS)
    this.#waiting.set(id, { request, open: new Set(streams), timer })
    this.#send(this.#protocol[kind](streams, id))
  }

  #unanswered(id: number): void {
    const waiting = this.#take(id)
    if (waiting === undefined) return
    const { kind, repeated } = waiting.request
    // Only what is still to be done: a late repetition must not undo a later wish.
    const subscribes = kind === 'subscribe'
    const due = [...waiting.open].filter((s) => this.#wanted.has(s) === subscribes && !this.#refusals.has(s))
    if (!repeated) this.#again.push({ kind, streams: due, repeated: true })
    else if (due.length > 0) {
      if (subscribes) for (const stream of due) this.#renewals.returned(stream)
      this.#events.onUnanswered(due)
    }
    this.#pump()
  }
}
