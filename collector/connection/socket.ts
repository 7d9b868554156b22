// One WebSocket, from the handshake to its end.
//
// Always: `onClose` is called exactly once, whatever happens, and nothing is called after it.
// Always: a socket on which nothing was read for `deadMs` is closed; one whose pings are answered never is, however
//   quiet its market.
// Never: a frame of more than `frameBytesMax` bytes, inflated, is held or passed on.
// Never: an 'error' event without a listener.
import type { Agent, IncomingMessage } from 'node:http'
import { type ClientOptions, WebSocket } from 'ws'
import type { Clock, Timer } from './clock.ts'
import { REGION_ADVICE, messageOf, printable } from './errors.ts'
import { type Network, realNetwork } from './network.ts'

/** Why a socket ended. */
export type CloseCause =
  | 'unreachable' // no connection: DNS, refused, reset, TLS, proxy
  | 'handshake_timeout' // no whole answer to the upgrade in time
  | 'rejected' // the upgrade was answered with another HTTP status
  | 'too_large' // a frame above the bound; closed by us with 1009
  | 'malformed' // bytes that are not the protocol; closed by us
  | 'half_open' // nothing read for too long, or nothing taken of what we send; cut by us
  | 'closed' // the venue closed with a close frame
  | 'lost' // ended without a close frame
  | 'ended' // closed by us as planned

export interface Closed {
  /** The close code that was received; 1006 when there was none. */
  readonly code: number
  /** For a person; printable and short. */
  readonly reason: string
  readonly cause: CloseCause
  /** Of a rejected upgrade. */
  readonly response?: Pick<IncomingMessage, 'headers'> & { readonly status: number }
}

export interface SocketOptions {
  readonly url: string
  readonly agent?: Agent | undefined
  /** The machine's by default. */
  readonly network?: Network | undefined
  readonly clock: Clock
  /** Largest frame after inflation, bytes. */
  readonly frameBytesMax?: number
  /** Silence after which we ask whether the other side is still there, ms. */
  readonly pingIdleMs?: number
  /** Silence after which it is not, ms. */
  readonly deadMs?: number
  /** Longest time from the start to an open socket, proxy and TLS included, ms. */
  readonly handshakeMs?: number
  /** The text of a ping, at venues that want it as text; undefined: the protocol's own ping. */
  readonly textPing?: string | undefined
  readonly onOpen: () => void
  /**
   * @param bytes a view into what was read, valid as long as it is held.
   * @param receivedUs when the bytes were read, µs since the epoch; one value for all frames of a read. A compressed
   *   frame comes out of inflation later, and may carry the time of a read that followed its own.
   */
  readonly onFrame: (bytes: Buffer, isBinary: boolean, receivedUs: number) => void
  readonly onClose: (closed: Closed) => void
  /** A ping or pong left: venues count them as requests. */
  readonly onKeepAlive?: () => void
}

export interface Socket {
  /** Unique in the process. */
  readonly id: number
  /** Bytes read since the upgrade. */
  readonly bytes: number
  readonly frames: number
  /** When it opened, ms since the epoch; 0 before. */
  readonly openedMs: number
  /** Pings of the venue, each answered with a copy of its payload. */
  readonly pingsAnswered: number
  readonly pingsSent: number
  /** Sends a text frame; does nothing unless open. */
  send(text: string): void
  /** Says goodbye and closes; frames that still come are not passed on. */
  close(): void
}

export const FRAME_BYTES_MAX = 4 * 1024 * 1024
export const PING_IDLE_MS = 5_000
export const DEAD_MS = 15_000
export const HANDSHAKE_MS = 10_000
/** Texts that may wait to be sent, bytes: a venue that does not read cannot make us hold more. (ws bounds the pongs.) */
export const SEND_BYTES_MAX = 1024 * 1024
/** How long the other side may take to answer our close frame, ms. Real time: ws keeps this timer itself. */
const CLOSE_ANSWER_MS = 2_000
/** A check that runs later than this was held up by us (a blocked loop, a stopped process); that is no silence. */
const LATE_MS = 1_000

let lastId = 0

/**
 * Opens a socket. The result is there at once; `onOpen` or `onClose` tells how it went.
 * @throws SyntaxError when `url` is no ws: or wss: URL.
 */
