// Each fault of a simulated exchange in turn, under a collector that publishes to JetStream: its account balances, what
// it published is true, and what is missing is announced. Time runs faster than real time, see world.ts.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Market } from '../../crds/names.ts'
import type { Gap, Message } from '../../collector/market/messages.ts'
import { imbalance, sum, type CollectorStatus, type SessionStatus } from '../../collector/status.ts'
import type { FaultSpec } from '../exchange/faults.ts'
import { describeWithNats, type NatsServer, startNats } from '../nats.ts'
import { type Collecting, collect, jetstream, manifest, type Simulated, type WantedFeeds } from './collect.ts'
import { audit, type Compared, compare, sent, storedIn } from './proof.ts'
import { startWorld, type World } from './world.ts'

/** Slow enough for a busy machine, where waits that have a maximum pass quickly. */
const PACE = 2
/** Longer than missed trades are waited for. */
const CALM_MS = 6_000
/** An exchange, what is collected of it, and how it names things. Four symbols, each with four types. */
export interface Venue extends WantedFeeds {
  readonly exchange: Simulated
  /** As the exchange names them. */
  readonly venueSymbols: readonly string[]
  /** Where its time begins; now by default. */
  readonly startTime?: number
  /** Streams of trades and of books. */
  readonly trades: string
  readonly books: string
  /** REST that has to be asked, and what has it asked. */
  readonly rest: { readonly path: string; readonly provoke: FaultSpec; readonly reasons: readonly Gap['reason'][] }
  /** What is said of books that are numbered anew: one of these, or nothing where nothing is missing. */
  readonly renumbered: readonly Gap['reason'][]
  /** Texts that the exchange never sends, for every channel and for one. */
  readonly hostile: readonly string[]
  /** Which sockets are told that the exchange is about to go away; none where it does not say so. */
  readonly told?: (session: SessionStatus) => boolean
  /** Trials that are for this one only. */
  readonly more?: Readonly<Record<string, Trial>>
}

