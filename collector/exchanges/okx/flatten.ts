// OKX's answers and frames that nest, as plain elements, oldest first.
import { GENERAL_BYTES_MAX, isRecord, parse, print, textOf } from '../../wire/general.ts'
import type { OwnElement } from '../room.ts'
import { plainLiquidations, type Timed } from './liquidations.ts'

/** `data` of a REST answer; undefined when it is an error, or none at all. */
export function dataOf(body: Buffer): readonly unknown[] | undefined {
  const value = parse(body)
  if (!isRecord(value) || value['code'] !== '0' || !Array.isArray(value['data'])) return undefined
  return value['data']
}

/** `history-trades`: newest first, each row with the keys of the socket's. */
export function readTrades(body: Buffer): Buffer[] | undefined {
  return dataOf(body)?.flatMap(element).toReversed()
}

/**
 * Ratios, newest first. The newest row may be of a period that is not over, whose figure would still change; what stands
 * behind it cannot.
 */
export function readClosedRatios(body: Buffer): Buffer[] | undefined {
  return dataOf(body)?.slice(1).flatMap(element).toReversed()
}

/** `liquidation-orders`: each detail with the instrument of its row, by time, which the frame is not sorted by. */
export function readLiquidations(frame: Buffer): OwnElement[] | undefined {
  const elements = plainLiquidations(frame) ?? parsedLiquidations(frame)
  return elements?.toSorted((a, b) => a.time - b.time)
}

function parsedLiquidations(frame: Buffer): Timed[] | undefined {
  const value = frame.length > GENERAL_BYTES_MAX ? undefined : parse(frame)
  if (!isRecord(value) || !Array.isArray(value['data'])) return undefined
  return value['data'].flatMap((row: unknown) =>
    isRecord(row) ? [row['details']].flat().flatMap((detail) => liquidation(row, detail)) : [],
  )
}

/** A detail that lacks a value cannot be read, which is said; left out it would be missing in silence. */
const UNREADABLE = '?'

function liquidation({ instId }: Record<string, unknown>, detail: unknown): Timed[] {
  const venueSymbol = textOf(instId)
  if (venueSymbol === undefined) return []
  const { side, bkPx, sz, ts } = isRecord(detail) ? detail : {}
  const values = Object.entries({ side, bkPx, sz, ts }).map(([key, value]) => [key, textOf(value) || UNREADABLE])
  const flat = { instId: venueSymbol, ...Object.fromEntries(values) }
  return element(flat).map((bytes) => ({ venueSymbol, bytes, time: Number(textOf(ts)) || 0 }))
}

function element(row: unknown): Buffer[] {
  const isElement = isRecord(row) || Array.isArray(row)
  return isElement ? [Buffer.from(print(row) ?? '')] : []
}
