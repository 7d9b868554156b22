// What JetStream answers to a publish: `{"stream":"S","seq":7}`, the same with `,"duplicate": true`, an error as JSON,
// or a bare status in the header (nobody listens under the subject).
import type { Msg } from '@nats-io/transport-node'
import { CLOSE_BRACE, NINE, ZERO } from '../../wire/bytes.ts'
import { printable } from '../../terminal/escape.ts'
import { contentBytes, hasHeader } from './wire.ts'

export const STORED = 0
/** Stored before under the same id: a success. */
export const DUPLICATE = 1
export const REFUSED = 2
export type Answer = typeof STORED | typeof DUPLICATE | typeof REFUSED

const LOWER_S = 0x73
const LOWER_E = 0x65
const LOWER_U = 0x75

/**
 * Reads an answer without parsing it. As nats-server 2.15.2 writes it (stream.go, processJetStreamMsg) an
 * acknowledgement begins with `{"stream"` and ends in the digits of the sequence or in `"duplicate": true}`;
 * an error begins with `{"error"`.
 */
export function readAnswer(message: Msg): Answer {
  const bytes = contentBytes(message)
  const last = bytes.length - 1
  if (last < 3 || hasHeader(message) || bytes[2] !== LOWER_S || bytes[last] !== CLOSE_BRACE) return REFUSED
  const c = bytes[last - 1] as number
  if (c >= ZERO && c <= NINE) return STORED
  return c === LOWER_E && bytes[last - 2] === LOWER_U ? DUPLICATE : REFUSED
}

/** The sequence at the end of an answer that is `STORED`. */
export function sequenceOf(message: Msg): number {
  const bytes = contentBytes(message)
  let sequence = 0
  let scale = 1
  for (let i = bytes.length - 2; i >= 0; i--) {
    const c = bytes[i] as number
    if (c < ZERO || c > NINE) break
    sequence += (c - ZERO) * scale
    scale *= 10
  }
  return sequence
}

/** Why a publish was refused. */
export interface Refusal {
  /** One sentence that says what to do. */
  readonly problem: string
  /** This record can never be stored, however often it is sent. */
  readonly forGood: boolean
  /** The stream itself may be gone. */
  readonly streamInDoubt: boolean
}

/** What to do about each error code of the server that a publisher may meet. */
const ADVICE: Record<number, string> = {
  10002: 'raise the limits of the account, or give the stream less to keep',
  10008: 'wait until the NATS cluster has a leader again',
  10009: 'wait until the NATS cluster has a leader again',
  10023: 'give the NATS server more storage, or its streams less to keep',
  10028: 'give the NATS server more memory, or its streams less to keep',
  10047: 'give the NATS server more storage, or its streams less to keep',
  10054: 'raise max_msg_size of the stream',
  10060: 'another stream takes these subjects: choose another prefix',
  10077: 'the stream is full: raise its max_bytes or max_msgs, shorten its max_age, or let its consumers catch up',
  10109: 'the stream is sealed: write to another one',
  10118: 'the stream is offline: look at the log of the NATS server',
  10205: 'batches were switched off (allow_batched); the stream is looked at again',
  10208: 'the stream has a new leader; what it does not hold is sent again',
  10167: 'the server takes no more for now: fewer publishers on this stream, or a faster disk',
}
const FOR_GOOD = new Set([10054, 10097])
const BATCHES_DISABLED = 10205

/** Explains an answer that {@link readAnswer} calls refused. */
export function refusal(message: Msg, stream: string): Refusal {
  const { code, description } = errorOf(message)
  if (code === 503) {
    const problem = `no stream listens: create stream ${stream}, or start JetStream on the NATS server (jetstream {})`
    return { problem, forGood: false, streamInDoubt: true }
  }
  const advice = ADVICE[code] ?? 'look the code up in the log of the NATS server'
  const problem = `stream ${stream} refused a message: ${description} (${code}); ${advice}`
  return { problem, forGood: FOR_GOOD.has(code), streamInDoubt: code === BATCHES_DISABLED }
}

function errorOf(message: Msg): { code: number; description: string } {
  try {
    const body = message.json<{ error?: { err_code?: number; description?: string } }>()
    const { err_code: code = 0, description = 'messages were lost on the way' } = body.error ?? {}
    return { code, description: printable(description) }
  } catch {
    const code = message.headers?.code ?? 0
    return { code, description: printable(message.headers?.description ?? 'an answer that cannot be read') }
  }
}
