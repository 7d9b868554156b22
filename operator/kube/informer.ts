// A cache of all objects of a kind, which follows the API server through whatever happens to its watch.
//
// In: a kind, a scope, and who wants to know of changes. Out: objects, and each change once. Always: list, then watch
// with bookmarks from the newest version that we have seen; a watch that ends is resumed, not listed again; only an
// expired version (410, as an answer or inside the stream) makes a new list, and that tells the deletions that nobody
// saw. A watch that is silent for 150 s is given up: the server sends a bookmark each minute. Never: stops by itself,
// skips a line, holds managedFields, fails because of who listens.
import { type Clock, type Random, realClock, wait } from './clock.ts'
import { ApiError, type KubeClient, type Query } from './client.ts'
import type { Status } from './errors.ts'
import { linesOf } from './lines.ts'
import type { Kind, KubeObject } from './objects.ts'
import { Abandoned, HEALTHY_MS, openPace, type Pace, type Reason, reasonOf } from './pace.ts'
import { type Change, frozen, openStore, type Store } from './store.ts'

export type { Reason } from './pace.ts'
export type { Change } from './store.ts'

export interface InformerStatus {
  readonly lists: number
  readonly watches: number
  readonly restarts: Readonly<Partial<Record<Reason, number>>>
  /** By type: added, changed, deleted, bookmark. */
  readonly events: Readonly<Record<string, number>>
  /** Objects held. */
  readonly size: number
  /** Whether the stream of a watch is open. */
  readonly isWatching: boolean
  /** Time of the last byte of a watch, or page of a list, ms; 0 before the first. */
  readonly contactMs: number
  /** Exceptions of `onChange`. */
  readonly failedHandlers: number
  /** What keeps the cache from following; undefined while it follows. */
  readonly problem: { readonly reason: Reason; readonly text: string } | undefined
}

export interface Informer<T extends KubeObject> {
  /** Whether the cache holds all objects; false again when the kind is taken away, or forbidden to us. */
  readonly synced: boolean
  /** Rejects when the informer is closed before. */
  whenSynced(): Promise<void>
  get(namespace: string | undefined, name: string): T | undefined
  list(namespace?: string): T[]
  readonly status: InformerStatus
  close(): Promise<void>
}

export interface InformerOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'pages' | 'watch'>
  readonly kind: Kind
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Drops what nobody reads, before an object is stored. */
  readonly keep?: (object: T) => T
  /** Freezes what is stored, so that a test fails where somebody changes what is shared. */
  readonly freeze?: boolean
  /** An exception of it is counted and logged. */
  readonly onChange: (change: Change<T>) => void
  readonly clock?: Clock
  readonly random?: Random
  /** One line for each change of state. */
  readonly log?: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

const SILENCE_MS_MAX = 150_000
/** How long the server is asked to keep a watch, and how long after that we end it ourselves. */
const WATCH_SECONDS_MIN = 300
const WATCH_SECONDS_MAX = 600
const OVERDUE_MS = 30_000
/** Errors in a stream, in a row, after which resuming is given up for a list: one event may be what cannot be read. */
const STREAM_ERRORS_MAX = 3

/** Starts to list and watch at once. */
export function openInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const reflector = new Reflector(options)
  const running = reflector.run()
  const { store } = reflector
  return {
    get synced() {
      return reflector.isSynced
    },
    whenSynced: () => reflector.whenSynced(),
    get: (namespace, name) => store.get(`${namespace ?? ''}/${name}`),
    list: (namespace) => {
      const all = [...store.values()]
      return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace)
    },
    get status() {
      return reflector.status()
    },
    close: () => {
      reflector.close()
      return running
    },
  }
}

interface WatchEvent {
  readonly type: string
  readonly object: KubeObject | Status
}

