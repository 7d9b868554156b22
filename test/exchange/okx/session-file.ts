// What a recorded session holds of one market of OKX: frames by stream, books, trades and instruments.
// The channels `trades` and `trades-all` count as one stream, `trades`: what was recorded is served under the name that
// the client asks for. (Both carry the same ids; where one order had several fills, `trades` has its last one only.)
import type { Market } from '../../../crds/names.ts'
import type { Item } from '../recording.ts'
import type { TapeFile, TapeFrame } from '../tape.ts'
import type { TrueTrade } from '../venue.ts'
import { fromName, marketOf, type Row, rowOf } from './instruments.ts'
import { argOf, rowsOf } from './parts.ts'
import { INST_TYPES } from './rules.ts'

type Json = Readonly<Record<string, unknown>>
type Level = readonly [price: string, size: string, ...more: string[]]

export interface RecordedTrade extends TrueTrade {
  /** When it was known, ms by the recording. */
  readonly known: number
  /** As REST writes it. */
  readonly row: string
}

export interface RecordedBook {
  readonly position: number
  /** `seqId`; where there is none yet, as in 2022, the time. */
  readonly seq: number
  readonly isSnapshot: boolean
  readonly ts: string
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

export interface SessionFile extends TapeFile {
  readonly rows: readonly Row[]
  /** By instrument, in order. */
  readonly books: ReadonlyMap<string, readonly RecordedBook[]>
  readonly trades: ReadonlyMap<string, readonly RecordedTrade[]>
}

/** The name of a stream by its argument, for {@link TapeFrame.stream}. */
export function recordedStream(channel: string, name: string): string {
  return `${channel === 'trades-all' ? 'trades' : channel} ${name}`
}

export function sessionFile(market: Market, items: readonly Item[]): SessionFile {
  const file = new Reader()
  items.forEach((item, position) => file.read(item, position))
  const { frames, opened, notices, books } = file
  const trades = [...file.trades].map(([name, byId]) => [name, [...byId.values()].sort((a, b) => a.id - b.id)] as const)
  const listed = [...file.rows.values()].filter(({ instType }) => instType === INST_TYPES[market])
  const seen = [...new Set([...frames.values()].map(({ symbol }) => symbol))].filter(
    (name) => marketOf(name) === market,
  )
  const made = seen.map((name) => rowOf(fromName(name), items[0]?.at ?? 0))
  const rows = listed.length > 0 ? listed.map(broughtUpToDate) : made
  return { rows, frames, opened, notices, books, trades: new Map(trades) }
}

class Reader {
  readonly frames = new Map<number, TapeFrame>()
  readonly opened = new Map<number, string[]>()
  readonly notices = new Map<number, string>()
  readonly books = new Map<string, RecordedBook[]>()
  readonly trades = new Map<string, Map<number, RecordedTrade>>()
  readonly rows = new Map<string, Row>()
  readonly #bySocket = new Map<string, string[]>()

  read(item: Item, position: number): void {
    if (item.kind === 'open') {
      const streams: string[] = []
      this.opened.set(position, streams)
      this.#bySocket.set(item.socket, streams)
    } else if (item.kind === 'rest' && item.status === 200) {
      const rows = rowsOf(item.body)
      if (item.url.pathname.endsWith('/instruments'))
        for (const row of rows) this.rows.set(String(row['instId']), row as Row)
      if (/\/market\/(history-)?trades$/u.test(item.url.pathname))
        for (const row of rows) this.#trade(row, Number(row['ts']))
    } else if (item.kind === 'frame') this.#frame(item.body, item.socket, position, item.at)
  }

  #frame(body: string, socket: string, position: number, at: number): void {
    const arg = argOf(body)
    if (arg === undefined) {
      if (body.includes('"event":"notice"')) this.notices.set(position, body)
      return
    }
    const { event, data, action } = JSON.parse(body) as { event?: string; data?: readonly Json[]; action?: string }
    if (event !== undefined && event !== 'subscribe') return
    const channel = String(arg['channel'])
    const name = String(arg['instId'] ?? arg['instType'])
    const stream = recordedStream(channel, name)
    const streams = this.#bySocket.get(socket)
    if (streams?.includes(stream) === false) streams.push(stream)
    if (data === undefined || data.length === 0) return
    const isTrade = stream.startsWith('trades ')
    if (isTrade) for (const row of data) this.#trade(row, at)
    if (channel === 'books') for (const row of data) this.#book(name, row, action === 'snapshot', position)
    const ids = data.map((row) => idOf(row, channel))
    // what stands behind the argument, byte for byte
    const text = body.slice(body.indexOf('}') + 1)
    const of = isTrade ? 'trade' : channel === 'books' ? 'orderbook' : undefined
    const several = ids.length > 1 ? { ids } : {}
    this.frames.set(position, { stream, symbol: name, of, text, id: ids.at(-1)!, ...several })
  }

  #trade(row: Json, known: number): void {
    const { instId, side, sz, source = '0', px, tradeId, ts } = row as Record<string, string>
    const id = Number(tradeId)
    const byId = this.trades.get(String(instId)) ?? new Map<number, RecordedTrade>()
    this.trades.set(String(instId), byId)
    if (byId.has(id)) return
    const text = JSON.stringify({ instId, side, sz, source, px, tradeId, ts })
    const price = String(px)
    byId.set(id, {
      id,
      price,
      size: String(sz),
      side: side === 'sell' ? 'sell' : 'buy',
      time: Number(ts),
      known,
      row: text,
    })
  }

  #book(name: string, row: Json, isSnapshot: boolean, position: number): void {
    const { bids, asks, ts } = row as { bids: Level[]; asks: Level[]; ts: string }
    const books = this.books.get(name) ?? []
    this.books.set(name, books)
    books.push({ position, seq: idOf(row, 'books'), isSnapshot, ts, bids, asks })
  }
}

function idOf(row: Json, channel: string): number {
  if (Array.isArray(row)) return Number(row[0])
  if (channel === 'trades' || channel === 'trades-all') return Number(row['tradeId'])
  return Number(row['seqId'] ?? row['ts'] ?? 0)
}

/** A row of older days with what came since. */
function broughtUpToDate(row: Row): Row {
  const { uly = '' } = row
  return { instFamily: uly, ruleType: 'normal', upcChg: [], ...row }
}
