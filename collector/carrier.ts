// A session of a market and the channels that it carries: what happens to its sockets is told to each of them.
//
// Always: a channel knows which sockets carry it; a socket that went away as planned leaves no gap, and one that was
// lost leaves one only where something is missing, which the track finds out.
import type { Clock } from './connection/clock.ts'
import type { PooledSession } from './connection/pool.ts'
import { type Proxy, agentFor } from './connection/proxy.ts'
import { Session } from './connection/session.ts'
import type { CloseCause } from './connection/socket.ts'
import type { Decoder } from './exchanges/decoder.ts'
import type { Room } from './exchanges/room.ts'
import type { Lane } from './lane.ts'
import type { SessionStatus } from './status.ts'
import type { Shared } from './shared.ts'

export interface CarrierOptions {
  readonly url: string
  readonly room: Room
  readonly proxy: Proxy | undefined
  readonly shared: Shared
  readonly decoder: Decoder
  readonly lanesOf: (stream: string) => readonly Lane[]
}

/** A session whose channels went stale is replaced at most this often. */
const REPLACE_EVERY_MS = 5 * 60_000

export class Carrier implements PooledSession {
  readonly #options: CarrierOptions
  readonly #clock: Clock
  readonly #session: Session
  /** Sockets that are open. */
  readonly #up = new Set<number>()
  #streams: ReadonlySet<string> = new Set()
  /** Streams that the venue refuses, each with why. */
  readonly #refusals = new Map<string, string>()
  #replacedMs = -Infinity
  #isClosed = false

  constructor(options: CarrierOptions) {
    this.#options = options
    this.#clock = options.shared.clock
    this.#session = this.#open()
  }

