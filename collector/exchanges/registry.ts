// Every market that this version speaks: a line for each.
import type { ExchangeName, Market } from '../../crds/names.ts'
import { perpetual as binancePerpetual, spot as binanceSpot } from './binance/room.ts'
import type { Room } from './room.ts'

export const ROOMS: readonly Room[] = [binanceSpot, binancePerpetual]

export function roomOf(exchange: ExchangeName, market: Market): Room | undefined {
  return ROOMS.find((room) => room.exchange === exchange && room.market === market)
}
