import type { NatsConnection } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { openWire } from './wire.ts'

const socket = { writableLength: 0, destroyed: false, destroy: () => {} }
const protocol = {
  connected: true,
  infoReceived: true,
  sendCommand: () => {},
  flushPending: () => {},
  transport: { socket },
}

test('a client whose inside changed is refused with what to do', () => {
  for (const missing of Object.keys(protocol)) {
    const changed = { protocol: { ...protocol, [missing]: undefined } } as unknown as NatsConnection
    expect(() => openWire(changed), missing).toThrow(/pin that version in package.json, or adapt .*wire.ts/)
  }
  expect(() => openWire({} as NatsConnection)).toThrow(/pin that version/)
})

test('nothing is given to a connection that is down, so that no later one sends it', () => {
  const sent: Uint8Array[] = []
  const state = { ...protocol, sendCommand: (bytes: Uint8Array) => void sent.push(bytes) }
  const wire = openWire({ protocol: state } as unknown as NatsConnection)
  expect(wire.send(new Uint8Array(1))).toBe(true)
  state.connected = false
  expect(wire.send(new Uint8Array(2))).toBe(false)
  expect(sent).toHaveLength(1)
})
