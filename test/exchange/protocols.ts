import { binance } from './binance/binance.ts'
import { deribit } from './deribit/deribit.ts'
import { okx } from './okx/okx.ts'

/** The venues that the simulated exchange speaks: a folder, and a line here. */
export const protocols = { binance, okx, deribit } as const
