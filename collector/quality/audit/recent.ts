// Remembers the latest messages of a channel, to know one that comes again and whether it is still the same.
//
// Of each it keeps two numbers: one made of its id, 52 bits, and one of its content, 32 bits. Typed arrays, because a map
// of strings cost as much as a third of JSON.parse (Node 26.10).
import { messageKey, type Message } from '../../market/messages.ts'
import type { Fields } from './check.ts'

/** Messages that are remembered at least; twice as many at most. */
export const RECENT_MAX = 1024
const SLOTS = RECENT_MAX * 2

/** Open addressing: a key of 0 is a free slot. At most half of the slots are in use. */
interface Generation {
  readonly keys: Float64Array
  readonly contents: Int32Array
  count: number
}

export class RecentMessages {
  #young = generation()
  #old = generation()

  /** Remembers a message; says whether its id was there before, and with what content. */
  take(m: Message): 'new' | 'same' | 'other' {
    const key = keyOf(m)
    const content = contentOf(m as unknown as Fields)
    const before = find(this.#young, key) ?? find(this.#old, key)
    if (before !== undefined) return before === content ? 'same' : 'other'
    if (this.#young.count >= RECENT_MAX) {
      ;[this.#young, this.#old] = [this.#old, this.#young]
      this.#young.keys.fill(0)
      this.#young.count = 0
    }
    const slot = slotOf(this.#young, key)
    this.#young.keys[slot] = key
    this.#young.contents[slot] = content
    this.#young.count += 1
    return 'new'
  }
}

function generation(): Generation {
  return { keys: new Float64Array(SLOTS), contents: new Int32Array(SLOTS), count: 0 }
}

function find(among: Generation, key: number): number | undefined {
  const slot = slotOf(among, key)
  return among.keys[slot] === key ? among.contents[slot] : undefined
}

/** The slot of a key, or the free one where it would be. */
function slotOf({ keys }: Generation, key: number): number {
  let slot = key % SLOTS
  while (keys[slot] !== key && keys[slot] !== 0) slot = (slot + 1) % SLOTS
  return slot
}

/** What messageKey says, as a number; the interval of a kline is that of its channel. Never 0. */
function keyOf(m: Message): number {
  switch (m.type) {
    case 'trade':
      return join(hash(SEED, m.id), hash(SEED_2, m.id))
    case 'orderbook':
      return keyOfThree(m.kind === 'snapshot' ? -2 : m.prev_seq, m.seq, m.ts)
    case 'ticker':
      return keyOfThree(0, m.seq, m.ts)
    case 'kline':
      return keyOfThree(0, m.open_time, m.ts)
    default: {
      const key = messageKey(m)
      return join(hash(SEED, key), hash(SEED_2, key))
    }
  }
}

function keyOfThree(a = -1, b = -1, c = -1): number {
  return join(hash(hash(hash(SEED, a), b), c), hash(hash(hash(SEED_2, a), b), c))
}

function join(a: number, b: number): number {
  return (a >>> 6) * 0x4000000 + (b >>> 6) + 1
}

/** What a message says, as a number that two publishers' messages of one id share. */
export function contentOf(m: Fields): number {
  let sum = SEED
  for (const key in m) {
    if (key !== 'received' && key !== 'published' && key !== 'filled') sum = hash(sum, m[key])
  }
  return sum
}

/** FNV-1a over the characters of texts and the halves of numbers, with a mark before each value. */
function hash(before: number, value: unknown): number {
  let sum = Math.imul(before ^ 0x9e37, PRIME)
  if (typeof value === 'string') {
    for (let i = 0; i < value.length; i++) sum = Math.imul(sum ^ value.charCodeAt(i), PRIME)
  } else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) sum = hash(sum, value[i])
  } else {
    const number = Number(value)
    sum = Math.imul(sum ^ (number | 0), PRIME)
    sum = Math.imul(sum ^ (number / 0x100000000), PRIME)
    sum ^= sum >>> 15
  }
  return sum
}

const PRIME = 0x01000193
const SEED = 0x811c9dc5 | 0
const SEED_2 = 0x2545f491
