// Counts messages in the cluster's JetStream by exchange, over kubectl's port-forward.
//
// Always: a forward that breaks is made anew, and a stream that is not there yet has no messages. Never: consumes any.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { NAMESPACE, PREFIX, STREAM } from './objects.ts'

const FORWARD_MS_MAX = 15_000
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
    forward?.child.kill()
    connection = forward = undefined
  }
  return {
    async counts() {
      try {
        forward ??= await openForward(kubectl)
        connection ??= await connect({ servers: forward.url, reconnect: false, timeout: 5_000 })
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

interface Forward {
  readonly child: ChildProcess
  readonly url: string
}

/** kubectl chooses a free port and says which. */
function openForward([command, ...flags]: readonly [string, ...string[]]): Promise<Forward> {
  const args = [...flags, '--namespace', NAMESPACE, 'port-forward', 'service/nats', ':4222']
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const stop = (): boolean => child.kill()
  process.once('exit', stop)
  child.once('exit', () => process.off('exit', stop))
  return new Promise((done, fail) => {
    const late = setTimeout(() => (stop(), fail(new Error('kubectl port-forward says nothing'))), FORWARD_MS_MAX)
    child.once('error', fail)
    child.once('exit', () => fail(new Error('kubectl port-forward ended')))
    createInterface(child.stdout).on('line', (line) => {
      const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port === undefined) return
      clearTimeout(late)
      done({ child, url: `nats://127.0.0.1:${port}` })
    })
  })
}