export function openSocket(options: SocketOptions): Socket {
  const { clock, onFrame } = options
  const settings: ClientOptions & { readonly closeTimeout: number } = {
    agent: options.agent,
    maxPayload: options.frameBytesMax ?? FRAME_BYTES_MAX,
    perMessageDeflate: true,
    // The decoder validates; invalid UTF-8 does not get past it.
    skipUTF8Validation: true,
    closeTimeout: CLOSE_ANSWER_MS,
    finishRequest: (request) => {
      request.on('proxyConnect', (answer: { statusCode: number }) => {
        if (answer.statusCode !== 200) {
          end.failed('unreachable', `the proxy answered ${answer.statusCode}; check spec.feeds[].proxy`)
        }
      })
      request.end()
    },
  }
  const ws = (options.network ?? realNetwork).connect(options.url, settings)
  const socket = {
    id: ++lastId,
    bytes: 0,
    frames: 0,
    openedMs: 0,
    pingsAnswered: 0,
    pingsSent: 0,
    send(text: string): void {
      if (ws.readyState !== WebSocket.OPEN) return
      ws.send(text)
      if (ws.bufferedAmount <= SEND_BYTES_MAX) return
      end.failed('half_open', 'what we send is not taken')
      ws.terminate()
    },
    close(): void {
      end.failed('ended', 'closed by us')
      // 1000 as a courtesy; while still connecting ws only cuts.
      ws.close(1000)
    },
  }
  const end = ending(ws, options)
  const life = liveness(ws, socket, options, () => end.failed('half_open', 'nothing was read any more'))
  let receivedUs = 0

  let net: IncomingMessage['socket']
  ws.on('upgrade', (response) => {
    net = response.socket
  })
  ws.on('open', () => {
    // In front of the listener through which ws reads, and after it is there: with 'data' heard any earlier, ws puts
    // back the bytes that came together with the upgrade and they go to us alone.
    net.prependListener('data', (chunk: Buffer) => {
      receivedUs = clock.nowUs()
      socket.bytes += chunk.length
      life.read()
    })
    socket.openedMs = clock.nowMs()
    life.opened()
    options.onOpen()
  })
  ws.on('message', (frame: Buffer, isBinary: boolean) => {
    if (end.cause === 'ended') return
    socket.frames++
    onFrame(frame, isBinary, receivedUs)
  })
  ws.on('ping', () => {
    socket.pingsAnswered++
    options.onKeepAlive?.()
  })
  ws.on('close', () => life.stop())
  return socket
}

/** Finds out why a socket ends: the first reason that is known stands, the last event tells it. */
function ending(ws: WebSocket, options: SocketOptions) {
  const state: { cause: CloseCause | undefined; reason: string; response?: Closed['response'] } = {
    cause: undefined,
    reason: '',
  }
  const failed = (cause: CloseCause, reason: string): void => {
    if (state.cause !== undefined) return
    state.cause = cause
    state.reason = printable(reason)
  }
  const wait = options.handshakeMs ?? HANDSHAKE_MS
  const timer = options.clock.setTimeout(() => {
    failed('handshake_timeout', `no open socket after ${wait} ms`)
    ws.terminate()
  }, wait)
  let opened = false
  ws.on('open', () => {
    opened = true
    options.clock.clearTimeout(timer)
  })
  ws.on('unexpected-response', (_request, response) => {
    const status = response.statusCode ?? 0
    const advice = status === 403 || status === 451 ? `; ${REGION_ADVICE}` : ''
    failed('rejected', `HTTP ${status} instead of an upgrade${advice}`)
    state.response = { status, headers: response.headers }
    ws.terminate()
  })
  ws.on('error', (error: Error & { code?: string }) => {
    failed(opened ? faultOf(error.code) : 'unreachable', messageOf(error))
  })
  ws.on('close', (code, reason) => {
    options.clock.clearTimeout(timer)
    const closeFrame = code !== 1006
    failed(closeFrame ? 'closed' : 'lost', closeFrame ? reason.toString('utf8') : 'ended without a close frame')
    const { cause = 'lost', response } = state
    options.onClose({ code, reason: state.reason, cause, ...(response && { response }) })
  })
  return {
    failed,
    get cause() {
      return state.cause
    },
  }
}

function faultOf(code = ''): CloseCause {
  switch (code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return 'too_large'
    default:
      // Z_: what does not inflate.
      return code.startsWith('WS_ERR_') || code.startsWith('Z_') ? 'malformed' : 'lost'
  }
}

/** Watches the silence of an open socket. One timer in flight, never touched by a read. */
function liveness(ws: WebSocket, socket: { pingsSent: number }, options: SocketOptions, onDead: () => void) {
  const { clock, pingIdleMs = PING_IDLE_MS, deadMs = DEAD_MS } = options
  let lastReadMs = 0
  let timer: Timer | undefined

  const ping = (): void => {
    socket.pingsSent++
    if (options.textPing === undefined) ws.ping()
    else ws.send(options.textPing)
    options.onKeepAlive?.()
  }
  const checkAt = (dueMs: number): void => {
    timer = clock.setTimeout(() => check(dueMs), dueMs - clock.nowMs())
  }
  const check = (dueMs: number): void => {
    const nowMs = clock.nowMs()
    if (ws.readyState !== WebSocket.OPEN) return
    if (nowMs - dueMs > LATE_MS) lastReadMs = Math.max(lastReadMs, nowMs - pingIdleMs)
    const silentMs = nowMs - lastReadMs
    if (silentMs >= deadMs) {
      onDead()
      ws.terminate()
      return
    }
    if (silentMs >= pingIdleMs) ping()
    checkAt(silentMs < pingIdleMs ? lastReadMs + pingIdleMs : Math.min(nowMs + pingIdleMs, lastReadMs + deadMs))
  }
  return {
    opened(): void {
      lastReadMs = clock.nowMs()
      checkAt(lastReadMs + pingIdleMs)
    },
    read(): void {
      lastReadMs = clock.nowMs()
    },
    stop(): void {
      clock.clearTimeout(timer)
    },
  }
}
