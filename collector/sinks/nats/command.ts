// The protocol line and header of one message, pasted into a batch:
//   HPUB <subject> <inbox>.<reply> <header bytes> <all bytes>\r\n
//   NATS/1.0\r\nNats-Msg-Id: <id>\r\n\r\n<payload>\r\n
import { ascii, writeInteger } from '../../wire/bytes.ts'
import type { Chunk } from '../spool.ts'

const HEADER = ascii('\r\nNATS/1.0\r\nNats-Msg-Id: ')
const HEADER_END = ascii('\r\n\r\n')
const SPACE = 0x20
const DELETE = 0x7f
/** Of \r\n, which ends the command line and belongs to no length. */
const LINE_END = 2
/** Two lengths of at most 10 digits, spaces and line ends. */
const COMMAND_BYTES_MAX = 30

/** Whether the id can stand in a header: no space, no control byte. What lies beyond ASCII is UTF-8 of a symbol, and may. */
export function hasCleanId({ bytes, start, payload }: Chunk, index: number): boolean {
  const end = payload[index] as number
  for (let i = start[index] as number; i < end; i++) {
    const c = bytes[i] as number
    if (c <= SPACE || c === DELETE) return false
  }
  return true
}

/** Size of a record as the server counts it against `max_payload`: header and payload. */
export function messageBytes(chunk: Chunk, index: number): number {
  return HEADER.length - LINE_END + HEADER_END.length + (chunk.end[index] as number) - (chunk.start[index] as number)
}

/** Room that a message needs at most, behind the reply subject. */
export function roomFor(messageSize: number): number {
  return COMMAND_BYTES_MAX + messageSize
}

/** Pastes the rest of a command behind the reply subject; returns the place behind it. */
export function writeMessage(to: Buffer, at: number, chunk: Chunk, index: number): number {
  const from = chunk.bytes
  const start = chunk.start[index] as number
  const payload = chunk.payload[index] as number
  const end = chunk.end[index] as number
  const headerBytes = HEADER.length - LINE_END + (payload - start) + HEADER_END.length
  to[at++] = SPACE
  at = writeInteger(to, at, headerBytes)
  to[at++] = SPACE
  at = writeInteger(to, at, headerBytes + (end - payload))
  at = copyBytes(to, at, HEADER)
  for (let i = start; i < payload; i++) to[at++] = from[i] as number
  at = copyBytes(to, at, HEADER_END)
  from.copy(to, at, payload, end)
  at += end - payload
  to[at] = 0x0d
  to[at + 1] = 0x0a
  return at + 2
}

/** Copies a short constant, returns the place behind it. A loop: up to about 100 bytes it is faster than `set`. */
export function copyBytes(to: Buffer, at: number, constant: Uint8Array): number {
  const { length } = constant
  for (let i = 0; i < length; i++) to[at + i] = constant[i] as number
  return at + length
}
