// The peer of publish.jetstream: a sink that publishes as the client library's documentation shows it, one call of
// `js.publish` for each message, with a bounded number outstanding. Everything before it is ours.
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import type { Chunk } from '../../../collector/sinks/spool.ts'
import type { Sink, SinkContext } from '../../../collector/sinks/sink.ts'

export const OUTSTANDING_MAX = 1000

/** Publishes to a stream that is there; the connection is the caller's to close. A refusal ends the benchmark. */
export function plainSink({ spool, channels, onSettled }: SinkContext, connection: NatsConnection): Sink {
  const js = jetstream(connection)
  let outstanding = 0
  const settled = (chunk: Chunk, index: number, duplicate: boolean): void => {
    outstanding -= 1
    onSettled(duplicate ? 'duplicate' : 'acknowledged', chunk, index)
    spool.settle(chunk, index)
    flush()
  }
  const flush = (): void => {
    while (outstanding < OUTSTANDING_MAX && spool.next()) {
      const { chunk, index } = spool.cursor
      spool.cursor.index += 1
      outstanding += 1
      const [start, payload, end] = [chunk.start[index], chunk.payload[index], chunk.end[index]]
      const subject = channels.list[chunk.channel[index] as number]?.subject as string
      const msgID = chunk.bytes.toString('latin1', start, payload)
      js.publish(subject, chunk.bytes.subarray(payload, end), { msgID }).then(
        ({ duplicate }) => settled(chunk, index, duplicate),
        (cause: unknown) => {
          throw new Error(`plain sink: ${subject} was refused`, { cause })
        },
      )
    }
  }
  return {
    kind: 'nats',
    get status() {
      return { connected: !connection.isClosed(), problem: undefined, lastSettledMs: 0, outstanding }
    },
    open: async () => {},
    last: async () => new Map(),
    flush,
    close: () => connection.drain(),
  }
}
