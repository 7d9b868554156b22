// What the operator asks each pod for: the status in brief, of one size however many channels there are. Pure.
import { channelKey } from '../crds/rendezvous.ts'
import type { AnnouncedGap } from './market/outlet.ts'
import type { ChannelStatus, CollectorStatus, SessionStatus } from './status.ts'
import { printable } from './terminal/escape.ts'

const REASONS_MAX = 10
const STALE_MAX = 20
const IMPOSSIBLE_MAX = 10
const SENTENCE_MAX = 200

/** Each channel counts once. */
interface Counts {
  total: number
  live: number
  quiet: number
  stale: number
  down: number
  /** Refused or not listed: they will not come. */
  impossible: number
}

interface MarketSummary {
  /** Those that may come. */
  channels: number
  live: number
  /** Or down: silent although they should not be. */
  stale: number
  sessions: number
  sessionsOpen: number
}

export interface Summary {
  readonly name: string
  /** ms since the epoch. */
  readonly startedMs: number
  readonly atMs: number
  readonly ready: boolean
  readonly notReady: readonly string[]
  readonly channels: Readonly<Counts> & {
    /** Of all, those that only patterns find. */
    readonly found: number
  }
  /** By exchange and market, `binance:spot`: each has sockets of its own, and one may be down alone. */
  readonly markets: Readonly<Record<string, Readonly<MarketSummary>>>
  readonly sink: {
    readonly kind: string
    readonly connected: boolean
    readonly problem?: string
    /** For how long messages have waited without any acknowledgement. */
    readonly lostMs: number
  }
  readonly spool: { readonly bytesUsed: number; readonly bytesMax: number }
  readonly gaps: number
  readonly lastGap?: AnnouncedGap
  /** Some of the channels that are stale or down, those first that are so for longest. */
  readonly stale: readonly { readonly channel: string; readonly state: string; readonly since: number }[]
  /** Some of the channels that will not come, and why: a symbol that is not listed, a type that is refused. */
  readonly impossible: readonly { readonly channel: string; readonly why: string }[]
}

export function summaryOf(status: CollectorStatus): Summary {
  const { name, startedMs, atMs, ready, notReady, channels, sessions, sink, spool, ledger, lastGap } = status
  const { kind, connected, problem, lostMs } = sink
  return {
    name,
    startedMs,
    atMs,
    ready,
    notReady: notReady.slice(0, REASONS_MAX).map((reason) => printable(reason, SENTENCE_MAX)),
    channels: { ...counts(channels), found: channels.filter(({ found }) => found === true).length },
    markets: markets(channels, sessions),
    sink: {
      kind,
      connected,
      ...(problem === undefined ? {} : { problem: printable(problem, SENTENCE_MAX) }),
      lostMs,
    },
    spool: { bytesUsed: spool.bytesUsed, bytesMax: spool.bytesMax },
    gaps: ledger.gaps,
    ...(lastGap === undefined ? {} : { lastGap }),
    stale: silent(channels),
    impossible: impossible(channels),
  }
}

function counts(channels: readonly ChannelStatus[]): Counts {
  const all: Counts = { total: channels.length, live: 0, quiet: 0, stale: 0, down: 0, impossible: 0 }
  for (const { state, impossible } of channels) all[impossible === true ? 'impossible' : state] += 1
  return all
}

function markets(
  channels: readonly ChannelStatus[],
  sessions: readonly SessionStatus[],
): Record<string, MarketSummary> {
  const all: Record<string, MarketSummary> = {}
  const of = ({ exchange, market }: Pick<ChannelStatus, 'exchange' | 'market'>): MarketSummary =>
    (all[`${exchange}:${market}`] ??= { channels: 0, live: 0, stale: 0, sessions: 0, sessionsOpen: 0 })
  for (const channel of channels) {
    const { state, impossible } = channel
    if (impossible === true) continue
    const one = of(channel)
    one.channels += 1
    if (state === 'live') one.live += 1
    if (state === 'stale' || state === 'down') one.stale += 1
  }
  for (const session of sessions) {
    const one = of(session)
    one.sessions += 1
    if (session.state === 'open') one.sessionsOpen += 1
  }
  return all
}

function silent(channels: readonly ChannelStatus[]): Summary['stale'] {
  return channels
    .filter(({ state, impossible }) => impossible !== true && (state === 'stale' || state === 'down'))
    .toSorted((a, b) => a.since - b.since)
    .slice(0, STALE_MAX)
    .map((one) => ({ channel: channelKey(one), state: one.state, since: Math.floor(one.since / 1000) }))
}

function impossible(channels: readonly ChannelStatus[]): Summary['impossible'] {
  return channels
    .filter((one) => one.impossible === true)
    .slice(0, IMPOSSIBLE_MAX)
    .map((one) => ({ channel: channelKey(one), why: printable(one.detail ?? one.state, SENTENCE_MAX) }))
}
