// The one enumeration of names: used alike in the spec, in subjects, payloads, metric labels and code.

/** Venues that a Collector may name; `collector/exchanges/registry.ts` says which of them this version speaks. */
export const EXCHANGES = ['binance', 'okx', 'deribit', 'bybit', 'coinbase', 'kraken'] as const
/** Kinds of product. */
export const MARKETS = ['spot', 'perpetual', 'future', 'option'] as const
/** Data types that a feed may ask for. */
export const DATA_TYPES = [
  'trade',
  'orderbook',
  'ticker',
  'kline',
  'funding_rate',
  'open_interest',
  'liquidation',
  'lsr_top_position',
  'lsr_all_account',
  'volatility_index',
] as const
/** Message types of our own making, published beside the data. */
export const OWN_TYPES = ['gap', 'state', 'instrument'] as const

export type ExchangeName = (typeof EXCHANGES)[number]
export type Market = (typeof MARKETS)[number]
export type DataType = (typeof DATA_TYPES)[number]
export type OwnType = (typeof OWN_TYPES)[number]
export type MessageType = DataType | OwnType
