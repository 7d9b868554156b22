// What a stream holds, read back for a test with a plain client.
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node'

export interface StoredMessage {
  readonly subject: string
  readonly id: string
  readonly payload: Record<string, unknown>
}

/** A connection of the test's own, beside the sink's. */
export interface Observer {
  readonly nc: NatsConnection
  readonly jsm: JetStreamManager
  /** Everything in the stream, in order. */
  messages(stream: string): Promise<StoredMessage[]>
  count(stream: string): Promise<number>
  [Symbol.asyncDispose](): Promise<void>
}

export async function observe(url: string): Promise<Observer> {
  const nc = await connect({ servers: url, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
  const jsm = await jetstreamManager(nc)
  return {
    nc,
    jsm,
    messages: (stream) => readAll(nc, stream),
    count: async (stream) => (await jsm.streams.info(stream)).state.messages,
    [Symbol.asyncDispose]: () => nc.close(),
  }
}

async function readAll(nc: NatsConnection, stream: string): Promise<StoredMessage[]> {
  const out: StoredMessage[] = []
  for (let seq = 1; ;) {
    const before = out.length
    const request = JSON.stringify({ seq, batch: 5000, next_by_subj: '>' })
    const options = { strategy: 'sentinel', maxWait: 20_000 } as const
    for await (const message of await nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, request, options)) {
      if (message.data.length === 0) break
      seq = Number(message.headers?.get('Nats-Sequence')) + 1
      out.push(stored(message))
    }
    if (out.length === before) return out
  }
}

function stored(message: Msg): StoredMessage {
  return {
    subject: message.headers?.get('Nats-Subject') ?? '',
    id: message.headers?.get('Nats-Msg-Id') ?? '',
    get payload() {
      return message.json<Record<string, unknown>>()
    },
  }
}
