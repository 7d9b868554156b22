// What a running collector says of itself: the one source of /status, /readyz, /metrics, the live table and the summary.
// Made once a second from plain counters, off the hot path; readers never compute anything from live state.
import type { DataType, ExchangeName, Market } from '../crds/names.ts'
import type { Failures } from './market/guard.ts'
import type { ChannelState } from './market/messages.ts'
import type { AnnouncedGap } from './market/outlet.ts'
import type { Agreement } from './quality/best.ts'
import type { SinkStatus } from './sinks/sink.ts'

export interface ChannelStatus {
  readonly exchange: ExchangeName
  readonly market: Market
  readonly symbol: string
  readonly type: DataType
  readonly interval?: string | undefined
  readonly state: ChannelState
  /** Since when, µs since the epoch. */
  readonly since: number
  /** Why, for a person; undefined when live. */
  readonly detail: string | undefined
  /** Refused or not listed: it will not come. */
  readonly impossible?: true | undefined
  /** No feed names it: a pattern found it. */
  readonly found?: true | undefined
  /** True once it was live, or is known to be impossible or quiet: what readiness waits for. */
  readonly settled: boolean
  readonly made: number
  readonly acknowledged: number
  readonly duplicates: number
  readonly dropped: number
  readonly repeated: number
  readonly gaps: number
  /** Messages that failed checks, by check and action; empty where nothing can come. */
  readonly failures: Failures
  /** Messages in the last second. */
  readonly perSecond: number
  /** Socket read to acknowledgement in the last ten seconds, seconds; undefined without messages. */
  readonly p50: number | undefined
  readonly p99: number | undefined
  /** Seconds since the last message; undefined before the first. */
  readonly age: number | undefined
  /** Seconds of silence from which it is stale, by its own history; undefined where silence says nothing. */
  readonly staleAfter?: number | undefined
  /** Books only. */
  readonly inSync?: boolean | undefined
  /** Books whose ticker is collected, too: how often both had the same best prices, see quality/best.ts. */
  readonly best?: Readonly<Record<Agreement, number>> | undefined
}

export interface SessionStatus {
  readonly exchange: ExchangeName
  readonly market: Market
  /** Host and path, without query or credentials. */
  readonly url: string
  readonly state: 'connecting' | 'open' | 'waiting'
  readonly streams: number
  readonly openedMs: number
  /** Sockets that were lost, and sockets replaced as planned. */
  readonly lost: number
  readonly planned: number
  /** Bytes of frames received. */
  readonly bytes: number
}

export interface AddressStatus {
  readonly exchange: ExchangeName
  readonly host: string
  readonly requests: number
  /** HTTP connections opened; requests over connections says whether they are kept alive. */
  readonly connections: number
  readonly failures: number
  readonly weightUsed: number
  readonly weightMax: number
  readonly breaker: 'closed' | 'open' | 'half_open'
  /** Nothing is asked before this time, ms since the epoch; 0 when free. */
  readonly blockedUntilMs: number
}

/** What came in and what became of it. It must balance; see `imbalance`. */
export interface Ledger {
  readonly framesReceived: number
  readonly framesData: number
  readonly framesControl: number
  readonly framesRefused: Readonly<Record<string, number>>
  readonly messagesMade: number
  readonly messagesAcknowledged: number
  readonly messagesDuplicate: number
  /** Of the duplicates, those that this process had never sent before: somebody else uses the prefix. */
  readonly messagesForeign: number
  readonly messagesDropped: Readonly<Record<string, number>>
  readonly messagesSpooled: number
  readonly gaps: number
}

export interface CollectorStatus {
  readonly name: string
  /** ms since the epoch. */
  readonly startedMs: number
  readonly atMs: number
  readonly ready: boolean
  /** Why not ready, each a sentence. */
  readonly notReady: readonly string[]
  readonly channels: readonly ChannelStatus[]
  readonly sessions: readonly SessionStatus[]
  readonly addresses: readonly AddressStatus[]
  readonly sink: SinkStatus & {
    readonly kind: string
    /** For how long messages have waited without any acknowledgement. */
    readonly lostMs: number
  }
  readonly spool: { readonly bytesUsed: number; readonly bytesMax: number; readonly pending: number }
  readonly ledger: Ledger
  /** Undefined before the first. */
  readonly lastGap: AnnouncedGap | undefined
}

/** What does not add up in a ledger, each a sentence; empty when it balances. */
export function imbalance(l: Ledger): string[] {
  const out: string[] = []
  const refused = sum(l.framesRefused)
  const frames = l.framesData + l.framesControl + refused
  if (frames !== l.framesReceived) {
    out.push(`frames: ${l.framesReceived} received, but ${frames} accounted for (data + control + refused)`)
  }
  const dropped = sum(l.messagesDropped)
  const messages = l.messagesAcknowledged + l.messagesDuplicate + dropped + l.messagesSpooled
  if (messages !== l.messagesMade) {
    out.push(
      `messages: ${l.messagesMade} made, but ${messages} accounted for (acknowledged + duplicates + dropped + spooled)`,
    )
  }
  return out
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0)
}
