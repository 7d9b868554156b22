// The one place that knows the inside of the pinned NATS client: its connection's outbound side, and messages as the
// parser made them.
//
// Why: the client's publish costs several objects and strings for each message; whole batches of protocol bytes cost
// none. Always: bytes are given to the socket at once or refused, so the client's own buffer, which would be sent
// again by a later connection, never holds any of ours.
import assert from 'node:assert'
import { MsgImpl } from '@nats-io/nats-core/internal'
import type { Msg, NatsConnection } from '@nats-io/transport-node'

export interface Wire {
  /** Bytes that the kernel has not taken yet; what was sent may be overwritten when this is 0. */
  readonly pendingBytes: number
  /** False when the connection is down: nothing was sent then. */
  send(bytes: Uint8Array): boolean
  /** Breaks the connection at once. The client's own way waits until a dead peer has read everything. */
  destroy(): void
}

interface Socket {
  readonly writableLength: number
  readonly destroyed: boolean
  destroy(): void
}

interface Protocol {
  readonly connected: boolean
  readonly infoReceived: boolean
  sendCommand(bytes: Uint8Array): void
  flushPending(): void
  readonly transport: { readonly socket?: Socket }
}

const CHANGED =
  'the inside of @nats-io/nats-core or transport-node is not what it was in 3.4.0: ' +
  'pin that version in package.json, or adapt collector/sinks/nats/wire.ts to the new one'

/** @throws AssertionError that says what to do, where the client is not the one that this was written for. */
export function openWire(nc: NatsConnection): Wire {
  const { protocol } = nc as unknown as { readonly protocol?: Protocol }
  assert(typeof protocol?.sendCommand === 'function' && typeof protocol.flushPending === 'function', CHANGED)
  assert(typeof protocol.connected === 'boolean' && typeof protocol.infoReceived === 'boolean', CHANGED)
  const socket = protocol.transport?.socket
  assert(typeof socket?.writableLength === 'number' && typeof socket.destroy === 'function', CHANGED)
  assertMessages()
  return {
    get pendingBytes() {
      return socket.writableLength
    },
    send(bytes) {
      if (!protocol.connected || !protocol.infoReceived || socket.destroyed) return false
      protocol.sendCommand(bytes)
      protocol.flushPending()
      return true
    },
    destroy: () => socket.destroy(),
  }
}

interface ParsedMessage {
  readonly _msg: { readonly subject: Uint8Array; readonly hdr: number }
  readonly _rdata: Uint8Array
}

/** Subject of a message, as bytes. */
export function subjectBytes(message: Msg): Uint8Array {
  return (message as unknown as ParsedMessage)._msg.subject
}

/** The whole of a message behind its first line. */
export function contentBytes(message: Msg): Uint8Array {
  return (message as unknown as ParsedMessage)._rdata
}

/** Whether the message has a header: acknowledgements have none, refusals by the server itself do. */
export function hasHeader(message: Msg): boolean {
  return (message as unknown as ParsedMessage)._msg.hdr > 0
}

function assertMessages(): void {
  const subject = new Uint8Array([0x61])
  const content = new Uint8Array([0x62])
  const parts = { subject, sid: 1, hdr: -1, size: 1 }
  const message = new MsgImpl(parts as never, content, undefined as never) as Msg
  assert(subjectBytes(message) === subject && contentBytes(message) === content && !hasHeader(message), CHANGED)
}
