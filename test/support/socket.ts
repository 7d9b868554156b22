// A socket opened as a test wants it, with all that it tells.
import { onTestFinished } from 'vitest'
import { type Clock, VirtualClock } from '../../collector/connection/clock.ts'
import { type Closed, type Socket, type SocketOptions, openSocket } from '../../collector/connection/socket.ts'

export interface Seen {
  socket: Socket
  opened: number
  frames: { text: string; isBinary: boolean; receivedUs: number }[]
  closed: Closed[]
  keepAlives: number
}

/** Opens a socket and notes all that it tells. */
export function openSeen(url: string, clock: Clock = new VirtualClock(), options: Partial<SocketOptions> = {}): Seen {
  const seen: Omit<Seen, 'socket'> = { opened: 0, frames: [], closed: [], keepAlives: 0 }
  const socket = openSocket({
    url,
    clock,
    onOpen: () => seen.opened++,
    onFrame: (bytes, isBinary, receivedUs) =>
      seen.frames.push({ text: bytes.toString('latin1'), isBinary, receivedUs }),
    onClose: (closed) => seen.closed.push(closed),
    onKeepAlive: () => seen.keepAlives++,
    ...options,
  })
  onTestFinished(() => socket.close())
  return Object.assign(seen, { socket })
}