/** The loop behind an informer: client-go's word. */
class Reflector<T extends KubeObject> {
  readonly store: Store<T> = openStore<T>()
  isSynced = false
  readonly #options: InformerOptions<T>
  readonly #clock: Clock
  readonly #random: Random
  readonly #selectors: Query
  readonly #pace: Pace
  readonly #closing = new AbortController()
  readonly #waiters: { resolve: () => void; reject: (error: Error) => void }[] = []
  readonly #counts = { lists: 0, watches: 0, failedHandlers: 0, contactMs: 0 }
  readonly #restarts: Partial<Record<Reason, number>> = {}
  readonly #events: Record<string, number> = {}
  #problem: InformerStatus['problem']
  /** The newest version seen; empty when a list is needed. */
  #version = ''
  #isPaged = true
  #listedMs = -Infinity
  #openedMs = Infinity
  #streamErrors = 0
  #isWatching = false

  constructor(options: InformerOptions<T>) {
    this.#options = options
    this.#clock = options.clock ?? realClock
    this.#random = options.random ?? Math.random
    this.#pace = openPace(this.#random)
    this.#selectors = { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector }
  }

  async run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      this.#openedMs = Infinity
      const wasListing = this.#version === ''
      const error = await this.#attempt()
      if (signal.aborted) return
      await wait(this.#clock, this.#after(error, wasListing && this.#version === ''), signal)
    }
  }

  whenSynced(): Promise<void> {
    if (this.isSynced) return Promise.resolve()
    return new Promise((resolve, reject) => void this.#waiters.push({ resolve, reject }))
  }

  status(): InformerStatus {
    return {
      ...this.#counts,
      restarts: { ...this.#restarts },
      events: { ...this.#events },
      size: this.store.size,
      isWatching: this.#isWatching,
      problem: this.#problem,
    }
  }

  close(): void {
    const error = new Error(`the informer of ${this.#options.kind.plural} was closed`)
    this.#closing.abort(error)
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }

  /** A list where one is needed, and one watch to its end. Out: what was thrown. */
  async #attempt(): Promise<unknown> {
    try {
      if (this.#version === '') await this.#list()
      await this.#follow()
      return undefined
    } catch (error) {
      return error
    }
  }

  async #list(): Promise<void> {
    const { client, kind, namespace } = this.#options
    this.#counts.lists += 1
    const objects: T[] = []
    let version = ''
    const query = this.#isPaged ? this.#selectors : { ...this.#selectors, limit: undefined }
    for await (const page of client.pages<T>(kind, namespace, query)) {
      for (const item of page.items) objects.push(this.#slim(item))
      version = page.resourceVersion
      this.#counts.contactMs = this.#clock.nowMs()
    }
    this.#isPaged = true
    this.#version = version
    this.#listedMs = this.#clock.nowMs()
    const changes = this.store.replace(objects)
    this.#follows()
    this.#tell(changes)
    for (const { resolve } of this.#waiters.splice(0)) resolve()
  }

  async #follow(): Promise<void> {
    const { client, kind, namespace } = this.#options
    const span = WATCH_SECONDS_MAX - WATCH_SECONDS_MIN
    const seconds = WATCH_SECONDS_MIN + Math.floor(this.#random() * (span + 1))
    const query = {
      ...this.#selectors,
      resourceVersion: this.#version,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(seconds),
    }
    this.#counts.watches += 1
    const leash = openLeash(this.#clock, this.#closing.signal, seconds * 1000 + OVERDUE_MS)
    try {
      const bytes = await client.watch(kind, namespace, query, leash.signal)
      this.#openedMs = this.#clock.nowMs()
      this.#follows()
      const alive = () => {
        this.#counts.contactMs = this.#clock.nowMs()
        leash.alive()
      }
      alive()
      this.#isWatching = true
      for await (const line of linesOf(bytes, alive)) this.#take(JSON.parse(line) as WatchEvent)
    } finally {
      this.#isWatching = false
      leash.close()
    }
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') {
      const status = object as Status
      throw new ApiError(`watch of ${this.#options.kind.plural}`, status.code ?? 500, status)
    }
    const one = object as T
    const { resourceVersion } = one.metadata
    if (type === 'BOOKMARK') this.#count('bookmark')
    else this.#tell(type === 'DELETED' ? this.store.remove(this.#slim(one)) : this.store.put(this.#slim(one)))
    if (resourceVersion !== undefined) this.#version = resourceVersion
    this.#streamErrors = 0
  }

  #slim(object: T): T {
    slim(object)
    const kept = this.#options.keep === undefined ? object : this.#options.keep(object)
    return this.#options.freeze === true ? frozen(kept) : kept
  }

  #tell(changes: readonly Change<T>[]): void {
    for (const change of changes) {
      this.#count(change.type)
      try {
        this.#options.onChange(change)
      } catch (error) {
        this.#counts.failedHandlers += 1
        this.#log('a handler of changes failed', { name: change.object.metadata.name, error })
      }
    }
  }

  #count(type: string): void {
    this.#events[type] = (this.#events[type] ?? 0) + 1
  }

  /** The server gave a list or opened a watch: the cache is complete. */
  #follows(): void {
    if (this.#problem !== undefined) this.#log('follows again', { after: this.#problem.reason })
    this.#problem = undefined
    this.isSynced = true
  }

  /** Notes what the end of a list or watch means. Out: the wait before the next, ms. */
  #after(error: unknown, wasListing: boolean): number {
    const nowMs = this.#clock.nowMs()
    const livedMs = Math.max(0, nowMs - this.#openedMs)
    const isOpen = this.#openedMs !== Infinity
    const clean: Reason = livedMs < HEALTHY_MS ? 'closed' : 'ended'
    const reason = error === undefined ? clean : reasonOf(error, isOpen)
    this.#restarts[reason] = (this.#restarts[reason] ?? 0) + 1
    this.#resume(reason, isOpen, wasListing)
    const retryAfterMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
    const waitMs = this.#pace.after({ reason, livedMs, wasListing, sinceListMs: nowMs - this.#listedMs, retryAfterMs })
    // A first early end is nothing to worry about; the second in a row is.
    if (waitMs > 0 && (reason !== 'closed' || this.#pace.failures > 1)) this.#worry(reason, error)
    return waitMs
  }

  /** Decides where to go on: from the version, or with a list. */
  #resume(reason: Reason, isOpen: boolean, wasListing: boolean): void {
    if (reason === 'forbidden' || reason === 'missing') this.isSynced = false
    // The pages of a list may expire while we read them: then without pages.
    if (reason === 'expired' && wasListing) this.#isPaged = false
    const isStreamError = isOpen && (reason === 'malformed' || reason === 'failed')
    if (isStreamError) this.#streamErrors += 1
    const isStuck = this.#streamErrors >= STREAM_ERRORS_MAX
    if (isStuck) this.#streamErrors = 0
    if (reason === 'expired' || reason === 'missing' || isStuck) this.#version = ''
  }

  #worry(reason: Reason, error: unknown): void {
    const text = error instanceof Error ? error.message : 'the server ends each watch right after it began'
    if (this.#problem?.reason !== reason) this.#log('does not follow', { reason, error: text })
    this.#problem = { reason, text }
  }

  #log(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.log?.(`${this.#options.kind.plural}: ${message}`, fields)
  }
}

