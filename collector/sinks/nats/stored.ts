// Reading back what a stream holds, by JetStream's direct get.
import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { inLanes } from '../lanes.ts'

const ASK_MS_MAX = 5_000
const CONCURRENT_MAX = 8
/** Subjects in one request; the server answers at most 1,024. */
const SUBJECTS_PER_REQUEST = 256
const NO_MESSAGE = 10037
/** Statuses that end an answer: its end, and nothing found. */
const END_OF_BATCH = 204
const NOT_FOUND = 404

/** Where to read. */
export interface StreamRef {
  readonly nc: NatsConnection
  readonly stream: string
  readonly allowDirect: boolean
}

/** Payload of the last message under each subject; subjects under which nothing is stored are left out. */
export async function lastPayloads(from: StreamRef, subjects: readonly string[]): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  if (!from.allowDirect) {
    await inLanes(subjects, CONCURRENT_MAX, async (subject) => {
      const payload = await lastByApi(from, subject)
      if (payload !== undefined) found.set(subject, payload)
    })
    return found
  }
  const requests: string[][] = []
  for (let i = 0; i < subjects.length; i += SUBJECTS_PER_REQUEST)
    requests.push(subjects.slice(i, i + SUBJECTS_PER_REQUEST))
  await inLanes(requests, CONCURRENT_MAX, async (some) => {
    for (const message of await ask(from, { multi_last: some })) {
      const subject = message.headers?.get('Nats-Subject')
      if (subject !== undefined) found.set(subject, message.data)
    }
  })
  return found
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

async function lastByApi({ nc, stream }: StreamRef, subject: string): Promise<Uint8Array | undefined> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: ASK_MS_MAX })
  try {
    return (await jsm.streams.getMessage(stream, { last_by_subj: subject }))?.data
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === NO_MESSAGE) return undefined
    throw error
  }
}
