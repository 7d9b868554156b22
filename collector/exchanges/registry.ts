// Every market that this version speaks: a line for each.
import type { DataType, ExchangeName, Market } from '../../crds/names.ts'
import { binance } from './binance/room.ts'
import { deribit } from './deribit/room.ts'
import { okx } from './okx/room.ts'
import type { Room } from './room.ts'

export const ROOMS: readonly Room[] = [...binance, ...deribit, ...okx]

export function roomOf(exchange: ExchangeName, market: Market): Room | undefined {
  return ROOMS.find((room) => room.exchange === exchange && room.market === market)
}

/** Whether ids of this type rise by one, so that a jump is loss; for `audit`. */
export function continuity(exchange: ExchangeName, market: Market, type: DataType): 'contiguous' | 'none' {
  return roomOf(exchange, market)?.types[type]?.order.id === undefined ? 'none' : 'contiguous'
}
