// Requests to the API server: raw JSON in, raw JSON out, so that no field is lost on the way.
//
// Always: one pool of kept-alive connections; at most `concurrency` requests at the same time, besides watches and what
// is urgent; every request ends in its time (10 s, lists 60 s); 429 and 503 with Retry-After are obeyed within that
// time; a write of objects is sent only while `mayWrite` says so, asked at the last moment. Never: a retry of anything
// else, which is the queue's.
import type { KubeConfig } from '@kubernetes/client-node'
import { type Clock, realClock, wait } from './clock.ts'
import { openCredentials } from './credentials.ts'
import { ApiError, type Status, WriteRefused } from './errors.ts'
import { apiVersionOf, type Kind, type KubeObject, pathOf, POD } from './objects.ts'
import { slots } from './slots.ts'
import { openTransport, type Outgoing, type Transport } from './transport.ts'

export { ApiError, isExpired, RequestTimeout, WriteRefused } from './errors.ts'

export type Query = Readonly<Record<string, string | undefined>>

export interface KubeRequest {
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly query?: Query
  readonly body?: unknown
  readonly contentType?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Waits for no other request: renewals of a lease. */
  readonly isUrgent?: boolean
  /** Lets others go first where all connections are in use, but for every tenth turn: Events. */
  readonly canWait?: boolean
  /** Sent only while {@link ClientOptions.mayWrite} allows it. */
  readonly isGuarded?: boolean
  /** Throws at the first 429, instead of waiting as long as the server asks for. */
  readonly isImpatient?: boolean
}

export interface Page<T> {
  readonly items: T[]
  readonly resourceVersion: string
}

export interface KubeClient {
  /** @throws ApiError for 400 and more, RequestTimeout, and the network's errors as they are */
  request<T = unknown>(request: KubeRequest): Promise<T>
  /** Undefined where there is none. */
  get<T extends KubeObject>(kind: Kind, namespace: string | undefined, name: string): Promise<T | undefined>
  /** All of a kind; begins again, without pages, when its pages became too old. */
  list<T extends KubeObject>(kind: Kind, namespace?: string, query?: Query): Promise<Page<T>>
  /** The same by pages, so that nobody holds all of them at once. A page may be refused with 410: begin again. */
  pages<T extends KubeObject>(kind: Kind, namespace?: string, query?: Query): AsyncGenerator<Page<T>>
  /** Server-side apply, forced, as our field manager: what is not in the object is given up. */
  apply<T extends KubeObject>(kind: Kind, object: KubeObject, subresource?: 'status'): Promise<T>
  create<T extends KubeObject>(kind: Kind, object: KubeObject, manner?: Pick<KubeRequest, 'canWait'>): Promise<T>
  /** Resolves also where it is gone, or another of the same name by now. */
  remove(kind: Kind, namespace: string | undefined, name: string, preconditions: { uid: string }): Promise<void>
  /** Eviction of a pod, which a PodDisruptionBudget may refuse. */
  evict(namespace: string, pod: string, uid: string): Promise<'evicted' | 'refused' | 'gone'>
  /** The bytes of an answer as they come, such as a log that is followed, until its end or the signal's. */
  stream(path: string, query: Query, signal: AbortSignal): Promise<AsyncIterable<Buffer>>
  /** The bytes of a watch, as they come, until the server ends it or the signal aborts. */
  watch(kind: Kind, namespace: string | undefined, query: Query, signal: AbortSignal): Promise<AsyncIterable<Buffer>>
  /** Ends all connections. */
  close(): Promise<void>
}

export interface ClientOptions {
  /** Without one: the service account in a pod, else the user's kubeconfig. */
  readonly config?: KubeConfig
  readonly accountFolder?: string
  readonly userAgent: string
  readonly fieldManager: string
  /** Requests at the same time. */
  readonly concurrency?: number
  /** Whether objects may be written now: `() => lease.isLeading`. */
  readonly mayWrite?: () => boolean
  /** Told of each answer; status 0 is an error of the network. */
  readonly observe?: (answer: { method: string; status: number; tookMs: number }) => void
  /** Told of each warning of the API server: deprecations, unknown fields. */
  readonly onWarning?: (text: string) => void
  readonly clock?: Clock
}

