// What a venue's room tells this one about its WebSocket: how to ask, what answers mean, and its limits.
import type { Budget } from './gate.ts'

/** A request was accepted. It proves nothing about the data: some venues accept streams that do not exist. */
export type Ack =
  /** All of it, or of a subscription what stands in `accepted`: what is missing there is refused. */
  | { readonly kind: 'ack'; readonly id: number; readonly accepted?: readonly string[] }
  /**
   * These streams of it, where each is answered by itself; more of them, or the refusals of the others, follow.
   * `to` is what the venue says it answers. Without an id it is the oldest request that has the stream.
   */
  | {
      readonly kind: 'ack'
      readonly id?: number | undefined
      readonly streams: readonly string[]
      readonly to?: RequestKind
    }

/** What a text that is no market data means. */
export type Control =
  | Ack
  /**
   * A request was refused. `id` is undefined where the venue does not say which one: then it is the oldest that waits.
   * `streams` where it names those it refuses and answers the others by themselves; else the request is halved until
   * the culprit stands alone. Refused streams are asked for again, with growing waits.
   */
  | {
      readonly kind: 'refused'
      readonly id: number | undefined
      readonly message: string
      readonly streams?: readonly string[]
    }
  /** Not now: too much was asked, or the venue is busy. The request is asked again as it stands, with growing waits. */
  | { readonly kind: 'later'; readonly id: number | undefined; readonly message: string }
  /** The venue asks whether we are there; `text` says so. Sent at once. */
  | { readonly kind: 'answer'; readonly text: string }
  /** The venue asks to reconnect. */
  | { readonly kind: 'leave' }
  /** Known, and nothing to do: a heartbeat, an answer to a text ping. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'unknown' }

export type RequestKind = 'subscribe' | 'unsubscribe'

export interface Protocol {
  /** The text that asks for these streams (never more than `streamsPerRequestMax`). Ids are 1 and up on each socket. */
  subscribe(streams: readonly string[], id: number): string
  unsubscribe(streams: readonly string[], id: number): string
  /** Reads a text that is no data. */
  control(text: string): Control
  readonly streamsPerSocketMax: number
  readonly streamsPerRequestMax: number
  /**
   * Requests of one socket in each of these windows. A bucket of `n` that refills at `r` a second is `n` in `n / r`
   * seconds: never more than the bucket holds.
   */
  readonly requests: readonly Budget[]
  /** True where pings, pongs, greetings and answers count as requests, too. */
  readonly keepAlivesCount?: boolean
  /** After this the venue cuts, ms; Infinity where it never does. */
  readonly lifeMs: number
  /** The text of a ping, at venues that want it as text. */
  readonly textPing?: string
  /** Texts that go over each new socket before anything is asked. */
  readonly greeting?: readonly string[]
}