/** Takes from an object that nobody else holds what nobody reads. @returns the same */
export function slim<T extends KubeObject>(object: T): T {
  delete (object.metadata as { managedFields?: unknown }).managedFields
  return object
}

/** The signal of one watch: aborts when it is silent, when it is overdue, and when all ends. */
function openLeash(clock: Clock, parent: AbortSignal, msMax: number) {
  const controller = new AbortController()
  const end = () => controller.abort(parent.reason)
  parent.addEventListener('abort', end)
  let heardMs = clock.nowMs()
  const overdue = clock.setTimeout(() => controller.abort(new Abandoned('overdue')), msMax)
  // One timer that looks at the last sign of life, instead of a new timer for each.
  const look = () => {
    const leftMs = heardMs + SILENCE_MS_MAX - clock.nowMs()
    if (leftMs <= 0) controller.abort(new Abandoned('silent'))
    else silence = clock.setTimeout(look, leftMs)
  }
  let silence = clock.setTimeout(look, SILENCE_MS_MAX)
  return {
    signal: controller.signal,
    alive: () => (heardMs = clock.nowMs()),
    close() {
      clock.clearTimeout(overdue)
      clock.clearTimeout(silence)
      parent.removeEventListener('abort', end)
      // A stream that we stop reading, since a line of it is no event, is not left open.
      controller.abort(new Error('the watch is over'))
    },
  }
}