const CONCURRENCY = 8
/** Small, so that a start with thousands of objects does not hold megabytes of one answer. */
const PAGE = '100'
const REQUEST_MS_MAX = 10_000
const LIST_MS_MAX = 60_000
/** Above the 10 s for which the API server repeats an eviction whose precondition fails. */
const EVICT_MS_MAX = 15_000
const WATCH_HEADERS_MS_MAX = 30_000
const PATIENCE_MAX = 3
export const APPLY_TYPE = 'application/apply-patch+yaml'

export async function openClient(options: ClientOptions): Promise<KubeClient> {
  const { clock = realClock, observe, onWarning } = options
  const transport = openTransport(await openCredentials(options), clock)
  const room = slots(options.concurrency ?? CONCURRENCY)

  async function once(outgoing: Outgoing, isGuarded: boolean): Promise<Awaited<ReturnType<Transport['send']>>> {
    const startMs = clock.nowMs()
    const { method, path } = outgoing
    const tell = (status: number) => observe?.({ method, status, tookMs: clock.nowMs() - startMs })
    if (isGuarded && options.mayWrite?.() === false) throw new WriteRefused(`${method} ${path}`)
    try {
      const answer = await transport.send(outgoing)
      tell(answer.status)
      for (const text of warningsOf(answer.header('warning'))) onWarning?.(text)
      return answer
    } catch (error) {
      tell(0)
      throw error
    }
  }

  async function request<T>(asked: KubeRequest): Promise<T> {
    const outgoing = outgoingOf(asked, options.userAgent)
    const { isGuarded = false, isUrgent = false, isImpatient = false, canWait, signal } = asked
    const leave = isUrgent ? undefined : await room.take(signal, canWait)
    try {
      const untilMs = clock.nowMs() + outgoing.timeoutMs
      for (let attempt = 0; ; attempt += 1) {
        const { status, header, text } = await once(outgoing, isGuarded)
        if (status < 400) return (text === '' ? undefined : JSON.parse(text)) as T
        const error = new ApiError(`${asked.method} ${asked.path}`, status, statusOf(text), header('retry-after'))
        const { retryAfterMs = Infinity } = error
        const isPatient = (status === 429 || status === 503) && !isImpatient && attempt < PATIENCE_MAX
        if (!isPatient || clock.nowMs() + retryAfterMs > untilMs) throw error
        await wait(clock, retryAfterMs, signal)
        signal?.throwIfAborted()
      }
    } finally {
      // A turn later its connection is free: whoever is next takes that, instead of opening another.
      if (leave !== undefined) setImmediate(leave)
    }
  }

  async function open(what: string, path: string, query: Query, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const asked = { method: 'GET', path, query, timeoutMs: WATCH_HEADERS_MS_MAX, signal }
    const startMs = clock.nowMs()
    const { status, header, body } = await transport.stream(outgoingOf(asked, options.userAgent))
    observe?.({ method: what, status, tookMs: clock.nowMs() - startMs })
    if (status === 200) return body as AsyncIterable<Buffer>
    throw new ApiError(`${what} ${path}`, status, statusOf(await body.text()), header('retry-after'))
  }
  const stream: KubeClient['stream'] = (path, query, signal) => open('GET', path, query, signal)
  const watch: KubeClient['watch'] = (kind, namespace, query, signal) =>
    open('WATCH', pathOf(kind, namespace), { ...query, watch: 'true' }, signal)

  return {
    request,
    ...reading(request),
    ...writing(request, options.fieldManager),
    stream,
    watch,
    close: transport.close,
  }
}

type Ask = KubeClient['request']

