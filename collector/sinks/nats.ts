// The NATS JetStream sink: holds a connection, verifies the stream, and lets the publisher work.
//
// "Settled" means that the stream's leader acknowledged the message as stored, now or before. Always: a lost
// connection is followed by a new one, for ever, with jitter, at least every 15 s; what was not acknowledged is sent
// again in order with the same ids. Each ack comes to one inbox; there is no promise for a message. Never: a message is
// given up because the stream is full, missing or refuses.
//
// Start with `#serve`; nats/publisher.ts is the hot path.
import { AssertionError } from 'node:assert'
import { createInbox, type Msg, type NatsConnection, PermissionViolationError } from '@nats-io/transport-node'
import { fullJitterMs } from '../connection/backoff.ts'
import type { Random, Timer } from '../connection/clock.ts'
import type { Series } from '../market/channel.ts'
import type { Message } from '../market/messages.ts'
import type { Refusal } from './nats/answer.ts'
import { connectOnce, NotAllowed, reason } from './nats/connect.ts'
import { Publisher } from './nats/publisher.ts'
import { findLast, idsBehind } from './nats/stored.ts'
import type { NatsPlace } from './nats/place.ts'
import { ensureStream, StreamFault, type StreamState } from './nats/stream.ts'
import { openWire, type Wire } from './nats/wire.ts'
import { LastOf } from './read.ts'
import type { Sink, SinkContext, SinkStatus, SinkWorld } from './sink.ts'
import { Trouble } from './trouble.ts'

export interface NatsOptions extends NatsPlace {
  /** After this time without an answer a message is sent again; 5 s by default. */
  readonly ackTimeoutMs?: number
  /** Longest wait before the next attempt to connect, or to publish after a refusal; 10 s and 5 s by default. */
  readonly backoffMsMax?: number
}

const ACK_TIMEOUT_MS = 5_000
const BACKOFF_BASE_MS = 250
const CONNECT_BACKOFF_MS_MAX = 10_000
const REFUSED_BACKOFF_MS_MAX = 5_000
/** A connection that lived this long was a good one: the next failure begins the series of waits anew. */
const HEALTHY_MS = 10_000
/** Looks for missing answers in one timeout. */
const LOOKS = 5

/** Different warnings that are logged in the life of a process. */
const WARNINGS_MAX = 100

/** A connection that stands. */
interface Live {
  readonly nc: NatsConnection
  readonly wire: Wire
  stream: StreamState | undefined
}

export function natsSink(options: NatsOptions, context: SinkContext, world: SinkWorld): Sink {
  return new NatsSink(options, context, world)
}

class NatsSink implements Sink {
  readonly kind = 'nats'
  readonly #options: NatsOptions
  readonly #context: SinkContext
  readonly #world: SinkWorld
  readonly #random: Random
  readonly #ackTimeoutMs: number
  readonly #trouble: Trouble
  readonly #publisher: Publisher
  readonly #opened = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  readonly #drained = Promise.withResolvers<void>()
  readonly #warned = new Set<string>()
  #live: Live | undefined = undefined
  #held: Timer | undefined = undefined
  #look: Timer | undefined = undefined
  #refusals = 0
  #lastSettledMs = 0
  #settledBefore = 0
  #settledAtTimeout = -1
  #woken = false
  #closing = false
  #closed = false

