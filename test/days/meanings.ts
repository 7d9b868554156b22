// What all that was said and answered means, by channel: read once for each market.
import type { Message } from '../../collector/market/messages.ts'
import type { Market } from '../../crds/names.ts'
import { nameOfMessage } from './channel.ts'
import type { Day } from './day.ts'
import type { Line } from './record.ts'
import { type Meant, Reference } from './reference.ts'

/** An element that reached a collector whole. */
export interface Heard extends Meant {
  /** When it arrived, ms. */
  readonly at: number
  /** The connection; undefined for an answer. */
  readonly line: Line | undefined
}

/** An element that the venue said, whoever heard it. */
export interface Told extends Meant {
  readonly at: number
}

export class Meanings {
  readonly #heard = new Map<string, Heard[]>()
  readonly #told = new Map<string, Told[]>()
  readonly #lost = new Set<string>()
  readonly #perhaps = new Map<string, Meant[]>()

  constructor(day: Day) {
    for (const market of day.hosts.keys()) this.#readMarket(day, market)
  }

  /** What reached the collectors of a channel, in the order of arrival. */
  heard(channel: string): readonly Heard[] {
    return this.#heard.get(channel) ?? []
  }

  /** What may have reached them, or not. */
  perhaps(channel: string): readonly Meant[] {
    return this.#perhaps.get(channel) ?? []
  }

  /** Whether a fault took it from some connection. */
  isLost({ id }: Meant): boolean {
    return this.#lost.has(id)
  }

  /** What the venue said on the channel's stream without faults, while not all streams of its market were carried. */
  told(channel: string): readonly Told[] {
    return this.#told.get(channel) ?? []
  }

  #readMarket(day: Day, market: Market): void {
    const wishes = day.wishes.filter(({ room }) => room.market === market)
    const { room } = wishes[0] ?? {}
    if (room === undefined) return
    const reference = new Reference(room, wishes)
    const lines = day.accounts.flatMap(({ lines: all }) => all).filter((line) => line.market === market)
    const all = lines.flatMap((line) => line.said.map((said) => ({ line, said })))
    all.sort((a, b) => a.said.order - b.said.order)
    for (const { line, said } of all) {
      for (const meant of reference.frame(said.text)) {
        if (said.arrived < Infinity) put(this.#heard, meant.message, { ...meant, at: said.arrived, line })
        else this.#lost.add(meant.id)
        if (said.mayArrive === true) put(this.#perhaps, meant.message, meant)
      }
    }
    for (const { path, body, status, at, market: of } of day.accounts.flatMap(({ answers }) => answers)) {
      if (of !== market || status !== 200) continue
      for (const meant of reference.answer(path, body))
        put(this.#heard, meant.message, { ...meant, at, line: undefined })
    }
    const paths = new Set(wishes.flatMap(({ stream }) => stream?.path ?? []))
    const isCarried = (at: number) => [...paths].every((path) => lines.some((line) => carries(line, path, at)))
    for (const { text, at } of day.witnesses.get(market)?.said ?? []) {
      if (isCarried(at)) continue
      for (const meant of reference.frame(text)) put(this.#told, meant.message, { ...meant, at })
    }
  }
}

/** From the opening of a socket until all of its streams have been asked for, and what a stream's turn may take, ms. */
export const ASKING_MS = 4_000

/** Whether a connection may have carried streams of this path at a time. */
export function carries({ path, opened, closed }: Line, wanted: string, at: number): boolean {
  return path === wanted && opened - ASKING_MS <= at && at <= closed + ASKING_MS
}

function put<T>(lists: Map<string, T[]>, m: Message, one: T): void {
  const name = nameOfMessage(m)
  if (name === undefined) return
  const list = lists.get(name)
  if (list === undefined) lists.set(name, [one])
  else list.push(one)
}
