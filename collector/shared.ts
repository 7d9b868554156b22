// What all markets of a collector share, and its parts are handed.
import type { Logger } from 'pino'
import type { Clock, Random } from './connection/clock.ts'
import type { addresses } from './connection/limits.ts'
import type { Network } from './connection/network.ts'
import type { FrameCounts } from './exchanges/decoder.ts'
import type { Lane } from './lane.ts'
import type { Latencies } from './latency.ts'
import type { limited } from './log.ts'
import type { Channels, Series } from './market/channel.ts'
import type { Message } from './market/messages.ts'
import type { OwnMessages } from './market/outlet.ts'
import type { Lines } from './polls.ts'
import type { Policy } from './quality/checks.ts'

export interface Shared {
  readonly channels: Channels
  readonly own: OwnMessages
  readonly counts: FrameCounts
  readonly latencies: Latencies
  readonly addresses: ReturnType<typeof addresses>
  readonly lines: Lines
  readonly policy: Policy
  /** The machine's by default. */
  readonly network?: Network | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly faults: ReturnType<typeof limited>
  /** The last message stored of each series, before the first new one. */
  readonly last: (all: readonly Series[]) => Promise<Map<Series, Message>>
  /** Whether other collectors may store in the sink meanwhile. */
  readonly isSinkShared: boolean
  /** Told of each new data channel. */
  readonly onLane: (lane: Lane) => unknown
}
