// Plays a recorded session to whoever subscribed, where requests are answered by the venue's room and not replayed.
// A recorded socket is a part that peers of today play: at its opening all that it carried must be subscribed, on one
// connection or several, and these get its frames; so a session in which an old and a new socket overlap needs an old
// and a new connection here. Always: a peer plays one socket at a time; frames keep the order of the recording.
import type { Clock } from './clock.ts'
import type { Item } from './recording.ts'
import { Replay } from './replay.ts'
import type { Peer, RecordedOptions, SourceFaults } from './venue.ts'

export type Numbering = 'trade' | 'orderbook'

/** A frame of data as it was recorded. */
export interface TapeFrame {
  readonly stream: string
  readonly symbol: string
  /** The numbering that its id belongs to. */
  readonly of: Numbering | undefined
  readonly text: string
  readonly id: number
  readonly ids?: readonly number[]
}

/** What a room reads out of the items; all by position in them. */
export interface TapeFile {
  readonly frames: ReadonlyMap<number, TapeFrame>
  /** The streams that a socket carries from its opening to its end. */
  readonly opened: ReadonlyMap<number, readonly string[]>
  /** Texts that are no data and that the venue said unasked. */
  readonly notices: ReadonlyMap<number, string>
}

/** One stream of one connection. */
export interface Subscriber {
  readonly peer: Peer
  /** Gets the frame as recorded, and what faults ask to be added to its ids. */
  push(frame: TapeFrame, shift: number): void
}

export class Tape {
  readonly replay: Replay
  readonly source: SourceFaults
  skewMs = 0
  /** Time of the recording that was reached, ms. */
  played = 0
  readonly #file: TapeFile
  readonly #subscribers = new Map<string, Set<Subscriber>>()
  /** The recorded socket that a peer plays. */
  readonly #parts = new Map<Peer, string>()
  /** Frames of a numbering that are still to be kept from everyone, and what is added to its ids. */
  readonly #withheld = new Map<string, number>()
  readonly #shifts = new Map<string, number>()
  /** The last position at which a socket opens that carries the stream. */
  readonly #lastOpened = new Map<string, number>()

  constructor(clock: Clock, options: RecordedOptions, file: TapeFile) {
    this.#file = file
    for (const [position, streams] of file.opened) {
      for (const stream of streams) this.#lastOpened.set(stream, position)
    }
    this.replay = new Replay(options.items, clock, options, {
      ready: ({ socket }) =>
        (file.opened.get(this.replay.position) ?? []).every((stream) =>
          [...this.#of(stream)].some(({ peer }) => (this.#parts.get(peer) ?? socket) === socket),
        ),
      play: (item) => this.#play(item, this.replay.position - 1),
    })
    this.source = {
      sequenceGap: (symbol, of, count) => void this.#withheld.set(`${of} ${symbol}`, count),
      sequenceRestart: (symbol, of) => {
        const last = this.newest(symbol, of)?.id
        if (last !== undefined) this.#shifts.set(`${of} ${symbol}`, -last)
      },
      clockSkew: (ms) => {
        this.skewMs = ms
      },
    }
  }

  /** Adds a subscriber to a recorded stream; the answer takes it away. */
  open(stream: string, subscriber: Subscriber): () => void {
    const subscribers = this.#of(stream)
    this.#subscribers.set(stream, subscribers.add(subscriber))
    this.replay.subscribed()
    return () => void subscribers.delete(subscriber)
  }

  /** A peer is gone. */
  left(peer: Peer): void {
    this.#parts.delete(peer)
  }

  /** What is added to the ids of a numbering since it began anew. */
  shift(symbol: string, of: Numbering | undefined): number {
    return this.#shifts.get(`${of} ${symbol}`) ?? 0
  }

  /** The frames that were played so far. */
  *frames(): Iterable<TapeFrame> {
    for (const [position, frame] of this.#file.frames) if (position < this.replay.position) yield frame
  }

  newest(symbol: string, of: Numbering): TapeFrame | undefined {
    let last: TapeFrame | undefined
    for (const frame of this.frames()) if (frame.symbol === symbol && frame.of === of) last = frame
    return last
  }

  #of(stream: string): Set<Subscriber> {
    return this.#subscribers.get(stream) ?? new Set()
  }

  #play(item: Item, position: number): Iterable<Peer> {
    this.played = item.at
    if (item.kind === 'rest' || item.kind === 'asked') return []
    const { socket } = item
    const peers = [...this.#parts].filter(([, part]) => part === socket).map(([peer]) => peer)
    if (item.kind === 'open') this.#cast(socket, this.#file.opened.get(position) ?? [])
    else if (item.kind === 'ping') for (const peer of peers) peer.ping(item.body)
    else if (item.kind === 'close') for (const peer of peers) peer.close(item.code, '')
    else {
      const notice = this.#file.notices.get(position)
      if (notice !== undefined) for (const peer of peers) peer.reply(notice)
      const frame = this.#file.frames.get(position)
      if (frame !== undefined && !this.#withhold(frame)) return this.#push(frame, socket)
    }
    return []
  }

  #push(frame: TapeFrame, socket: string): Peer[] {
    const shift = this.shift(frame.symbol, frame.of)
    // who came late plays along, unless a later socket waits for somebody
    if ((this.#lastOpened.get(frame.stream) ?? -1) < this.replay.position) this.#cast(socket, [frame.stream])
    const audience = [...this.#of(frame.stream)].filter(({ peer }) => this.#parts.get(peer) === socket)
    for (const subscriber of audience) subscriber.push(frame, shift)
    return audience.map(({ peer }) => peer)
  }

  /** Whoever carries one of the streams and plays no part yet takes that of the socket. */
  #cast(socket: string, streams: readonly string[]): void {
    for (const stream of streams) {
      for (const { peer } of this.#of(stream)) if (!this.#parts.has(peer)) this.#parts.set(peer, socket)
    }
  }

  #withhold({ symbol, of }: TapeFrame): boolean {
    const key = `${of} ${symbol}`
    const count = this.#withheld.get(key) ?? 0
    if (count > 0) this.#withheld.set(key, count - 1)
    return count > 0
  }
}
