// What frames and answers mean, read one by one by the same declarations and by nothing that keeps an order: each element
// is a message, whatever came before it.
import assert from 'node:assert'
import { Decoder, FrameCounts, type Route } from '../../collector/exchanges/decoder.ts'
import type { Room } from '../../collector/exchanges/room.ts'
import type { Track } from '../../collector/exchanges/track.ts'
import { Channels } from '../../collector/market/channel.ts'
import type { Message } from '../../collector/market/messages.ts'
import { OwnMessages } from '../../collector/market/outlet.ts'
import { Policy } from '../../collector/quality/checks.ts'
import { Poll } from '../../collector/polls.ts'
import { Routes } from '../../collector/routes.ts'
import { stampPublished } from '../../collector/sinks/sink.ts'
import { Spool } from '../../collector/sinks/spool.ts'
import { UNCHECKED } from '../support/intake.ts'
import type { Wished } from './plan.ts'
import { contentOf } from './store.ts'

/** An element as the message that it would be. */
export interface Meant {
  readonly id: string
  /** See {@link contentOf}. */
  readonly content: string
  readonly message: Message
}

const SPOOL_BYTES = 1024 * 1024
const NOW_US = 1_790_000_000_000_000
const STAMP = Buffer.from(String(NOW_US))

/** What is compiled is compiled once for each room: days read thousands of frames, and a process plays many days. */
class Reader {
  readonly channels = new Channels('market')
  readonly spool = new Spool(SPOOL_BYTES)
  readonly routes: Routes

  constructor(room: Room) {
    const never = () => assert.fail('nothing is asked here')
    this.routes = new Routes({
      room,
      own: new OwnMessages(this.channels, this.spool, () => NOW_US),
      clock: { nowMs: () => NOW_US / 1000, nowUs: () => NOW_US, setTimeout: () => 0, clearTimeout: () => {} },
      policy: new Policy(UNCHECKED),
      history: never,
      snapshots: never,
      resubscribe: never,
      onSync: () => {},
      onTakeover: () => {},
    })
  }
}

const readers = new Map<Room, Reader>()

export class Reference {
  readonly #spool: Spool
  readonly #decoder: Decoder
  readonly #polls = new Map<string, Poll[]>()

  constructor(room: Room, wishes: readonly Wished[]) {
    const reader = readers.get(room) ?? new Reader(room)
    readers.set(room, reader)
    const { routes } = reader
    this.#spool = reader.spool
    this.#decoder = new Decoder(room, new FrameCounts(), () => {})
    for (const { wanted, query } of wishes) {
      if (wanted.type === 'trade' || wanted.type === 'orderbook') continue
      const opened = routes.open(wanted, undefined)
      const route: Route = { ...opened, track: echo(opened.track) }
      const typeRoom = room.types[wanted.type]
      if (typeRoom?.via !== 'rest') this.#decoder.add(route)
      else {
        const poll = new Poll(routes.channel(wanted), route, typeRoom, wanted)
        this.#polls.set(query as string, [...(this.#polls.get(query as string) ?? []), poll])
      }
    }
  }

  /** What a frame says, of all channels. */
  frame(text: string): Meant[] {
    this.#decoder.decode(Buffer.from(text), false, NOW_US, 1)
    return this.#take()
  }

  /** What an answer says. */
  answer(path: string, body: string): Meant[] {
    for (const poll of this.#polls.get(path) ?? []) {
      try {
        poll.answered(Buffer.from(body), NOW_US)
      } catch {
        // It says nothing.
      }
    }
    return this.#take()
  }

  #take(): Meant[] {
    const out: Meant[] = []
    while (this.#spool.next()) {
      const { chunk, index } = this.#spool.cursor
      stampPublished(chunk, index, STAMP)
      const [start, payload, end] = [chunk.start[index], chunk.payload[index], chunk.end[index]]
      const text = chunk.bytes.toString('utf8', payload, end)
      const message = JSON.parse(text) as Message
      out.push({ id: chunk.bytes.toString('utf8', start, payload), content: contentOf(text), message })
      this.#spool.cursor.index += 1
      this.#spool.settle(chunk, index)
    }
    return out
  }
}

/** A track that publishes whatever it is given. */
function echo({ outlet }: Track): Track {
  return {
    outlet,
    take: (form, bytes, _pos, _end, received) => outlet.publish(form, bytes, received, received),
    interrupt: () => {},
    leave: () => {},
    follows: () => true,
    position: {},
    inSync: undefined,
    close: () => {},
  }
}
