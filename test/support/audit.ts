// Messages to audit, and audits of them: table by table, without a store.
import { audit, type Stored } from '../../collector/quality/audit/audit.ts'
import { Channel, parseSubject, type Subject } from '../../collector/quality/audit/channel.ts'
import { Layout } from '../../collector/quality/audit/layout.ts'
import { Reading } from '../../collector/quality/audit/reading.ts'
import type { ChannelReport, Report } from '../../collector/quality/audit/report.ts'
import { messageKey, VERSION, type Gap, type Kline, type Message, type Trade } from '../../collector/market/messages.ts'

export const NAME = 'binance.perpetual.BTC-USDT'
export const head = { v: VERSION, exchange: 'binance', market: 'perpetual', symbol: 'BTC-USDT' } as const
/** A full day, µs. */
export const BEGIN = 1_790_035_200_000_000
export const SECOND = 1_000_000
export const MINUTE = 60 * SECOND

export function at(seconds: number): { ts: number; received: number; published: number } {
  const ts = BEGIN + seconds * SECOND
  return { ts, received: ts + 2000, published: ts + 3000 }
}

export function trade(id: number, more: Partial<Trade> = {}): Trade {
  return { type: 'trade', ...head, id: `${id}`, price: '64010.10', size: '0.5', side: 'buy', ...at(id), ...more }
}

export function trades(first: number, last: number): Trade[] {
  return Array.from({ length: last - first + 1 }, (_, i) => trade(first + i))
}

export function kline(minute: number, second: number, more: Partial<Kline> = {}): Kline {
  const open = BEGIN + minute * MINUTE
  const times = { interval: '1m', open_time: open, close_time: open + MINUTE - 1000, ...at(minute * 60 + second) }
  const prices = { open: '1', high: '2', low: '1', close: '2', volume: '10' }
  return { type: 'kline', ...head, ...times, ...prices, closed: second === 60, ...more }
}

export function gap(more: Partial<Gap> & Pick<Gap, 'of'>): Gap {
  const times = { from: BEGIN, to: BEGIN, received: BEGIN, published: BEGIN }
  return { type: 'gap', ...head, reason: 'disconnect', ...times, ...more }
}

/** As the collector stores it under the prefix `market`. */
export function stored(m: Message): Stored {
  const name = `${m.type}.${m.exchange}.${m.market}.${m.symbol}`
  const id = `market:${name.replaceAll('.', ':')}:${messageKey(m)}`
  return { subject: `market.${name}`, id, ...payload(JSON.stringify(m)) }
}

export function payload(text: string): Pick<Stored, 'bytes' | 'start' | 'end'> {
  const bytes = Buffer.from(text)
  return { bytes, start: 0, end: bytes.length }
}

export async function* batches(all: readonly Stored[]): AsyncGenerator<readonly Stored[]> {
  for (let i = 0; i < all.length; i += 7) yield all.slice(i, i + 7)
}

export function auditStored(all: readonly Stored[], continuity: 'contiguous' | 'none' = 'contiguous'): Promise<Report> {
  return audit(batches(all), { continuity: () => continuity })
}

export function auditMessages(all: readonly Message[], continuity?: 'contiguous' | 'none'): Promise<Report> {
  return auditStored(all.map(stored), continuity)
}

export function channel(report: Report, type: string): ChannelReport {
  return report.channels.find(({ subject }) => subject === `market.${type}.${NAME}`) as ChannelReport
}

export function texts(report: Report): string[] {
  return report.findings.map(({ kind, text }) => `${kind}: ${text}`)
}

/** The layout of a message. */
export function layoutOf(m: Message): Layout {
  const subject = parseSubject(`market.${m.type}.${m.exchange}.${m.market}.${m.symbol}`) as Subject
  return new Layout(m, new Channel(subject, 'interval' in m ? (m.interval ?? '') : '', () => 'contiguous'))
}

/** What an audit takes from a message. */
export function readingOf(m: Message): Reading {
  const reading = new Reading()
  const bytes = Buffer.from(JSON.stringify(m))
  if (!layoutOf(m).read(bytes, 0, bytes.length, reading, true)) throw new Error(`unread: ${bytes.toString()}`)
  return reading
}
