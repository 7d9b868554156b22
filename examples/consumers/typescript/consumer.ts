// Takes trades and follows order books, by the rule of docs/messages.md.
//
//     node consumer.ts FOLDER                             what the file sink wrote
//     node consumer.ts - < messages.ndjson                messages, one a line
//     node consumer.ts nats://127.0.0.1:4222 MARKET_DATA  a JetStream stream, live (needs @nats-io/jetstream and
//                                                         @nats-io/transport-node)
//
// Prints the best bid and offer of each book and the last trade of each symbol; with --books whole books, as JSON.
// Node 24 or newer runs it as it is. It stands alone: copy it.
import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'

/** Size in base; a third figure is the venue's own, e.g. contracts. */
type Level = [price: string, size: string, raw?: string]

interface Message {
  type: string
  exchange: string
  market: string
  symbol: string
  ts?: number
}

interface OrderBook extends Message {
  type: 'orderbook'
  kind: 'snapshot' | 'delta'
  prev_seq?: number
  prev_ts?: number
  seq: number
  bids: Level[]
  asks: Level[]
}

interface Trade extends Message {
  type: 'trade'
  id: string
  price: string
}

interface Gap extends Message {
  type: 'gap'
  of: string
  reason: string
  from: number
  to: number
}

/** Whether a is known to be after b; a time that the venue did not send is neither before nor later. */
function later(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && a > b
}

/** A decimal without zeros that say nothing: 1.50 and 01.5 are one price. */
function plain(decimal: string): string {
  const [whole = '', fraction = ''] = decimal.split('.')
  const digits = fraction.replace(/0+$/, '')
  return whole.replace(/^(-?)0+(?=\d)/, '$1') + (digits === '' ? '' : `.${digits}`)
}

// For order, a number will do: prices that are equal were made equal by `plain`.

function bestOf(side: ReadonlyMap<string, string>, direction: 1 | -1): string {
  let best: string | undefined
  for (const price of side.keys()) {
    if (best === undefined || (Number(price) - Number(best)) * direction > 0) best = price
  }
  return best ?? '-'
}

function sorted(side: ReadonlyMap<string, string>, direction: 1 | -1): Level[] {
  return [...side].sort(([a], [b]) => (Number(a) - Number(b)) * direction)
}

/** One order book. Believe it only while `inSync` is true. */
class Book {
  /** Price to size, both without useless zeros. */
  bids = new Map<string, string>()
  asks = new Map<string, string>()
  inSync = false
  /** Sequence and time of the last message taken; the time may be a later stamp of the same. */
  last: number | undefined
  ts: number | undefined
  snapshotTs: number | undefined

  /** The consumer's whole rule. */
  take(m: OrderBook): void {
    if (later(this.snapshotTs, m.ts)) return // older than the snapshot last taken
    if (m.kind === 'snapshot') {
      if (this.last !== undefined && m.seq <= this.last && !later(m.ts, this.ts)) return
      this.bids.clear()
      this.asks.clear()
      this.apply(m)
      this.snapshotTs = m.ts
      this.inSync = true
    } else if (this.last === undefined) {
      return // nothing to apply it to yet
    } else if (m.seq <= this.last) {
      if (!later(m.ts, this.ts)) return // known
      if (later(m.prev_ts, this.ts)) this.inSync = false // the venue began its numbering anew
      else this.ts = m.ts // what is known, stamped by another connection of the venue
    } else if ((m.prev_seq ?? Infinity) <= this.last && !later(m.prev_ts, this.ts)) {
      this.apply(m)
      this.inSync = true
    } else {
      this.inSync = false // until a snapshot comes, or a delta of a publisher that is behind
    }
  }

  apply(m: OrderBook): void {
    for (const [side, levels] of [[this.bids, m.bids] as const, [this.asks, m.asks] as const]) {
      for (const [price, size] of levels) {
        if (plain(size) === '0') side.delete(plain(price))
        else side.set(plain(price), plain(size))
      }
    }
    this.last = m.seq
    this.ts = m.ts
  }

  best(): string {
    const bid = bestOf(this.bids, 1)
    const ask = bestOf(this.asks, -1)
    return `bid ${bid} ask ${ask}${this.inSync ? '' : ' NOT in sync'}`
  }
}

const IDS_MAX = 10_000

