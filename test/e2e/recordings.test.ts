// The recorded sessions through the front door: simulated exchange, sockets, collector, JetStream, audit; and every
// frame accounted for. docs/recordings.md has the figures and their reasons.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Market } from '../../crds/names.ts'
import type { Message, OrderBook } from '../../collector/market/messages.ts'
import { imbalance, type Ledger } from '../../collector/status.ts'
import { startExchange } from '../exchange/exchange.ts'
import type { FaultSpec } from '../exchange/faults.ts'
import { describeWithNats, type NatsServer, startNats } from '../nats.ts'
import { collect, jetstream, manifest, type WantedFeeds } from './collect.ts'
import { audit, compare, ledgerId, sent, storedIn } from './proof.ts'
import { carried } from './streams.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const FOLDER = resolve(import.meta.dirname, '../../../shared/recordings')
/** 30 seconds in one and a half; snapshots come at their moments, as they did. */
const SPEED = 20

/** For the session with faults, after which a book may end while it waits for a snapshot. */
const FAULTS: readonly FaultSpec[] = [
  { kind: 'drop', probability: 0.02 },
  { kind: 'duplicate', probability: 0.02 },
  { kind: 'reorder', probability: 0.02 },
  { kind: 'truncate', probability: 0.02 },
]

interface Session extends WantedFeeds {
  readonly name: string
  readonly file: string
  readonly frames: number
  /** Texts that are no data. */
  readonly control: number
  /** Book frames that are no later than their snapshot, where that comes from REST. */
  readonly oldDeltas: number
  /** Books without numbers are numbered by their time: the exchange counts ms, the messages µs. */
  readonly isNumberedByTime?: true
  /** Messages of each type; of books only where none is old. */
  readonly messages: Partial<Record<Message['type'], number>>
}

const OPTIONS = [
  'BTC-USD-20210730-24000-P',
  'BTC-USD-20210924-8000-P',
  'BTC-USD-20210924-34000-P',
  'BTC-USD-20211231-34000-P',
  'BTC-USD-20211231-300000-C',
  'BTC-USD-20220325-30000-C',
  'BTC-USD-20220624-15000-C',
  'ETH-USD-20210723-2300-C',
  'ETH-USD-20210730-2800-C',
  'ETH-USD-20210827-4000-P',
]

const SESSIONS: readonly Session[] = [
  {
    name: 'Binance spot',
    file: 'BINANCE',
    symbols: { spot: ['NKN-USDT', 'BLZ-ETH', 'LRC-BTC', 'RUNE-EUR'] },
    frames: 265,
    control: 1,
    oldDeltas: 5,
    messages: { trade: 2, ticker: 84, kline: 2, instrument: 4 },
  },
  {
    name: 'Binance perpetual',
    file: 'BINANCE_FUTURES',
    symbols: { perpetual: ['SUSHI-USDT', 'AKRO-USDT', 'KEEP-USDT', 'CTK-USDT'] },
    frames: 1535,
    control: 2,
    oldDeltas: 15,
    messages: { trade: 91, ticker: 613, kline: 67, instrument: 4 },
  },
  {
    name: 'OKX spot, perpetual and future',
    exchange: 'okx',
    file: 'OKX',
    symbols: { spot: ['BTC-USDT'], perpetual: ['UNI-USD'], future: ['BTC-USD-20220527'] },
    types: ['trade', 'orderbook', 'ticker'],
    isNumberedByTime: true,
    frames: 392,
    control: 18,
    oldDeltas: 0,
    messages: { trade: 74, orderbook: 290, ticker: 28, instrument: 3 },
  },
  {
    name: 'Deribit option',
    exchange: 'deribit',
    file: 'DERIBIT',
    symbols: { option: OPTIONS },
    types: ['trade', 'orderbook', 'ticker', 'open_interest', 'liquidation'],
    frames: 135,
    control: 2,
    oldDeltas: 0,
    messages: { orderbook: 46, ticker: 43, open_interest: 10, instrument: 10 },
  },
]

/** Plays a session into a stream of its own. */
async function replay(session: Session, natsUrl: string, faults: readonly FaultSpec[] = []) {
  const { exchange: venue = 'binance', file, symbols } = session
  const markets = Object.keys(symbols) as Market[]
  const recordings = [resolve(FOLDER, file)]
  const exchange = await startExchange({ exchange: venue, markets, recordings, speed: SPEED, faults })
  const name = `${file}_${faults.length}`
  try {
    const wanted = { ...session, name: 'e2e', orderbook: { depth: 400 }, sink: jetstream(natsUrl, name) }
    await using collecting = await collect(manifest(exchange, wanted))
    await exchange.finished
    const isRead = ({ framesReceived }: Ledger) => {
      const { data, control } = sent(exchange.ledger())
      return framesReceived === data + control
    }
    await collecting.until('all frames are read and all books are in sync', ({ ledger, channels }) => {
      return isRead(ledger) && (faults.length > 0 || channels.every((c) => c.inSync !== false))
    })
    const counts = sent(exchange.ledger())
    const end = await collecting.close()
    const audited = await audit('--stream', name, '--nats', natsUrl)
    const stored = await storedIn(natsUrl, name)
    return {
      end,
      counts,
      ledger: exchange.ledger({ ids: true }),
      truth: exchange.truth,
      audited,
      stored: session.isNumberedByTime ? stored.map(inMs) : stored,
    }
  } finally {
    await exchange.close()
  }
}

