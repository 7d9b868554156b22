// Reading back what a stream holds, by JetStream's direct get.
import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import type { Series } from '../../market/channel.ts'
import { inLanes } from '../lanes.ts'
import type { LastOf } from '../read.ts'

const ASK_MS_MAX = 5_000
const CONCURRENT_MAX = 8
/** Subjects in one request; the server answers at most 1,024. */
const SUBJECTS_PER_REQUEST = 256
const NO_MESSAGE = 10037
/** How far back, from the newest message under a subject, one of another series is looked for first, and how that grows. */
const BACK_MS = 1_000
const BACK_GROWTH = 4
/** Messages in one look; where there are more, these are the oldest. */
const LOOK_MAX = 64
/** Statuses that end an answer: its end, and nothing found. */
const END_OF_BATCH = 204
const NOT_FOUND = 404

/** Where to read. */
export interface StreamRef {
  readonly nc: NatsConnection
  readonly stream: string
  readonly allowDirect: boolean
}

/** Finds the last message of each series. Where the stream has no direct get, the last one under a subject stands for all. */
export async function findLast<S extends Series>(from: StreamRef, last: LastOf<S>): Promise<void> {
  const newest = await lastMessages(from, last.subjects)
  for (const [subject, { payload }] of newest) last.takeNewest(subject, payload)
  const left = [...newest].filter(([subject]) => last.isMissing(subject))
  await inLanes(left, CONCURRENT_MAX, async ([subject, { payload, timeMs }]) => {
    if (!from.allowDirect) return last.settleFor(subject, payload)
    for await (const payloads of looksBack(from, subject, timeMs)) {
      last.takeOlder(subject, payloads)
      if (!last.isMissing(subject)) return
    }
  })
}

/** A stored message: its payload, and when it was stored, ms. */
interface StoredMessage {
  readonly payload: Uint8Array
  readonly timeMs: number
}

/** The last message under each subject; subjects under which nothing is stored are left out. */
async function lastMessages(from: StreamRef, subjects: readonly string[]): Promise<Map<string, StoredMessage>> {
  const found = new Map<string, StoredMessage>()
  if (!from.allowDirect) {
    await inLanes(subjects, CONCURRENT_MAX, async (subject) => {
      const message = await lastByApi(from, subject)
      if (message !== undefined) found.set(subject, message)
    })
    return found
  }
  const requests: string[][] = []
  for (let i = 0; i < subjects.length; i += SUBJECTS_PER_REQUEST)
    requests.push(subjects.slice(i, i + SUBJECTS_PER_REQUEST))
  await inLanes(requests, CONCURRENT_MAX, async (some) => {
    for (const message of await ask(from, { multi_last: some })) {
      const subject = message.headers?.get('Nats-Subject')
      const timeMs = Date.parse(message.headers?.get('Nats-Time-Stamp') ?? '')
      if (subject !== undefined) found.set(subject, { payload: message.data, timeMs })
    }
  })
  return found
}

/**
 * What lies before the last message under a subject, in looks of which each reaches further back, to the first one: payloads,
 * the newest first. All of the first looks; of what lies further back than {@link LOOK_MAX} messages only a part.
 * @param timeMs when the last one was stored
 */
async function* looksBack(from: StreamRef, subject: string, timeMs: number): AsyncGenerator<Uint8Array[]> {
  const [first] = await ask(from, { next_by_subj: subject, seq: 1, batch: 1 })
  const begin = sequenceOf(first)
  for (let backMs = BACK_MS; ; backMs *= BACK_GROWTH) {
    const since = new Date(Math.max(0, timeMs - backMs)).toISOString()
    const messages = await ask(from, { next_by_subj: subject, start_time: since, batch: LOOK_MAX })
    yield messages.map(({ data }) => data).toReversed()
    if (sequenceOf(messages[0]) <= begin || backMs > timeMs) return
  }
}

function sequenceOf(message: Msg | undefined): number {
  return Number(message?.headers?.get('Nats-Sequence') ?? Infinity)
}

/**
 * Message ids stored under each subject behind a sequence.
 * @param counts how many messages to look at, for each subject.
 */
export async function idsBehind(
  from: StreamRef,
  sequence: number,
  counts: ReadonlyMap<string, number>,
): Promise<Set<string>> {
  const ids = new Set<string>()
  await inLanes([...counts], CONCURRENT_MAX, async ([subject, batch]) => {
    for (const message of await ask(from, { seq: sequence + 1, next_by_subj: subject, batch })) {
      const id = message.headers?.get('Nats-Msg-Id')
      if (id !== undefined) ids.add(id)
    }
  })
  return ids
}

async function ask({ nc, stream }: StreamRef, request: object): Promise<Msg[]> {
  const answers: Msg[] = []
  const options = { strategy: 'sentinel', maxWait: ASK_MS_MAX } as const
  for await (const message of await nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(request), options)) {
    if (message.data.length > 0) {
      answers.push(message)
      continue
    }
    const status = message.headers?.code ?? 0
    if (status === END_OF_BATCH || status === NOT_FOUND) return answers
    throw new Error(`stream ${stream} does not let its messages be read: status ${status}`)
  }
  throw new Error(`stream ${stream} did not answer within ${ASK_MS_MAX} ms`)
}

async function lastByApi({ nc, stream }: StreamRef, subject: string): Promise<StoredMessage | undefined> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: ASK_MS_MAX })
  try {
    const message = await jsm.streams.getMessage(stream, { last_by_subj: subject })
    return message === null ? undefined : { payload: message.data, timeMs: message.time.getTime() }
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === NO_MESSAGE) return undefined
    throw error
  }
}
