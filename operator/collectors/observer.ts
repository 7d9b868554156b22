// Asks the pods how they are: `GET /summary` of each that runs, every 15 s.
//
// In: pods as the informer sees them. Out: what each last said, by its uid, with its age. Always: an answer is a
// stranger's word: bounded in time and size, checked whole or not taken at all; at most CONCURRENCY_MAX requests at the
// same time; ages by a clock that no step of the system's clock moves. Never: keeps a pod that is gone, a connection, or
// more than one question to a pod at a time.
import { setMaxListeners } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { PERIOD_MS } from '../healing/observed.ts'
import { summarySchema, wellBeing } from '../healing/summary.ts'
import type { Summary } from '../healing/summary.ts'
import { type Clock, type Random, realClock } from '../kube/clock.ts'
import type { KubeObject } from '../kube/objects.ts'
import { type Slots, slots } from '../kube/slots.ts'

export type { Summary } from '../healing/summary.ts'

/** What a pod last said of itself, and how long ago by the monotonic clock. */
export interface Observation {
  readonly summary: Summary
  readonly ageMs: number
}

export interface Address {
  readonly host: string
  readonly port: number
}

export interface ObserverOptions {
  /** A pod said something else than before, in a way that its Collector is to be looked at for. */
  readonly onChange: (pod: KubeObject) => void
  /** Told of each question; the reason of a failure is for people. */
  readonly onAsked?: (result: 'answered' | 'failed', reason: string | undefined) => void
  readonly log: { debug(fields: Record<string, unknown>, message: string): void }
  /** Where a pod is asked; undefined while it cannot be. */
  readonly addressOf?: (pod: KubeObject) => Address | undefined
  readonly periodMs?: number
  readonly timeoutMs?: number
  readonly clock?: Clock
  readonly random?: Random
}

export interface Observer {
  /** A change of a pod, as an informer tells it. */
  take(change: { readonly type: 'added' | 'changed' | 'deleted'; readonly object: KubeObject }): void
  /** What a pod last said; undefined before its first answer. */
  of(uid: string): Observation | undefined
  /** Pods that are known, and questions under way. */
  readonly size: { readonly pods: number; readonly asking: number }
  /** Asks no more; resolves when no question is under way. */
  close(): Promise<void>
}

export const ANSWER_BYTES_MAX = 262_144
export const CONCURRENCY_MAX = 32
const TIMEOUT_MS = 3000
/** Share of the period by which questions spread to either side. */
const JITTER = 0.1
/** A pod that has just come is asked within this time. */
const FIRST_MS_MAX = 1000
const PORT = 8080
const REASON_MAX = 200

/** What is kept of a pod. */
interface Asked {
  pod: KubeObject
  said: { readonly summary: Summary; readonly atMs: number; readonly gist: string } | undefined
  /** The next question; undefined while one is under way or none is planned. */
  timer: ReturnType<Clock['setTimeout']> | undefined
  isAsking: boolean
}

/** All that the questions share. */
interface Round extends Required<Omit<ObserverOptions, 'onAsked'>> {
  readonly onAsked: NonNullable<ObserverOptions['onAsked']>
  readonly pods: Map<string, Asked>
  readonly places: Slots
  readonly closing: AbortSignal
  readonly underWay: Set<Promise<void>>
}

export function openObserver(options: ObserverOptions): Observer {
  const closing = new AbortController()
  // One listener for each pod that waits for its turn.
  setMaxListeners(0, closing.signal)
  const round: Round = {
    addressOf: podAddress,
    periodMs: PERIOD_MS,
    timeoutMs: TIMEOUT_MS,
    clock: realClock,
    random: Math.random,
    onAsked: () => {},
    ...options,
    pods: new Map(),
    places: slots(CONCURRENCY_MAX),
    closing: closing.signal,
    underWay: new Set(),
  }
  const { pods, clock, random } = round
  return {
    take({ type, object }) {
      const { uid } = object.metadata
      if (uid === undefined || closing.signal.aborted) return
      const known = pods.get(uid)
      if (type === 'deleted') {
        clock.clearTimeout(known?.timer)
        pods.delete(uid)
        return
      }
      const asked = known ?? { pod: object, said: undefined, timer: undefined, isAsking: false }
      asked.pod = object
      pods.set(uid, asked)
      plan(round, uid, asked, FIRST_MS_MAX * random())
    },
    of(uid) {
      const said = pods.get(uid)?.said
      return said === undefined ? undefined : { summary: said.summary, ageMs: Math.max(0, clock.nowMs() - said.atMs) }
    },
    get size() {
      return { pods: pods.size, asking: round.places.taken }
    },
    async close() {
      closing.abort(new Error('the observer is closed'))
      for (const { timer } of pods.values()) clock.clearTimeout(timer)
      await Promise.all(round.underWay)
      pods.clear()
    },
  }
}

