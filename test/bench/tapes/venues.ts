import { binance } from './binance.ts'
import { deribit } from './deribit.ts'
import { okx } from './okx.ts'
import type { Venue } from './strand.ts'

/** All tapes but those of Binance's first four types, which frames.ts has. */
export const VENUES: readonly Venue[] = [binance, okx, deribit]