/** Books, trades and gaps by symbol. */
class Consumer {
  books = new Map<string, Book>()
  trades = new Map<string, { count: number; price: string }>()
  /** Ids of the latest trades: two publishers, or a repeat, give the same id. */
  ids = new Set<string>()

  take(m: Message): string {
    const name = `${m.exchange} ${m.market} ${m.symbol}`
    if (m.type === 'orderbook') {
      const book = this.books.get(name) ?? new Book()
      this.books.set(name, book)
      book.take(m as OrderBook)
    } else if (m.type === 'trade') {
      this.takeTrade(name, m as Trade)
    } else if (m.type === 'gap') {
      const { of, from, to, reason } = m as Gap
      console.error(`gap ${name}: ${of} between ${from} and ${to} µs: ${reason}`)
    }
    return name
  }

  takeTrade(name: string, { id, price }: Trade): void {
    const key = `${name} ${id}`
    if (this.ids.has(key)) return
    this.ids.add(key)
    const [oldest] = this.ids
    if (this.ids.size > IDS_MAX && oldest !== undefined) this.ids.delete(oldest)
    this.trades.set(name, { count: (this.trades.get(name)?.count ?? 0) + 1, price })
  }

  lines(): string[] {
    const books = [...this.books].map(([name, book]) => `${name}: ${book.best()}, seq ${book.last}`)
    const trades = [...this.trades].map(([name, { count, price }]) => `${name}: ${count} trades, last at ${price}`)
    return [...books.sort(), ...trades.sort()]
  }

  json(): unknown {
    const whole = ({ inSync, last, bids, asks }: Book) => ({
      inSync,
      last,
      bids: sorted(bids, -1),
      asks: sorted(asks, 1),
    })
    return Object.fromEntries([...this.books].map(([name, book]) => [name, whole(book)]))
  }
}

const PART = /^(\d{4}-\d\d-\d\dT\d\d(?:-\d\d)?)(?:\.(\d+))?\.ndjson(?:\.gz|\.zst)?$/

/** The files under {type}/{exchange}/{market}/{symbol}/, each folder's in the order of writing. */
function partsOf(folder: string, depth = 0): string[] {
  const entries = readdirSync(folder, { withFileTypes: true })
  if (depth < 4) {
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    return folders.sort().flatMap((name) => partsOf(join(folder, name), depth + 1))
  }
  return entries
    .map(({ name }) => ({ name, period: PART.exec(name)?.[1] ?? '', number: Number(PART.exec(name)?.[2] ?? 0) }))
    .filter(({ period }) => period !== '')
    .sort((a, b) => (a.period === b.period ? a.number - b.number : a.period < b.period ? -1 : 1))
    .map(({ name }) => join(folder, name))
}

function openPart(path: string): Readable {
  const file = createReadStream(path)
  if (path.endsWith('.ndjson')) return file
  return pipeline(file, path.endsWith('.gz') ? createGunzip() : createZstdDecompress(), () => {})
}

/** A last line without a line break is torn, as is a compressed file without its end: the writer is still at it. */
async function takeLines(input: Readable, consumer: Consumer): Promise<void> {
  let rest = ''
  try {
    for await (const piece of input.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + piece).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) consumer.take(JSON.parse(line) as Message)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'Z_BUF_ERROR') throw error
  }
}

async function follow(url: string, stream: string, consumer: Consumer): Promise<void> {
  const { connect } = await import('@nats-io/transport-node')
  const { jetstream } = await import('@nats-io/jetstream')
  const ordered = await jetstream(await connect({ servers: url })).consumers.get(stream)
  const shown = new Map<string, string>()
  for await (const message of await ordered.consume()) {
    const name = consumer.take(message.json())
    const best = consumer.books.get(name)?.best()
    if (best === undefined || best === shown.get(name)) continue
    shown.set(name, best)
    console.log(name, best)
  }
}

const args = process.argv.slice(2).filter((arg) => arg !== '--books')
const [source, stream] = args
const consumer = new Consumer()
if (source === undefined) {
  console.error('Say where to read: a folder, - or a NATS URL and the name of a stream.')
  process.exitCode = 2
} else if (stream !== undefined) {
  await follow(source, stream, consumer)
} else {
  if (source === '-') await takeLines(process.stdin, consumer)
  else for (const path of partsOf(source)) await takeLines(openPart(path), consumer)
  console.log(process.argv.includes('--books') ? JSON.stringify(consumer.json()) : consumer.lines().join('\n'))
}
