// A network without sockets: what the collector opens ends at a simulated exchange in the same process, on one clock.
//
// Always: what a client sends arrives later than it was sent, and an answer later still, all at times of the clock; what
// an exchange pushes arrives at once. Never: a message in the order of chance alone.
import { EventEmitter } from 'node:events'
import type { ClientRequest } from 'node:http'
import { Readable } from 'node:stream'
import { WebSocket } from 'ws'
import type { Network } from '../../collector/connection/network.ts'
import type { Clock } from '../exchange/clock.ts'
import { type Connection, type Host, NoSuchPath, type Wire } from '../exchange/host.ts'
import type { Random } from '../exchange/random.ts'
import type { RestAnswer } from '../exchange/venue.ts'

/** What is told of what passes. */
export interface Tap {
  opened(connection: Connection, market: string, path: string): void
  /** Nothing that still comes over it is listened to. */
  closed(connection: Connection): void
  asked(market: string, path: string): void
  /** A whole answer with a status, before it leaves. */
  answered(market: string, path: string, answer: RestAnswer): void
}

export interface NetworkOptions {
  readonly clock: Clock
  readonly chance: Random
  /** The host at a name; names are `<market>.<exchange>.test`. */
  readonly hostAt: (name: string) => Host
  readonly tap: Tap
}

const ABNORMAL = 1006
const LATENCY_MS_MAX = 40
/** Bytes that stand in no text of JSON. */
const SPOILT = [0x00, 0x01, 0x1f, 0xff, 0xc3]

/** The network of one process; when that is killed, nothing passes any more. */
export class VirtualNetwork implements Network {
  readonly #options: NetworkOptions
  readonly sockets = new Set<VirtualSocket>()
  /** So many answers of REST break off half way. */
  brokenAnswers = 0
  isDead = false

  constructor(options: NetworkOptions) {
    this.#options = options
  }

  readonly connect: Network['connect'] = (url) => {
    const socket = new VirtualSocket(this, this.#options, new URL(url))
    this.sockets.add(socket)
    return socket as unknown as WebSocket
  }

  readonly request: Network['request'] = (url) =>
    new VirtualRequest(this, this.#options, url) as unknown as ClientRequest

  /** The process is gone, without a word to anybody. */
  kill(): void {
    this.isDead = true
    for (const socket of this.sockets) socket.die()
    this.sockets.clear()
  }
}

export class VirtualSocket extends EventEmitter {
  readyState: number = WebSocket.CONNECTING
  readonly bufferedAmount = 0
  connection: Connection | undefined
  /** So many frames arrive with bytes that are no text. */
  corrupt = 0
  readonly #network: VirtualNetwork
  readonly #options: NetworkOptions
  readonly #url: URL
  readonly #net = new EventEmitter()
  readonly #latencyMs: number

  constructor(network: VirtualNetwork, options: NetworkOptions, url: URL) {
    super()
    this.#network = network
    this.#options = options
    this.#url = url
    this.#latencyMs = 1 + options.chance.int(LATENCY_MS_MAX)
    this.#later(() => this.#shakeHands(), 3 * this.#latencyMs)
  }

  send(text: string): void {
    this.#later(() => this.connection?.message(text))
  }

  ping(): void {
    this.#later(() => this.connection?.pinged(Buffer.alloc(0)))
  }

  close(code: number): void {
    if (this.readyState === WebSocket.CONNECTING) return this.terminate()
    this.#deaf()
    this.#later(() => this.#end(code, ''))
  }

  terminate(): void {
    if (this.readyState === WebSocket.CLOSED) return
    this.#deaf()
    this.#later(() => this.#end(ABNORMAL, ''), 0)
  }

  /** Nobody is at this end any more. */
  die(): void {
    this.readyState = WebSocket.CLOSED
    this.removeAllListeners()
    this.#leave(ABNORMAL)
  }

  #later(run: () => void, ms = this.#latencyMs): void {
    this.#options.clock.after(ms, () => {
      if (this.readyState !== WebSocket.CLOSED) run()
    })
  }

  #shakeHands(): void {
    if (this.readyState !== WebSocket.CONNECTING) return
    const { hostAt, tap } = this.#options
    const host = hostAt(this.#url.hostname)
    const status = host.refusal()
    if (status === 0) {
      this.emit('error', Object.assign(new Error('reset by the other side'), { code: 'ECONNRESET' }))
      return this.#end(ABNORMAL, '')
    }
    if (status !== undefined) return void this.emit('unexpected-response', {}, { statusCode: status, headers: {} })
    try {
      this.connection = host.open(this.#url, this.#wire())
    } catch (error) {
      if (!(error instanceof NoSuchPath)) throw error
      return this.#end(1008, 'Invalid request')
    }
    tap.opened(this.connection, host.venue.market, this.#url.pathname)
    this.readyState = WebSocket.OPEN
    this.emit('upgrade', { socket: this.#net })
    this.emit('open')
  }

  #wire(): Wire {
    const bytes = (size: number) => this.#net.emit('data', { length: size })
    const isOpen = () => this.readyState === WebSocket.OPEN
    return {
      send: (data) => {
        if (this.readyState === WebSocket.CLOSED) return
        let frame = Buffer.from(data as string)
        if (this.corrupt > 0) frame = this.#spoilt(frame)
        bytes(frame.length)
        this.emit('message', frame, false)
      },
      raw: () => {},
      ping: (payload) => {
        if (!isOpen()) return
        bytes(2)
        this.emit('ping', Buffer.from(payload))
        this.#later(() => this.connection?.ponged(payload))
      },
      pong: () => {
        if (isOpen()) bytes(2)
      },
      close: (code, reason) => this.#later(() => this.#end(code, reason), 0),
      cut: () => this.#later(() => this.#end(ABNORMAL, ''), 0),
      freeze: () => {},
      buffered: () => 0,
      whenDrained: (run) => setImmediate(run),
    }
  }

  #spoilt(frame: Buffer): Buffer<ArrayBuffer> {
    const { chance } = this.#options
    const out = Buffer.from(frame)
    this.corrupt -= 1
    out[chance.int(out.length)] = SPOILT[chance.int(SPOILT.length)] as number
    return out
  }

  #end(code: number, reason: string): void {
    if (this.readyState === WebSocket.CLOSED) return
    this.readyState = WebSocket.CLOSED
    this.#leave(code)
    this.emit('close', code, Buffer.from(reason))
  }

  #leave(code: number): void {
    this.#network.sockets.delete(this)
    this.connection?.ended(code)
    this.#deaf()
  }

  #deaf(): void {
    if (this.readyState !== WebSocket.CLOSED) this.readyState = WebSocket.CLOSING
    if (this.connection !== undefined) this.#options.tap.closed(this.connection)
  }
}

