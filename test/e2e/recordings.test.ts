// The recorded Binance sessions through the front door: simulated exchange, sockets, collector, JetStream, audit; and every
// frame accounted for. docs/recordings.md has the figures and their reasons.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Message } from '../../collector/market/messages.ts'
import { imbalance, type Ledger } from '../../collector/status.ts'
import { startExchange } from '../exchange/exchange.ts'
import type { FaultSpec } from '../exchange/faults.ts'
import { describeWithNats, type NatsServer, startNats } from '../nats.ts'
import { collect, jetstream, manifest } from './collect.ts'
import { audit, channelOf, compare, ledgerId, sent, storedIn } from './proof.ts'

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

interface Session {
  readonly file: string
  readonly market: 'spot' | 'perpetual'
  readonly symbols: readonly string[]
  readonly frames: number
  /** Book frames that are no later than their snapshot. */
  readonly oldDeltas: number
}

const SESSIONS: readonly Session[] = [
  {
    file: 'BINANCE',
    market: 'spot',
    symbols: ['NKN-USDT', 'BLZ-ETH', 'LRC-BTC', 'RUNE-EUR'],
    frames: 265,
    oldDeltas: 5,
  },
  {
    file: 'BINANCE_FUTURES',
    market: 'perpetual',
    symbols: ['SUSHI-USDT', 'AKRO-USDT', 'KEEP-USDT', 'CTK-USDT'],
    frames: 1535,
    oldDeltas: 15,
  },
]

/** Plays a session into a stream of its own. */
async function replay({ file, market, symbols }: Session, natsUrl: string, faults: readonly FaultSpec[] = []) {
  const exchange = await startExchange({ recordings: [resolve(FOLDER, file)], speed: SPEED, faults })
  const name = `${market.toUpperCase()}_${faults.length}`
  try {
    const wanted = { symbols: { [market]: symbols }, orderbook: { depth: 400 }, sink: jetstream(natsUrl, name) }
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
    return { end, counts, ledger: exchange.ledger({ ids: true }), truth: exchange.truth, audited, stored }
  } finally {
    await exchange.close()
  }
}

type Replayed = Awaited<ReturnType<typeof replay>>

const [describeRecorded, name] = existsSync(FOLDER)
  ? [describeWithNats, 'a recorded session of Binance']
  : [describe.skip, 'a recorded session of Binance (skipped, there is no ../shared/recordings)']

describeRecorded(name, () => {
  const played = new Map<Session, Replayed>()
  let nats: NatsServer

  beforeAll(async () => {
    nats = await startNats()
    await Promise.all(SESSIONS.map(async (session) => played.set(session, await replay(session, nats.url))))
  })

  afterAll(() => nats[Symbol.asyncDispose]())

  describe.each(SESSIONS)('$market', (session) => {
    const own = () => played.get(session) as Replayed

    it('is accounted for in the ledger of the exchange and the summary, to the last frame and message', () => {
      const { end, counts, stored } = own()
      expect(counts.data).toBe(session.frames)
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
      const made = new Map(end.channels.map((c) => [`${c.type} ${c.symbol}`, c.made]))
      for (const { subject, messages, duplicates, late, broken, unread, book } of report.channels) {
        const [, type, , , symbol] = subject.split('.')
        const counted = made.get(`${type} ${symbol}`) ?? messages
        const wanted = { subject, messages: counted, duplicates: 0, late: 0, broken: 0, unread: 0 }
        expect({ subject, messages, duplicates, late, broken, unread }).toEqual(wanted)
        if (book !== undefined) expect([subject, book.inSync, book.breaks]).toEqual([subject, 1, 0])
      }
    })

    it('has one message for each frame, but for deltas before the first snapshot of their book', () => {
      const { ledger, stored } = own()
      const channels = Map.groupBy(stored, (m) => `${m.type} ${m.market} ${m.symbol.replace('-', '')}`)
      let old = 0
      for (const { market, streams } of ledger.connections) {
        for (const [stream, { ids = [] }] of Object.entries(streams)) {
          const messages = channels.get(channelOf(market, stream)) ?? []
          const base = snapshotSeq(messages)
          old += ids.filter((id) => id <= base).length
          const made = messages.filter((m) => !isSnapshot(m)).map(ledgerId)
          expect([stream, made]).toEqual([stream, ids.filter((id) => id > base)])
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
      expect(books).toBeGreaterThan(session.symbols.length)
    })
  })
})

function isSnapshot(m: Message): boolean {
  return m.type === 'orderbook' && m.kind === 'snapshot'
}

/** Where the published book begins; below every id for other types. */
function snapshotSeq(messages: readonly Message[]): number {
  const first = messages[0]
  return first?.type === 'orderbook' && first.kind === 'snapshot' ? first.seq : -1
}