  constructor(options: NatsOptions, context: SinkContext, world: SinkWorld) {
    const { clock, log } = world
    this.#options = options
    this.#context = context
    this.#world = world
    this.#random = world.random ?? Math.random
    this.#ackTimeoutMs = options.ackTimeoutMs ?? ACK_TIMEOUT_MS
    this.#trouble = new Trouble('nats', log, () => clock.nowMs())
    this.#publisher = new Publisher(context, options.stream.name, clock, {
      onStored: () => {
        this.#refusals = 0
        this.#trouble.recover()
      },
      onRefused: (why) => this.#refused(why),
      onGivenUp: (event) => this.#trouble.mention(event),
    })
  }

  get status(): SinkStatus {
    return {
      connected: this.#live !== undefined,
      problem: this.#trouble.problem,
      lastSettledMs: this.#lastSettledMs,
      outstanding: this.#publisher.window.outstanding,
      resent: this.#publisher.resent,
    }
  }

  async open(): Promise<void> {
    void this.#run()
    try {
      await this.#opened.promise
    } catch (error) {
      await this.close(0)
      throw error
    }
  }

  async last<S extends Series>(all: readonly S[]): Promise<Map<S, Message>> {
    const live = this.#live
    if (live?.stream === undefined) {
      throw new Error(
        `nats: what is stored cannot be read now (${this.#trouble.problem ?? 'not connected'}); ask again`,
      )
    }
    const { allowDirect } = live.stream
    const last = new LastOf(all)
    await findLast({ nc: live.nc, stream: this.#options.stream.name, allowDirect }, last)
    const { found, skipped } = last
    if (skipped > 0) this.#world.log.warn({ sink: 'nats', skipped }, 'stored messages that are not ours were skipped')
    return found
  }

  flush(): void {
    this.#publisher.flush()
  }

  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#world
    this.#closing = true
    const deadline = clock.setTimeout(() => this.#drained.resolve(), deadlineMs)
    this.flush()
    this.#settledSome()
    await this.#drained.promise
    clock.clearTimeout(deadline)
    this.#closed = true
    this.#ended.resolve()
    this.#release()
    await this.#live?.nc.close()
  }

  /** Keeps a connection until the sink is closed. */
  async #run(): Promise<void> {
    const { clock } = this.#world
    const capMs = this.#options.backoffMsMax ?? CONNECT_BACKOFF_MS_MAX
    for (let attempt = 0; !this.#closed; attempt++) {
      const startedMs = clock.nowMs()
      try {
        await this.#serve(await connectOnce(this.#options))
      } catch (error) {
        if (error instanceof NotAllowed || error instanceof AssertionError) this.#opened.reject(error)
        this.#trouble.complain(reason(error))
      }
      this.#opened.resolve()
      if (clock.nowMs() - startedMs > HEALTHY_MS) attempt = 0
      if (!this.#closed) await this.#pause(fullJitterMs(attempt, BACKOFF_BASE_MS, capMs, this.#random))
    }
  }

  /** Works over this connection until it is closed. */
  async #serve(nc: NatsConnection): Promise<void> {
    if (this.#closed) return nc.close()
    const live: Live = { nc, wire: openWire(nc), stream: undefined }
    const inbox = createInbox()
    nc.subscribe(`${inbox}.>`, { callback: this.#onAnswer })
    this.#live = live
    this.#publisher.attach(live.wire, inbox, nc.info?.max_payload ?? 0)
    this.#watch(live)
    await this.#begin(live)
    const cause = await nc.closed()
    this.#live = undefined
    this.#publisher.detach()
    this.#release()
    if (!this.#closed) this.#trouble.complain(`the connection to NATS was lost${cause ? `: ${reason(cause)}` : ''}`)
  }

  /** Verifies the stream and starts to publish; tries again later when the stream is not fit. */
  async #begin(live: Live): Promise<void> {
    const { stream, prefix } = this.#options
    try {
      live.stream = await ensureStream(live.nc, stream, prefix, this.#ackTimeoutMs)
      live.stream.warnings.forEach((warning) => this.#warnOnce(warning))
      await this.#settleStored(live, live.stream)
    } catch (error) {
      if (this.#live !== live || live.nc.isClosed()) return
      if (error instanceof StreamFault && error.lasting) this.#opened.reject(error)
      this.#opened.resolve()
      return this.#hold(reason(error), () => void this.#begin(live))
    }
    if (this.#live !== live || live.nc.isClosed()) return
    this.#opened.resolve()
    this.#trouble.recover()
    this.#settledAtTimeout = -1
    this.#publisher.start(live.stream.allowBatched)
    this.#lookLater(live)
  }

  /**
   * What was sent over an earlier connection may be stored without our knowing. The server drops a repetition only
   * for as long as it remembers ids, so after a long outage we look before we send again.
   */
  async #settleStored(live: Live, { duplicateWindowMs, lastSequence, allowDirect }: StreamState): Promise<void> {
    const publisher = this.#publisher
    publisher.sequenceFloor ??= lastSequence
    const { oldestMs } = publisher.window
    if (oldestMs === undefined || !allowDirect) return
    if (this.#world.clock.nowMs() - oldestMs < duplicateWindowMs / 2) return
    try {
      const from = { nc: live.nc, stream: this.#options.stream.name, allowDirect }
      const ids = await idsBehind(from, publisher.sequenceFloor, publisher.outstandingBySubject())
      publisher.settleStored(ids)
      this.#settledSome()
    } catch (error) {
      // A message that is stored twice is better than one that is not stored.
      this.#warnOnce(`what the stream holds cannot be read, some messages may be stored twice: ${reason(error)}`)
    }
  }

  readonly #onAnswer = (error: Error | null, message: Msg): void => {
    if (error !== null) return
    this.#publisher.answered(message)
    if (this.#woken) return
    this.#woken = true
    // Behind all answers that came in the same read.
    queueMicrotask(this.#wake)
  }

  readonly #wake = (): void => {
    this.#woken = false
    this.#settledSome()
    this.#publisher.flush()
  }

  #settledSome(): void {
    if (this.#publisher.settled !== this.#settledBefore) {
      this.#settledBefore = this.#publisher.settled
      this.#lastSettledMs = this.#world.clock.nowMs()
    }
    if (this.#closing && this.#context.spool.pending === 0) this.#drained.resolve()
  }

  #refused(why: Refusal): void {
    const live = this.#live
    if (live === undefined) return
    const again = why.streamInDoubt ? () => void this.#begin(live) : () => this.#publisher.probe()
    this.#hold(why.problem, again)
  }

  /** Stops publishing, and does `again` after a wait that grows. */
  #hold(problem: string, again: () => void): void {
    const { clock } = this.#world
    this.#trouble.complain(problem)
    this.#publisher.shut()
    clock.clearTimeout(this.#held)
    const capMs = this.#options.backoffMsMax ?? REFUSED_BACKOFF_MS_MAX
    const jitterMs = fullJitterMs(this.#refusals++, BACKOFF_BASE_MS, capMs, this.#random)
    this.#held = clock.setTimeout(
      () => {
        this.#held = undefined
        if (this.#live !== undefined) again()
      },
      Math.min(BACKOFF_BASE_MS, capMs) + jitterMs,
    )
  }

  /** Looks for answers that do not come, now and then while the connection stands. */
  #lookLater(live: Live): void {
    const { clock } = this.#world
    clock.clearTimeout(this.#look)
    this.#look = clock.setTimeout(() => {
      if (this.#live !== live) return
      if (this.#held === undefined) this.#lookForLost(live)
      this.#lookLater(live)
    }, this.#ackTimeoutMs / LOOKS)
  }

  #lookForLost(live: Live): void {
    const { oldestMs } = this.#publisher.window
    if (oldestMs === undefined || this.#world.clock.nowMs() - oldestMs < this.#ackTimeoutMs) return
    const { settled } = this.#publisher
    this.#trouble.complain(`NATS did not acknowledge for ${this.#ackTimeoutMs} ms: look at its load, disk and network`)
    if (settled === this.#settledAtTimeout) {
      live.wire.destroy()
      return
    }
    this.#settledAtTimeout = settled
    this.#publisher.probe()
  }

  /** Hears what the server says beside answers: what we are not allowed to do. */
  #watch({ nc, wire }: Live): void {
    const { prefix } = this.#options
    const watch = async (): Promise<void> => {
      for await (const status of nc.status()) {
        if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue
        const { operation, subject } = status.error
        if (operation === 'subscription') {
          this.#trouble.complain(`NATS does not let us subscribe to ${subject}: allow subscribe on _INBOX.>`)
          wire.destroy()
        } else if (subject.startsWith(`${prefix}.`)) {
          const problem = `NATS does not let us publish to ${subject}: allow publish on ${prefix}.>`
          this.#hold(problem, () => this.#publisher.probe())
        }
      }
    }
    watch().catch((error: unknown) => this.#trouble.complain(reason(error)))
  }

  #warnOnce(warning: string): void {
    if (this.#warned.has(warning) || this.#warned.size >= WARNINGS_MAX) return
    this.#warned.add(warning)
    this.#world.log.warn({ sink: 'nats' }, warning)
  }

  #release(): void {
    const { clock } = this.#world
    clock.clearTimeout(this.#held)
    clock.clearTimeout(this.#look)
    this.#held = undefined
  }

  /** Waits, unless the sink is closed meanwhile. */
  async #pause(ms: number): Promise<void> {
    const { clock } = this.#world
    const passed = Promise.withResolvers<void>()
    const timer = clock.setTimeout(passed.resolve, ms)
    await Promise.race([passed.promise, this.#ended.promise])
    clock.clearTimeout(timer)
  }
}
