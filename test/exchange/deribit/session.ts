// One connection to Deribit: what it subscribes to, what it is answered, whether it is still there.
import type { Clock } from '../clock.ts'
import type { Peer, Session } from '../venue.ts'
import { errorText, type Head, heartbeatText, notification, refusalOf, resultText, TOO_MANY } from './answer.ts'
import type { Credits } from './credits.ts'
import { array, quoted } from './json.ts'
import { type Backend, badParameter, methodsOf, Params, Refusal } from './rpc.ts'
import { HEARTBEAT_SECONDS_MIN, type Price, WEBSOCKET_PATH } from './rules.ts'

/** Where a session takes its channels from. */
export interface Channels {
  exists(channel: string): boolean
  /** Begins to push a channel that exists to a peer; the answer ends it. */
  open(channel: string, peer: Peer): () => void
  /** The connection is gone. */
  left(peer: Peer): void
  /** Frames of one trade each for load; undefined for other channels. */
  sampleTrades(channel: string): string[] | undefined
}

interface Method {
  readonly price: Price
  /** What to do once the answer, which is JSON, is sent. */
  run(params: Params): { readonly result: string; readonly after?: () => void }
}

const RAW = new Refusal(13_778, 'raw_subscriptions_not_available_for_unauthorized')
const POLICY = 1008

/** What is behind a session. */
export interface Behind {
  readonly clock: Clock
  readonly credits: Credits
  readonly channels: Channels
  readonly backend: Backend
  /** How long a test_request may go unanswered. */
  readonly testWithinMs: number | undefined
}

/** @returns undefined where the path is not Deribit's */
export function session(url: URL, peer: Peer, behind: Behind): Session | undefined {
  const { clock, credits, channels: source, backend, testWithinMs } = behind
  if (url.pathname.replace(/\/$/u, '') !== WEBSOCKET_PATH) return undefined
  const channels = new Map<string, () => void>()
  const heartbeat = new Heartbeat(peer, clock, testWithinMs)
  const methods = new Map<string, Method>(
    [...methodsOf(backend)].map(([name, { price, run }]) => [
      name,
      { price, run: (params) => ({ result: run(params) }) },
    ]),
  )
  for (const [name, method] of subscriptions(channels, peer, source)) methods.set(name, method)
  for (const [name, method] of heartbeat.methods()) methods.set(name, method)
  return {
    receive: (text) => receive(text, peer, credits, methods, backend.now(), heartbeat),
    wrap: ({ stream, text }) => notification(stream, text),
    shutdownNotice: () =>
      channels.has('platform_state') ? notification('platform_state', '{"maintenance":true}') : undefined,
    streams: () => channels.keys(),
    samples: (channel) => {
      const texts = source.sampleTrades(channel)
      return texts && { texts, ids: ['trade_seq', 'trade_id'], times: ['timestamp'], perMs: 1 }
    },
    close: () => {
      heartbeat.stop()
      for (const end of channels.values()) end()
      channels.clear()
      source.left(peer)
    },
  }
}

function subscriptions(channels: Map<string, () => void>, peer: Peer, source: Channels): [string, Method][] {
  const end = (channel: string) => {
    channels.get(channel)?.()
    channels.delete(channel)
  }
  const subscribe: Method = {
    price: 'subscription',
    run: (params) => {
      const asked = channelList(params)
      // one of them is enough to lose the others
      if (asked.some((channel) => channel.endsWith('.raw'))) throw RAW
      const known = asked.filter((channel) => source.exists(channel))
      const fresh = known.filter((channel) => !channels.has(channel))
      // taken from this moment, so that a second request does not take them twice; data comes after the answer
      for (const channel of fresh) channels.set(channel, () => {})
      const after = () => {
        for (const channel of fresh) channels.set(channel, source.open(channel, peer))
      }
      return { result: listed(known), after }
    },
  }
  const unsubscribe: Method = {
    price: 'subscription',
    run: (params) => {
      const known = channelList(params).filter((channel) => channels.has(channel))
      known.forEach(end)
      return { result: listed(known) }
    },
  }
  const unsubscribeAll: Method = {
    price: 'subscription',
    run: () => {
      ;[...channels.keys()].forEach(end)
      return { result: '"ok"' }
    },
  }
  return [
    ['public/subscribe', subscribe],
    ['public/unsubscribe', unsubscribe],
    ['public/unsubscribe_all', unsubscribeAll],
  ]
}

