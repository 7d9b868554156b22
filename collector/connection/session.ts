// A set of streams over one socket at a time, kept alive for as long as they are wanted.
//
// Always: while streams are wanted there is an open socket, or an attempt under way, or a wait that ends.
// Always: at a planned replacement both sockets deliver until the owner says that the new one has caught up, or until
//   ten seconds after its last subscription was answered.
// Never: more than two sockets.
import assert from 'node:assert/strict'
import type { Agent } from 'node:http'
import type { SessionStatus } from '../status.ts'
import { type Backoff, backoff } from './backoff.ts'
import type { Clock, Random, Timer } from './clock.ts'
import { messageOf, printable } from './errors.ts'
import type { Permit } from './gate.ts'
import type { AddressLimits } from './limits.ts'
import type { Network } from './network.ts'
import type { Control, Protocol } from './protocol.ts'
import { type Closed, type Socket, openSocket } from './socket.ts'
import { type SubscriptionEvents, Subscriptions } from './subscriptions.ts'

export interface SessionEvents extends SubscriptionEvents {
  /** A socket is open. Its streams are asked for right after this. */
  readonly onUp: (socketId: number) => void
  /** A socket that was up is gone; nothing comes from it any more. `planned`: another one had taken over, or will. */
  readonly onDown: (socketId: number, closed: Closed, planned: boolean) => void
  /** A planned replacement is complete. */
  readonly onReplaced: (oldSocketId: number, newSocketId: number) => void
  /** An attempt failed or a socket was lost; the next attempt comes after `waitMs`. */
  readonly onRetry: (closed: Pick<Closed, 'cause' | 'reason'>, waitMs: number) => void
  /** A frame that is neither data nor known: shortened, printable. */
  readonly onUnknown: (text: string) => void
}

export interface SessionOptions {
  readonly url: string
  readonly protocol: Protocol
  readonly agent?: Agent | undefined
  readonly network?: Network | undefined
  readonly clock: Clock
  readonly random: Random
  /** Of the address; shared with all who use it. */
  readonly limits: AddressLimits
  /** @returns true when it was market data (also when it was refused); false: the session reads it as control. */
  readonly onFrame: (bytes: Buffer, isBinary: boolean, receivedUs: number, socketId: number) => boolean
  /** Whether all that the old socket delivers comes from this one, too. Asked every 100 ms of a replacement. */
  readonly caughtUp: (socketId: number) => boolean
  readonly events: SessionEvents
}

/** A socket and what it was asked for. */
interface Line {
  readonly socket: Socket
  readonly subscriptions: Subscriptions
  /** Of the sockets that the address allows. */
  readonly place: Permit
  up: boolean
  /** To be replaced, so its end is no loss. */
  leaving: boolean
  lifeTimer?: Timer
}

/** Part of a socket's life after which it is replaced: with 24 hours between 22.5 and 23.5. */
const LIFE_FROM = 0.9375
const LIFE_SPREAD = 0.0417
export const CATCH_UP_MS = 10_000
/** However slowly the venue answers: no hand-over takes longer. */
const HAND_OVER_MAX_MS = 60_000
const CATCH_UP_POLL_MS = 100
/** A venue that asks to leave again sooner than this is obeyed with backoff. */
const LEAVE_PACE_MS = 30_000
/** Longer texts are no control, whatever they say. */
const CONTROL_BYTES_MAX = 256 * 1024

export class Session {
  readonly #options: SessionOptions
  /** Host and path, without query or credentials. */
  readonly #place: string
  readonly #backoff: Backoff
  #wanted: ReadonlySet<string> = new Set()
  /** The oldest first: one, or two during a replacement. */
  #lines: Line[] = []
  /** Runs while the next socket waits for its time. */
  #wait: Timer | undefined
  /** Aborts waiting for the address' limit. */
  #turn: AbortController | undefined
  #handOver: Timer | undefined
  #caughtUpByMs = 0
  #leftMs = -Infinity
  #closed = false
  #lost = 0
  #planned = 0
  #bytesBefore = 0

