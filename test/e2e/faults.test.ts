// Each fault of the simulated exchange in turn, under a collector that publishes to JetStream: its account balances, what
// it published is true, and what is missing is announced. Time runs faster than real time, see world.ts.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Gap, Message } from '../../collector/market/messages.ts'
import { imbalance, sum, type CollectorStatus } from '../../collector/status.ts'
import type { FaultSpec } from '../exchange/faults.ts'
import { describeWithNats, type NatsServer, startNats } from '../nats.ts'
import { type Collecting, collect, jetstream, manifest, until } from './collect.ts'
import { audit, type Compared, compare, sent, storedIn } from './proof.ts'
import { startWorld, type World } from './world.ts'

const PACE = 5
const SYMBOLS = { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT', 'SOL-USDT'] }

interface Trial {
  readonly faults: readonly FaultSpec[]
  /** Frames of the exchange that a broken connection may have swallowed; by default every one arrives. */
  readonly breaks?: true
  /** When the faults have done their work; by default when each has taken as many as it may, or its time is over. */
  readonly done?: (status: CollectorStatus, world: World) => boolean
  /** What is to be seen of it. */
  readonly shows: (outcome: Outcome) => void
}

interface Outcome {
  readonly status: CollectorStatus
  readonly stored: readonly Message[]
  readonly gaps: readonly Gap[]
  readonly compared: Compared
  /** Trades fetched by REST. */
  readonly filled: number
  readonly refused: number
  readonly repeated: number
}

const reasons = (gaps: readonly Gap[], of?: Gap['of']) => [
  ...new Set(gaps.filter((gap) => of === undefined || gap.of === of).map((gap) => gap.reason)),
]

const TRIALS: Record<string, Trial> = {
  'dropped trades are fetched by REST': {
    faults: [{ kind: 'drop', stream: '*@aggTrade', probability: 0.5, next: 20 }],
    shows: ({ gaps, filled, compared }) => {
      expect([gaps, compared.announced]).toEqual([[], 0])
      expect(filled).toBeGreaterThanOrEqual(10)
    },
  },
  'dropped deltas of a book are a gap, and a snapshot follows': {
    faults: [{ kind: 'drop', stream: '*@depth*', probability: 0.2, next: 8 }],
    shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['sequence']),
  },
  'duplicated frames are taken once': {
    faults: [{ kind: 'duplicate', probability: 0.5, next: 200 }],
    shows: ({ gaps, repeated }) => {
      expect(gaps).toEqual([])
      expect(repeated).toBe(200)
    },
  },
  'trades out of order are all there': {
    faults: [{ kind: 'reorder', stream: '*@aggTrade', probability: 0.5, next: 20 }],
    shows: ({ compared }) => expect(compared.announced).toBe(0),
  },
  'deltas out of order are a gap, and a snapshot follows': {
    faults: [{ kind: 'reorder', stream: '*@depth*', probability: 0.2, next: 8 }],
    shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['sequence']),
  },
  'corrupt frames are refused': {
    faults: [{ kind: 'corrupt', probability: 0.2, next: 60, bytes: 100 }],
    shows: ({ refused }) => expect(refused).toBe(60),
  },
  'truncated frames are refused': {
    faults: [{ kind: 'truncate', probability: 0.2, next: 60 }],
    shows: ({ refused }) => expect(refused).toBe(60),
  },
  'delayed frames are late and nothing else': {
    faults: [{ kind: 'delay', ms: 3_000, seconds: 5 }],
    shows: ({ gaps }) => expect(gaps).toEqual([]),
  },
  'sockets that answer pings and send nothing are replaced': {
    faults: [{ kind: 'stall' }],
    done: ({ sessions }) => sessions.every(({ planned }) => planned > 0),
    shows: ({ gaps, compared }) => {
      expect(reasons(gaps)).toContain('stale')
      expect(compared.announced).toBe(0)
    },
  },
  'half-open sockets are noticed': {
    faults: [{ kind: 'stall', pongs: false }],
    breaks: true,
    done: ({ sessions }) => sessions.every(({ lost }) => lost > 0),
    shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['disconnect']),
  },
  ...Object.fromEntries(
    ([1000, 1001, 1006, 1008] as const).map((code) => [
      `sockets closed with ${code} are opened again`,
      {
        faults: [{ kind: 'close', code }],
        breaks: true,
        done: ({ sessions }: CollectorStatus) => sessions.every(({ lost }) => lost > 0),
        shows: ({ gaps }: Outcome) => {
          expect(reasons(gaps)).toEqual(['disconnect'])
          expect(reasons(gaps, 'trade')).toEqual([])
        },
      } satisfies Trial,
    ]),
  ),
}

describeWithNats('a fault of the exchange', () => {
  let nats: NatsServer
  beforeAll(async () => {
    nats = await startNats()
  })
  afterAll(() => nats[Symbol.asyncDispose]())

  it.concurrent.each(Object.keys(TRIALS))('%s', async (name) => {
    const trial = TRIALS[name] as Trial
    const stream = `T${Object.keys(TRIALS).indexOf(name)}`
    await using world = await startWorld(PACE, { symbols: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'], rate: 30, levels: 60 })
    const { exchange, clock } = world
    const wanted = { symbols: SYMBOLS, sink: jetstream(nats.url, stream) }
    await using collecting = await collect(manifest(exchange, wanted), clock)
    await collecting.until('all channels are live', isLive)
    const ids = trial.faults.map((fault) => exchange.faults.add(fault))
    await collecting.until('the faults have done their work', (status) => {
      if (trial.done !== undefined) return trial.done(status, world)
      return exchange.faults.list().every(({ id }) => !ids.includes(id))
    })
    exchange.faults.clear()
    await goesOn(collecting)
    world.freeze()
    const { data, control } = sent(exchange.ledger())
    await collecting.until('all frames are read', ({ ledger, sessions }) => {
      return trial.breaks === true || ledger.framesReceived === data + control
    })
    const status = await collecting.close()
    expect(imbalance(status.ledger)).toEqual([])
    expect(status.ledger.messagesSpooled).toBe(0)

    const stored = await storedIn(nats.url, stream)
    expect(stored.length).toBe(status.ledger.messagesAcknowledged)
    const compared = compare(stored, exchange.truth)
    expect(compared.wrong).toEqual([])
    expect(compared.books).toBeGreaterThan(100)
    expect(compared.trades).toBeGreaterThan(50)
    const { code, report } = await audit('--stream', stream, '--nats', nats.url)
    expect([report.findings, code]).toEqual([[], 0])

    const gaps = stored.filter((m) => m.type === 'gap')
    trial.shows({
      status,
      stored,
      gaps,
      compared,
      filled: stored.filter((m) => m.type === 'trade' && m.filled).length,
      refused: sum(status.ledger.framesRefused),
      repeated: status.channels.reduce((n, c) => n + c.repeated, 0),
    })
  })
})

function isLive({ channels }: CollectorStatus): boolean {
  return channels.length > 0 && channels.every(({ state, inSync }) => state === 'live' && inSync !== false)
}

/** Waits until everything is live and each channel has made more messages than it has now. */
async function goesOn(collecting: Collecting): Promise<void> {
  const before = collecting.running.status().channels.map(({ made }) => made)
  await collecting.until('all channels go on', (status) => {
    return (
      isLive(status) && status.channels.every(({ made, type }, i) => type === 'kline' || made > (before[i] as number))
    )
  })
}
