// GET requests to one address: in the venue's measure, over kept-alive connections, bounded in time, size and number.
//
// Always: a request passes the address' limits first, and its answer tells them what was used.
// Never: more than `bytesMax` of a body, inflated, is held; never an attempt longer than `timeoutMs`.
import assert from 'node:assert/strict'
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type Readable, pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  circuitBreaker,
  handleWhen,
} from 'cockatiel'
import type { AddressStatus } from '../status.ts'
import { fullJitterMs } from './backoff.ts'
import type { Clock, Random } from './clock.ts'
import { ConnectionError, REGION_ADVICE, messageOf, printable } from './errors.ts'
import type { AddressLimits } from './limits.ts'
import { type Network, realNetwork } from './network.ts'

export interface RestOptions {
  /** Scheme, host and port, without a path. */
  readonly origin: string
  readonly limits: AddressLimits
  readonly agent: Agent
  /** The machine's by default. */
  readonly network?: Network | undefined
  readonly clock: Clock
  readonly random: Random
}

export interface RestRequest {
  /** What the venue counts for it. */
  readonly weight: number
  /** The budget in which the venue counts it, where that is not the main one: a key of the rules' `pools`. */
  readonly pool?: string | undefined
  /** 0 goes first. */
  readonly priority?: number
  readonly signal?: AbortSignal
  /** For one attempt, from sending to the last byte. */
  readonly timeoutMs?: number
  /** Of the body, inflated. */
  readonly bytesMax?: number
}

export interface RestAnswer {
  readonly status: number
  readonly body: Buffer
  readonly headers: IncomingHttpHeaders
}

const TIMEOUT_MS = 10_000
const BODY_BYTES_MAX = 64 * 1024 * 1024
export const ATTEMPTS_MAX = 4
const RETRY_BASE_MS = 250
const RETRY_CAP_MS = 5_000
/** Failures in a row that open the circuit. */
export const FAILURES_MAX = 5
const OPEN_MIN_MS = 1_000
const OPEN_MAX_MS = 30_000

/** Another attempt may succeed. All requests are GETs, so repeating one changes nothing at the venue. */
const TRANSIENT = new Set(['REST_TIMEOUT', 'REST_UNREACHABLE', 'REST_SERVER_ERROR', 'REST_PROXY'])

