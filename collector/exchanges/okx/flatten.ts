// OKX's answers as plain elements, oldest first.
import { isRecord, parse, print } from '../../wire/general.ts'

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

function element(row: unknown): Buffer[] {
  const isElement = isRecord(row) || Array.isArray(row)
  return isElement ? [Buffer.from(print(row) ?? '')] : []
}
