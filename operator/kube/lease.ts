// Leader election by a Lease: one process at a time leads, and it knows in time when it no longer does.
//
// In: a name and an identity that no other process has, also not an earlier one in the same pod. Out: when we lead, and
// once that we no longer do. Always: time is judged by our own monotonic clock, from when we saw the record change, or
// began to renew it, never by comparing clocks; an attempt has 3 s, more only where the server turns out to be slow, so
// that one that hangs does not use up the deadline; `isLeading` is a comparison with the clock, and so is false also in
// a process that was stopped and goes on. Never: fences. Two leaders are possible for a moment, so every late write
// must be harmless; whoever loses ends the process.
import { ApiError, type KubeClient } from './client.ts'
import { type Clock, microTime, type Random, realClock, wait } from './clock.ts'
import { type KubeObject, LEASE, pathOf } from './objects.ts'

export interface Lease {
  /** Resolves when we lead; rejects when the lease is released before. */
  whenLeading(): Promise<void>
  readonly isLeading: boolean
  /** Who holds it, as we last saw it; empty while nobody does. */
  readonly holder: string
  /** When the last renewal that succeeded began, by the clock of the options, ms; undefined while we do not lead. */
  readonly renewedMs: number | undefined
  /** Gives it up, where we have it, so that another need not wait for its end. Afterwards `onLost` is not called. */
  release(): Promise<void>
}

export interface LeaseOptions {
  readonly client: Pick<KubeClient, 'request'>
  readonly namespace: string
  readonly name: string
  readonly identity: string
  /** How long others leave us the lease after its last renewal. Whole seconds. */
  readonly durationMs?: number
  /** When we stop to lead where no renewal succeeds. */
  readonly deadlineMs?: number
  readonly retryMs?: number
  /** How long one request may take at first. */
  readonly attemptMs?: number
  /** Called once, when we led and no longer do. */
  readonly onLost: (why: string) => void
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

interface LeaseObject extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

type Spec = NonNullable<LeaseObject['spec']>

const ATTEMPT_MS = 3_000
/** By how much the time of an attempt, or the wait after a failed one, differs from the ordinary one. */
const PATIENCE_MAX = 3
const FAILED_WAIT = 0.2
const DURATION_MS = 30_000
const DEADLINE_MS = 20_000
const RETRY_MS = 5_000

/** Starts to compete for it at once. */
export function openLease(options: LeaseOptions): Lease {
  const { durationMs = DURATION_MS, deadlineMs = DEADLINE_MS, retryMs = RETRY_MS, attemptMs = ATTEMPT_MS } = options
  if (!(durationMs > deadlineMs && deadlineMs > retryMs)) {
    throw new Error(`a lease needs duration > deadline > retry, not ${durationMs}, ${deadlineMs}, ${retryMs} ms`)
  }
  const candidate = new Candidate({ ...options, durationMs, deadlineMs, retryMs, attemptMs })
  const running = candidate.run()
  return {
    whenLeading: () => candidate.whenLeading(),
    get isLeading() {
      return candidate.isLeading
    },
    get holder() {
      return candidate.holder
    },
    get renewedMs() {
      return candidate.renewedMs
    },
    release: () => candidate.release(running),
  }
}

type Settings = LeaseOptions & Required<Pick<LeaseOptions, 'durationMs' | 'deadlineMs' | 'retryMs' | 'attemptMs'>>

class Candidate {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #random: Random
  readonly #stopping = new AbortController()
  readonly #waiters: { resolve: () => void; reject: (error: Error) => void }[] = []
  /** The record as last read or written, and when we saw that it had changed. */
  #record: LeaseObject | undefined
  #changedMs = -Infinity
  /** When the last renewal that succeeded began; -Infinity while we do not lead. */
  #renewedMs = -Infinity
  #hasLed = false
  /** Lost or released: an answer that comes after that changes nothing. */
  #isOver = false
  /** Whether the record may be another by now than the one we know. */
  #isStale = true
  /** The last write: it may have arrived although we saw no answer. */
  #written = { renewTime: '', startMs: 0 }
  #patienceMs: number

  constructor(settings: Settings) {
    this.#settings = settings
    this.#patienceMs = settings.attemptMs
    this.#clock = settings.clock ?? realClock
    this.#random = settings.random ?? Math.random
  }

  get isLeading(): boolean {
    return !this.#isOver && this.#clock.nowMs() - this.#renewedMs < this.#settings.deadlineMs
  }

  get renewedMs(): number | undefined {
    return this.isLeading ? this.#renewedMs : undefined
  }

  get holder(): string {
    return this.#record?.spec?.holderIdentity ?? ''
  }

  whenLeading(): Promise<void> {
    if (this.isLeading) return Promise.resolve()
    if (this.#stopping.signal.aborted) return Promise.reject(this.#stopping.signal.reason as Error)
    return new Promise((resolve, reject) => void this.#waiters.push({ resolve, reject }))
  }

  /** Competes until we lead, renews until we do not. */
  async run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted && !this.#hasLed) {
      await this.#attempt()
      if (this.isLeading) this.#begin()
      else await this.#pause()
    }
    // The deadline is watched apart from the attempts, none of which may delay it.
    if (!signal.aborted) await Promise.all([this.#renew(), this.#expire()])
  }

  async release(running: Promise<void>): Promise<void> {
    const error = new Error('the lease was released')
    this.#stopping.abort(error)
    for (const { reject } of this.#waiters.splice(0)) reject(error)
    await running
    if (!this.isLeading) return
    this.#isOver = true
    await this.#write({ holderIdentity: '', leaseDurationSeconds: 1 }).catch((error: unknown) => {
      this.#log('could not release the lease; it ends by itself', { error })
    })
  }

  #begin(): void {
    this.#hasLed = true
    this.#log('leads', { identity: this.#settings.identity })
    for (const { resolve } of this.#waiters.splice(0)) resolve()
  }

  async #renew(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#pause()
      if (signal.aborted || !this.isLeading) return
      await this.#attempt()
      if (this.#renewedMs === -Infinity) this.#lose(`${this.holder || 'somebody else'} took the lease`)
    }
  }

