// What every sink is: it takes records from the spool in order, sends them, and settles each once it is safe.
//
// "Safe" means: nats - JetStream acknowledged it as stored; file - written, and synced as the policy says;
// stdout - written. Always: a record that was not settled is sent again, with the same id and the same bytes.
// Never: a sink gives up a record because the other side is full, away or refuses everything; it says so in `status`
// and goes on trying.
import type { Clock, Random } from '../connection/clock.ts'
import type { Channel, Series } from '../market/channel.ts'
import type { Message } from '../market/messages.ts'
import type { Chunk, Spool } from './spool.ts'
import type { Log } from './trouble.ts'

export interface SinkStatus {
  readonly connected: boolean
  /** Why not, or what is wrong: one sentence that says what to do. */
  readonly problem: string | undefined
  /** When the last record was settled, ms since the epoch; 0 before the first. */
  readonly lastSettledMs: number
  /** Records sent and not settled yet. */
  readonly outstanding: number
  /** Records that were sent more than once, each time counted; left out by sinks that never do. */
  readonly resent?: number
}

/**
 * How a record's life ended: stored; stored before, by somebody else; or `refused`: it can never be stored
 * (larger than the server takes), which is the one way that a sink gives a record up.
 */
export type Outcome = 'acknowledged' | 'duplicate' | 'refused'

/** What a sink is given: where records come from, whose they are, and whom to tell. */
export interface SinkContext {
  readonly spool: Spool
  /** Channel by index, as the spool keeps it. */
  readonly channels: { readonly list: readonly Channel[] }
  /** Told before the record is settled in the spool: counters and latency. */
  readonly onSettled: (outcome: Outcome, chunk: Chunk, index: number) => void
}

/** What a sink is given of the world. */
export interface SinkWorld {
  readonly log: Log
  readonly clock: Clock
  readonly random?: Random
}

export interface Sink {
  readonly kind: 'nats' | 'file' | 'stdout'
  readonly status: SinkStatus
  /**
   * Connects. Resolves when the first connection stands, or when the sink knows that it will go on trying
   * (the server is away); rejects only for what a person must mend (wrong credentials, a stream of another owner).
   */
  open(): Promise<void>
  /**
   * The last message stored of each of these series, for taking up where the last run left off; an earlier one of it where
   * others of its subject went on for long without it. Series of which nothing is found are left out.
   */
  last<S extends Series>(all: readonly S[]): Promise<Map<S, Message>>
  /** Takes what the spool holds, as far as the window allows. Called often; cheap when there is nothing to do. */
  flush(): void
  /** Sends what is left and waits for it, at most `deadlineMs` from now. Then closes. What remains is still in the spool. */
  close(deadlineMs: number): Promise<void>
}

/** The message of a record that was not sent yet: its time of publication is sixteen zeros, which are no JSON number. */
export function messageIn({ bytes, payload, end }: Chunk, index: number): Message {
  return JSON.parse(bytes.toString('utf8', payload[index], end[index]).replace(/\d{16}\}$/, '0}')) as Message
}

/** Length of the digits of `published`, at a fixed place before the closing brace of every payload. */
export const PUBLISHED_DIGITS = 16

/**
 * Writes the time of publication into a payload that was encoded with `"published":0000000000000000}` at its end.
 * @param digits 16 ASCII digits, µs since the epoch; made once for each flush.
 */
export function stampPublished(chunk: Chunk, index: number, digits: Uint8Array): void {
  chunk.bytes.set(digits, (chunk.end[index] as number) - PUBLISHED_DIGITS - 1)
}
