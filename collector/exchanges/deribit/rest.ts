// Deribit's REST answers: the history of trades, and when too much was asked.
import { isRecord, parse, print } from '../../wire/general.ts'

/** `get_last_trades_by_instrument`: rows are as the socket sends them. */
export function readTrades(body: Buffer): Buffer[] | undefined {
  const value = parse(body)
  const result = isRecord(value) ? value['result'] : undefined
  if (!isRecord(result) || !Array.isArray(result['trades'])) return undefined
  const frames: Buffer[] = []
  for (const row of result['trades'] as unknown[]) {
    const text = isRecord(row) ? print(row) : undefined
    if (text === undefined) return undefined
    frames.push(Buffer.from(text))
  }
  return frames
}

const TOO_MANY = Buffer.from('"code":10028')

/** Whether an answer says that too much was asked: error 10028, whatever the HTTP status. */
export function limited(_status: number, body: Buffer): boolean {
  return body.length < 1_024 && body.includes(TOO_MANY)
}