export class RestClient {
  readonly #options: RestOptions
  /** Not the limits', which several hosts may share. */
  readonly #host: string
  readonly #breaker = circuitBreaker(handleWhen(isTransient), {
    breaker: new ConsecutiveBreaker(FAILURES_MAX),
    halfOpenAfter: new ExponentialBackoff({ initialDelay: OPEN_MIN_MS, maxDelay: OPEN_MAX_MS }),
  })
  #requests = 0
  #connections = 0
  #failures = 0

  constructor(options: RestOptions) {
    this.#options = options
    this.#host = new URL(options.origin).host
  }

  /**
   * Asks, and asks again where the fault may pass: after 429 and 418 when the address is free again, after a broken
   * connection, a timeout or 5xx with full jitter; four times in all.
   * @returns the answer, also where its status is 3xx or 4xx: what those mean is the venue's.
   * @throws ConnectionError any code but PROXY_URL; the last one met.
   */
  async get(path: string, request: RestRequest): Promise<RestAnswer> {
    assert(path.startsWith('/'))
    for (let attempt = 0; ; attempt++) {
      // The one request that finds out whether the address is back is on its way; the package would wait for it.
      if (this.#breaker.state === CircuitState.HalfOpen) throw this.#fault('REST_CIRCUIT_OPEN', 'being tried again')
      try {
        return await this.#breaker.execute(() => this.#attempt(path, request))
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw this.#fault('REST_CIRCUIT_OPEN', 'too many faults in a row')
        const limited = error instanceof ConnectionError && error.code === 'REST_RATE_LIMITED'
        if (attempt + 1 >= ATTEMPTS_MAX || !(limited || isTransient(error))) throw error
        if (!limited)
          await this.#pause(fullJitterMs(attempt, RETRY_BASE_MS, RETRY_CAP_MS, this.#options.random), request)
      }
    }
  }

  /** For /status, without whose address it is. */
  get status(): Omit<AddressStatus, 'exchange'> {
    const { limits } = this.#options
    return {
      host: this.#host,
      requests: this.#requests,
      connections: this.#connections,
      failures: this.#failures,
      weightUsed: limits.weightUsed,
      weightMax: limits.weightMax,
      breaker: limits.banned ? 'open' : breakerState(this.#breaker.state),
      blockedUntilMs: limits.blockedUntilMs,
    }
  }

  async #attempt(path: string, request: RestRequest): Promise<RestAnswer> {
    const { limits } = this.#options
    const permit = await limits.request(request.weight, request)
    try {
      this.#requests++
      const answer = await this.#exchange(path, request)
      return this.#judge(answer, limits.answered(answer.status, answer.headers, answer.body))
    } catch (error) {
      this.#failures++
      throw error
    } finally {
      permit.done()
    }
  }

  /** Sends once and reads the whole answer. */
  async #exchange(path: string, request: RestRequest): Promise<RestAnswer> {
    const { origin, agent, network = realNetwork, clock } = this.#options
    const { timeoutMs = TIMEOUT_MS, bytesMax = BODY_BYTES_MAX, signal } = request
    const headers = { 'accept-encoding': 'gzip', 'user-agent': 'marketprism' }
    let fault: ConnectionError | undefined
    const sent = network.request(new URL(origin + path), { agent, headers })
    const stop = (reason: ConnectionError): void => {
      fault ??= reason
      sent.destroy(reason)
    }
    const onAbort = (): void => stop(this.#fault('ABORTED', 'given up by the caller'))
    const timer = clock.setTimeout(
      () => stop(this.#fault('REST_TIMEOUT', `no whole answer in ${timeoutMs} ms`)),
      timeoutMs,
    )
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort)
    try {
      const response = await this.#response(sent, stop)
      const body = await this.#body(response, bytesMax)
      return { status: response.statusCode ?? 0, body, headers: response.headers }
    } catch (error) {
      sent.destroy()
      if (fault !== undefined) throw fault
      if (error instanceof ConnectionError) throw error
      throw this.#fault('REST_UNREACHABLE', messageOf(error), { cause: error })
    } finally {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #response(sent: ClientRequest, stop: (reason: ConnectionError) => void): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      sent.once('socket', () => {
        if (!sent.reusedSocket) this.#connections++
      })
      sent.once('proxyConnect', (answer: { statusCode: number }) => {
        if (answer.statusCode === 200) return
        stop(this.#fault('REST_PROXY', `the proxy answered ${answer.statusCode}; check spec.feeds[].proxy`))
      })
      sent.once('response', resolve)
      // Stays: a socket may fail again after its answer was read.
      sent.on('error', reject)
      sent.end()
    })
  }

  async #body(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
    const encoding = response.headers['content-encoding'] ?? 'identity'
    if (encoding !== 'gzip' && encoding !== 'identity') {
      throw this.#fault('REST_ENCODING', `the answer is encoded as '${printable(encoding, 30)}', asked was gzip`)
    }
    const source: Readable = encoding === 'gzip' ? pipeline(response, createGunzip(), ignore) : response
    const chunks: Buffer[] = []
    let size = 0
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > bytesMax) throw this.#fault('REST_BODY_TOO_LARGE', `the answer has more than ${bytesMax} bytes`)
        chunks.push(chunk)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code?.startsWith('Z_') !== true) throw error
      throw this.#fault('REST_ENCODING', `the answer does not inflate: ${messageOf(error)}`, { cause: error })
    }
    return Buffer.concat(chunks, size)
  }

  /** Turns a status that concerns the address, not the question, into an error. */
  #judge(answer: RestAnswer, isLimited: boolean): RestAnswer {
    const { status } = answer
    if (isLimited) {
      const text = `HTTP ${status} says that too much was asked; nothing is until the venue's wait has passed`
      throw this.#fault('REST_RATE_LIMITED', text, { status })
    }
    switch (status) {
      case 403:
      case 451:
        throw this.#fault('REST_REGION_BLOCKED', `HTTP ${status}: not served from here; ${REGION_ADVICE}`, { status })
      default:
        if (status >= 500) throw this.#fault('REST_SERVER_ERROR', `HTTP ${status}`, { status })
        return answer
    }
  }

  #pause(ms: number, { signal }: RestRequest): Promise<void> {
    const { clock } = this.#options
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        clock.clearTimeout(timer)
        reject(this.#fault('ABORTED', 'given up by the caller'))
      }
      const timer = clock.setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      if (signal?.aborted === true) onAbort()
      else signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  #fault(code: ConnectionError['code'], text: string, options?: { cause?: unknown; status?: number }): ConnectionError {
    return new ConnectionError(code, `${this.#host}: ${text}.`, options)
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof ConnectionError && TRANSIENT.has(error.code)
}

function breakerState(state: CircuitState): AddressStatus['breaker'] {
  switch (state) {
    case CircuitState.Closed:
      return 'closed'
    case CircuitState.HalfOpen:
      return 'half_open'
    case CircuitState.Open:
    case CircuitState.Isolated:
      return 'open'
    default:
      return state satisfies never
  }
}

/** The reader of a pipeline learns of its errors by reading. */
function ignore(): void {}