  get status(): SessionStatus {
    const { exchange, market } = this.#options.room
    return { exchange, market, ...this.#session.status }
  }

  want(streams: ReadonlySet<string>): void {
    this.#streams = streams
    this.#session.want(streams)
    this.#carried()
    this.#tellRefusals()
  }

  close(): void {
    this.#isClosed = true
    this.#session.close()
  }

  resubscribe(stream: string, socketId?: number): boolean {
    return this.#session.resubscribe(stream, socketId)
  }

  has(socketId: number): boolean {
    return this.#up.has(socketId)
  }

  /** A frame of this socket could not be read and may have been any channel's. */
  unreadable(socketId: number): void {
    for (const { route } of this.#lanes()) route?.track.interrupt('malformed', socketId)
  }

  /** Once a second: stale channels get another socket; what that does not help is taken for usual. */
  mendStale(): void {
    const stale = this.#lanes().filter((lane) => lane.state === 'stale')
    if (stale.length === 0) return
    const nowMs = this.#clock.nowMs()
    const sinceMs = nowMs - this.#replacedMs
    if (sinceMs < REPLACE_EVERY_MS) {
      if (sinceMs > REPLACE_EVERY_MS / 2) for (const { liveness } of stale) liveness.accept(nowMs)
      return
    }
    this.#replacedMs = nowMs
    const silent = silentWith(stale, this.#lanes(), this.#clock.nowUs())
    for (const socketId of this.#up) for (const { route } of silent) route?.track.interrupt('stale', socketId)
    const { exchange, market } = this.#options.room
    const fields = { exchange, market, stale: stale.length }
    this.#options.shared.log.warn(fields, 'channels are silent; another socket is tried')
    this.#session.replace()
  }

  #lanes(): Lane[] {
    const out: Lane[] = []
    for (const stream of this.#streams) out.push(...this.#options.lanesOf(stream))
    return out
  }

  #open(): Session {
    const { url, room, proxy, shared, decoder } = this.#options
    const { exchange, market, protocol, rules } = room
    const { clock, random, network, addresses, log, faults } = shared
    const { host, pathname } = new URL(url)
    const fields = { exchange, market, url: host + pathname }
    return new Session({
      url,
      protocol,
      agent: agentFor(proxy, 'websocket', clock),
      network,
      clock,
      random,
      limits: addresses.limits(exchange, host, rules),
      onFrame: (bytes, isBinary, receivedUs, socketId) => decoder.decode(bytes, isBinary, receivedUs, socketId),
      caughtUp: (socketId) => this.#isCaughtUp(socketId),
      events: {
        onUp: (socketId) => {
          this.#up.add(socketId)
          this.#carried()
          log.debug({ ...fields, socketId }, 'socket open')
        },
        onDown: (socketId, { cause, code, reason }, planned) => {
          this.#down(socketId, cause)
          if (!planned) log.warn({ ...fields, socketId, cause, code, reason }, 'socket lost')
        },
        onReplaced: (_old, socketId) => log.info({ ...fields, socketId }, 'socket replaced as planned'),
        onRetry: ({ cause, reason }, waitMs) =>
          faults.warn(`retry ${url}`, { ...fields, cause, reason, waitMs: Math.round(waitMs) }, 'connecting again'),
        onRefused: (stream, message) => this.#refused(stream, message),
        onDivided: (streams, message) =>
          faults.warn(
            `divided ${url}`,
            { ...fields, streams, message },
            'the venue refuses a request as a whole; asking for its halves',
          ),
        onAccepted: (stream) => this.#accepted(stream),
        onLater: (message, waitMs) =>
          faults.warn(`later ${url}`, { ...fields, message, waitMs }, 'the venue puts a request off'),
        onUnanswered: (streams) => log.warn({ ...fields, streams: streams.length }, 'subscription not answered'),
        onUnknown: (text) => faults.warn(`unknown ${url}`, { ...fields, text }, 'unknown frame'),
      },
    })
  }

  /** Each open socket is asked for all channels. */
  #carried(): void {
    const nowMs = this.#clock.nowMs()
    for (const lane of this.#lanes()) {
      if (this.#up.size > 0 && lane.sockets.size === 0) lane.askedMs = nowMs
      for (const id of this.#up) lane.sockets.add(id)
    }
  }

  #refused(stream: string, message: string): void {
    const { exchange, market } = this.#options.room
    this.#options.shared.log.error({ exchange, market, stream, message }, 'the venue refuses a stream')
    this.#refusals.set(stream, `refused by the venue: ${message.slice(0, 100)}`)
    this.#tellRefusals()
  }

  /** It may have been refused before. */
  #accepted(stream: string): void {
    if (!this.#refusals.delete(stream)) return
    for (const lane of this.#options.lanesOf(stream)) {
      lane.impossible = undefined
      lane.askedMs = this.#clock.nowMs()
    }
  }

  /** Also to channels that join a stream later. */
  #tellRefusals(): void {
    for (const [stream, why] of this.#refusals) {
      if (!this.#streams.has(stream)) this.#refusals.delete(stream)
      else for (const lane of this.#options.lanesOf(stream)) lane.impossible = why
    }
  }

  #down(socketId: number, cause: CloseCause): void {
    this.#up.delete(socketId)
    if (this.#isClosed) return
    for (const { sockets, route } of this.#lanes()) {
      sockets.delete(socketId)
      if (route === undefined) continue
      // We end one when another had taken over; where that had not come to pass, it may have had the last word.
      const goesOn = [...this.#up].some((id) => cause === 'ended' || route.newest >= id)
      if (goesOn) route.track.leave(socketId)
      else route.track.interrupt('disconnect', socketId)
    }
  }

  /** Whether every channel that is not quiet has come over the new socket, and goes on from it alone. */
  #isCaughtUp(socketId: number): boolean {
    return this.#lanes().every(({ state, parts, route }) => {
      if (route === undefined || state !== 'live' || parts?.sparse === true) return true
      return route.newest >= socketId && route.track.follows(socketId)
    })
  }
}

/**
 * Of a socket's channels those that may have missed something where some are stale: all, where all fell silent with these.
 * The others are silent for longer by themselves, and so are not stale yet.
 */
export function silentWith<L extends Pick<Lane, 'channel'>>(
  stale: readonly L[],
  all: readonly L[],
  nowUs: number,
): readonly L[] {
  const silenceOf = (lanes: readonly L[]) =>
    nowUs - Math.max(...lanes.map(({ channel: { tally } }) => tally.lastReceived))
  return 2 * silenceOf(all) >= silenceOf(stale) ? all : stale
}
