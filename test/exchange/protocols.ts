import { binance } from './binance/binance.ts'

/** The venues that the simulated exchange speaks: a folder, and a line here. */
export const protocols = { binance } as const
