// Each fault of the simulated exchange in turn, under a collector that publishes to JetStream: its account balances, what
// it published is true, and what is missing is announced. Time runs faster than real time, see world.ts.
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { Gap } from '../../collector/market/messages.ts'
import { imbalance, sum, type CollectorStatus } from '../../collector/status.ts'
import type { FaultSpec } from '../exchange/faults.ts'
import { describeWithNats, type NatsServer, startNats } from '../nats.ts'
import { type Collecting, collect, jetstream, manifest } from './collect.ts'
import { audit, type Compared, compare, sent, storedIn } from './proof.ts'
import { startWorld, type World } from './world.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Slow enough for a busy machine, where waits that have a maximum pass quickly. */
const PACE = 2
const SYMBOLS = { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT', 'SOL-USDT'] }

interface Trial {
  readonly faults?: readonly FaultSpec[]
  /** What the exchange does by itself. */
  readonly act?: (world: World) => void
  /** So many times faster than real time; PACE by default. */
  readonly pace?: number
  /** When the faults may begin; as soon as all channels are live by default. */
  readonly ready?: (status: CollectorStatus) => boolean
  /** Frames of the exchange that a broken connection may have swallowed; by default every one arrives. */
  readonly breaks?: true
  /** When the faults have done their work; by default when each has taken as many as it may, or its time is over. */
  readonly done?: (status: CollectorStatus, world: World) => boolean
  /** What is to be seen of it. */
  readonly shows: (outcome: Outcome) => void
}

interface Outcome {
  readonly status: CollectorStatus
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

/** Texts that no venue sends, for every channel and for one. */
const HOSTILE = [
  '{"stream":"btcusdt@aggTrade","data":',
  '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTC.*>\\r\\nUSDT","a":1,"p":"1","q":"1","T":1,"m":true}}',
  '{"stream":"btcusdt@aggTrade","data":{"__proto__":{"e":"aggTrade"},"constructor":1}}',
  '{"stream":"\\u001b[2J","data":{"e":"\\u0007"}}',
  '\u001b]0;title\u0007',
  '',
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
    pace: 10,
    // Without a history of its own no channel is taken for dead.
    ready: ({ channels }) => channels.every(({ type, made }) => type !== 'trade' || made > 25),
    done: ({ sessions }) => sessions.every(({ planned }) => planned > 0),
    shows: ({ gaps, compared }) => {
      expect(reasons(gaps)).toContain('stale')
      expect(compared.announced).toBe(0)
    },
  },
  'half-open sockets are noticed': {
    faults: [{ kind: 'stall', pongs: false }],
    pace: 5,
    breaks: true,
    done: ({ sessions }) => sessions.every(({ lost }) => lost > 0),
    shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['disconnect']),
  },
  'sockets closed with 1000 are opened again': closed(1000),
  'sockets closed with 1001 are opened again': closed(1001),
  'sockets closed with 1006 are opened again': closed(1006),
  'sockets closed with 1008 are opened again': closed(1008),
  'connections that are refused are tried until they are not': {
    faults: [
      { kind: 'refuse', next: 3 },
      { kind: 'refuse', status: 503, next: 3 },
      { kind: 'close', code: 1006 },
    ],
    breaks: true,
    done: ({ sessions }, { exchange }) => exchange.ledger().refused === 6 && sessions.every(({ lost }) => lost > 0),
    shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['disconnect']),
  },
  'REST that answers 429 is left alone for as long as it says': limited(429),
  'REST that answers 418 is left alone for as long as it says': limited(418),
  'REST that fails is asked again': {
    faults: [
      { kind: 'rest', status: 503, next: 3 },
      { kind: 'drop', stream: 'btcusdt@depth*', next: 2 },
    ],
    shows: ({ gaps, status }) => {
      expect(reasons(gaps)).toEqual(['sequence'])
      expect(status.addresses.reduce((n, { failures }) => n + failures, 0)).toBe(3)
    },
  },
  'REST that hangs is given up and asked again': {
    pace: 5,
    faults: [
      { kind: 'rest', hang: true, next: 2 },
      { kind: 'drop', stream: 'btcusdt@depth*', next: 2 },
    ],
    shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['sequence']),
  },
  'trade ids that nobody gets are announced one by one': {
    faults: [{ kind: 'sequence_gap', symbol: '*USDT', of: 'trade', count: 7 }],
    done: ({ ledger }) => ledger.gaps >= 4,
    shows: ({ gaps }) => {
      expect(gaps.map(({ of, reason, missing }) => [of, reason, missing])).toEqual(
        Array.from({ length: 4 }, () => ['trade', 'sequence', 7]),
      )
    },
  },
  'changes of a book that reach nobody are a gap, and a snapshot follows': {
    faults: [{ kind: 'sequence_gap', symbol: '*USDT', of: 'orderbook', count: 30 }],
    done: ({ ledger }) => ledger.gaps >= 4,
    shows: ({ gaps }) => {
      expect(gaps.map(({ of, reason }) => [of, reason])).toEqual(
        Array.from({ length: 4 }, () => ['orderbook', 'sequence']),
      )
    },
  },
  'trades that are numbered anew go on after a gap': {
    faults: [{ kind: 'sequence_restart', symbol: '*USDT', of: 'trade' }],
    done: ({ ledger }) => ledger.gaps >= 4,
    shows: ({ gaps }) => expect([gaps.length, reasons(gaps)]).toEqual([4, ['sequence_restart']]),
  },
  'books that are numbered anew go on after a gap': {
    faults: [{ kind: 'sequence_restart', symbol: '*USDT', of: 'orderbook' }],
    done: ({ ledger }) => ledger.gaps >= 4,
    shows: ({ gaps }) => expect(reasons(gaps, 'orderbook')).toEqual(['sequence_restart']),
  },
  'a venue whose clock is ahead changes nothing but its times': {
    faults: [{ kind: 'clock_skew', ms: 60_000 }],
    done: ({ channels }) => channels.every(({ type, made }) => type !== 'trade' || made > 20),
    shows: ({ gaps }) => expect(gaps).toEqual([]),
  },
  'a venue that is about to go away is left in time': {
    act: ({ exchange }) => exchange.shutdownNotice(),
    breaks: true,
    done: ({ sessions }) => sessions.every(({ market, planned }) => market !== 'spot' || planned === 1),
    shows: ({ gaps, compared }) => expect([gaps, compared.announced]).toEqual([[], 0]),
  },
  'frames that are not of the protocol are refused, and the channels go on': {
    faults: HOSTILE.map((text) => ({ kind: 'inject', text })),
    act: ({ exchange }) => {
      exchange.faults.add({ kind: 'inject', text: '[', repeat: 100_000 })
      exchange.faults.add({ kind: 'inject', text: '{}', binary: true })
    },
    breaks: true,
    done: ({ ledger: { framesRefused } }) => framesRefused['binary'] === 3 && sum(framesRefused) >= 9,
    shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['malformed']),
  },
  'a frame too large to hold ends its socket': {
    faults: [{ kind: 'inject', stream: '*@aggTrade', text: 'x', repeat: 5_000_000 }],
    breaks: true,
    done: ({ sessions }) => sessions.filter(({ lost }) => lost === 1).length === 2,
    shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['disconnect']),
  },
}

