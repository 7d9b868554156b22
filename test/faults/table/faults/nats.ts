// Faults of NATS, of what is stored in it, and of who else uses it.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { setTimeout as pause } from 'node:timers/promises'
import type { CollectorFault } from '../fault.ts'
import type { Place } from '../place.ts'
import { throttled } from '../again.ts'

const MB = 1 << 20
const FILLER = new Uint8Array(16 * 1024)
const TINY = new Uint8Array(8)

/** Publishes into the stream beside the collector, until it holds so much. */
async function fill(
  { nats, prefix, stream }: Place,
  until: { readonly bytes: number } | { readonly messages: number },
) {
  const nc = await connect({ servers: nats.url })
  try {
    const [js, manager] = [jetstream(nc), await jetstreamManager(nc)]
    const payload = 'bytes' in until ? FILLER : TINY
    for (;;) {
      const { state } = await manager.streams.info(stream)
      const left = 'bytes' in until ? (until.bytes - state.bytes) / payload.length : until.messages - state.messages
      if (left < 1) return
      const batch = Array.from({ length: Math.min(500, Math.ceil(left)) }, () =>
        js.publish(`${prefix}.filler`, payload),
      )
      // A full stream refuses.
      const done = await Promise.allSettled(batch)
      if (done.some(({ status }) => status === 'rejected')) return
    }
  } finally {
    await nc.close()
  }
}

async function manage(
  { nats }: Place,
  act: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<unknown>,
) {
  const nc = await connect({ servers: nats.url })
  try {
    await act(await jetstreamManager(nc))
  } finally {
    await nc.close()
  }
}

/** One that is not durable is forgotten within seconds when nobody reads. */
const QUANTS = { durable_name: 'quants', ack_policy: 'explicit' } as const
const SMALL = { maxBytes: '4Mi', discard: 'new' }

export const natsFaults: readonly CollectorFault[] = [
  {
    id: 'nats-killed',
    subject: 'collector',
    area: 'NATS',
    what: 'the server is killed',
    expect: ['MarketPrismNATSDisconnected'],
    world: { isolated: true },
    begin: async ({ nats }) => (await nats.kill(), () => nats.restart()),
  },
  {
    id: 'nats-hung',
    subject: 'collector',
    area: 'NATS',
    what: 'the server hangs (SIGSTOP)',
    expect: ['MarketPrismNATSDisconnected'],
    world: { isolated: true },
    begin: ({ nats }) => (process.kill(nats.pid, 'SIGSTOP'), () => void process.kill(nats.pid, 'SIGCONT')),
  },
  {
    id: 'nats-overloaded',
    subject: 'collector',
    area: 'NATS',
    what: 'the server stands still for 7 of every 9 s, as under a disk that is overloaded',
    expect: ['MarketPrismNATSPublishFailureHigh', 'MarketPrismHighProcessingLatency'],
    world: { isolated: true },
    begin: ({ nats }) => throttled(() => nats.pid, 7_000, 9_000),
  },
  {
    id: 'stream-filling',
    subject: 'collector',
    area: 'NATS',
    what: 'the stream is filled to 92 % of its bytes',
    expect: ['MarketPrismStreamNearLimit'],
    world: { isolated: true, stream: { maxBytes: '64Mi', discard: 'new' } },
    begin: async (place) => {
      await fill(place, { bytes: 0.92 * 64 * MB })
      return () => manage(place, (manager) => manager.streams.purge(place.stream))
    },
  },
  {
    id: 'stream-full',
    subject: 'collector',
    area: 'NATS',
    what: 'the stream is full and refuses what is new',
    expect: ['MarketPrismNATSDisconnected'],
    world: { isolated: true, stream: SMALL },
    begin: async (place) => {
      await fill(place, { bytes: 5 * MB })
      return () => manage(place, (manager) => manager.streams.purge(place.stream))
    },
  },
  {
    id: 'stream-deleted',
    subject: 'collector',
    area: 'NATS',
    what: 'somebody deletes the stream, and makes another one of its subjects that the collector may not use',
    expect: ['MarketPrismNATSDisconnected'],
    world: { isolated: true },
    begin: async (place) => {
      const other = { name: 'OTHER', subjects: [`${place.prefix}.>`], no_ack: true }
      await manage(place, async (manager) => {
        await manager.streams.delete(place.stream)
        await manager.streams.add(other)
      })
      return () => manage(place, (manager) => manager.streams.delete('OTHER'))
    },
  },
  {
    id: 'spool-over',
    subject: 'collector',
    area: 'NATS',
    what: 'NATS is away until the spool is full',
    expect: ['MarketPrismMessagesDropped'],
    world: { isolated: true, exchange: { rate: 300 }, spec: { spool: { bytesMax: '1Mi' } } },
    async begin({ nats, pod }) {
      await nats.kill()
      // The fault is the loss: it begins when there is no room left.
      for (const end = Date.now() + 240_000; Date.now() < end && !(await isDropping(pod.port));) await pause(500)
      return () => nats.restart()
    },
  },
  {
    id: 'consumer-lag',
    subject: 'collector',
    area: 'NATS',
    what: 'a consumer reads nothing while 110,000 messages wait for it',
    expect: ['MarketPrismConsumerLag'],
    world: { isolated: true },
    begin: async (place) => {
      await manage(place, (manager) => manager.consumers.add(place.stream, QUANTS))
      await fill(place, { messages: 110_000 })
      return () => manage(place, (manager) => manager.consumers.delete(place.stream, 'quants'))
    },
  },
  {
    id: 'foreign',
    subject: 'collector',
    area: 'NATS',
    what: 'a second collector publishes the same channels under the same prefix',
    expect: ['MarketPrismForeignMessages'],
    begin: async (place) => {
      // For the first ten minutes of a pod two publishers are a hand-over.
      await pause(Math.max(0, 540_000 - place.ageMs()))
      const second = await place.second()
      return () => second.kill()
    },
  },
]

async function isDropping(port: number): Promise<boolean> {
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text())
  return /^marketprism_collector_messages_dropped_total\{reason="spool_full"\} [1-9]/m.test(text)
}