function reading(request: Ask): Pick<KubeClient, 'get' | 'list' | 'pages'> {
  async function* pages<T extends KubeObject>(kind: Kind, namespace?: string, query: Query = {}) {
    const path = pathOf(kind, namespace)
    let next: string | undefined
    do {
      const list: List<T> = await request({
        method: 'GET',
        path,
        query: { limit: PAGE, ...query, continue: next },
        timeoutMs: LIST_MS_MAX,
      })
      yield { items: list.items.map((item) => typed(kind, item)), resourceVersion: list.metadata.resourceVersion }
      next = list.metadata.continue
    } while (next !== undefined && next !== '')
  }
  async function all<T extends KubeObject>(kind: Kind, namespace?: string, query?: Query): Promise<Page<T>> {
    const items: T[] = []
    let resourceVersion = ''
    for await (const page of pages<T>(kind, namespace, query)) {
      for (const item of page.items) items.push(item)
      resourceVersion = page.resourceVersion
    }
    return { items, resourceVersion }
  }
  return {
    get: (kind, namespace, name) =>
      unless([404], undefined, () => request({ method: 'GET', path: pathOf(kind, namespace, name) })),
    async list(kind, namespace, query) {
      try {
        return await all(kind, namespace, query)
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 410) throw error
        return all(kind, namespace, { ...query, limit: undefined })
      }
    },
    pages,
  }
}

function writing(request: Ask, fieldManager: string): Pick<KubeClient, 'apply' | 'create' | 'remove' | 'evict'> {
  const query = { fieldManager }
  return {
    apply: (kind, object, subresource) => {
      const { namespace, name } = object.metadata
      return request({
        method: 'PATCH',
        path: `${pathOf(kind, namespace, name)}${subresource === undefined ? '' : `/${subresource}`}`,
        query: { ...query, force: 'true' },
        body: object,
        contentType: APPLY_TYPE,
        isGuarded: true,
      })
    },
    create: (kind, object, manner = {}) => {
      const path = pathOf(kind, object.metadata.namespace)
      return request({ ...manner, method: 'POST', path, query, body: object, isGuarded: true })
    },
    remove: (kind, namespace, name, preconditions) =>
      unless([404, 409], undefined, async () => {
        const path = pathOf(kind, namespace, name)
        const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy: 'Background' }
        await request({ method: 'DELETE', path, body, isGuarded: true })
      }),
    evict: (namespace, name, uid) =>
      unless([429], 'refused' as const, () =>
        unless([404, 409], 'gone' as const, async () => {
          const path = pathOf(POD, namespace, name)
          const { metadata } = await request<KubeObject>({ method: 'GET', path })
          if (metadata.uid !== uid) return 'gone' as const
          const body = {
            apiVersion: 'policy/v1',
            kind: 'Eviction',
            metadata: { name, namespace },
            deleteOptions: { preconditions: { uid } },
          }
          const timeoutMs = EVICT_MS_MAX
          const asked = { method: 'POST', path: `${path}/eviction`, body, timeoutMs }
          await request({ ...asked, isGuarded: true, isImpatient: true })
          return 'evicted' as const
        }),
      ),
  }
}

interface List<T> {
  readonly items: T[]
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
}

/** Items of a list come without their kind. */
function typed<T extends KubeObject>(kind: Kind, item: T): T {
  return { ...item, apiVersion: apiVersionOf(kind), kind: kind.kind }
}

async function unless<T, U>(statuses: readonly number[], otherwise: U, run: () => Promise<T>): Promise<T | U> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof ApiError && statuses.includes(error.status)) return otherwise
    throw error
  }
}

function outgoingOf(asked: KubeRequest, userAgent: string): Outgoing {
  const { method, path, query = {}, body, contentType = 'application/json', signal } = asked
  const set = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const search = new URLSearchParams(set).toString()
  return {
    method,
    path: search === '' ? path : `${path}?${search}`,
    headers: {
      accept: 'application/json',
      'user-agent': userAgent,
      ...(body === undefined ? {} : { 'content-type': contentType }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    timeoutMs: asked.timeoutMs ?? REQUEST_MS_MAX,
    signal,
  }
}

/** The Status in an answer; a balancer in between may have sent anything. */
function statusOf(text: string): Status {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null) return body
  } catch {
    // Not JSON: its beginning is all that we can show.
  }
  return text === '' ? {} : { message: text.slice(0, 200) }
}

/** Texts of a Warning header: `299 - "text"`, several divided by commas. */
function warningsOf(header: string | undefined): string[] {
  return [...(header ?? '').matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replaceAll('\\', ''),
  )
}
