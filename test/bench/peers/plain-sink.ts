// The peer of publish.jetstream: a sink that publishes as the client library's documentation shows it, one call of
// `js.publish` for each message, with a bounded number outstanding. Everything before it is ours.
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { realClock } from '../../../collector/connection/clock.ts'
import { ensureStream } from '../../../collector/sinks/nats/stream.ts'
import { stampPublished, type Sink, type SinkContext } from '../../../collector/sinks/sink.ts'
import type { Chunk } from '../../../collector/sinks/spool.ts'

export const OUTSTANDING_MAX = 1000
const ACK_TIMEOUT_MS = 5_000

interface PlainOptions {
  readonly servers: readonly string[]
  readonly prefix: string
  readonly stream: { readonly name: string }
}

export function openPlainSink({ servers, prefix, stream }: PlainOptions, context: SinkContext): Sink {
  const { spool, channels, onSettled } = context
  let connection: NatsConnection | undefined
  let js: JetStreamClient
  let outstanding = 0
  let lastSettledMs = 0

  const settled = (chunk: Chunk, index: number, duplicate: boolean): void => {
    outstanding -= 1
    lastSettledMs = Date.now()
    onSettled(duplicate ? 'duplicate' : 'acknowledged', chunk, index)
    spool.settle(chunk, index)
    flush()
  }
  const flush = (): void => {
    while (outstanding < OUTSTANDING_MAX && spool.next()) {
      const { chunk, index } = spool.cursor
      spool.cursor.index += 1
      outstanding += 1
      chunk.sent[index] = 1
      stampPublished(chunk, index, Buffer.from(String(realClock.nowUs())))
      const payload = chunk.payload[index] as number
      const subject = channels.list[chunk.channel[index] as number]?.subject as string
      const msgID = chunk.bytes.toString('latin1', chunk.start[index], payload)
      js.publish(subject, chunk.bytes.subarray(payload, chunk.end[index]), { msgID }).then(
        ({ duplicate }) => settled(chunk, index, duplicate),
        (cause: unknown) => {
          // A benchmark of a publisher that gave up says nothing.
          throw new Error(`plain sink: ${subject} was not stored`, { cause })
        },
      )
    }
  }
  return {
    kind: 'nats',
    get status() {
      return { connected: connection?.isClosed() === false, problem: undefined, lastSettledMs, outstanding }
    },
    async open() {
      connection = await connect({ servers: [...servers] })
      await ensureStream(connection, { name: stream.name, manage: 'collector' }, prefix, ACK_TIMEOUT_MS)
      js = jetstream(connection)
    },
    last: async () => new Map(),
    flush,
    close: async () => connection?.drain(),
  }
}
