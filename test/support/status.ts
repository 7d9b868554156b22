// A synthetic status for tests: a collector with one trade channel, one book, one session and one address, balanced.
import type { AddressStatus, ChannelStatus, CollectorStatus, SessionStatus } from '../../collector/status.ts'

const STARTED_MS = 1_790_000_000_000

/** A live channel that has made 100 messages. */
export function sampleChannel(change: Partial<ChannelStatus> = {}): ChannelStatus {
  return {
    exchange: 'binance',
    market: 'perpetual',
    symbol: 'BTC-USDT',
    type: 'trade',
    state: 'live',
    since: STARTED_MS * 1000,
    detail: undefined,
    settled: true,
    made: 100,
    acknowledged: 90,
    duplicates: 4,
    dropped: 3,
    repeated: 2,
    gaps: 1,
    failures: { badNumber: { drop: 1 }, priceJump: { flag: 2, pass: 0 } },
    perSecond: 120,
    p50: 0.0012,
    p99: 0.0048,
    age: 0.25,
    staleAfter: 30,
    ...change,
  }
}

/** An open session of the sample channel. */
export function sampleSession(change: Partial<SessionStatus> = {}): SessionStatus {
  return {
    exchange: 'binance',
    market: 'perpetual',
    url: 'wss://fstream.binance.com/market/stream',
    state: 'open',
    streams: 2,
    openedMs: STARTED_MS,
    lost: 1,
    planned: 2,
    bytes: 123_456,
    ...change,
  }
}

/** A REST address that is free and half used. */
export function sampleAddress(change: Partial<AddressStatus> = {}): AddressStatus {
  return {
    exchange: 'binance',
    host: 'fapi.binance.com',
    requests: 40,
    connections: 2,
    failures: 1,
    weightUsed: 1200,
    weightMax: 2400,
    breaker: 'closed',
    blockedUntilMs: 0,
    ...change,
  }
}

/** A collector 90 seconds after its start. */
export function sampleStatus(change: Partial<CollectorStatus> = {}): CollectorStatus {
  return {
    name: 'majors',
    startedMs: STARTED_MS,
    atMs: STARTED_MS + 90_000,
    ready: true,
    notReady: [],
    channels: [sampleChannel(), sampleChannel({ type: 'orderbook', inSync: true, perSecond: 10, age: 0.08 })],
    sessions: [sampleSession()],
    addresses: [sampleAddress()],
    sink: {
      kind: 'nats',
      connected: true,
      problem: undefined,
      lastSettledMs: STARTED_MS + 89_950,
      outstanding: 12,
      lostMs: 0,
    },
    spool: { bytesUsed: 262_144, bytesMax: 67_108_864, pending: 6 },
    ledger: {
      framesReceived: 215,
      framesData: 205,
      framesControl: 8,
      framesRefused: { malformed: 2, unknown_stream: 0 },
      messagesMade: 200,
      messagesAcknowledged: 180,
      messagesDuplicate: 8,
      messagesForeign: 0,
      messagesDropped: { spool_full: 6 },
      messagesSpooled: 6,
      gaps: 2,
    },
    lastGap: {
      channel: 'binance:perpetual:BTC-USDT:trade',
      reason: 'disconnect',
      from: STARTED_MS * 1000,
      to: (STARTED_MS + 1_000) * 1000,
    },
    ...change,
  }
}
