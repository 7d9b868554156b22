// What a recorded session of one Binance market holds: its frames by stream, its snapshots, trades and instruments.
import { fromName } from '../market/instruments.ts'
import type { Item } from '../recording.ts'
import { symbolInfo, broughtUpToDate, type SymbolInfo } from './exchange-info.ts'
import type { Rules } from './rules.ts'

/** A data frame; `text` is the payload, byte for byte. */
export interface RecordedFrame {
  readonly stream: string
  readonly symbol: string
  readonly text: string
  readonly id: number
}

export interface RecordedTrade {
  readonly id: number
  readonly time: number
  /** When it was known, ms by the recording. */
  readonly known: number
  readonly price: string
  readonly size: string
  readonly buyerIsMaker: boolean
  /** As REST writes it. */
  readonly row: string
}

type Level = readonly [string, string]

export interface RecordedSnapshot {
  readonly position: number
  readonly body: string
  readonly seq: number
  /** Times that futures send, ms. */
  readonly pushed: number | undefined
  readonly matched: number | undefined
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

export interface RecordedDelta {
  readonly position: number
  readonly seq: number
  readonly pushed: number
  readonly matched: number | undefined
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

export interface SessionFile {
  readonly infos: readonly SymbolInfo[]
  /** By position in the items. */
  readonly frames: ReadonlyMap<number, RecordedFrame>
  /** Streams by position of the socket's opening. */
  readonly opened: ReadonlyMap<number, readonly string[]>
  /** By symbol, in order. */
  readonly snapshots: ReadonlyMap<string, readonly RecordedSnapshot[]>
  readonly deltas: ReadonlyMap<string, readonly RecordedDelta[]>
  readonly trades: ReadonlyMap<string, readonly RecordedTrade[]>
}

type Json = Record<string, unknown>

export function sessionFile(rules: Rules, items: readonly Item[]): SessionFile {
  const frames = new Map<number, RecordedFrame>()
  const opened = new Map<number, string[]>()
  const snapshots = new Map<string, RecordedSnapshot[]>()
  const deltas = new Map<string, RecordedDelta[]>()
  const trades = new Map<string, Map<number, RecordedTrade>>()
  const bySocket = new Map<string, string[]>()
  let infos: SymbolInfo[] | undefined
  const addTrade = (symbol: string, row: Json, known: number) => {
    const trade = recordedTrade(row, known)
    const byId = keyed(trades, symbol, () => new Map<number, RecordedTrade>())
    if (!byId.has(trade.id)) byId.set(trade.id, trade)
  }
  items.forEach((item, position) => {
    if (item.kind === 'open') {
      const streams = streamsOf(item.url)
      opened.set(position, streams)
      bySocket.set(item.socket, streams)
    } else if (item.kind === 'asked') {
      bySocket.get(item.socket)?.push(...subscribedBy(item.body))
    } else if (item.kind === 'frame') {
      const read = readFrame(item.body, bySocket.get(item.socket) ?? [])
      if (read === undefined) return
      frames.set(position, read.frame)
      const { symbol } = read.frame
      if (read.payload['e'] === 'depthUpdate')
        keyed(deltas, symbol, list<RecordedDelta>).push(delta(read.payload, position))
      if (read.payload['e'] === 'aggTrade') addTrade(symbol, read.payload, item.at)
    } else if (item.kind === 'rest' && item.status === 200) {
      const symbol = item.url.searchParams.get('symbol') ?? ''
      const body = JSON.parse(item.body)
      if (item.url.pathname.endsWith('/exchangeInfo')) infos = body.symbols
      if (item.url.pathname.endsWith('/depth')) {
        const { lastUpdateId: seq, E: pushed, T: matched, bids, asks } = body
        keyed(snapshots, symbol, list<RecordedSnapshot>).push({
          position,
          body: item.body,
          seq,
          pushed,
          matched,
          bids,
          asks,
        })
      }
      if (item.url.pathname.endsWith('/aggTrades')) for (const row of body) addTrade(symbol, row, row.T)
    }
  })
  const sorted = [...trades].map(([symbol, byId]) => [symbol, [...byId.values()].sort((a, b) => a.id - b.id)] as const)
  const seen = new Set([...frames.values()].map((frame) => frame.symbol).concat([...snapshots.keys()]))
  infos ??= [...seen].map((symbol) => symbolInfo(rules, fromName(symbol), 0))
  const current = infos.map((info) => broughtUpToDate(rules, info))
  return { infos: current, frames, opened, snapshots, deltas, trades: new Map(sorted) }
}

function list<T>(): T[] {
  return []
}

function keyed<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

/** The streams that a URL subscribes to. */
function streamsOf(url: URL): string[] {
  const raw = /\/ws\/(.+)$/u.exec(url.pathname)?.[1]
  return (raw ?? url.searchParams.get('streams') ?? '').split('/').filter(Boolean).map(decodeURIComponent)
}

function subscribedBy(body: string): string[] {
  const request = JSON.parse(body)
  return request.method === 'SUBSCRIBE' && Array.isArray(request.params) ? request.params : []
}

function readFrame(body: string, streams: readonly string[]): { frame: RecordedFrame; payload: Json } | undefined {
  const whole: Json = JSON.parse(body)
  const stream = whole['stream'] ?? (streams.length === 1 ? streams[0] : undefined)
  if (typeof stream !== 'string') return undefined
  const wrapped = whole['stream'] !== undefined
  const payload = (wrapped ? whole['data'] : whole) as Json
  const symbol = payload['s']
  if (typeof symbol !== 'string') return undefined
  const text = wrapped ? body.slice(body.indexOf('"data":') + '"data":'.length, body.lastIndexOf('}')) : body
  const id = Number(payload['e'] === 'aggTrade' ? payload['a'] : (payload['u'] ?? payload['E']))
  return { frame: { stream, symbol, text, id }, payload }
}

function delta(payload: Json, position: number): RecordedDelta {
  const { u, E, T, b, a } = payload as { u: number; E: number; T?: number; b: Level[]; a: Level[] }
  return { position, seq: u, pushed: E, matched: T, bids: b, asks: a }
}

function recordedTrade(row: Json, known: number): RecordedTrade {
  const { a, p, q, f, l, T, m, M } = row as {
    a: number
    p: string
    q: string
    f: number
    l: number
    T: number
    m: boolean
    M?: boolean
  }
  const text = JSON.stringify({ a, p, q, f, l, T, m, ...(M === undefined ? {} : { M }) })
  return { id: a, time: T, known, price: p, size: q, buyerIsMaker: m, row: text }
}
