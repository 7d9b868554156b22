// Reads what a JetStream stream holds at this moment, from its first message to the last one that is there at the start.
//
// By an ordered consumer of the client library, which sees to it that no message is missed or repeated, in fetches of a
// fixed size, so that no more than that is in memory. What is published meanwhile is left out.
import {
  DeliverPolicy,
  jetstream,
  type Consumer,
  type JetStreamClient,
  type JsMsg,
  type StreamState,
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Stored } from '../quality/audit/audit.ts'

export interface StreamOptions {
  readonly nc: NatsConnection
  readonly stream: string
  /** Patterns of subjects, none of which may match what another does. */
  readonly subjects: readonly string[]
  /** What was stored before this time is left out, µs. */
  readonly since?: number
}

const FETCH_MESSAGES = 4000
const FETCH_MS_MAX = 2000
/** Fetches in a row that may bring nothing although the server says that there is more. */
const FETCHES_EMPTY_MAX = 5

/**
 * Yields the messages of a stream in batches.
 * @throws Error when there is no such stream, or the server stops to deliver.
 */
export async function* readStream(options: StreamOptions): AsyncGenerator<readonly Stored[]> {
  const { nc, stream, subjects, since } = options
  const js = jetstream(nc)
  const state = await stateOf(js, stream)
  const consumer = await js.consumers.get(stream, {
    filter_subjects: [...subjects],
    ...(since === undefined
      ? { deliver_policy: DeliverPolicy.All }
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(since / 1000).toISOString() }),
  })
  try {
    let empty = 0
    for (let left = (await consumer.info()).num_pending; left > 0;) {
      const { batch, last } = await fetchBatch(consumer, state.last_seq)
      yield batch
      if (last !== undefined) {
        if (last.seq >= state.last_seq) return
        left = last.info.pending
        empty = 0
      } else {
        if (++empty > FETCHES_EMPTY_MAX)
          throw new Error(`stream ${stream} stopped to deliver; is the NATS server well?`)
        left = (await consumer.info()).num_pending
      }
    }
  } finally {
    // The connection may be the reason why we are here; the server forgets an idle consumer by itself.
    if (!nc.isClosed()) await consumer.delete().catch(() => false)
  }
}

async function stateOf(js: JetStreamClient, stream: string): Promise<StreamState> {
  try {
    return (await (await js.jetstreamManager()).streams.info(stream)).state
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`stream ${stream} cannot be read: ${why}; 'nats stream ls' lists those that there are`, { cause })
  }
}

async function fetchBatch(consumer: Consumer, lastSeq: number): Promise<{ batch: Stored[]; last: JsMsg | undefined }> {
  const batch: Stored[] = []
  let last: JsMsg | undefined
  for await (const m of await consumer.fetch({ max_messages: FETCH_MESSAGES, expires: FETCH_MS_MAX })) {
    if (m.seq > lastSeq) return { batch, last: m }
    const { buffer, byteOffset, length } = m.data
    const bytes = Buffer.from(buffer, byteOffset, length)
    batch.push({ subject: m.subject, id: m.headers?.get('Nats-Msg-Id') || undefined, bytes, start: 0, end: length })
    last = m
    if (m.seq === lastSeq || m.info.pending === 0) break
  }
  return { batch, last }
}
