// What the fields of messages are to an audit: how their values look, where they go, and which of them make the id.
import type { Message } from '../../market/messages.ts'
import { SLOT } from './reading.ts'

/** How the value of a field looks. `json`: anything; known by its text alone. */
export const KIND = {
  json: 0,
  text: 1,
  id: 2,
  side: 3,
  decimal: 4,
  time: 5,
  integer: 6,
  positive: 7,
  boolean: 8,
  levels: 9,
  flags: 10,
  pending: 11,
} as const
export type Kind = (typeof KIND)[keyof typeof KIND]

const DECIMALS =
  'price size raw_size bid bid_size raw_bid_size ask ask_size raw_ask_size open high low close volume quote_volume ' +
  'taker_buy_volume taker_buy_quote_volume rate next_rate mark_price index_price open_interest raw_open_interest value ' +
  'average_price ratio long_share short_share'
const TIMES = 'ts received published prev_ts open_time close_time funding_time next_funding_time'

/** Of the fields of data. What is missing here is `json`: it is read by the schema, which takes longer. */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...DECIMALS.split(' ').map((name) => [name, KIND.decimal] as const),
  ...TIMES.split(' ').map((name) => [name, KIND.time] as const),
  ['id', KIND.id],
  ['first_id', KIND.text],
  ['last_id', KIND.text],
  ['side', KIND.side],
  ['seq', KIND.integer],
  ['prev_seq', KIND.integer],
  ['count', KIND.integer],
  ['interval_hours', KIND.positive],
  ['closed', KIND.boolean],
  ['bids', KIND.levels],
  ['asks', KIND.levels],
  ['flags', KIND.flags],
  ['pending', KIND.pending],
])

/** @param isOurs types of our own, which are few and whose fields have other values */
export function kindOf(name: string, isOurs: boolean): Kind {
  if (isOurs && KINDS.get(name) !== KIND.time) return KIND.json
  return KINDS.get(name) ?? KIND.json
}

export function slotOf(name: string): number {
  return Object.hasOwn(SLOT, name) ? SLOT[name as keyof typeof SLOT] : SLOT.other
}

/** Fields that are the same in all messages of a channel, or tell two forms of a type apart: they lie in the layout. */
export const CONSTANTS: ReadonlySet<string> = new Set(
  'v type exchange market symbol interval period kind filled'.split(' '),
)

/** What all messages of a channel share, and what two publishers of one message may differ in, is no content. */
export const NO_CONTENT: ReadonlySet<string> = new Set(
  'v type exchange market symbol received published filled pending flags'.split(' '),
)

/**
 * The fields of which `messageKey` makes the id, without those that are the same in all of a channel; each with the part
 * that it has there, since one may stand in for another.
 */
export function keyFields(m: Message): Readonly<Record<string, string>> {
  switch (m.type) {
    case 'trade':
      return { id: 'id' }
    case 'orderbook':
      return m.kind === 'snapshot' ? parts('kind', 'seq', 'ts') : parts('kind', 'prev_seq', 'seq', 'ts')
    case 'ticker':
      return m.seq === undefined
        ? {
            ...parts('ts', 'bid', 'ask'),
            ...either(m, 'raw_bid_size', 'bid_size'),
            ...either(m, 'raw_ask_size', 'ask_size'),
          }
        : parts('seq', 'ts')
    case 'kline':
      return m.ts === undefined
        ? parts('open_time', 'high', 'low', 'close', 'volume', 'closed')
        : parts('open_time', 'ts')
    case 'funding_rate':
    case 'open_interest':
    case 'volatility_index':
    case 'lsr_top_position':
    case 'lsr_all_account':
      return parts('ts')
    case 'liquidation':
      return m.id === undefined ? { ...parts('ts', 'side', 'price'), ...either(m, 'raw_size', 'size') } : parts('id')
    case 'gap':
      return {
        ...parts('of', 'interval', 'reason', 'from', 'to'),
        ...either(m, 'after_id', 'after_seq'),
        ...either(m, 'before_id', 'before_seq'),
      }
    case 'state':
      return parts('of', 'interval', 'state', 'received')
    case 'instrument':
      return parts('venue_symbol', 'status', 'tick_size', 'lot_size', 'contract_multiplier', 'expiry')
  }
}

function parts(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name]))
}

/** The first of two fields where a message has it, in the part of the second. */
function either(m: Message, first: string, second: string): Record<string, string> {
  return { [Object.hasOwn(m, first) ? first : second]: second }
}
