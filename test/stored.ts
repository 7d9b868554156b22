// What a stream holds, read back for a test with a plain client.
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { connect, type Msg, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { contentBytes } from '../collector/sinks/nats/wire.ts'

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

export async function observe(url: string, options: NodeConnectionOptions = {}): Promise<Observer> {
  const nc = await connect({ servers: url, reconnectTimeWait: 50, maxReconnectAttempts: -1, ...options })
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
      const text = Buffer.from(contentBytes(message)).toString('latin1')
      seq = Number(field(text, 'Nats-Sequence')) + 1
      out.push(stored(message, text))
    }
    if (out.length === before) return out
  }
}

function stored(message: Msg, text: string): StoredMessage {
  return {
    subject: field(text, 'Nats-Subject'),
    id: field(text, 'Nats-Msg-Id'),
    get payload() {
      return message.json<Record<string, unknown>>()
    },
  }
}

/** A header's value. The client decodes all of them, which takes most of the time where there are 100,000 messages. */
function field(text: string, name: string): string {
  const at = text.indexOf(`\r\n${name}: `)
  return at === -1 ? '' : text.slice(at + name.length + 4, text.indexOf('\r\n', at + 2))
}
