// Counts messages in the cluster's JetStream by exchange, over kubectl's port-forward.
//
// Always: a forward that breaks is made anew, and a stream that is not there yet has no messages. Never: consumes any.
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type Forward, openForward } from '../kind/forward.ts'
import { NAMESPACE, PREFIX, STREAM } from './objects.ts'

/** `market.trade.binance.spot.BTC-USDT`: the exchange is the third token. */
const EXCHANGE_TOKEN = 2

export interface Counter {
  /** Messages in the stream by exchange; undefined while it cannot be asked. */
  counts(): Promise<ReadonlyMap<string, number> | undefined>
  close(): Promise<void>
}

/** Opens a counter; `kubectl` is the command with the flags that choose the cluster. */
export function openCounter(kubectl: readonly [string, ...string[]]): Counter {
  let forward: Forward | undefined
  let connection: NatsConnection | undefined
  const drop = async (): Promise<void> => {
    await connection?.close().catch(() => {})
    forward?.close()
    connection = forward = undefined
  }
  return {
    async counts() {
      try {
        forward ??= await openForward({ kubectl, namespace: NAMESPACE, to: 'service/nats', port: 4222 })
        connection ??= await connect({ servers: `nats://${forward.address}`, reconnect: false, timeout: 5_000 })
        return await countsOf(connection)
      } catch {
        await drop()
        return undefined
      }
    },
    close: drop,
  }
}

async function countsOf(connection: NatsConnection): Promise<ReadonlyMap<string, number>> {
  const manager = await jetstreamManager(connection, { timeout: 5_000 })
  const { state } = await manager.streams.info(STREAM, { subjects_filter: `${PREFIX}.>` })
  const counts = new Map<string, number>()
  for (const [subject, messages] of Object.entries(state.subjects ?? {})) {
    const exchange = subject.split('.')[EXCHANGE_TOKEN] ?? ''
    counts.set(exchange, (counts.get(exchange) ?? 0) + messages)
  }
  return counts
}