function closed(code: 1000 | 1001 | 1006 | 1008): Trial {
  return {
    faults: [{ kind: 'close', code }],
    breaks: true,
    done: ({ sessions }) => sessions.every(({ lost }) => lost > 0),
    shows: ({ gaps, filled }) => {
      expect(reasons(gaps)).toEqual(['disconnect'])
      expect(reasons(gaps, 'trade')).toEqual([])
      expect(filled).toBeGreaterThan(0)
    },
  }
}

/** A book that has to be asked for while the address is shut out for two seconds. */
function limited(status: 429 | 418): Trial {
  return {
    faults: [
      { kind: 'rest', path: '*depth', status, retryAfterSeconds: 2, next: 2 },
      { kind: 'drop', stream: 'btcusdt@depth*', next: 2 },
    ],
    shows: ({ gaps, status: { addresses } }) => {
      expect(reasons(gaps)).toEqual(['sequence'])
      expect(addresses.reduce((n, { failures }) => n + failures, 0)).toBe(2)
    },
  }
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
    const options = { symbols: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'], rate: 60, levels: 60 }
    await using world = await startWorld(trial.pace ?? PACE, options)
    const status = await undergo(trial, world, jetstream(nats.url, stream))
    expect(imbalance(status.ledger)).toEqual([])
    expect(status.ledger.messagesSpooled).toBe(0)

    const stored = await storedIn(nats.url, stream)
    expect(stored.length).toBe(status.ledger.messagesAcknowledged)
    const compared = compare(stored, world.exchange.truth)
    expect(compared.wrong).toEqual([])
    expect(compared.books).toBeGreaterThan(40)
    expect(compared.trades).toBeGreaterThan(20)
    const { code, report } = await audit('--stream', stream, '--nats', nats.url)
    expect([report.findings, code]).toEqual([[], 0])

    trial.shows({
      status,
      gaps: stored.filter((m) => m.type === 'gap'),
      compared,
      filled: stored.filter((m) => m.type === 'trade' && m.filled).length,
      refused: sum(status.ledger.framesRefused),
      repeated: status.channels.reduce((n, c) => n + c.repeated, 0),
    })
  })
})

/** Collects, lets the faults act, waits until everything goes on without them, and ends with all frames read. */
async function undergo(trial: Trial, world: World, sink: object): Promise<CollectorStatus> {
  const { exchange, clock } = world
  await using collecting = await collect(manifest(exchange, { symbols: SYMBOLS, sink }), clock)
  await collecting.until('all channels are live', (status) => isLive(status) && (trial.ready?.(status) ?? true))
  const ids = (trial.faults ?? []).map((fault) => exchange.faults.add(fault))
  trial.act?.(world)
  await collecting.until('the faults have done their work', (status) => {
    if (trial.done !== undefined) return trial.done(status, world)
    return exchange.faults.list().every(({ id }) => !ids.includes(id))
  })
  exchange.faults.clear()
  await goesOn(collecting)
  world.freeze()
  const { data, control } = sent(exchange.ledger())
  await collecting.until('all frames are read', ({ ledger }) => {
    return trial.breaks === true || ledger.framesReceived === data + control
  })
  return collecting.close()
}

function isLive({ channels }: CollectorStatus): boolean {
  return channels.length === 16 && channels.every(({ state, inSync }) => state === 'live' && inSync !== false)
}

/** Waits until everything is live and each channel has made more messages than it has now. */
async function goesOn(collecting: Collecting): Promise<void> {
  const before = collecting.running.status().channels.map(({ made }) => made)
  await collecting.until('all channels go on', (status) => {
    return isLive(status) && status.channels.every(({ made }, i) => made > (before[i] as number))
  })
}