/** Plans the next question to a pod, unless one is planned or under way, or it cannot be asked now. */
function plan(round: Round, uid: string, asked: Asked, ms: number): void {
  const { pods, clock, random, periodMs, closing, underWay } = round
  if (closing.aborted || asked.isAsking || asked.timer !== undefined || addressNow(round, asked) === undefined) return
  asked.timer = clock.setTimeout(() => {
    asked.timer = undefined
    asked.isAsking = true
    const question = ask(round, uid, asked).finally(() => {
      underWay.delete(question)
      asked.isAsking = false
      if (pods.get(uid) === asked) plan(round, uid, asked, periodMs * (1 + JITTER * (2 * random() - 1)))
    })
    underWay.add(question)
  }, ms)
}

/** Never rejects: what fails is counted, and the last answer only gets older. */
async function ask(round: Round, uid: string, asked: Asked): Promise<void> {
  const { pods, places, closing, timeoutMs, onAsked, log } = round
  let giveBack: (() => void) | undefined
  try {
    giveBack = await places.take(closing)
    const address = pods.get(uid) === asked ? addressNow(round, asked) : undefined
    if (address === undefined) return
    const summary = await fetchSummary(address, timeoutMs, closing)
    onAsked('answered', undefined)
    if (pods.get(uid) === asked) keep(round, asked, summary)
  } catch (error) {
    if (closing.aborted) return
    const reason = error instanceof Error ? error.message : String(error)
    const { name, namespace } = asked.pod.metadata
    onAsked('failed', reason)
    log.debug({ namespace, pod: name, reason }, 'a pod did not answer')
  } finally {
    giveBack?.()
  }
}

function keep({ clock, onChange }: Round, asked: Asked, summary: Summary): void {
  const gist = gistOf(summary)
  const isNews = asked.said?.gist !== gist
  asked.said = { summary, atMs: clock.nowMs(), gist }
  if (isNews) onChange(asked.pod)
}

/** Where a pod can be asked now. One that goes is not asked: its last word stands until it is gone. */
function addressNow({ addressOf }: Round, { pod }: Asked): Address | undefined {
  const { phase } = (pod['status'] ?? {}) as PodStatus
  return pod.metadata.deletionTimestamp === undefined && phase === 'Running' ? addressOf(pod) : undefined
}

/** Asks once. Rejects with a clause for people where there is no answer that can be taken. */
async function fetchSummary(address: Address, timeoutMs: number, closing: AbortSignal): Promise<Summary> {
  closing.throwIfAborted()
  // Not AbortSignal.timeout: its timers would go on after every answer, thousands of them.
  const ending = new AbortController()
  const late = (): void => ending.abort(new Error(`it did not answer within ${timeoutMs} ms`))
  const end = (): void => ending.abort(closing.reason)
  closing.addEventListener('abort', end)
  const timer = setTimeout(late, timeoutMs)
  try {
    return await answerOf(address, ending.signal)
  } catch (error) {
    throw ending.signal.aborted ? ending.signal.reason : error
  } finally {
    clearTimeout(timer)
    closing.removeEventListener('abort', end)
  }
}

async function answerOf({ host, port }: Address, signal: AbortSignal): Promise<Summary> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    // No connection is kept: a pod is asked seldom, and its places are few.
    const headers = { accept: 'application/json' }
    const asking = request({ host, port, path: '/summary', agent: false, signal, headers })
    asking.once('response', resolve)
    asking.on('error', reject)
    asking.end()
  })
  try {
    if (answer.statusCode !== 200) throw new Error(`it answered ${answer.statusCode}; a summary comes with 200`)
    const { data, error } = summarySchema.safeParse(JSON.parse(await bodyOf(answer)))
    if (data !== undefined) return data
    const [issue] = error.issues
    const what = `${(issue?.path ?? []).join('.')}: ${issue?.message ?? ''}`
    throw new Error(`its summary is not one: ${what}`.slice(0, REASON_MAX))
  } finally {
    answer.destroy()
  }
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`its summary is longer than ${ANSWER_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

interface PodStatus {
  readonly phase?: string
  readonly podIP?: string
}

function podAddress({ status }: KubeObject): Address | undefined {
  const { podIP } = (status ?? {}) as PodStatus
  return podIP === undefined || isIP(podIP) === 0 ? undefined : { host: podIP, port: PORT }
}

/** What of a summary a Collector is looked at for when it changes. */
export function gistOf({ ready, channels: { total, stale, impossible }, markets }: Summary): string {
  const staleness = stale === 0 ? 'none' : stale >= total ? 'all' : 'some'
  const beings = Object.entries(markets).map(([market, said]) => `${market}=${wellBeing(said)}`)
  return [
    `ready=${ready}`,
    `stale=${staleness}`,
    `total=${total}`,
    `impossible=${impossible}`,
    ...beings.toSorted(),
  ].join(' ')
}
