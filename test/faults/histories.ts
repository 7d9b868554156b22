// Many short histories of one market, each checked; what fails says how to play it again.
import assert from 'node:assert'
import { expect, it } from 'vitest'
import type { Market } from '../../crds/names.ts'
import { checkHistory, type Seen } from './check.ts'
import { playHistory } from './world.ts'

/** Each seed is six symbols, and two collectors that follow each of them. */
const FIXED_SEEDS = 50
const FRESH_SEEDS = 10
const TIMEOUT_MS = 120_000

/** Tests of one market: HISTORIES=500 plays so many fresh seeds, SEED=7 that one alone. */
export function proveHistories(market: Market): void {
  it(
    `${market}: no consumer believes a wrong book, and nothing is missing without a gap`,
    { timeout: TIMEOUT_MS * 10 },
    async () => {
      const seen = await playAll(market, seeds())
      console.log(`${market}: ${JSON.stringify(seen)}`)
      // What never happened was not proven.
      expect(Object.entries(seen).filter(([, n]) => n === 0)).toEqual([])
    },
  )
}

function seeds(): number[] {
  const { SEED, HISTORIES } = process.env
  if (SEED !== undefined) return [Number(SEED)]
  const fresh = Array.from({ length: Number(HISTORIES ?? FRESH_SEEDS) }, () => Math.floor(Math.random() * 2 ** 31))
  const fixed = Array.from({ length: FIXED_SEEDS }, (_, i) => i + 1)
  return HISTORIES === undefined ? [...fixed, ...fresh] : fresh
}

async function playAll(market: Market, all: readonly number[]): Promise<Seen> {
  const total = new Map<string, number>()
  for (const seed of all) {
    for (const [name, n] of Object.entries(await playOne(market, seed))) total.set(name, (total.get(name) ?? 0) + n)
  }
  return Object.fromEntries(total) as unknown as Seen
}

async function playOne(market: Market, seed: number): Promise<Seen> {
  const history = await playHistory({ seed, market })
  try {
    return checkHistory(history)
  } catch (error) {
    assert(error instanceof Error)
    error.message = `${error.message}\n  replay: SEED=${seed} npx vitest run test/faults/${market}.test.ts`
    throw error
  } finally {
    await history.exchange.close()
  }
}
