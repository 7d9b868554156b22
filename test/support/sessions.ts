// A session with a made-up venue, and all that it tells.
import { onTestFinished } from 'vitest'
import type { WebSocket } from 'ws'
import { VirtualClock } from '../../collector/connection/clock.ts'
import { AddressLimits } from '../../collector/connection/limits.ts'
import type { Control, Protocol } from '../../collector/connection/protocol.ts'
import { Session, type SessionOptions } from '../../collector/connection/session.ts'
import { type Venue, until } from './loopback.ts'

/** A made-up venue: `+1 a,b` subscribes, `ok 1` accepts, `no 1 …` refuses, `leave` asks to go; data begins with `{`. */
export const PROTOCOL: Protocol = {
  subscribe: (streams, id) => `+${id} ${streams.join()}`,
  unsubscribe: (streams, id) => `-${id} ${streams.join()}`,
  control(text): Control {
    const [word, id, ...rest] = text.split(' ')
    switch (word) {
      case 'ok':
        return { kind: 'ack', id: Number(id) }
      case 'no':
        return { kind: 'refused', id: Number(id), message: rest.join(' ') }
      case 'leave':
        return { kind: 'leave' }
      case 'pong':
        return { kind: 'ignored' }
      case 'throw':
        throw new Error('a reader that fails')
      default:
        return { kind: 'unknown' }
    }
  },
  streamsPerSocketMax: 1_024,
  streamsPerRequestMax: 100,
  requests: [{ max: 5, windowMs: 1_000 }],
  keepAlivesCount: true,
  lifeMs: Infinity,
}

/** Accepts every request. */
export function accept(socket: WebSocket): void {
  socket.on('message', (data: Buffer) => socket.send(`ok ${/\d+/.exec(data.toString())?.[0]}`))
}

export function subject(url: string, options: Partial<SessionOptions> = {}) {
  const clock = new VirtualClock()
  const log: string[] = []
  const data: string[] = []
  const caught = new Set<number>()
  let firstId = 0
  // Ids count from the first of this test, so that logs read alike whatever ran before.
  const nth = (id: number): string => `#${id - (firstId ||= id) + 1}`
  const limits = new AddressLimits({
    exchange: 'somewhere',
    host: 'stream.example',
    rules: { connections: { max: 300, windowMs: 300_000 }, weight: { max: 1, windowMs: 1 } },
    clock,
    random: () => 0,
  })
  const session = new Session({
    url,
    protocol: PROTOCOL,
    clock,
    random: () => 0.5,
    limits,
    onFrame: (bytes, _isBinary, _receivedUs, id) => {
      if (bytes[0] !== 0x7b /* { */) return false
      data.push(`${nth(id)} ${bytes.toString()}`)
      return true
    },
    caughtUp: (id) => caught.has(id - firstId + 1),
    events: {
      onUp: (id) => log.push(`up ${nth(id)}`),
      onDown: (id, closed, planned) => log.push(`down ${nth(id)} ${closed.cause}${planned ? ' planned' : ''}`),
      onReplaced: (old, young) => log.push(`${nth(young)} replaced ${nth(old)}`),
      onRetry: (closed, waitMs) => log.push(`retry after ${closed.cause} in ${waitMs}`),
      onRefused: (stream, message) => log.push(`refused ${stream}: ${message}`),
      // What is accepted as usual would only lengthen every log.
      onAccepted: () => {},
      onLater: (message, waitMs) => log.push(`later in ${waitMs}: ${message}`),
      onDivided: (streams) => log.push(`divided ${streams.join()}`),
      onUnanswered: (streams) => log.push(`unanswered ${streams.join()}`),
      onUnknown: (text) => log.push(`unknown ${text}`),
    },
    ...options,
  })
  onTestFinished(() => session.close())
  return { session, clock, limits, log, data, caught }
}

/** Wants the streams and waits until the venue has accepted them. */
export async function start(to: ReturnType<typeof subject>, server: Venue, streams = 'ab'): Promise<void> {
  to.session.want(new Set(streams))
  await to.clock.advance(0)
  await until(() => server.texts.length === 1)
}