export interface Trial {
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
  /** For so long it goes on after the faults, ms of its own time: so that what was missed comes, however late. */
  readonly calmMs?: number
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

function trialsOf(venue: Venue): Record<string, Trial> {
  const { trades, books, rest, hostile, told, more } = venue
  const restFails = (fault: object, failures: number): Trial => ({
    faults: [{ kind: 'rest', path: rest.path, ...fault } as FaultSpec, rest.provoke],
    calmMs: CALM_MS,
    shows: ({ gaps, status }) => {
      expect(reasons(gaps)).toEqual(rest.reasons)
      expect(status.addresses.reduce((n, address) => n + address.failures, 0)).toBe(failures)
    },
  })
  return {
    'dropped trades are fetched by REST': {
      faults: [{ kind: 'drop', stream: trades, probability: 0.5, next: 20 }],
      calmMs: CALM_MS,
      shows: ({ gaps, filled, compared }) => {
        expect([gaps, compared.announced]).toEqual([[], 0])
        expect(filled).toBeGreaterThanOrEqual(10)
      },
    },
    'dropped deltas of a book are a gap, and a snapshot follows': {
      faults: [{ kind: 'drop', stream: books, probability: 0.2, next: 8 }],
      shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['sequence']),
    },
    'duplicated frames are taken once': {
      faults: [{ kind: 'duplicate', probability: 0.5, next: 200 }],
      shows: ({ gaps, repeated }) => {
        expect(gaps).toEqual([])
        // What repeats itself anyway is counted, too.
        expect(repeated).toBeGreaterThanOrEqual(200)
      },
    },
    'trades out of order are all there': {
      faults: [{ kind: 'reorder', stream: trades, probability: 0.5, next: 20 }],
      shows: ({ compared }) => expect(compared.announced).toBe(0),
    },
    'deltas out of order are a gap, and a snapshot follows': {
      faults: [{ kind: 'reorder', stream: books, probability: 0.2, next: 8 }],
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
      // How many trades can be filled at this pace depends on the venue's budget for REST.
      shows: ({ gaps }) => expect(reasons(gaps)).toContain('stale'),
    },
    'half-open sockets are noticed': {
      faults: [{ kind: 'stall', pongs: false }],
      pace: 5,
      breaks: true,
      // Where its channels are missed first, a socket is replaced before it is found dead.
      done: ({ sessions }) => sessions.every(({ lost, planned }) => lost + planned > 0),
      shows: ({ gaps }) =>
        expect(reasons(gaps).filter((reason) => !['disconnect', 'stale'].includes(reason))).toEqual([]),
    },
    'sockets closed with 1006 are opened again': closed(1006),
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
    'REST that answers 429 is left alone for as long as it says': restFails(
      { status: 429, retryAfterSeconds: 2, next: 2 },
      2,
    ),
    'REST that fails is asked again': restFails({ status: 503, next: 3 }, 3),
    'REST that hangs is given up and asked again': {
      pace: 5,
      faults: [{ kind: 'rest', path: rest.path, hang: true, next: 2 }, rest.provoke],
      calmMs: 2 * CALM_MS,
      shows: ({ gaps }) => expect(reasons(gaps)).toEqual(rest.reasons),
    },
    'trade ids that nobody gets are announced one by one': {
      faults: [{ kind: 'sequence_gap', of: 'trade', count: 7 }],
      done: ({ ledger }) => ledger.gaps >= 4,
      shows: ({ gaps }) => {
        expect(gaps.map(({ of, reason, missing }) => [of, reason, missing])).toEqual(
          Array.from({ length: 4 }, () => ['trade', 'sequence', 7]),
        )
      },
    },
    'changes of a book that reach nobody are a gap, and a snapshot follows': {
      faults: [{ kind: 'sequence_gap', of: 'orderbook', count: 30 }],
      done: ({ ledger }) => ledger.gaps >= 4,
      shows: ({ gaps }) => {
        expect(gaps.map(({ of, reason }) => [of, reason])).toEqual(
          Array.from({ length: 4 }, () => ['orderbook', 'sequence']),
        )
      },
    },
    'trades that are numbered anew go on after a gap': {
      faults: [{ kind: 'sequence_restart', of: 'trade' }],
      done: ({ ledger }) => ledger.gaps >= 4,
      shows: ({ gaps }) => expect([gaps.length, reasons(gaps)]).toEqual([4, ['sequence_restart']]),
    },
    'books that are numbered anew go on': {
      faults: [{ kind: 'sequence_restart', of: 'orderbook' }],
      calmMs: CALM_MS,
      shows: ({ gaps }) => {
        expect(reasons(gaps, 'orderbook').filter((reason) => !venue.renumbered.includes(reason))).toEqual([])
      },
    },
    'a venue whose clock is ahead changes nothing but its times': {
      faults: [{ kind: 'clock_skew', ms: 60_000 }],
      done: ({ channels }) => channels.every(({ type, made }) => type !== 'trade' || made > 20),
      shows: ({ gaps }) => expect(gaps).toEqual([]),
    },
    ...(told && {
      'a venue that is about to go away is left in time': {
        act: ({ exchange }) => exchange.shutdownNotice(),
        breaks: true,
        done: ({ sessions }) => sessions.every((session) => !told(session) || session.planned === 1),
        shows: ({ gaps, compared }) => expect([gaps, compared.announced]).toEqual([[], 0]),
      },
    }),
    'frames that are not of the protocol are refused, and the channels go on': {
      faults: hostile.map((text) => ({ kind: 'inject', text })),
      act: ({ exchange }) => {
        exchange.faults.add({ kind: 'inject', text: '[', repeat: 100_000 })
        exchange.faults.add({ kind: 'inject', text: '{}', binary: true })
      },
      breaks: true,
      done: ({ ledger: { framesRefused }, sessions }) => {
        return framesRefused['binary'] === sessions.length && sum(framesRefused) >= 3 * sessions.length
      },
      shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['malformed']),
    },
    'a frame too large to hold ends its socket': {
      faults: [{ kind: 'inject', stream: trades, text: 'x', repeat: 5_000_000 }],
      breaks: true,
      done: ({ sessions }) => sessions.some(({ lost }) => lost === 1),
      shows: ({ gaps }) => expect(reasons(gaps)).toEqual(['disconnect']),
    },
    ...more,
  }
}

