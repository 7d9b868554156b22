// A simulated exchange and the clock of a collector that live faster than real time, and can stand still together:
// so a stall of half a minute is noticed in seconds, and an account is taken while nothing is under way.
import type { Clock } from '../../collector/connection/clock.ts'
import { type Exchange, type ExchangeOptions, startExchange } from '../exchange/exchange.ts'

export interface World {
  readonly exchange: Exchange
  /** For the collector. It goes on while the market stands still. */
  readonly clock: Clock
  /** Nothing happens on the market any more. */
  freeze(): void
  [Symbol.asyncDispose](): Promise<void>
}

const STEP_MS = 2

/** @param pace so many times faster than real time */
export async function startWorld(pace: number, options: ExchangeOptions): Promise<World> {
  const startedMs = options.startTime ?? Date.now()
  const origin = performance.now()
  const now = () => startedMs + (performance.now() - origin) * pace
  const exchange = await startExchange({ ...options, virtual: true, startTime: startedMs })
  const driver = setInterval(() => exchange.advance(Math.max(0, now() - exchange.now())), STEP_MS)
  return {
    exchange,
    clock: {
      nowMs: () => Math.floor(now()),
      nowUs: () => Math.floor(now() * 1000),
      setTimeout: (run, ms) => setTimeout(run, ms / pace),
      clearTimeout: (timer) => clearTimeout(timer),
    },
    freeze: () => clearInterval(driver),
    async [Symbol.asyncDispose]() {
      clearInterval(driver)
      await exchange.close()
    },
  }
}
