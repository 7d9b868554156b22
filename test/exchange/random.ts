/** A seeded source of chance: the same seed gives the same numbers on every machine. */
export interface Random {
  /** From 0 inclusive to 1 exclusive. */
  next(): number
  /** A whole number from 0 inclusive to `below` exclusive. */
  int(below: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  /** Exponentially distributed with mean 1: the waits of a Poisson process. */
  exponential(): number
  /** An independent source, named so that adding one elsewhere does not change it. */
  fork(name: string): Random
}

/** @param seed any number; its low 32 bits count */
export function random(seed: number): Random {
  let state = seed | 0
  // mulberry32: one multiply-xorshift round, good enough for markets and kept in 32-bit integers
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    int: (below) => Math.floor(next() * below),
    chance: (probability) => next() < probability,
    exponential: () => -Math.log(1 - next()),
    fork: (name) => random(hash(seed, name)),
  }
}

function hash(seed: number, text: string): number {
  let h = 0x811c9dc5 ^ seed
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return Math.imul(h ^ (h >>> 13), 0x5bd1e995)
}
