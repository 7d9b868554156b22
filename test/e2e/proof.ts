// What was stored, held against what the exchange knows to be true and what it says it sent.
import { ConsumerBook, compareDecimals, type Level } from '../../collector/book/consumer.ts'
import { auditCommand } from '../../collector/audit/command.ts'
import { continuity } from '../../collector/exchanges/registry.ts'
import { type Gap, type Message, message, type OrderBook, type Trade } from '../../collector/market/messages.ts'
import type { Report } from '../../collector/quality/audit/report.ts'
import type { Exchange, MarketOfVenue } from '../exchange/exchange.ts'
import type { TrueTrade } from '../exchange/venue.ts'
import { observe } from '../stored.ts'

/** What `marketprism audit --json` says, and its exit code. */
export async function audit(...args: string[]): Promise<{ code: number; report: Report; error: string }> {
  let [out, error] = ['', '']
  const io = {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (error += text) },
  }
  const code = await auditCommand([...args, '--json'], io, continuity)
  return { code, report: (out === '' ? undefined : JSON.parse(out)) as Report, error }
}

export interface Compared {
  /** Times that a consumer's book claimed to be right, and was compared with the true one. */
  readonly books: number
  /** True trades between the first and the last stored, and how many of them lie in a gap. */
  readonly trades: number
  readonly announced: number
  /** What is wrong, each a sentence. */
  readonly wrong: readonly string[]
}

/** Holds messages, in the order of storage, against the truth of the exchange they came from. */
export function compare(messages: readonly Message[], truth: Exchange['truth']): Compared {
  const wrong: string[] = []
  let [books, trades, announced] = [0, 0, 0]
  for (const [name, own] of Map.groupBy(messages, (m) => `${m.market} ${m.symbol}`)) {
    const { market, symbol } = own[0] as Message
    const side = truth[market as MarketOfVenue]
    const venueSymbol = symbol.replace('-', '')
    const say = (text: string) => wrong.push(`${name}: ${text}`)
    const gaps = own.filter((m) => m.type === 'gap')
    const bookMessages = own.filter((m) => m.type === 'orderbook')
    books += compareBook(bookMessages, (seq) => side.bookAt(venueSymbol, seq), say)
    const stored = own.filter((m) => m.type === 'trade')
    const tradeGaps = gaps.filter((gap) => gap.of === 'trade')
    const counts = compareTrades(stored, tradeGaps, side.trades(venueSymbol), say)
    trades += counts.trades
    announced += counts.announced
  }
  return { books, trades, announced, wrong }
}

type BookAt = (seq: number) => { readonly bids: readonly Level[]; readonly asks: readonly Level[] } | undefined

function compareBook(messages: readonly OrderBook[], bookAt: BookAt, say: (text: string) => void): number {
  const book = new ConsumerBook()
  let compared = 0
  let known: Pick<OrderBook, 'bids' | 'asks'> = { bids: [], asks: [] }
  for (const m of messages) {
    const taken = book.take(m)
    if (m.kind === 'snapshot' && taken === 'applied') known = m
    if (!book.inSync || book.last === undefined) continue
    compared++
    const truth = bookAt(book.last)
    const difference =
      truth === undefined
        ? 'the exchange never had a book of this sequence'
        : (differenceOf(book.bids.levels(), truth.bids, known.bids, 1) ??
          differenceOf(book.asks.levels(), truth.asks, known.asks, -1))
    if (difference !== undefined) say(`book at ${book.last} after ${m.kind} ${m.prev_seq}:${m.seq}: ${difference}`)
  }
  return compared
}

/** The first difference between two sides, as far as the snapshot that ours began with reaches. */
function differenceOf(
  ours: readonly Level[],
  theirs: readonly Level[],
  snapshot: readonly Level[],
  direction: 1 | -1,
): string | undefined {
  const worst = snapshot.at(-1)?.[0]
  const isKnown = ([price]: Level) => worst !== undefined && compareDecimals(price, worst) * direction >= 0
  const [rebuilt, truth] = [ours.filter(isKnown), theirs.filter(isKnown)]
  for (let i = 0; i < Math.max(rebuilt.length, truth.length); i++) {
    const [a, b] = [rebuilt[i], truth[i]]
    if (a !== undefined && b !== undefined && !compareDecimals(a[0], b[0]) && !compareDecimals(a[1], b[1])) continue
    return `level ${i} is ${a?.join(' x ')}, truly it is ${b?.join(' x ')}`
  }
  return undefined
}

function compareTrades(
  stored: readonly Trade[],
  gaps: readonly Gap[],
  truth: readonly TrueTrade[],
  say: (text: string) => void,
): { trades: number; announced: number } {
  const byId = new Map<string, Trade>()
  for (const trade of stored) {
    if (byId.has(trade.id)) say(`trade ${trade.id} is stored twice`)
    byId.set(trade.id, trade)
  }
  const first = truth.findIndex(({ id }) => byId.has(String(id)))
  const last = truth.findLastIndex(({ id }) => byId.has(String(id)))
  const between = first < 0 ? [] : truth.slice(first, last + 1)
  let [found, announced] = [0, 0]
  for (const trade of between) {
    const ours = byId.get(String(trade.id))
    if (ours === undefined) {
      if (gaps.some((gap) => lies(trade, gap))) announced++
      else say(`trade ${trade.id} is missing and in no gap`)
      continue
    }
    found++
    const isSame = ours.price === trade.price && ours.size === trade.size && ours.side === trade.side
    if (!isSame) say(`trade ${JSON.stringify(ours)} was truly ${JSON.stringify(trade)}`)
  }
  if (found !== byId.size) say(`${byId.size - found} stored trades never happened`)
  return { trades: between.length, announced }
}

function lies({ id, time }: TrueTrade, gap: Gap): boolean {
  if (gap.after_id !== undefined && gap.before_id !== undefined) {
    return Number(gap.after_id) < id && id < Number(gap.before_id)
  }
  return gap.from <= time * 1000 && time * 1000 <= gap.to
}

/** Frames that the exchange wrote to sockets: data, and everything else that is no ping. */
export function sent({ connections }: ReturnType<Exchange['ledger']>): { data: number; control: number } {
  let [data, control] = [0, 0]
  for (const { streams, replies } of connections) {
    control += replies
    for (const { frames } of Object.values(streams)) data += frames
  }
  return { data, control }
}

/** Messages of a stream, in the order of storage. */
export async function storedIn(url: string, stream: string): Promise<Message[]> {
  await using observer = await observe(url)
  const stored = await observer.messages(stream)
  return stored.map(({ payload }) => message.parse(payload))
}

/** What the venue's stream stands for, e.g. `btcusdt@aggTrade`: the channel that its frames become. */
export function channelOf(market: string, stream: string): string {
  const [symbol = '', name = ''] = stream.split('@')
  const type = { aggTrade: 'trade', depth: 'orderbook', bookTicker: 'ticker', kline_1m: 'kline' }[name] ?? name
  return `${type} ${market} ${symbol.toUpperCase()}`
}

/** The number that tells a stored message from its neighbours in the venue's own counting, as the ledger has it. */
export function ledgerId(m: Message): number {
  switch (m.type) {
    case 'trade':
      return Number(m.id)
    case 'orderbook':
    case 'ticker':
      return m.seq as number
    default:
      return (m.ts as number) / 1000
  }
}
