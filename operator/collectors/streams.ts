// The JetStream streams that Collectors with `manage: operator` write to: created, and brought to what the manifest says.
//
// In: a Collector and its Secrets. Out: what became of it, as of the last time. Always: asked again when the manifest or
// the Secret changed, after a failure with backoff, and now and then else, since a stream can be changed by others.
// Never: waits within a pass; deletes anything; two attempts for one Collector at once.
import { createHash } from 'node:crypto'
import { connectOnce, reason } from '../../collector/sinks/nats/connect.ts'
import { natsPlace, type ReadSecret } from '../../collector/sinks/nats/place.ts'
import { ensureStream, StreamFault } from '../../collector/sinks/nats/stream.ts'
import type { NatsSink } from '../../crds/collector.ts'
import type { Owner } from '../resources/facts.ts'
import type { Problem } from './status.ts'

/** The keys of a Secret, decoded. */
export type SecretKeys = Readonly<Record<string, string>>

export interface StreamsOptions {
  readonly secret: (namespace: string, name: string) => Promise<SecretKeys | undefined>
  /** Called when what is known of a Collector's stream changed. */
  readonly onChange: (key: string) => void
  readonly nowMs: () => number
  readonly random: () => number
}

interface Known {
  readonly digest: string
  readonly problem: Problem | undefined
  readonly untilMs: number
  readonly failures: number
}

const ANSWER_MS_MAX = 5_000
const AGAIN_MS = 300_000
const RETRY_MS = 2_000
const RETRY_MS_MAX = 60_000
const TRIES_AT_ONCE = 8

export class Streams {
  readonly #options: StreamsOptions
  readonly #known = new Map<string, Known>()
  /** Collectors whose turn has not come, and those whose stream is being looked at. */
  readonly #waiting = new Map<string, Owner>()
  readonly #busy = new Set<string>()

  constructor(options: StreamsOptions) {
    this.#options = options
  }

  /** What is wrong with the stream, as far as it is known; it is looked at in the background where that is due. */
  look(key: string, owner: Owner): Problem | undefined {
    const { nats } = owner.spec.sink
    if (nats === undefined || nats.stream.manage !== 'operator') {
      this.#known.delete(key)
      return undefined
    }
    const known = this.#known.get(key)
    const isDue = known === undefined || known.digest !== digestOf(nats) || this.#options.nowMs() >= known.untilMs
    if (isDue && !this.#busy.has(key)) {
      this.#waiting.set(key, owner)
      this.#next()
    }
    return known?.problem
  }

  /** When to look again, ms from now; undefined where there is nothing to look at. */
  againMs(key: string): number | undefined {
    const known = this.#known.get(key)
    return known === undefined ? undefined : Math.max(0, known.untilMs - this.#options.nowMs())
  }

  forget(key: string): void {
    this.#known.delete(key)
    this.#waiting.delete(key)
  }

  #next(): void {
    for (const [key, owner] of this.#waiting) {
      if (this.#busy.size >= TRIES_AT_ONCE) return
      this.#waiting.delete(key)
      this.#busy.add(key)
      void this.#try(key, owner).finally(() => {
        this.#busy.delete(key)
        this.#next()
      })
    }
  }

  async #try(key: string, owner: Owner): Promise<void> {
    const { nowMs, random, onChange } = this.#options
    const nats = owner.spec.sink.nats as NatsSink
    const before = this.#known.get(key)
    const problem = await this.#ensure(owner.namespace, nats)
    const failures = problem === undefined ? 0 : (before?.failures ?? 0) + 1
    const waitMs = failures === 0 ? AGAIN_MS : Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.min(failures, 10))
    const untilMs = nowMs() + waitMs * (0.8 + 0.4 * random())
    this.#known.set(key, { digest: digestOf(nats), problem, untilMs, failures })
    if (before === undefined || before.problem?.message !== problem?.message) onChange(key)
  }

  async #ensure(namespace: string, nats: NatsSink): Promise<Problem | undefined> {
    try {
      const servers = nats.servers.map((server) => reachable(server, namespace))
      const read = await this.#secrets(namespace, nats)
      const { stream, prefix, ...place } = natsPlace({ ...nats, servers }, read)
      const connection = await connectOnce({ ...place, name: 'marketprism-operator' })
      try {
        await ensureStream(connection, { ...stream, manage: 'collector' }, prefix, ANSWER_MS_MAX)
      } finally {
        await connection.close()
      }
      return undefined
    } catch (error) {
      const kind = error instanceof StreamFault && error.lasting ? 'StreamUnfit' : 'StreamUnavailable'
      return { reason: kind, message: `JetStream stream ${nats.stream.name}: ${reason(error)}.` }
    }
  }

  /** Reads what the sink names, so that it is at hand when the connection asks for it. */
  async #secrets(namespace: string, { credentialsSecret, tls }: NatsSink): Promise<ReadSecret> {
    const names = [credentialsSecret?.name, tls?.secret.name].filter((name) => name !== undefined)
    const secrets = new Map<string, SecretKeys>()
    for (const name of names) {
      const keys = await this.#options.secret(namespace, name)
      if (keys === undefined) throw new Error(`Secret ${name} is not there; create it in namespace ${namespace}`)
      secrets.set(name, keys)
    }
    return (name, key) => secrets.get(name)?.[key]
  }
}

/** A server as it is found from another namespace: a bare name is a Service beside the Collector. */
export function reachable(server: string, namespace: string): string {
  const url = new URL(server)
  if (url.hostname.includes('.') || url.hostname.includes(':') || url.hostname === 'localhost') return server
  url.hostname = `${url.hostname}.${namespace}.svc`
  return url.toString()
}

function digestOf(nats: NatsSink): string {
  return createHash('sha256').update(JSON.stringify(nats)).digest('hex')
}
