// Commands gathered into buffers, and each buffer given to the socket at once: as single messages, or as one batch.
import { ascii, writeInteger } from '../../wire/bytes.ts'
import type { Chunk } from '../spool.ts'
import { copyBytes, messageBytes, roomFor, writeMessage } from './command.ts'
import { type Ingest, REPLY_BYTES_MAX } from './ingest.ts'
import type { Wire } from './wire.ts'

/** Bytes handed to the socket at once. */
const BUFFER_BYTES = 256 * 1024
/** Buffers that may wait for the kernel; then the socket is full and we wait for answers. */
const BUFFERS_MAX = 4

export class Outbox {
  readonly #wire: Wire
  readonly #inbox: string
  readonly #ingest: Ingest
  readonly #heads: Uint8Array[] = []
  readonly #buffers: Buffer[] = []
  #used = 0
  #buffer: Buffer | undefined = undefined
  #at = 0
  #batched = false

  constructor(wire: Wire, inbox: string, ingest: Ingest) {
    this.#wire = wire
    this.#inbox = inbox
    this.#ingest = ingest
  }

  /**
   * Writes one record's command.
   * @param token names the record in its answer.
   * @param batched as part of a batch, which ends with the buffer.
   * @returns false when the socket is full: nothing was written.
   */
  write(subject: string, token: number, batched: boolean, chunk: Chunk, index: number): boolean {
    const head = (this.#heads[chunk.channel[index] as number] ??= commandHead(subject, this.#inbox))
    const room = head.length + REPLY_BYTES_MAX + roomFor(messageBytes(chunk, index))
    let buffer = this.#buffer
    if (buffer === undefined || buffer.length - this.#at < room || (this.#batched && !batched)) {
      this.flush()
      buffer = this.#take(room)
      if (buffer === undefined) return false
      this.#buffer = buffer
    }
    if (batched && !this.#batched) {
      this.#batched = true
      this.#ingest.begin(token)
    }
    let at = copyBytes(buffer, this.#at, head)
    at = batched ? this.#ingest.writeReply(buffer, at) : writeInteger(buffer, at, token)
    this.#at = writeMessage(buffer, at, chunk, index)
    return true
  }

  /** Sends what was written. */
  flush(): void {
    const buffer = this.#buffer
    if (buffer === undefined) return
    if (this.#batched) this.#ingest.end(buffer)
    this.#wire.send(buffer.subarray(0, this.#at))
    this.#buffer = undefined
    this.#batched = false
    this.#at = 0
  }

  /** A buffer that the kernel has taken whole may be written again; undefined when all are still on their way. */
  #take(bytesMin: number): Buffer | undefined {
    if (this.#wire.pendingBytes === 0) this.#used = 0
    if (this.#used === BUFFERS_MAX) return undefined
    this.#used += 1
    if (bytesMin > BUFFER_BYTES) return Buffer.allocUnsafeSlow(bytesMin)
    return (this.#buffers[this.#used - 1] ??= Buffer.allocUnsafeSlow(BUFFER_BYTES))
  }
}

/** What of the command is the same for every message of a subject. */
function commandHead(subject: string, inbox: string): Uint8Array {
  // A subject is made of names that passed an allow-list; a space or line break here would be a command of its own.
  if (!/^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*$/u.test(subject))
    throw new Error(`${JSON.stringify(subject)} is not a subject; report this`)
  return ascii(`HPUB ${subject} ${inbox}.`)
}
