// What was stored, held against what the exchange knows to be true and what it says it sent.
import { ConsumerBook, compareDecimals } from '../../collector/book/consumer.ts'
import { auditCommand } from '../../collector/audit/command.ts'
import { continuity } from '../../collector/exchanges/registry.ts'
import { type Gap, type Message, message, type OrderBook, type Trade } from '../../collector/market/messages.ts'
import type { Report } from '../../collector/quality/audit/report.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { TrueBook, TrueTrade } from '../exchange/venue.ts'
import { observe } from '../stored.ts'
import { differenceOf } from '../support/differ.ts'

/**
 * What `marketprism audit --json` says, and its exit code.
 * @throws Error when it reports nothing
 */
export async function audit(...args: string[]): Promise<{ code: number; report: Report; error: string }> {
  let [out, error] = ['', '']
  const io = {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (error += text) },
  }
  const code = await auditCommand([...args, '--json'], io, continuity)
  if (out === '') throw new Error(`audit ends with ${code}: ${error}`)
  return { code, report: JSON.parse(out) as Report, error }
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

/** Holds messages of one exchange, in the order of storage, against the truth of the exchange they came from. */
export function compare(messages: readonly Message[], truth: Exchange['truth']): Compared {
  const wrong: string[] = []
  let [books, trades, announced] = [0, 0, 0]
  for (const [name, own] of Map.groupBy(messages, (m) => `${m.market} ${m.symbol}`)) {
    const { market } = own[0] as Message
    const side = truth[market]
    const say = (text: string) => wrong.push(`${name}: ${text}`)
    const listed = own.find((m) => m.type === 'instrument')
    if (listed === undefined) {
      say('no message says what instrument it is')
      continue
    }
    const gaps = own.filter((m) => m.type === 'gap')
    const bookMessages = own.filter((m) => m.type === 'orderbook')
    books += compareBook(bookMessages, (seq) => side.bookAt(listed.venue_symbol, seq), say)
    const stored = own.filter((m) => m.type === 'trade')
    const tradeGaps = gaps.filter((gap) => gap.of === 'trade')
    const counts = compareTrades(stored, tradeGaps, side.trades(listed.venue_symbol), say)
    trades += counts.trades
    announced += counts.announced
  }
  return { books, trades, announced, wrong }
}

type BookAt = (seq: number) => Pick<TrueBook, 'bids' | 'asks'> | undefined

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

function compareTrades(
  stored: readonly Trade[],
  gaps: readonly Gap[],
  truth: readonly TrueTrade[],
  say: (text: string) => void,
): { trades: number; announced: number } {
  const byNumber = new Map<number, Trade>()
  for (const trade of stored) {
    if (byNumber.has(numberOf(trade))) say(`trade ${numberOf(trade)} is stored twice`)
    byNumber.set(numberOf(trade), trade)
  }
  const first = truth.findIndex(({ id }) => byNumber.has(id))
  const last = truth.findLastIndex(({ id }) => byNumber.has(id))
  const between = first < 0 ? [] : truth.slice(first, last + 1)
  let [found, announced] = [0, 0]
  for (const trade of between) {
    const ours = byNumber.get(trade.id)
    if (ours === undefined) {
      if (gaps.some((gap) => lies(trade, gap))) announced++
      else say(`trade ${trade.id} is missing and in no gap`)
      continue
    }
    found++
    const { price, size, raw_size: raw = size, side } = ours
    const isSame = !compareDecimals(price, trade.price) && !compareDecimals(raw, trade.size) && side === trade.side
    if (!isSame) say(`trade ${JSON.stringify(ours)} was truly ${JSON.stringify(trade)}`)
  }
  if (found !== byNumber.size) say(`${byNumber.size - found} stored trades never happened`)
  return { trades: between.length, announced }
}

/** The times of a gap are those that the exchange said, which may be ahead of its true ones, or behind. */
const SKEW_US_MAX = 10_000_000

/** The number of a trade that rises by one. */
function numberOf({ id, seq }: Trade): number {
  return seq ?? Number(id)
}

function lies({ id, time }: TrueTrade, gap: Gap): boolean {
  const after = gap.after_seq ?? gap.after_id
  const before = gap.before_seq ?? gap.before_id
  if (after !== undefined && before !== undefined) {
    // Where numbering began anew: the end of the old one, and the beginning of the new one.
    const isRestart = Number(before) <= Number(after)
    return isRestart ? id > Number(after) || id < Number(before) : Number(after) < id && id < Number(before)
  }
  return gap.from - SKEW_US_MAX <= time * 1000 && time * 1000 <= gap.to + SKEW_US_MAX
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

/** The number that tells a stored message from its neighbours in the venue's own counting, as the ledger has it. */
export function ledgerId(m: Message): number {
  switch (m.type) {
    case 'trade':
      return numberOf(m)
    case 'orderbook':
      return m.seq
    case 'ticker':
      return m.seq ?? (m.ts as number) / 1000
    default:
      return (m.ts as number) / 1000
  }
}
