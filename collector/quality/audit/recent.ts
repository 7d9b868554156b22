// Remembers the latest messages of a channel, to know one that comes again and whether it is still the same.
//
// Of each it keeps a hash of its id, 63 bits, and one of its content, 32 bits, in typed arrays: a map of strings took
// as long as a third of JSON.parse (Node 26.10).
import { messageKey, MESSAGES, type Message } from '../../market/messages.ts'

/** Messages that are remembered at least; twice as many at most. */
export const RECENT_MAX = 1024
const SLOTS = RECENT_MAX * 2

/** Open addressing: a slot is free while its `low` is 0. At most half of the slots are in use. */
class Generation {
  readonly high = new Int32Array(SLOTS)
  readonly low = new Int32Array(SLOTS)
  readonly content = new Int32Array(SLOTS)
  count = 0

  get(high: number, low: number): number | undefined {
    const slot = this.#slotOf(high, low)
    return this.low[slot] === 0 ? undefined : this.content[slot]
  }

  set(high: number, low: number, content: number): void {
    const slot = this.#slotOf(high, low)
    this.high[slot] = high
    this.low[slot] = low
    this.content[slot] = content
    this.count += 1
  }

  /** The slot of a key, or the free one where it would be. */
  #slotOf(high: number, low: number): number {
    let slot = high & (SLOTS - 1)
    while (this.low[slot] !== 0 && (this.low[slot] !== low || this.high[slot] !== high)) slot = (slot + 1) & (SLOTS - 1)
    return slot
  }
}

export class RecentMessages {
  #young = new Generation()
  #old = new Generation()

  /** Remembers a message; says whether its id was there before, and with what content. */
  take(m: Message): 'new' | 'same' | 'other' {
    const high = keyOf(m, SEED)
    const low = keyOf(m, SEED_2) | 1
    const content = contentOf(m)
    const before = this.#young.get(high, low) ?? this.#old.get(high, low)
    if (before !== undefined) return before === content ? 'same' : 'other'
    if (this.#young.count >= RECENT_MAX) this.#age()
    this.#young.set(high, low, content)
    return 'new'
  }

  #age(): void {
    ;[this.#young, this.#old] = [this.#old, this.#young]
    this.#young.low.fill(0)
    this.#young.count = 0
  }
}

/** A hash of what messageKey says; the interval of a kline is that of its channel. */
function keyOf(m: Message, seed: number): number {
  switch (m.type) {
    case 'trade':
      return addText(seed, m.id)
    case 'orderbook': {
      const kind = m.kind === 'snapshot' ? -2 : (m.prev_seq ?? -1)
      return addNumber(addNumber(addNumber(seed, kind), m.seq), m.ts ?? -1)
    }
    case 'ticker':
      return addNumber(addNumber(seed, m.seq ?? -1), m.ts ?? -1)
    case 'kline':
      return addNumber(addNumber(seed, m.open_time), m.ts ?? -1)
    default:
      return addText(seed, messageKey(m))
  }
}

/** A hash of what a message says, whoever published it, in whatever order its fields stand. */
function contentOf(m: Message): number {
  let sum = 0
  for (const key in m) {
    const seed = CONTENT.get(key)
    if (seed !== undefined) sum ^= add(seed, m[key as keyof Message])
  }
  return sum
}

function add(before: number, value: unknown): number {
  if (typeof value === 'string') return addText(before, value)
  if (typeof value === 'number') return addNumber(before, value)
  if (!Array.isArray(value)) return addNumber(before, Number(value))
  let sum = before
  for (let i = 0; i < value.length; i++) sum = add(sum, value[i])
  return sum
}

/** FNV-1a over the characters, and a mark at the end. */
function addText(before: number, text: string): number {
  let sum = before
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), PRIME)
  return Math.imul(sum ^ MARK, PRIME)
}

function addNumber(before: number, value: number): number {
  const high = Math.floor(value / 0x100000000)
  const sum = Math.imul(before ^ high, PRIME)
  const mixed = Math.imul(sum ^ (value - high * 0x100000000), PRIME)
  return mixed ^ (mixed >>> 15)
}

const PRIME = 0x01000193
const MARK = 0x9e37
const SEED = 0x811c9dc5 | 0
const SEED_2 = 0x2545f491

/** What all messages of a channel share, and what two publishers of one message may differ in, is no content. */
const NO_CONTENT = ['type', 'v', 'exchange', 'market', 'symbol', 'received', 'published', 'filled']

/** The fields that are content, each with a seed of its own. */
const CONTENT: ReadonlyMap<string, number> = new Map(
  Object.values(MESSAGES)
    .flatMap(({ shape }) => Object.keys(shape))
    .filter((key) => !NO_CONTENT.includes(key))
    .map((key) => [key, addText(SEED, key)]),
)
