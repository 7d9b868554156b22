// Events for people: `kubectl describe` and `kubectl get events` show them.
//
// In: what happened to an object. Out: Events (events.k8s.io/v1). Always: the same thing said again is counted in the
// Event that is there; for one object nine writes at once and one each seven minutes after that, however much happens, the
// last four of which only warnings find that are new; warnings first, and while there is work fifty at once and ten a
// second, so that a thousand Collectors that are made at once are not slowed by what is said of them; what waits for its
// turn is kept, the newest words for each reason. Never: throws, holds anybody up, or grows without bound.
import { createHash } from 'node:crypto'
import { ApiError, type KubeClient, WriteRefused } from './client.ts'
import { type Budgets, openBudgets } from './budgets.ts'
import { type Clock, microTime, realClock, type Timer } from './clock.ts'
import { EVENT, type KubeObject, pathOf } from './objects.ts'

export interface Saying {
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, one of a fixed set: why. */
  readonly reason: string
  /** A fixed sentence as far as it can be: other words make another Event. */
  readonly message: string
  /** CamelCase: what was done, or was to be done. */
  readonly action: string
}

export interface Recorder {
  say(about: KubeObject, saying: Saying): void
  /** Waits until what may be written now has been. */
  flush(): Promise<void>
  /** Stops; what waits is dropped. */
  close(): void
  readonly status: { readonly written: number; readonly waiting: number; readonly dropped: number }
}

export interface RecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'request'>
  /** Who says it: `marketprism.io/operator`. */
  readonly component: string
  /** Which of them: the pod's name. */
  readonly instance: string
  /** Whether there is work that matters more; never by default. */
  readonly isBusy?: () => boolean
  readonly clock?: Clock
  readonly log?: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Writes about one object: so many at once, and one more each so often. */
const BURST = 9
const REFILL_MS = 400_000
/** What the new words of a warning find left, however much else is told and counted. */
const LEFT_FOR_WARNINGS = 4
/** Writes about all objects together, while there is work. */
const ALL = 'all'
const ALL_BURST = 50
const ALL_REFILL_MS = 100
/** A series ends when nothing was said for so long: the next is a new Event. */
const SERIES_MS = 600_000
const SERIES_MAX = 4_000
const ATTEMPTS_MAX = 3
const RETRY_MS = 1_000
const MESSAGE_MAX = 1_024
/** Names have 253 characters; a dot and the number take 17. */
const NAME_MAX = 236

interface Series {
  readonly about: KubeObject
  readonly saying: Saying
  readonly name: string
  readonly firstMs: number
  lastMs: number
  count: number
  isCreated: boolean
  /** Something was said that is not written yet. */
  isDue: boolean
  attempts: number
}

export function openRecorder(options: RecorderOptions): Recorder {
  return new Notebook(options)
}

