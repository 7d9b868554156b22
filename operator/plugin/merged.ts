// What several pods say of their channels, as one status: what the live table of `marketprism run` shows of one
// process.
//
// In: what each pod answered at /status, read as a stranger's word. Out: one status. Always: a channel that several
// pods carry (publishers, or a move between shards) counts once, by whoever has it best; messages are added up.
import * as z from 'zod'
import { DATA_TYPES, EXCHANGES, MARKETS } from '../../crds/names.ts'
import type { ChannelStatus, CollectorStatus, Ledger } from '../../collector/status.ts'
import { nameOf, TROUBLE } from '../../collector/terminal/rows.ts'

const CHANNELS_MAX = 50_000
const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER)
const counts = z.record(z.string().max(64), count)
const text = z.string().max(1000)

const channel = z.object({
  exchange: z.enum(EXCHANGES),
  market: z.enum(MARKETS),
  symbol: z.string().max(64),
  type: z.enum(DATA_TYPES),
  interval: z.string().max(16).optional(),
  state: z.enum(['live', 'quiet', 'stale', 'down']),
  since: count,
  detail: text.optional(),
  made: count,
  gaps: count,
  perSecond: count,
  p50: count.optional(),
  p99: count.optional(),
  age: count.optional(),
})

/** The part of an answer to `GET /status` that is shown. */
export const statusSchema = z.object({
  startedMs: count,
  atMs: count,
  ready: z.boolean(),
  channels: z.array(channel).max(CHANNELS_MAX),
  sink: z.object({ kind: text, connected: z.boolean(), problem: text.optional(), lostMs: count }),
  spool: z.object({ bytesUsed: count, bytesMax: count }),
  ledger: z.object({
    framesReceived: count,
    framesData: count,
    framesControl: count,
    framesRefused: counts,
    messagesMade: count,
    messagesAcknowledged: count,
    messagesDuplicate: count,
    messagesForeign: count.default(0),
    messagesDropped: counts,
    messagesSpooled: count,
    gaps: count,
  }),
})

export type PodStatus = z.output<typeof statusSchema>

/** All of them as one, under this name. */
export function merged(name: string, all: readonly PodStatus[], nowMs: number): CollectorStatus {
  const started = all.map(({ startedMs }) => startedMs)
  const away = all.find(({ sink }) => !sink.connected)
  const sink = (away ?? all[0])?.sink ?? { kind: 'sink', connected: false, lostMs: 0 }
  return {
    name,
    startedMs: started.length === 0 ? nowMs : Math.min(...started),
    atMs: nowMs,
    ready: all.length > 0 && all.every(({ ready }) => ready),
    notReady: [],
    channels: channelsOf(all),
    sessions: [],
    addresses: [],
    sink: { ...sink, problem: sink.problem, lastSettledMs: 0, outstanding: 0 },
    spool: {
      bytesUsed: sum(all, (one) => one.spool.bytesUsed),
      bytesMax: sum(all, (one) => one.spool.bytesMax),
      pending: 0,
    },
    ledger: ledgerOf(all.map(({ ledger }) => ledger)),
    lastGap: undefined,
  }
}

function channelsOf(all: readonly PodStatus[]): ChannelStatus[] {
  const best = new Map<string, ChannelStatus>()
  for (const { channels } of all) {
    for (const { detail, p50, p99, age, interval, ...rest } of channels) {
      const one: ChannelStatus = {
        ...NOT_SHOWN,
        ...rest,
        ...(interval === undefined ? {} : { interval }),
        detail,
        p50,
        p99,
        age,
      }
      const known = best.get(nameOf(one))
      if (known === undefined || isBetter(one, known)) best.set(nameOf(one), one)
    }
  }
  return [...best.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
}

const NOT_SHOWN = { settled: true, acknowledged: 0, duplicates: 0, dropped: 0, repeated: 0, failures: {} } as const

function isBetter(one: ChannelStatus, other: ChannelStatus): boolean {
  const trouble = TROUBLE[one.state] - TROUBLE[other.state]
  return trouble === 0 ? (one.age ?? Infinity) < (other.age ?? Infinity) : trouble < 0
}

function ledgerOf(all: readonly Ledger[]): Ledger {
  return {
    framesReceived: sum(all, (one) => one.framesReceived),
    framesData: sum(all, (one) => one.framesData),
    framesControl: sum(all, (one) => one.framesControl),
    framesRefused: added(all.map((one) => one.framesRefused)),
    messagesMade: sum(all, (one) => one.messagesMade),
    messagesAcknowledged: sum(all, (one) => one.messagesAcknowledged),
    messagesDuplicate: sum(all, (one) => one.messagesDuplicate),
    messagesForeign: sum(all, (one) => one.messagesForeign),
    messagesDropped: added(all.map((one) => one.messagesDropped)),
    messagesSpooled: sum(all, (one) => one.messagesSpooled),
    gaps: sum(all, (one) => one.gaps),
  }
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0)
}

function added(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const out: Record<string, number> = {}
  for (const one of all) for (const [reason, n] of Object.entries(one)) out[reason] = (out[reason] ?? 0) + n
  return out
}
