// Binance's REST answers as plain elements, oldest first: the history of trades, open interest, ratios.
import { isRecord, parse, print, textOf } from '../../wire/general.ts'

type Row = Record<string, unknown>

/** `aggTrades`: each row as the socket would have sent it. Rows of spot and futures have the socket's keys but `e` and `s`. */
export function readAggTrades(body: Buffer, venueSymbol: string): Buffer[] | undefined {
  const rows = parse(body)
  if (!Array.isArray(rows)) return undefined
  const frames: Buffer[] = []
  for (const row of rows as unknown[]) {
    const text = isRecord(row) ? print({ ...row, e: 'aggTrade', s: venueSymbol }) : undefined
    if (text === undefined) return undefined
    frames.push(Buffer.from(text))
  }
  return frames
}

/**
 * Open interest. USDⓈ-M: `openInterest`, one figure in base, as it is now. COIN-M: `openInterestHist`, rows of the perpetual
 * of a pair, in contracts (`sumOpenInterest`) and in base (`sumOpenInterestValue`).
 */
export function readOpenInterest(body: Buffer, venueSymbol: string): Buffer[] | undefined {
  const value = parse(body)
  if (Array.isArray(value)) {
    return rows(value, venueSymbol, ({ sumOpenInterest: size, sumOpenInterestValue: base, timestamp: time }) => ({
      size,
      base,
      time,
    }))
  }
  if (!isRecord(value) || value['openInterest'] === undefined) return undefined
  return rows([value], venueSymbol, ({ openInterest: size, time }) => ({ size, base: size, time }))
}

/**
 * Long to short. COIN-M has them by pair, and names the shares of positions `longPosition`; USDⓈ-M calls these
 * `longAccount`, too.
 */
export function readRatios(body: Buffer, venueSymbol: string): Buffer[] | undefined {
  const value = parse(body)
  if (!Array.isArray(value)) return undefined
  return rows(value, venueSymbol, (row) => ({
    ratio: row['longShortRatio'],
    long: row['longPosition'] ?? row['longAccount'] ?? null,
    short: row['shortPosition'] ?? row['shortAccount'] ?? null,
    time: row['timestamp'],
  }))
}

/** The rows that are of this symbol or its pair, by time. */
function rows(all: readonly unknown[], symbol: string, flatten: (row: Row) => Row): Buffer[] {
  const own = all.flatMap((row: unknown) =>
    isRecord(row) && isOf(row, symbol) ? [whole({ symbol, ...flatten(row) })] : [],
  )
  return own
    .toSorted((a: Row, b: Row) => Number(textOf(a['time'])) - Number(textOf(b['time'])))
    .map((row) => Buffer.from(print(row) ?? ''))
}

/** A row of ours that lacks a value cannot be read, which whoever asks is told; it is not another's. */
const UNREADABLE = '?'

function whole(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value === undefined ? UNREADABLE : value]))
}

function isOf({ symbol, pair }: Row, venueSymbol: string): boolean {
  return symbol === undefined ? pair === pairOf(venueSymbol) : symbol === venueSymbol
}

/** `BTCUSD` of `BTCUSD_PERP`. */
export function pairOf(venueSymbol: string): string {
  return venueSymbol.replace(/_.*/, '')
}
