// What of a cluster is missing around single processes, as metrics: the exporter of NATS and the kubelet's figures of
// volumes. Both are read anew from the real server and the real file system at each scrape.
import { once } from 'node:events'
import { statfsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'

export interface StandIns extends AsyncDisposable {
  readonly address: string
  /** Tells of the streams of this server, too. */
  server(url: string): void
  /** Tells of this folder as the volume of a claim. */
  volume(claim: { readonly namespace: string; readonly name: string }, folder: string): void
}

const TIMEOUT_MS = 2_000

/** Serves on a free port. */
export async function openStandIns(): Promise<StandIns> {
  const servers = new Map<string, Promise<NatsConnection | undefined>>()
  const volumes: { readonly labels: string; readonly folder: string }[] = []
  const page = async () => {
    const streams = await Promise.all([...servers].map(async ([url, nc]) => streamsOf(await nc, url)))
    return [...streams.flat(), ...volumes.flatMap(({ labels, folder }) => volumeOf(labels, folder))].join('')
  }
  const server = createServer((_, response) => {
    void page().then((text) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
      response.end(text)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    server: (url) => void servers.set(url, dial(url)),
    volume({ namespace, name }, folder) {
      volumes.push({ labels: `namespace="${namespace}",persistentvolumeclaim="${name}"`, folder })
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await Promise.all([...servers.values()].map(async (nc) => (await nc)?.close()))
    },
  }
}

function dial(url: string): Promise<NatsConnection | undefined> {
  return connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 500 }).catch(() => undefined)
}

/** Of a server that does not answer there is nothing: its series vanish, as those of the real exporter do. */
async function streamsOf(nc: NatsConnection | undefined, url: string): Promise<string[]> {
  if (nc === undefined || nc.isClosed()) return []
  const lines: string[] = []
  try {
    const manager = await jetstreamManager(nc, { timeout: TIMEOUT_MS, checkAPI: false })
    for await (const { config, state } of manager.streams.list()) {
      const labels = `account="$G",server="${url}",stream_name="${config.name}",is_stream_leader="true"`
      lines.push(`jetstream_stream_total_bytes{${labels}} ${state.bytes}\n`)
      lines.push(`jetstream_stream_limit_bytes{${labels}} ${config.max_bytes}\n`)
      lines.push(`jetstream_stream_total_messages{${labels}} ${state.messages}\n`)
      lines.push(`jetstream_stream_limit_messages{${labels}} ${config.max_msgs}\n`)
      if (state.consumer_count === 0) continue
      for await (const { name, num_pending } of manager.consumers.list(config.name)) {
        lines.push(`jetstream_consumer_num_pending{${labels},consumer_name="${name}"} ${num_pending}\n`)
      }
    }
  } catch {
    return []
  }
  return lines
}

function volumeOf(labels: string, folder: string): string[] {
  const { blocks, bfree, bsize } = statfsSync(folder)
  return [
    `kubelet_volume_stats_used_bytes{${labels}} ${(blocks - bfree) * bsize}\n`,
    `kubelet_volume_stats_capacity_bytes{${labels}} ${blocks * bsize}\n`,
  ]
}
