// OKX's answers and frames that nest, as plain elements, oldest first.
import { GENERAL_BYTES_MAX, isRecord, parse, print, textOf } from '../../wire/general.ts'

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
export function readLiquidations(frame: Buffer): Buffer[] | undefined {
  const value = frame.length > GENERAL_BYTES_MAX ? undefined : parse(frame)
  if (!isRecord(value) || !Array.isArray(value['data'])) return undefined
  const details = value['data'].flatMap((row: unknown) =>
    isRecord(row) && Array.isArray(row['details']) ? row['details'].flatMap((each) => liquidation(row, each)) : [],
  )
  return details.toSorted((a, b) => a.time - b.time).map(({ bytes }) => bytes)
}

function liquidation({ instId }: Record<string, unknown>, detail: unknown): { time: number; bytes: Buffer }[] {
  if (!isRecord(detail)) return []
  const { side, bkPx, sz, ts } = detail
  const flat = { instId, side, bkPx, sz, ts }
  if (Object.values(flat).some((one) => textOf(one) === undefined)) return []
  return element(flat).map((bytes) => ({ time: Number(textOf(ts)), bytes }))
}

function element(row: unknown): Buffer[] {
  const isElement = isRecord(row) || Array.isArray(row)
  return isElement ? [Buffer.from(print(row) ?? '')] : []
}