class Notebook implements Recorder {
  readonly #options: RecorderOptions
  readonly #clock: Clock
  readonly #budgets: Budgets
  readonly #pace: Budgets
  /** In order of use: who was not heard of for longest comes first. */
  readonly #series = new Map<string, Series>()
  /** By object and reason: the key of what was said last. */
  readonly #newest = new Map<string, string>()
  #written = 0
  #dropped = 0
  #timer: Timer | undefined
  /** When the timer is due. */
  #plannedMs = Infinity
  #isClosed = false
  #writing: Promise<void> | undefined

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#clock = options.clock ?? realClock
    this.#budgets = openBudgets(this.#clock, BURST, REFILL_MS)
    this.#pace = openBudgets(this.#clock, ALL_BURST, ALL_REFILL_MS)
  }

  get status(): Recorder['status'] {
    return { written: this.#written, waiting: this.#due().length, dropped: this.#dropped }
  }

  say(about: KubeObject, asked: Saying): void {
    if (this.#isClosed) return
    const saying = { ...asked, message: asked.message.slice(0, MESSAGE_MAX) }
    const nowMs = this.#clock.nowMs()
    const key = keyOf(about, saying)
    const known = this.#series.get(key)
    this.#series.delete(key)
    if (known !== undefined && nowMs - known.lastMs < SERIES_MS) {
      known.count += 1
      known.lastMs = nowMs
      known.isDue = true
      this.#series.set(key, known)
    } else {
      this.#forgetOlderWords(about, saying, key)
      this.#series.set(key, seriesOf(about, saying, nowMs))
      this.#shrink()
    }
    this.#plan(this.#heldMs())
  }

  flush(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined))
    return this.#writing
  }

  close(): void {
    this.#isClosed = true
    this.#clock.clearTimeout(this.#timer)
  }

  #due(): [string, Series][] {
    return [...this.#series].filter(([, { isDue }]) => isDue)
  }

  /** Other words for the same reason that still wait are out of date. */
  #forgetOlderWords(about: KubeObject, saying: Saying, key: string): void {
    const subject = subjectOf(about, saying)
    const older = this.#newest.get(subject)
    this.#newest.set(subject, key)
    const one = older === undefined ? undefined : this.#series.get(older)
    if (older === undefined || one === undefined || one.isCreated || one.attempts > 0) return
    this.#series.delete(older)
    this.#dropped += 1
  }

  #shrink(): void {
    for (const [key, { isDue }] of this.#series) {
      if (this.#series.size <= SERIES_MAX) return
      this.#forget(key)
      if (isDue) this.#dropped += 1
    }
  }

  #forget(key: string): void {
    const one = this.#series.get(key)
    this.#series.delete(key)
    const subject = one === undefined ? '' : subjectOf(one.about, one.saying)
    if (this.#newest.get(subject) === key) this.#newest.delete(subject)
  }

  /** Writes in so long, or sooner where that is planned already: what waits for its turn holds up nothing else. */
  #plan(ms: number): void {
    const dueMs = this.#clock.nowMs() + ms
    if (this.#isClosed || this.#plannedMs <= dueMs) return
    this.#clock.clearTimeout(this.#timer)
    this.#plannedMs = dueMs
    const run = () => {
      this.#timer = undefined
      this.#plannedMs = Infinity
      void this.flush()
    }
    this.#timer = this.#clock.setTimeout(run, ms)
  }

  /** For how long other work goes first. */
  #heldMs(): number {
    return this.#options.isBusy?.() === true ? this.#pace.waitMs(ALL) : 0
  }

  /** Writes what is due and has budget. */
  async #writeAll(): Promise<void> {
    const ordered = this.#due().toSorted(([, one], [, other]) => rankOf(one) - rankOf(other))
    for (const [key, one] of ordered) {
      if (this.#isClosed || this.#heldMs() > 0) break
      if (this.#series.get(key) !== one || !this.#budgets.take(uidOf(one.about), leftBy(one))) continue
      this.#pace.take(ALL)
      await this.#write(key, one)
    }
    let waitMs = Infinity
    for (const [, one] of this.#due()) waitMs = Math.min(waitMs, this.#budgets.waitMs(uidOf(one.about), leftBy(one)))
    if (waitMs < Infinity) this.#plan(Math.max(RETRY_MS, waitMs))
  }

  async #write(key: string, one: Series): Promise<void> {
    one.isDue = false
    one.attempts += 1
    try {
      await this.#send(one)
      one.attempts = 0
      this.#written += 1
    } catch (error) {
      this.#failed(key, one, error)
    }
  }

  #failed(key: string, one: Series, error: unknown): void {
    const { about, saying, attempts, lastMs } = one
    if (one.isCreated && error instanceof ApiError && error.status === 404) {
      // The server drops Events after an hour: what is said now is a new one.
      this.#series.set(key, { ...seriesOf(about, saying, lastMs), attempts })
      return
    }
    const isFinal = error instanceof WriteRefused || (error instanceof ApiError && error.status < 429)
    one.isDue = !isFinal && attempts < ATTEMPTS_MAX
    if (one.isDue) return
    this.#forget(key)
    this.#dropped += 1
    this.#options.log?.('an event was not written', { reason: saying.reason, error })
  }

  async #send(one: Series): Promise<void> {
    const { client } = this.#options
    const series = { count: one.count, lastObservedTime: microTime(one.lastMs) }
    if (!one.isCreated) {
      const event = { ...eventOf(one, this.#options), ...(one.count > 1 ? { series } : {}) }
      await client.create(EVENT, event, { canWait: true })
      one.isCreated = true
      return
    }
    await client.request({
      method: 'PATCH',
      path: pathOf(EVENT, namespaceOf(one.about), one.name),
      body: { series },
      contentType: 'application/merge-patch+json',
      isGuarded: true,
      canWait: true,
    })
  }
}

function eventOf({ about, saying, name, firstMs }: Series, { component, instance }: RecorderOptions): KubeObject {
  const { type, reason, action, message } = saying
  const { metadata } = about
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: namespaceOf(about) },
    eventTime: microTime(firstMs),
    type,
    reason,
    action,
    note: message,
    reportingController: component,
    reportingInstance: instance,
    regarding: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
    },
  }
}

function seriesOf(about: KubeObject, saying: Saying, nowMs: number): Series {
  const hash = createHash('sha256')
    .update(`${keyOf(about, saying)} ${nowMs}`)
    .digest('hex')
    .slice(0, 16)
  const name = `${about.metadata.name.slice(0, NAME_MAX)}.${hash}`
  // Only what the Event says of the object is kept, not the object.
  const { apiVersion, kind, metadata } = about
  const { name: of, namespace, uid, resourceVersion } = metadata
  const reference = Object.fromEntries(
    Object.entries({ namespace, uid, resourceVersion }).filter(([, v]) => v !== undefined),
  )
  const short: KubeObject = { apiVersion, kind, metadata: { name: of, ...reference } }
  return {
    about: short,
    saying,
    name,
    firstMs: nowMs,
    lastMs: nowMs,
    count: 1,
    isCreated: false,
    isDue: true,
    attempts: 0,
  }
}

/** New Events first, since a count may wait, and of them warnings. */
function rankOf({ saying, isCreated }: Series): number {
  if (isCreated) return 2
  return saying.type === 'Warning' ? 0 : 1
}

function leftBy({ saying, isCreated }: Series): number {
  return saying.type === 'Warning' && !isCreated ? 0 : LEFT_FOR_WARNINGS
}

/** Events of objects without a namespace are in `default`. */
function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? 'default'
}

function uidOf({ kind, metadata }: KubeObject): string {
  return metadata.uid ?? `${kind} ${metadata.namespace ?? ''}/${metadata.name}`
}

function subjectOf(about: KubeObject, { type, reason, action }: Saying): string {
  return JSON.stringify([uidOf(about), type, reason, action])
}

function keyOf(about: KubeObject, saying: Saying): string {
  return `${subjectOf(about, saying)} ${saying.message}`
}
