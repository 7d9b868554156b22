// One market of the exchange, without sockets: takes connections and requests, holds the limits that every venue has
// (messages a second, connections, life, pings), lets faults act and keeps the ledger. server.ts puts it on a port.
import type { Clock } from './clock.ts'
import type { ActiveFault, Faults } from './faults.ts'
import type { ConnectionEntry, Ledger } from './ledger.ts'
import { Line } from './line.ts'
import type { Random } from './random.ts'
import type { Limits, Peer, RestAnswer, RestRequest, Session, Venue } from './venue.ts'

/** The client's end of a connection: a WebSocket, or a test's own functions. */
export interface Wire {
  send(data: string | Buffer): void
  /** Bytes past the WebSocket library: whole frames. */
  raw(bytes: Buffer): void
  ping(payload: string): void
  pong(payload: Buffer): void
  close(code: number, reason: string): void
  /** Breaks the connection without a word. */
  cut(): void
  /** Reads nothing while frozen, not even that the client goes away. */
  freeze(frozen: boolean): void
  buffered(): number
  whenDrained(run: () => void): void
}

const ABNORMAL = 1006
const PINGS_MAX = 100

/** One connection as the exchange holds it. What comes from the client is told to it. */
export class Connection {
  readonly entry: ConnectionEntry
  readonly session: Session
  readonly line: Line
  #pongs = true
  #open = true
  #pingsUnanswered: string[] = []
  #pongOverdue: () => void = () => {}
  #lastWord: number
  readonly #wire: Wire
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #gone: () => void
  readonly #recent: number[] = []
  readonly #timers: (() => void)[] = []

  constructor(
    host: Host,
    url: URL,
    wire: Wire,
    session: (peer: Peer) => Session | undefined,
    gone: (c: Connection) => void,
  ) {
    this.#wire = wire
    this.#clock = host.clock
    this.#limits = host.venue.limits
    this.#gone = () => gone(this)
    this.#lastWord = this.#clock.now()
    this.entry = host.ledger.open(host.venue.market, url.pathname + url.search, this.#clock.now())
    const chance = host.nextChance()
    this.line = new Line(host.venue.market, this.#clock, chance.fork('faults'), host.faults, this.entry, {
      write: (text) => this.#write(text),
      close: (code) => this.close(code, ''),
      wrap: (frame) => this.session.wrap(frame),
    })
    const opened = session({
      chance,
      reply: (text) => this.#reply(text),
      push: (frame) => this.#open && this.line.push(frame),
      buffered: () => this.buffered(),
      whenDrained: (run) => wire.whenDrained(run),
      ping: (payload) => this.#ping(payload),
      close: (code, reason) => this.close(code, reason),
    })
    if (opened === undefined) {
      this.entry.closed = this.#clock.now()
      throw new NoSuchPath(url)
    }
    this.session = opened
    this.#startTimers(this.#limits)
  }

  #startTimers({ pingEveryMs, lifeMs, idleMs }: Limits): void {
    const timers = this.#timers
    if (pingEveryMs !== undefined) timers.push(this.#clock.every(pingEveryMs, pingEveryMs, () => this.#ping()))
    if (lifeMs !== undefined) timers.push(this.#clock.after(lifeMs, () => this.close(1001, 'connection lived its day')))
    if (idleMs !== undefined) this.#watchIdle(idleMs)
  }

  #watchIdle(idleMs: number): void {
    this.#clock.at(this.#lastWord + idleMs, () => {
      if (!this.#open) return
      if (this.#clock.now() - this.#lastWord >= idleMs) this.session.idle?.()
      else this.#watchIdle(idleMs)
    })
  }