  /** @throws TypeError, SyntaxError when the URL is no WebSocket's. */
  constructor(options: SessionOptions) {
    const { protocol, hash, host, pathname } = new URL(options.url)
    if ((protocol !== 'ws:' && protocol !== 'wss:') || hash !== '') {
      throw new SyntaxError(`'${printable(options.url)}' is not the URL of a WebSocket; write ws:// or wss://, no '#'.`)
    }
    const { lifeMs } = options.protocol
    assert(lifeMs === Infinity || (lifeMs > 0 && lifeMs < 2 ** 31), 'lifeMs is no time that a timer can wait')
    this.#options = options
    this.#place = host + pathname
    this.#backoff = backoff(options.random)
  }

  /** What the session should carry from now on. Opens the first socket when there is none. */
  want(streams: ReadonlySet<string>): void {
    assert(streams.size <= this.#options.protocol.streamsPerSocketMax, 'more streams than a socket carries')
    this.#wanted = new Set(streams)
    for (const line of this.#lines) if (line.up) line.subscriptions.want(this.#wanted)
    if (this.#lines.length === 0) this.#connectAfter(0)
  }

  /**
   * Unsubscribes a stream and subscribes it again on an open socket, within the venue's rate, so that it begins anew.
   * Calls while that is under way do nothing: where no snapshot follows, call again.
   * @param socketId the youngest open one without
   * @returns false when there is no such socket: the stream begins anew on the next one
   */
  resubscribe(stream: string, socketId?: number): boolean {
    const line = this.#lines.findLast(({ up, socket }) => up && (socketId === undefined || socket.id === socketId))
    line?.subscriptions.resubscribe(stream)
    return line !== undefined
  }

  /** Opens another socket and leaves the current one once it has taken over. */
  replace(): void {
    const current = this.#lines.at(-1)
    if (current?.up === true) this.#leave(current)
  }

  /** Closes for good. */
  close(): void {
    this.#closed = true
    this.#options.clock.clearTimeout(this.#wait)
    this.#options.clock.clearTimeout(this.#handOver)
    this.#turn?.abort()
    for (const line of this.#lines) line.socket.close()
  }

  /** For /status, without whose session it is. */
  get status(): Omit<SessionStatus, 'exchange' | 'market'> {
    const open = this.#lines.find((line) => line.up)
    return {
      url: this.#place,
      state: open !== undefined ? 'open' : this.#lines.length > 0 ? 'connecting' : 'waiting',
      streams: this.#wanted.size,
      openedMs: open?.socket.openedMs ?? 0,
      lost: this.#lost,
      planned: this.#planned,
      bytes: this.#lines.reduce((sum, line) => sum + line.socket.bytes, this.#bytesBefore),
    }
  }

  #connectAfter(waitMs: number): void {
    if (this.#closed || this.#wait !== undefined || this.#turn !== undefined || this.#lines.length > 1) return
    if (this.#wanted.size === 0) return
    this.#wait = this.#options.clock.setTimeout(() => {
      this.#wait = undefined
      void this.#connect()
    }, waitMs)
  }

  async #connect(): Promise<void> {
    const turn = new AbortController()
    this.#turn = turn
    let place: Permit
    try {
      place = await this.#options.limits.connection({ priority: 0, signal: turn.signal })
    } catch (error) {
      this.#turn = undefined
      this.#retry({ cause: 'unreachable', reason: messageOf(error) }, 0)
      return
    }
    this.#turn = undefined
    if (this.#closed) place.done()
    else this.#open(place)
  }

  #open(place: Permit): void {
    const { url, agent, network, clock, protocol, events, onFrame } = this.#options
    const socket = openSocket({
      url,
      agent,
      network,
      clock,
      textPing: protocol.textPing,
      onOpen: () => this.#opened(line),
      onFrame: (bytes, isBinary, receivedUs) => {
        if (!onFrame(bytes, isBinary, receivedUs, socket.id)) this.#control(line, bytes, isBinary)
      },
      onClose: (closed) => this.#ended(line, closed),
      onKeepAlive: () => line.subscriptions.countKeepAlive(),
    })
    const subscriptions = new Subscriptions(protocol, clock, (text) => socket.send(text), events)
    const line: Line = { socket, subscriptions, place, up: false, leaving: false }
    this.#lines.push(line)
  }

  #opened(line: Line): void {
    const { clock, random, protocol, events } = this.#options
    line.up = true
    events.onUp(line.socket.id)
    for (const text of protocol.greeting ?? []) line.subscriptions.say(text)
    line.subscriptions.want(this.#wanted)
    if (protocol.lifeMs < Infinity) {
      const lifeMs = protocol.lifeMs * (LIFE_FROM + random() * LIFE_SPREAD)
      line.lifeTimer = clock.setTimeout(() => this.replace(), lifeMs)
    }
    if (this.#lines.length > 1) this.#pollHandOver()
  }

  #ended(line: Line, closed: Closed): void {
    const { clock, limits, events } = this.#options
    const index = this.#lines.indexOf(line)
    const successor = this.#lines[index + 1]
    this.#lines.splice(index, 1)
    this.#bytesBefore += line.socket.bytes
    line.subscriptions.close()
    line.place.done()
    clock.clearTimeout(line.lifeTimer)
    if (closed.response !== undefined) limits.answered(closed.response.status, closed.response.headers)
    const planned = line.leaving || this.#closed
    if (line.up) {
      if (!planned) this.#lost++
      else if (!this.#closed) this.#planned++
      events.onDown(line.socket.id, closed, planned)
    }
    if (this.#closed) return
    if (successor === undefined) {
      const openForMs = line.up ? clock.nowMs() - line.socket.openedMs : 0
      this.#retry(closed, openForMs)
    } else if (successor.up) {
      this.#replaced(line, successor)
    }
  }

  #retry(closed: Pick<Closed, 'cause' | 'reason'>, openForMs: number): void {
    if (this.#closed || this.#wanted.size === 0 || this.#wait !== undefined || this.#turn !== undefined) return
    const waitMs = this.#backoff.next(openForMs)
    this.#options.events.onRetry(closed, waitMs)
    this.#connectAfter(waitMs)
  }

  #pollHandOver(): void {
    const { clock, caughtUp } = this.#options
    const [old, young] = this.#lines
    if (old === undefined || young?.up !== true) return
    const nowMs = clock.nowMs()
    const { settled } = young.subscriptions
    if (!settled) this.#caughtUpByMs = Math.min(nowMs + CATCH_UP_MS, young.socket.openedMs + HAND_OVER_MAX_MS)
    if (nowMs >= this.#caughtUpByMs || (settled && caughtUp(young.socket.id))) {
      old.socket.close()
      return
    }
    this.#handOver = clock.setTimeout(() => this.#pollHandOver(), CATCH_UP_POLL_MS)
  }

  #replaced(old: Line, young: Line): void {
    this.#options.clock.clearTimeout(this.#handOver)
    this.#options.events.onReplaced(old.socket.id, young.socket.id)
    // It may have been asked to leave before it had taken over.
    if (young.leaving) this.#follow()
  }

  /** The next socket after one that leaves: at once, unless the venue asks for it again and again. */
  #follow(): void {
    const nowMs = this.#options.clock.nowMs()
    const waitMs = nowMs - this.#leftMs >= LEAVE_PACE_MS ? 0 : this.#backoff.next(0)
    this.#leftMs = nowMs
    this.#connectAfter(waitMs)
  }

  #control(line: Line, bytes: Buffer, isBinary: boolean): void {
    const text = bytes.toString('utf8', 0, Math.min(bytes.length, CONTROL_BYTES_MAX))
    const control = isBinary || bytes.length > CONTROL_BYTES_MAX ? UNKNOWN : this.#read(text)
    switch (control.kind) {
      case 'ack':
        line.subscriptions.acknowledged(control)
        return
      case 'refused':
        if (line.subscriptions.refused(control.id, control.message, control.streams)) return
        break
      case 'later':
        if (line.subscriptions.later(control.id, control.message)) return
        break
      case 'answer':
        line.subscriptions.say(control.text)
        return
      case 'leave':
        this.#leave(line)
        return
      case 'ignored':
        return
      case 'unknown':
        break
      default:
        control satisfies never
    }
    this.#options.events.onUnknown(printable(text))
  }

  #read(text: string): Control {
    try {
      return this.#options.protocol.control(text)
    } catch {
      // What a room's reader cannot read is unknown, and reported as such.
      return UNKNOWN
    }
  }

  #leave(line: Line): void {
    if (line.leaving) return
    line.leaving = true
    this.#follow()
  }
}

const UNKNOWN: Control = { kind: 'unknown' }
