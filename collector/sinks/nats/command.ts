// The protocol line and header of one message, pasted into a batch:
//   HPUB <subject> <inbox>.<token> <header bytes> <all bytes>\r\n
//   NATS/1.0\r\nNats-Msg-Id: <id>\r\n\r\n<payload>\r\n
import { ascii, writeInteger } from '../../wire/bytes.ts'
import type { Chunk } from '../spool.ts'

const HEADER = ascii('\r\nNATS/1.0\r\nNats-Msg-Id: ')
const HEADER_END = ascii('\r\n\r\n')
const SPACE = 0x20
const TILDE = 0x7e
/** Of \r\n, which ends the command line and belongs to no length. */
const LINE_END = 2
/** Token, two lengths, spaces and line ends: numbers have at most 10 digits here. */
const COMMAND_BYTES_MAX = 40

/** What of the command is the same for every message of a subject. */
export function commandHead(subject: string, inbox: string): Uint8Array {
  // A subject is made of names that passed an allow-list; a space or line break here would be a command of its own.
  if (!/^[\w$*>:-]+(\.[\w$:-]+)*$/.test(subject))
    throw new Error(`subject ${JSON.stringify(subject)} cannot be published`)
  return ascii(`HPUB ${subject} ${inbox}.`)
}

/** Size of a record as the server counts it against `max_payload`: header and payload. */
export function messageBytes(chunk: Chunk, index: number): number {
  return HEADER.length - LINE_END + HEADER_END.length + (chunk.end[index] as number) - (chunk.start[index] as number)
}

/** Room that a command needs at most, behind its head. */
export function roomFor(messageSize: number): number {
  return COMMAND_BYTES_MAX + messageSize
}

/**
 * Pastes the command of one record at `at`; returns the place behind it, or -1 when the id holds a byte that would
 * break out of the header line (nothing that counts is written then).
 */
export function writeCommand(
  to: Buffer,
  at: number,
  head: Uint8Array,
  token: number,
  chunk: Chunk,
  index: number,
): number {
  const from = chunk.bytes
  const start = chunk.start[index] as number
  const payload = chunk.payload[index] as number
  const end = chunk.end[index] as number
  const headerBytes = HEADER.length - LINE_END + (payload - start) + HEADER_END.length
  at = paste(to, at, head)
  at = writeInteger(to, at, token)
  to[at++] = SPACE
  at = writeInteger(to, at, headerBytes)
  to[at++] = SPACE
  at = writeInteger(to, at, headerBytes + (end - payload))
  at = paste(to, at, HEADER)
  for (let i = start; i < payload; i++) {
    const c = from[i] as number
    if (c <= SPACE || c > TILDE) return -1
    to[at++] = c
  }
  at = paste(to, at, HEADER_END)
  from.copy(to, at, payload, end)
  at += end - payload
  to[at] = 0x0d
  to[at + 1] = 0x0a
  return at + 2
}

/** Copies a constant. A loop: up to about 100 bytes it is faster than `set`. */
function paste(to: Buffer, at: number, constant: Uint8Array): number {
  const { length } = constant
  for (let i = 0; i < length; i++) to[at + i] = constant[i] as number
  return at + length
}
