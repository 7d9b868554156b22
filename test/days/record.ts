// What a venue said on each connection, and what of it arrived whole: the account that the checks hold against what was
// published. Also what it says on a connection without any faults, on which nobody listens but the checks.
import type { Room } from '../../collector/exchanges/room.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Connection } from '../exchange/host.ts'
import type { Random } from '../exchange/random.ts'
import type { Frame, Peer, RestAnswer, Venue } from '../exchange/venue.ts'
import type { Tap } from './network.ts'

/** A frame that a connection was given. */
export interface Said {
  readonly frame: Frame
  /** ms */
  readonly at: number
  /** In the wrapping of its connection. */
  readonly text: string
  /** When it arrived whole, ms, and which of all it was; Infinity where a fault took or spoilt it. */
  arrived: number
  order: number
  /** It was sent while the socket was closing, when whoever closes may still listen. */
  mayArrive?: boolean
}

/** One connection of a collector. */
export interface Line {
  readonly market: string
  readonly path: string
  readonly opened: number
  closed: number
  readonly said: Said[]
}

export interface Answered {
  readonly market: string
  readonly path: string
  readonly status: number
  readonly body: string
  readonly at: number
}

/** Streams whose frames nobody asks for: books and trades are held against the market itself. */
export type IsKept = (market: string, stream: string) => boolean

/** The account of one collector, however often it is started. */
export class Account implements Tap {
  readonly lines: Line[] = []
  readonly answers: Answered[] = []
  /** When each question reached the venue, ms. */
  readonly questions: Pick<Answered, 'market' | 'path' | 'at'>[] = []
  readonly #clock: Clock
  readonly #isKept: IsKept
  readonly #open = new Map<Connection, Line>()
  #arrived = 0

  constructor(clock: Clock, isKept: IsKept) {
    this.#clock = clock
    this.#isKept = isKept
  }

  opened(connection: Connection, market: string, path: string): void {
    const line: Line = { market, path, opened: this.#clock.now(), closed: Infinity, said: [] }
    this.lines.push(line)
    this.#open.set(connection, line)
    this.#listen(connection, line)
  }

  closed(connection: Connection): void {
    const line = this.#open.get(connection)
    if (line !== undefined) line.closed = this.#clock.now()
    this.#open.delete(connection)
  }

  asked(market: string, path: string): void {
    this.questions.push({ market, path, at: this.#clock.now() })
  }

  answered(market: string, path: string, { status, body }: RestAnswer): void {
    this.answers.push({ market, path, status, body, at: this.#clock.now() })
  }

  #listen(connection: Connection, { market, said }: Line): void {
    const waiting = new Map<Frame, Said>()
    const push = connection.line.push.bind(connection.line)
    const sent = connection.entry.sent.bind(connection.entry)
    connection.line.push = (frame) => {
      if (this.#isKept(market, frame.stream)) {
        const text = connection.session.wrap(frame)
        const one: Said = { frame, at: this.#clock.now(), text, arrived: Infinity, order: Infinity }
        said.push(one)
        waiting.set(frame, one)
      }
      push(frame)
    }
    connection.entry.sent = (frame) => {
      sent(frame)
      const one = waiting.get(frame)
      if (one === undefined || one.arrived < Infinity) return
      if (!this.#open.has(connection)) return void (one.mayArrive = true)
      one.arrived = this.#clock.now()
      one.order = this.#arrived++
    }
  }
}

/** What a venue says of these streams to whom it never fails. */
export class Witness {
  readonly said: Pick<Said, 'at' | 'text'>[] = []
  readonly #end: () => void

  constructor(venue: Venue, clock: Clock, chance: Random, room: Room, streams: ReadonlyMap<string, readonly string[]>) {
    const ends: (() => void)[] = []
    for (const [path, names] of streams) {
      let wrap: (frame: Frame) => string = () => ''
      const peer: Peer = {
        chance: chance.fork(path),
        reply: () => {},
        push: (frame) => void this.said.push({ at: clock.now(), text: wrap(frame) }),
        buffered: () => 0,
        whenDrained: () => {},
        ping: () => {},
        close: () => {},
      }
      const session = venue.session(new URL(path, 'http://venue.test'), peer)
      if (session === undefined) throw new Error(`${venue.market} has no ${path}`)
      wrap = (frame) => session.wrap(frame)
      const { streamsPerRequestMax: max } = room.protocol
      for (let i = 0; i * max < names.length; i++) {
        session.receive(room.protocol.subscribe(names.slice(i * max, (i + 1) * max), i + 1))
      }
      ends.push(() => session.close())
    }
    this.#end = () => ends.forEach((end) => end())
  }

  close(): void {
    this.#end()
  }
}
