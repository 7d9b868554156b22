// What a recorded session with Deribit holds of one market: frames by channel, books, trades and instruments.
// Channels are named as they are served today, `.100ms` for a recorded `.raw`; data stays byte for byte.
import type { Item } from '../recording.ts'
import type { TapeFile, TapeFrame } from '../tape.ts'
import { channelOf, marketsOfChannel, numberingOf, servedAs } from './channels.ts'
import type { DeribitMarket } from './contracts.ts'
import { marketOfName } from './contracts.ts'
import { broughtUpToDate, inferredInfo, type InstrumentInfo } from './info.ts'
import { float } from './json.ts'

export interface RecordedTrade {
  readonly seq: number
  readonly time: number
  /** When it was known, ms by the recording. */
  readonly known: number
  readonly price: string
  readonly size: string
  readonly side: 'buy' | 'sell'
  readonly text: string
}

type Level = readonly [price: string, size: string]

export interface RecordedBook {
  readonly position: number
  readonly snapshot: boolean
  readonly seq: number
  readonly time: number
  /** Size 0 removes the level. */
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

/** Texts of frames are their data; the notices are heartbeats. */
export interface SessionFile extends TapeFile {
  readonly infos: readonly InstrumentInfo[]
  /** By instrument, in order. */
  readonly books: ReadonlyMap<string, readonly RecordedBook[]>
  readonly trades: ReadonlyMap<string, readonly RecordedTrade[]>
}

type Json = Record<string, unknown>

const ALL: readonly DeribitMarket[] = ['perpetual', 'future', 'option']
const FRAME = /^\{"jsonrpc":"2\.0","method":"subscription","params":\{"channel":"([^"]+)","data":(.*)\}\}$/su

/** Which markets an item concerns: a frame those of its channel, a socket those of all its channels. */
export function marketsOf(items: readonly Item[]): (item: Item) => readonly DeribitMarket[] {
  const bySocket = new Map<string, Set<DeribitMarket>>()
  for (const item of items) {
    if (!('socket' in item)) continue
    const markets = keyed(bySocket, item.socket, () => new Set<DeribitMarket>())
    for (const channel of channelsIn(item)) for (const market of marketsOfChannel(channel)) markets.add(market)
  }
  return (item) => {
    if (!('socket' in item)) return ALL
    const frame = item.kind === 'frame' ? FRAME.exec(item.body) : null
    if (frame !== null) return marketsOfChannel(frame[1]!)
    const markets = bySocket.get(item.socket)!
    return markets.size === 0 ? ALL : [...markets]
  }
}

function channelsIn(item: Item): string[] {
  if (item.kind === 'asked') return subscribedBy(item.body)
  const frame = item.kind === 'frame' ? FRAME.exec(item.body) : null
  return frame === null ? [] : [frame[1]!]
}

function subscribedBy(body: string): string[] {
  const request = JSON.parse(body)
  return request.method === 'public/subscribe' && Array.isArray(request.params?.channels) ? request.params.channels : []
}

/** @param items those that concern the market */
export function sessionFile(market: DeribitMarket, items: readonly Item[]): SessionFile {
  const frames = new Map<number, TapeFrame>()
  const notices = new Map<number, string>()
  const books = new Map<string, RecordedBook[]>()
  const trades = new Map<string, Map<number, RecordedTrade>>()
  const infos = new Map<string, InstrumentInfo>()
  const addTrades = (rows: readonly Json[], known: (time: number) => number) => {
    for (const row of rows) {
      const trade = recordedTrade(row, known(Number(row['timestamp'])))
      const bySeq = keyed(trades, String(row['instrument_name']), () => new Map<number, RecordedTrade>())
      if (!bySeq.has(trade.seq)) bySeq.set(trade.seq, trade)
    }
  }
  items.forEach((item, position) => {
    if (item.kind === 'frame') {
      const match = FRAME.exec(item.body)
      if (match === null) {
        if (item.body.includes('"method":"heartbeat"')) notices.set(position, item.body)
        return
      }
      const frame = readFrame(servedAs(match[1]!), match[2]!)
      frames.set(position, frame)
      const kind = channelOf(frame.stream)?.kind
      if (kind === 'trades') addTrades(JSON.parse(frame.text), () => item.at)
      if (kind === 'book') keyed(books, frame.symbol, list<RecordedBook>).push(recordedBook(frame, position))
    } else if (item.kind === 'rest' && item.status === 200) {
      const { result } = JSON.parse(item.body)
      if (item.url.pathname.endsWith('/get_instruments')) addInfos(infos, market, result)
      if (item.url.pathname.includes('/get_last_trades_')) addTrades(result.trades, (time) => time)
    }
  })
  const opened = openedChannels(market, items)
  for (const name of [...opened.values()].flat().map(instrumentOf)) {
    if (marketOfName(name) === market && !infos.has(name)) infos.set(name, inferredInfo(name, infos.size))
  }
  const sorted = [...trades].map(([name, bySeq]) => [name, [...bySeq.values()].sort((a, b) => a.seq - b.seq)] as const)
  return { infos: [...infos.values()], frames, notices, opened, books, trades: new Map(sorted) }
}

/** What was subscribed on each socket; where no request was recorded, what came. */
function openedChannels(market: DeribitMarket, items: readonly Item[]): Map<number, string[]> {
  const asked = new Map<number, Set<string>>()
  const came = new Map<number, Set<string>>()
  const openAt = new Map<string, number>()
  items.forEach((item, position) => {
    if (!('socket' in item)) return
    if (item.kind === 'open') openAt.set(item.socket, position)
    const at = openAt.get(item.socket)
    if (at === undefined) return
    const channels = keyed(item.kind === 'asked' ? asked : came, at, () => new Set<string>())
    const own = channelsIn(item).filter((channel) => marketsOfChannel(channel).includes(market))
    for (const channel of own) channels.add(servedAs(channel))
  })
  const channelsAt = (at: number) => [...((asked.get(at)?.size ?? 0) > 0 ? asked : came).get(at)!]
  return new Map([...openAt.values(), ...came.keys()].map((at) => [at, channelsAt(at)]))
}

function addInfos(infos: Map<string, InstrumentInfo>, market: DeribitMarket, entries: readonly InstrumentInfo[]): void {
  for (const info of entries) {
    if (marketOfName(info.instrument_name) === market) infos.set(info.instrument_name, broughtUpToDate(info))
  }
}

function list<T>(): T[] {
  return []
}

function keyed<K, T>(map: Map<K, T>, key: K, make: () => T): T {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

/** Empty where a channel is about no instrument. */
function instrumentOf(name: string): string {
  const channel = channelOf(name)
  return channel !== undefined && 'instrument' in channel ? channel.instrument : ''
}

function readFrame(stream: string, text: string): TapeFrame {
  const data = JSON.parse(text)
  const elements: Json[] = Array.isArray(data) ? data : [data]
  const ids = elements.map((row) => Number(row['trade_seq'] ?? row['change_id'] ?? row['timestamp'] ?? row['tick']))
  const about = { stream, symbol: instrumentOf(stream), of: numberingOf(stream) }
  return { ...about, text, id: ids.at(-1) ?? 0, ...(Array.isArray(data) ? { ids } : {}) }
}

function recordedBook({ text }: TapeFrame, position: number): RecordedBook {
  const { type, change_id: seq, timestamp: time, bids, asks } = JSON.parse(text)
  const levels = (side: [string, number, number][]) =>
    side.map(([action, price, size]): Level => [float(price), action === 'delete' ? '0' : float(size)])
  return { position, snapshot: type === 'snapshot', seq, time, bids: levels(bids), asks: levels(asks) }
}

function recordedTrade(row: Json, known: number): RecordedTrade {
  return {
    seq: Number(row['trade_seq']),
    time: Number(row['timestamp']),
    known,
    price: float(Number(row['price'])),
    size: float(Number(row['amount'])),
    side: row['direction'] === 'sell' ? 'sell' : 'buy',
    text: tradeText(row),
  }
}

const INTEGERS = new Set(['trade_seq', 'timestamp', 'tick_direction'])

/** A row as REST shows it. */
function tradeText(row: Json): string {
  const printed = ([key, value]: [string, unknown]) =>
    `"${key}":${typeof value === 'number' && !INTEGERS.has(key) ? float(value) : JSON.stringify(value)}`
  return `{${Object.entries(row).map(printed).join(',')}}`
}