export function closed(code: 1000 | 1001 | 1006 | 1008): Trial {
  return {
    faults: [{ kind: 'close', code }],
    breaks: true,
    done: ({ sessions }) => sessions.every(({ lost }) => lost > 0),
    calmMs: CALM_MS,
    shows: ({ gaps, compared }) => {
      expect(reasons(gaps)).toEqual(['disconnect'])
      // Each trade in between came by REST.
      expect(compared.announced).toBe(0)
    },
  }
}

/** Tests of one exchange. */
export function proveFaults(venue: Venue): void {
  describeWithNats(`a fault of ${venue.exchange}`, () => {
    const trials = trialsOf(venue)
    let nats: NatsServer
    let streams = 0
    beforeAll(async () => {
      nats = await startNats()
    })
    afterAll(() => nats[Symbol.asyncDispose]())

    it.concurrent.each(Object.keys(trials))('%s', { timeout: 60_000 }, async (name) => {
      // Another one each time: a trial that is tried once more would find what the first try stored.
      streams += 1
      await prove(venue, trials[name] as Trial, nats.url, `T${streams}`)
    })
  })
}

function channelName({ type, market, symbol }: { type: string; market: string; symbol: string }): string {
  return `${type} ${market} ${symbol}`
}

async function prove(venue: Venue, trial: Trial, natsUrl: string, stream: string): Promise<void> {
  const { exchange, venueSymbols, symbols, startTime } = venue
  const options = { exchange, markets: Object.keys(symbols) as Market[], symbols: venueSymbols, rate: 60, levels: 60 }
  const time = startTime === undefined ? {} : { startTime }
  await using world = await startWorld(trial.pace ?? PACE, { ...options, ...time })
  const status = await undergo(venue, trial, world, jetstream(natsUrl, stream))
  expect(imbalance(status.ledger)).toEqual([])
  expect(status.ledger.messagesSpooled).toBe(0)

  const stored = await storedIn(natsUrl, stream)
  const counts = (all: readonly Message[]) => {
    return Object.fromEntries([...Map.groupBy(all, channelName)].map(([name, messages]) => [name, messages.length]))
  }
  const carriedTypes = new Set(status.channels.map(({ type }) => type as string))
  const acknowledged = status.channels.filter((c) => c.acknowledged > 0).map((c) => [channelName(c), c.acknowledged])
  expect(counts(stored.filter(({ type }) => carriedTypes.has(type)))).toEqual(Object.fromEntries(acknowledged))
  const compared = compare(stored, world.exchange.truth)
  expect(compared.wrong).toEqual([])
  expect(compared.books).toBeGreaterThan(40)
  expect(compared.trades).toBeGreaterThan(20)
  const { code, report } = await audit('--stream', stream, '--nats', natsUrl)
  expect([report.findings, code]).toEqual([[], 0])

  trial.shows({
    status,
    gaps: stored.filter((m) => m.type === 'gap'),
    compared,
    filled: stored.filter((m) => m.type === 'trade' && m.filled).length,
    refused: sum(status.ledger.framesRefused),
    repeated: status.channels.reduce((n, c) => n + c.repeated, 0),
  })
}

/** Collects, lets the faults act, waits until everything goes on without them, and ends with all frames read. */
async function undergo(venue: Venue, trial: Trial, world: World, sink: object): Promise<CollectorStatus> {
  const { exchange, clock } = world
  await using collecting = await collect(manifest(exchange, { ...venue, sink }), clock)
  await collecting.until('all channels are live', (status) => isLive(status) && (trial.ready?.(status) ?? true))
  const ids = (trial.faults ?? []).map((fault) => exchange.faults.add(fault))
  trial.act?.(world)
  await collecting.until('the faults have done their work', (status) => {
    if (trial.done !== undefined) return trial.done(status, world)
    return exchange.faults.list().every(({ id }) => !ids.includes(id))
  })
  exchange.faults.clear()
  await goesOn(collecting)
  const since = clock.nowMs()
  await collecting.until('all is calm', () => clock.nowMs() >= since + (trial.calmMs ?? 0))
  world.freeze()
  await collecting.until('all frames are read', ({ ledger }) => {
    // Answers to what was asked are still given.
    const { data, control } = sent(exchange.ledger())
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
