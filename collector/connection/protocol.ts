// What a venue's room tells this one about its WebSocket: how to ask, what answers mean, and its limits.

/** What a text that is no market data means. */
export type Control =
  /** A request was accepted. It proves nothing about the data: some venues accept streams that do not exist. */
  | { readonly kind: 'ack'; readonly id: number }
  /**
   * A request was refused. `id` is undefined where the venue does not say which one: then it is the oldest that waits.
   * `streams` where it names those it refuses and takes the others; else the request is halved until the culprit
   * stands alone.
   */
  | {
      readonly kind: 'refused'
      readonly id: number | undefined
      readonly message: string
      readonly streams?: readonly string[]
    }
  /** The venue asks to reconnect. */
  | { readonly kind: 'leave' }
  /** Known, and nothing to do: a heartbeat, an answer to a text ping. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'unknown' }

export interface Protocol {
  /** The text that asks for these streams (never more than `streamsPerRequestMax`). */
  subscribe(streams: readonly string[], id: number): string
  unsubscribe(streams: readonly string[], id: number): string
  /** Reads a text that is no data. */
  control(text: string): Control
  readonly streamsPerSocketMax: number
  readonly streamsPerRequestMax: number
  /** Texts, pings and pongs together, as the venue counts them. */
  readonly requestsPerSecondMax: number
  /** After this the venue cuts, ms; Infinity where it never does. */
  readonly lifeMs: number
  /** The text of a ping, at venues that want it as text. */
  readonly textPing?: string
}