type Replayed = Awaited<ReturnType<typeof replay>>

const [describeRecorded, name] = existsSync(FOLDER)
  ? [describeWithNats, 'a recorded session']
  : [describe.skip, 'a recorded session (skipped, there is no ../shared/recordings)']

describeRecorded(name, () => {
  const played = new Map<Session, Replayed>()
  let nats: NatsServer

  beforeAll(async () => {
    nats = await startNats()
    await Promise.all(SESSIONS.map(async (session) => played.set(session, await replay(session, nats.url))))
  })

  afterAll(() => nats[Symbol.asyncDispose]())

  describe.each(SESSIONS)('of $name', (session) => {
    const own = () => played.get(session) as Replayed

    it('is accounted for in the ledger of the exchange and the summary, to the last frame and message', () => {
      const { end, counts, stored } = own()
      expect(counts).toEqual({ data: session.frames, control: session.control })
      const byType = Object.fromEntries(
        [...Map.groupBy(stored, ({ type }) => type)].map(([type, m]) => [type, m.length]),
      )
      expect(byType).toMatchObject(session.messages)
      expect(end.ledger).toMatchObject({
        framesReceived: counts.data + counts.control,
        framesData: counts.data,
        framesControl: counts.control,
        framesRefused: { binary: 0, malformed: 0 },
        messagesMade: stored.length,
        messagesAcknowledged: stored.length,
        gaps: 0,
      })
      expect(imbalance(end.ledger)).toEqual([])
    })

    it('is whole for audit, which counts under each subject what the collector made', () => {
      const { end, audited, stored } = own()
      const { code, report } = audited
      expect([code, report.findings, report.messages]).toEqual([0, [], stored.length])
      const made = new Map(end.channels.map((c) => [`${c.type} ${c.market} ${c.symbol}`, c.made]))
      for (const { subject, messages, duplicates, late, broken, unread, book } of report.channels) {
        const [, type, , market, symbol] = subject.split('.')
        const counted = made.get(`${type} ${market} ${symbol}`) ?? messages
        const wanted = { subject, messages: counted, duplicates: 0, late: 0, broken: 0, unread: 0 }
        expect({ subject, messages, duplicates, late, broken, unread }).toEqual(wanted)
        if (book !== undefined) expect([subject, book.inSync, book.breaks]).toEqual([subject, 1, 0])
      }
    })

    it('has a message for each frame, but for deltas before the first snapshot and what repeats itself', () => {
      const { ledger, stored } = own()
      const channels = Map.groupBy(stored, (m) => `${m.type} ${m.market} ${m.symbol}`)
      const symbols = new Map(
        stored.flatMap((m) => (m.type === 'instrument' ? [[`${m.market} ${m.venue_symbol}`, m.symbol]] : [])),
      )
      let old = 0
      for (const { market, streams } of ledger.connections) {
        for (const [stream, { ids = [] }] of Object.entries(streams)) {
          const { venueSymbol, types, repeats } = carried(stream)
          for (const type of types) {
            const messages = channels.get(`${type} ${market} ${symbols.get(`${market} ${venueSymbol}`)}`) ?? []
            const isFromRest = session.oldDeltas > 0 && type === 'orderbook'
            const base = isFromRest ? (messages[0] as OrderBook).seq : -1
            old += ids.filter((id) => id <= base).length
            const made = messages.filter((m) => !isFromRest || !isSnapshot(m)).map(ledgerId)
            const told = repeats ? ids.filter((id) => made.includes(id)) : ids.filter((id) => id > base)
            expect([stream, type, made]).toEqual([stream, type, told])
          }
        }
      }
      expect(old).toBeGreaterThanOrEqual(session.oldDeltas)
    })

    it("gives each consumer the exchange's book, after every message", () => {
      const { truth, stored } = own()
      const { books, wrong } = compare(stored, truth)
      expect(wrong).toEqual([])
      expect(books).toBe(stored.filter(({ type }) => type === 'orderbook').length)
    })

    it('is as true, and what is missing announced, when frames are lost, doubled, late and broken', async () => {
      const { end, audited, stored, truth } = await replay(session, nats.url, FAULTS)
      expect(imbalance(end.ledger)).toEqual([])
      expect([audited.code, audited.report.findings]).toEqual([0, []])
      const { books, wrong } = compare(stored, truth)
      expect(wrong).toEqual([])
      expect(books).toBeGreaterThan(Object.values(session.symbols).flat().length)
    })
  })
})

/** As the exchange numbers it. */
function inMs(m: Message): Message {
  if (m.type !== 'orderbook') return m
  const before = m.prev_seq === undefined ? {} : { prev_seq: m.prev_seq / 1000 }
  return { ...m, ...before, seq: m.seq / 1000 }
}

function isSnapshot(m: Message): boolean {
  return m.type === 'orderbook' && m.kind === 'snapshot'
}