  /** Until the next attempt; soon after one that failed while we lead, and when the lease of another ends. */
  #pause(): Promise<void> {
    const { retryMs } = this.#settings
    if (this.isLeading && this.#isStale) return wait(this.#clock, retryMs * FAILED_WAIT, this.#stopping.signal)
    const untilFreeMs = this.isLeading || this.#isFree() ? Infinity : this.#endMs() - this.#clock.nowMs() + 1
    const ms = Math.min(retryMs * (0.8 + 0.2 * this.#random()), untilFreeMs)
    return wait(this.#clock, ms, this.#stopping.signal)
  }

  async #expire(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted && this.isLeading) {
      await wait(this.#clock, this.#renewedMs + this.#settings.deadlineMs - this.#clock.nowMs(), signal)
    }
    if (!signal.aborted) this.#lose(`no renewal within ${this.#settings.deadlineMs} ms`)
  }

  #lose(why: string): void {
    if (this.#stopping.signal.aborted) return
    this.#stopping.abort(new Error(why))
    this.#isOver = true
    this.#log('lost the lease', { why })
    this.#settings.onLost(why)
  }

  /** One try to get or keep it. Whatever goes wrong, the next try is soon. */
  async #attempt(): Promise<void> {
    try {
      // Whoever leads knows the record, and needs no more than to write it.
      if (this.#isStale || !this.isLeading) await this.#read()
      // Another may have led in between, also where nobody does now.
      const isTaken = this.#hasLed && this.#renewedMs === -Infinity
      if (!isTaken && this.#isFree()) await this.#write(this.#claim())
    } catch (error) {
      this.#isStale = true
      if (error instanceof ApiError && error.status === 404) this.#record = undefined
      const { attemptMs } = this.#settings
      this.#patienceMs = Math.min(this.#patienceMs + attemptMs, attemptMs * PATIENCE_MAX)
      this.#log('could not renew or read the lease', { error })
    }
  }

  #isFree(): boolean {
    const { holder } = this
    return holder === '' || holder === this.#settings.identity || this.#clock.nowMs() > this.#endMs()
  }

  /** When the lease of another ends, as we saw its last renewal. */
  #endMs(): number {
    return this.#changedMs + (this.#record?.spec?.leaseDurationSeconds ?? 0) * 1000
  }

  #claim(): Spec {
    const { identity, durationMs } = this.#settings
    const { holderIdentity = '', leaseTransitions = 0, acquireTime } = this.#record?.spec ?? {}
    const isOurs = holderIdentity === identity
    const isFirst = this.#record === undefined
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      acquireTime: isOurs && acquireTime !== undefined ? acquireTime : microTime(this.#clock.nowMs()),
      leaseTransitions: isOurs || isFirst ? leaseTransitions : leaseTransitions + 1,
    }
  }

  async #read(): Promise<void> {
    const { namespace, name, identity } = this.#settings
    try {
      this.#see(await this.#request('GET', pathOf(LEASE, namespace, name)))
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error
      this.#record = undefined
      return
    }
    if (this.holder !== identity) this.#renewedMs = -Infinity
    // A renewal that we took for failed has arrived: it counts from when it began.
    else if (this.isLeading && this.#record?.spec?.renewTime === this.#written.renewTime) {
      this.#renewedMs = Math.max(this.#renewedMs, this.#written.startMs)
    }
  }

  /** Writes the record, only where nobody else did since we read it. */
  async #write(spec: Spec): Promise<void> {
    const { namespace, name } = this.#settings
    const startMs = this.#clock.nowMs()
    const renewTime = microTime(startMs)
    this.#written = { renewTime, startMs }
    const isNew = this.#record === undefined
    const before = this.#record ?? {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace },
    }
    const body = { ...before, spec: { ...this.#record?.spec, ...spec, renewTime } }
    const path = pathOf(LEASE, namespace, isNew ? undefined : name)
    this.#see(await this.#request(isNew ? 'POST' : 'PUT', path, body))
    if (spec.holderIdentity === this.#settings.identity) this.#renewedMs = startMs
  }

  /** A record that changed shows that somebody lives; a label that a person put on it does not. */
  #see(record: LeaseObject): void {
    if (JSON.stringify(record.spec) !== JSON.stringify(this.#record?.spec)) this.#changedMs = this.#clock.nowMs()
    this.#record = record
    this.#isStale = false
  }

  async #request(method: string, path: string, body?: unknown): Promise<LeaseObject> {
    const { client, attemptMs } = this.#settings
    const startMs = this.#clock.nowMs()
    const answer: LeaseObject = await client.request({
      method,
      path,
      body,
      timeoutMs: this.#patienceMs,
      isUrgent: true,
    })
    const tookMs = this.#clock.nowMs() - startMs
    this.#patienceMs = Math.min(Math.max(attemptMs, 2 * tookMs), attemptMs * PATIENCE_MAX)
    return answer
  }

  #log(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#settings.log?.(message, { lease: this.#settings.name, ...fields })
  }
}