  message(text: string): void {
    this.entry.received.messages++
    this.#lastWord = this.#clock.now()
    if (this.#counted()) this.session.receive(text)
  }

  pinged(payload: Buffer): void {
    this.entry.received.pings++
    if (this.#counted() && this.#pongs) this.#wire.pong(payload)
  }

  ponged(payload: string): void {
    this.entry.received.pongs++
    if (!this.#counted()) return
    const answered = this.#pingsUnanswered.indexOf(payload)
    if (answered === -1) return
    this.#pingsUnanswered.splice(0, answered + 1)
    this.#pongOverdue()
    if (this.#pingsUnanswered.length > 0) this.#expectPong()
  }

  /** The connection ended at the other side. */
  ended(code: number): void {
    this.#end(code)
  }

  close(code: number, reason: string): void {
    if (!this.#open) return
    this.#end(code)
    if (code === ABNORMAL) this.#wire.cut()
    else this.#wire.close(code, reason)
  }

  /** Silent, or not any more; without `pongs` it also answers no ping and sends none. */
  stall(stalled: boolean, pongs: boolean): void {
    this.line.stalled = stalled
    this.#pongs = !stalled || pongs
    this.#wire.freeze(!this.#pongs)
  }

  inject(data: string | Buffer): void {
    if (this.#open) this.#wire.send(data)
  }

  /** Whole WebSocket frames, past faults and ledger. */
  raw(bytes: Buffer): void {
    if (this.#open) this.#wire.raw(bytes)
  }

  buffered(): number {
    return this.#open ? this.#wire.buffered() : 0
  }

  shutdownNotice(): void {
    const notice = this.session.shutdownNotice()
    if (notice !== undefined) this.#reply(notice)
  }

  #reply(text: string): void {
    if (!this.#open || !this.#pongs) return
    this.entry.replies++
    this.#write(text)
  }

  #write(text: string): void {
    if (!this.#open) return
    this.#lastWord = this.#clock.now()
    this.#wire.send(text)
  }

  #ping(payload: string = String(Math.floor(this.#clock.now()))): void {
    if (!this.#open || !this.#pongs) return
    this.entry.pings++
    this.#wire.ping(payload)
    if (this.#pingsUnanswered.push(payload) === 1) this.#expectPong()
    if (this.#pingsUnanswered.length > PINGS_MAX) this.#pingsUnanswered.shift()
  }

  #expectPong(): void {
    const { pongWithinMs } = this.#limits
    if (pongWithinMs !== undefined) this.#pongOverdue = this.#clock.after(pongWithinMs, () => this.close(ABNORMAL, ''))
  }

  #counted(): boolean {
    const { messagesPerSecond } = this.#limits
    if (messagesPerSecond === undefined) return this.#open
    const now = this.#clock.now()
    this.#recent.push(now)
    while (this.#recent[0]! <= now - 1_000) this.#recent.shift()
    if (this.#recent.length > messagesPerSecond) this.close(1008, 'Too many requests')
    return this.#open
  }

  #end(code: number): void {
    if (!this.#open) return
    this.#open = false
    this.entry.closed = this.#clock.now()
    this.entry.closeCode = code
    this.#pongOverdue()
    for (const cancel of this.#timers) cancel()
    this.line.end()
    this.session.close()
    this.#gone()
  }
}

export class NoSuchPath extends Error {
  constructor(url: URL) {
    super(`no streams at '${url.pathname}'`)
  }
}

export class Host {
  readonly venue: Venue
  readonly clock: Clock
  readonly faults: Faults
  readonly ledger: Ledger
  readonly connections = new Set<Connection>()
  readonly #chance: Random
  readonly #attempts: number[] = []
  #opened = 0
  #underWay = 0

  constructor(venue: Venue, clock: Clock, faults: Faults, ledger: Ledger, chance: Random) {
    this.venue = venue
    this.clock = clock
    this.faults = faults
    this.ledger = ledger
    this.#chance = chance
  }

  /** A source of chance for the next connection. */
  nextChance(): Random {
    return this.#chance.fork(`connection ${++this.#opened}`)
  }

  /**
   * Whether a connection to this URL may be opened.
   * @returns undefined, or the HTTP status to refuse it with; 0 resets it without an answer
   */
  refusal(): number | undefined {
    const fault = this.faults.take(['refuse'], this.venue.market, '')
    const crowded = this.#tooOften() || this.#tooMany()
    const status = fault === undefined ? (crowded ? 429 : undefined) : (fault.spec.status ?? 0)
    if (status !== undefined) this.ledger.refused++
    return status
  }

  #tooOften(): boolean {
    const { connects, connectsWithinMs = 0 } = this.venue.limits
    if (connects === undefined) return false
    const now = this.clock.now()
    this.#attempts.push(now)
    while (this.#attempts[0]! <= now - connectsWithinMs) this.#attempts.shift()
    return this.#attempts.length > connects
  }

  /** Whether one more would be more than may be open at once. */
  #tooMany(): boolean {
    const { openMax } = this.venue.limits
    return openMax !== undefined && this.connections.size + this.#underWay >= openMax
  }

  /** @throws NoSuchPath */
  open(url: URL, wire: Wire): Connection {
    const session = (peer: Peer) => this.venue.session(url, peer)
    const connection = new Connection(this, url, wire, session, (c) => this.connections.delete(c))
    this.connections.add(connection)
    return connection
  }

  /** @returns undefined when it is never answered */
  async answer(request: RestRequest): Promise<RestAnswer | undefined> {
    const fault = this.faults.take(['rest'], this.venue.market, request.url.pathname)?.spec
    if (fault?.hang === true) {
      this.ledger.rest(this.venue.market, request.url.pathname, 0)
      return undefined
    }
    const tooMany = this.#tooMany()
    this.#underWay++
    try {
      const status = fault?.status ?? (tooMany ? 429 : undefined)
      const answer =
        status === undefined ? await this.venue.answer(request) : this.#failure(status, fault?.retryAfterSeconds)
      this.ledger.rest(this.venue.market, request.url.pathname, answer.status)
      const ms = fault?.delayMs
      if (ms !== undefined) await new Promise<void>((resolve) => this.clock.after(ms, resolve))
      return answer
    } finally {
      this.#underWay--
    }
  }

  #failure(status: number, retryAfterSeconds: number | undefined): RestAnswer {
    const headers = retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }
    return { status, headers, body: this.venue.failure }
  }

  /** What a fault does at once. */
  begin({ spec }: ActiveFault): void {
    if (spec.market !== undefined && spec.market !== this.venue.market) return
    const { source, truth } = this.venue
    switch (spec.kind) {
      case 'stall':
        return this.#carrying(spec.stream, (connection) => connection.stall(true, spec.pongs))
      case 'close':
        if (spec.probability !== undefined || spec.next !== undefined) return
        return this.#carrying(spec.stream, (connection) => connection.close(spec.code, ''))
      case 'inject': {
        const text = spec.text.repeat(spec.repeat)
        const data = spec.binary ? Buffer.from(text) : text
        return this.#carrying(spec.stream, (connection) => connection.inject(data))
      }
      case 'sequence_gap':
      case 'sequence_restart': {
        const symbols = truth.symbols().filter((symbol) => this.faults.fits(spec.symbol, symbol))
        for (const symbol of symbols) {
          if (spec.kind === 'sequence_gap') source.sequenceGap(symbol, spec.of, spec.count)
          else source.sequenceRestart(symbol, spec.of)
        }
        return
      }
      case 'clock_skew':
        return source.clockSkew(spec.ms)
      default:
    }
  }

  /** What is undone when a fault is over. */
  end({ spec }: ActiveFault): void {
    if (spec.market !== undefined && spec.market !== this.venue.market) return
    if (spec.kind === 'clock_skew') this.venue.source.clockSkew(0)
    if (spec.kind === 'stall') for (const connection of this.connections) connection.stall(false, true)
  }

  #carrying(pattern: string, act: (connection: Connection) => void): void {
    for (const connection of this.connections) {
      const carries =
        pattern === '*' || [...connection.session.streams()].some((name) => this.faults.fits(pattern, name))
      if (carries) act(connection)
    }
  }
}
