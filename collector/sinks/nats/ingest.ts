// The server's fast batch ingest (nats-server 2.14, streams with `allow_batched`): many messages, few answers.
//
// One write to the socket is one batch: its messages are numbered from 1 in their reply subjects, and the last says
// that it is the last. As read in the source of 2.15.2 (jetstream_batching.go; stream.go, processJetStreamFastBatchMsg):
//   <inbox>.<batch>.<acks every>.fail.<number>.<operation>.$FI
//   {"type":"ack","seq":N}            messages 1 to N are stored
//   {"stream":S,"seq":Q,"batch":B,"count":N}   the same, and the batch has ended
//   {"type":"gap"} {"type":"err"} {"error":{}}  something was refused; what follows in the batch is not stored
// `fail` is why we want it beside the speed: nothing behind a refused message is stored, so the order holds. What it
// does not say is which message was stored before by somebody else.
import type { Msg } from '@nats-io/transport-node'
import { ascii, writeInteger } from '../../wire/bytes.ts'
import { copyBytes } from './command.ts'

/** The server acknowledges at least this often, and at the end of a batch. */
const ACK_EVERY = 500
const START = 0x30 // 0
const APPEND = 0x31 // 1
const COMMIT = 0x32 // 2
const DOT = 0x2e
const ENDING = ascii('.$FI')
/** Bytes of a reply behind the inbox, at most. */
export const REPLY_BYTES_MAX = 64

/** What an answer says of its batch. */
export interface BatchAnswer {
  /** Token of the first message's slot. */
  readonly token: number
  /** Messages that are newly known to be stored: from the first to before the second, counted from 0. */
  readonly from: number
  readonly to: number
  /** The stream's sequence of the last of them, where the whole batch is stored. */
  readonly sequence: number | undefined
  /** Something was refused; the message says what. */
  readonly refused: boolean
}

interface Batch {
  readonly token: number
  count: number
  stored: number
}

interface Body {
  readonly type?: string
  readonly seq?: number
  readonly count?: number
}

export class Ingest {
  readonly #tag: string
  /** Batches under way, by number. A slot may be taken again before its batch has ended, so its token names none. */
  readonly #batches = new Map<number, Batch>()
  #number = 0
  #batch: Batch = { token: 0, count: 0, stored: 0 }
  #reply: Uint8Array = ascii('')
  #operationAt = 0

  /** @param tag tells our batches from those of everybody else who writes to the stream. */
  constructor(tag: string) {
    this.#tag = tag
  }

  /** Begins a batch whose first message takes the slot of this token. */
  begin(token: number): void {
    this.#number += 1
    this.#batch = { token, count: 0, stored: 0 }
    this.#batches.set(this.#number, this.#batch)
    this.#reply = ascii(`${this.#tag}-${this.#number}.${ACK_EVERY}.fail.`)
  }

  /** Writes what follows the inbox in the reply subject of the next message. */
  writeReply(to: Buffer, at: number): number {
    const number = ++this.#batch.count
    at = copyBytes(to, at, this.#reply)
    at = writeInteger(to, at, number)
    to[at++] = DOT
    this.#operationAt = at
    to[at++] = number === 1 ? START : APPEND
    return copyBytes(to, at, ENDING)
  }

  /** Makes the message written last the end of the batch. */
  end(bytes: Buffer): void {
    bytes[this.#operationAt] = COMMIT
  }

  /** Forgets all batches: what comes for them from now on means nothing. */
  clear(): void {
    this.#batches.clear()
  }

  /** Reads an answer; undefined when it belongs to no batch under way. */
  read(message: Msg): BatchAnswer | undefined {
    const number = Number(/-(\d+)\.\d+\.fail\.\d+\.\d\.\$FI$/.exec(message.subject)?.[1])
    const batch = this.#batches.get(number)
    if (batch === undefined) return undefined
    const { type, seq, count: committed } = bodyOf(message)
    const ended = committed !== undefined
    if (ended) this.#batches.delete(number)
    const stored = ended ? committed : type === 'ack' ? seq : undefined
    const { token, count, stored: from } = batch
    batch.stored = Math.max(from, Math.min(stored ?? 0, count))
    const whole = ended && batch.stored === count
    const refused = stored === undefined || (ended && !whole)
    return { token, from, to: batch.stored, sequence: whole ? seq : undefined, refused }
  }
}

/** What cannot be read counts as a refusal. */
function bodyOf(message: Msg): Body {
  try {
    return message.json<Body>()
  } catch {
    return {}
  }
}