function channelList(params: Params): string[] {
  const value = params.value('channels')
  const valid = Array.isArray(value) && value.length > 0 && value.every((channel) => typeof channel === 'string')
  if (!valid) throw badParameter('channels', 'must be a non-empty array of strings')
  return [...new Set(value as string[])]
}

/** In the venue's own order, which is not that of the request. */
function listed(channels: readonly string[]): string {
  return array(channels.toSorted().reverse().map(quoted))
}

/** Beats where the client asked for it, and closes the connection when a test goes unanswered. */
class Heartbeat {
  readonly #peer: Peer
  readonly #clock: Clock
  readonly #withinMs: number
  #stopBeats = () => {}
  #overdue: (() => void) | undefined

  constructor(peer: Peer, clock: Clock, withinMs: number = Infinity) {
    this.#peer = peer
    this.#clock = clock
    this.#withinMs = withinMs
  }

  methods(): [string, Method][] {
    const set: Method = {
      price: 'ordinary',
      run: (params) => {
        const seconds = params.whole('interval')
        if (seconds === undefined || seconds < HEARTBEAT_SECONDS_MIN) {
          throw badParameter('interval', `must be at least ${HEARTBEAT_SECONDS_MIN}`)
        }
        return { result: '"ok"', after: () => this.#start(seconds * 1_000) }
      },
    }
    const disable: Method = { price: 'ordinary', run: () => ({ result: '"ok"', after: () => this.stop() }) }
    return [
      ['public/set_heartbeat', set],
      ['public/disable_heartbeat', disable],
    ]
  }

  /** The client called public/test. */
  answered(): void {
    this.#overdue?.()
    this.#overdue = undefined
  }

  stop(): void {
    this.#stopBeats()
    this.answered()
  }

  #start(ms: number): void {
    this.stop()
    this.#stopBeats = this.#clock.every(ms, ms, () => {
      this.#peer.reply(heartbeatText('heartbeat'))
      this.#peer.reply(heartbeatText('test_request'))
      this.#overdue ??= this.#clock.after(this.#withinMs, () => this.#peer.close(POLICY, 'test_request unanswered'))
    })
  }
}

function receive(
  text: string,
  peer: Peer,
  credits: Credits,
  methods: ReadonlyMap<string, Method>,
  now: number,
  heartbeat: Heartbeat,
): void {
  let head: Head = { id: undefined, now }
  try {
    const request = parsed(text)
    head = { id: idText(request['id']), now }
    const name = request['method']
    if (typeof name !== 'string') throw new Refusal(-32_600, 'Invalid Request')
    if (name.startsWith('private/')) throw new Refusal(13_009, 'unauthorized')
    const method = methods.get(name)
    if (method === undefined) throw new Refusal(-32_601, 'Method not found')
    if (!credits.take(method.price)) throw TOO_MANY
    if (name === 'public/test') heartbeat.answered()
    const { result, after } = method.run(new Params(paramsOf(request['params'])))
    peer.reply(resultText(head, result))
    after?.()
  } catch (error) {
    const refusal = refusalOf(error)
    peer.reply(errorText(head, refusal))
    if (refusal === TOO_MANY) peer.close(POLICY, refusal.message)
  }
}

function parsed(text: string): Record<string, unknown> {
  let request: unknown
  try {
    request = JSON.parse(text)
  } catch {
    throw new Refusal(-32_700, 'Parse error')
  }
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw new Refusal(-32_600, 'Invalid Request')
  }
  return request as Record<string, unknown>
}

function idText(id: unknown): string | undefined {
  return typeof id === 'number' || typeof id === 'string' ? JSON.stringify(id) : undefined
}

function paramsOf(params: unknown): Record<string, unknown> {
  if (params === undefined || params === null) return {}
  if (typeof params !== 'object' || Array.isArray(params)) throw badParameter('params', 'must be an object')
  return params as Record<string, unknown>
}