/** A GET as node:http has it, as far as it is looked at. */
class VirtualRequest extends EventEmitter {
  readonly reusedSocket = true
  readonly #network: VirtualNetwork
  readonly #options: NetworkOptions
  readonly #url: URL
  readonly #latencyMs: number
  #response: Readable | undefined
  #isOver = false

  constructor(network: VirtualNetwork, options: NetworkOptions, url: URL) {
    super()
    this.#network = network
    this.#options = options
    this.#url = url
    this.#latencyMs = 2 + options.chance.int(LATENCY_MS_MAX)
  }

  end(): void {
    const { clock } = this.#options
    clock.after(this.#latencyMs, () => {
      if (this.#isOver || this.#network.isDead) return
      const host = this.#options.hostAt(this.#url.hostname)
      this.#options.tap.asked(host.venue.market, this.#url.pathname + this.#url.search)
      void host.answer({ method: 'GET', url: this.#url }).then((answer) => {
        if (answer !== undefined) clock.after(this.#latencyMs, () => this.#answered(host, answer))
      })
    })
  }

  destroy(reason?: Error): void {
    this.#response?.destroy(reason)
    if (this.#isOver) return
    this.#isOver = true
    if (reason !== undefined) this.emit('error', reason)
  }

  #answered(host: Host, answer: RestAnswer): void {
    if (this.#isOver || this.#network.isDead) return
    this.#isOver = true
    const isBroken = this.#network.brokenAnswers > 0
    if (isBroken) this.#network.brokenAnswers -= 1
    else this.#options.tap.answered(host.venue.market, this.#url.pathname + this.#url.search, answer)
    const body = Buffer.from(isBroken ? answer.body.slice(0, answer.body.length >> 1) : answer.body)
    const headers = Object.entries(answer.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])
    const response = Readable.from([body])
    Object.assign(response, { statusCode: answer.status, headers: Object.fromEntries(headers) })
    this.#response = response
    this.emit('response', response)
  }
}
