// One connection to Binance: which path it came by, what it subscribes to, what it is answered.
import * as z from 'zod'
import type { Frame, Peer, Session } from '../venue.ts'
import { isCoinStream } from './contracts.ts'
import { groupOf, type Rules } from './rules.ts'

/** Where a session takes its streams from. */
export interface Streams {
  /** By the venue's clock, ms. */
  now(): number
  /** Begins to push a stream to a peer; the answer ends it. Streams that do not exist stay silent. */
  open(stream: string, peer: Peer, microseconds: boolean): () => void
  /** Payloads of trades for {@link Samples}; undefined for other streams. */
  sampleTrades(stream: string, microseconds: boolean): string[] | undefined
}

type Group = 'public' | 'market' | 'private'

interface Opening {
  readonly group: Group | undefined
  readonly combined: boolean
  readonly streams: readonly string[]
}

const STREAM_LENGTH_MAX = 256
const METHODS = ['SUBSCRIBE', 'UNSUBSCRIBE', 'LIST_SUBSCRIPTIONS', 'SET_PROPERTY', 'GET_PROPERTY'] as const
const requestId = z.union([z.int().nonnegative(), z.string().regex(/^[A-Za-z0-9]{1,36}$/u), z.null()])
const streamList = z.array(z.string().min(1).max(STREAM_LENGTH_MAX))

/** @returns undefined where the path is not Binance's */
export function session(rules: Rules, url: URL, peer: Peer, source: Streams): Session | undefined {
  const opening = parse(url, rules.split)
  if (opening === undefined || opening.streams.length > rules.limits.streamsPerConnection) return undefined
  const microseconds = rules.microseconds && /^microsecond$/iu.test(url.searchParams.get('timeUnit') ?? '')
  const streams = new Map<string, () => void>()
  let combined = opening.combined
  const subscribe = (stream: string) => {
    if (streams.has(stream)) return
    streams.set(stream, reaches(rules, opening, stream) ? source.open(stream, peer, microseconds) : () => {})
  }
  const unsubscribe = (stream: string) => {
    streams.get(stream)?.()
    streams.delete(stream)
  }
  for (const stream of opening.streams) subscribe(stream)
  const act: Act = {
    subscribe: (names) => {
      const total = new Set([...streams.keys(), ...names]).size
      if (total > rules.limits.streamsPerConnection) return false
      // the acknowledgement goes out before the first frame
      return () => names.forEach(subscribe)
    },
    unsubscribe: (names) => names.forEach(unsubscribe),
    list: () => [...streams.keys()],
    combined: (value) => (value === undefined ? combined : (combined = value)),
  }
  return {
    receive: (text) => receive(text, peer, act),
    wrap: (frame) => (combined ? wrapped(frame.stream, frame.text) : frame.text),
    shutdownNotice: () => {
      if (!rules.serverShutdown) return undefined
      const text = `{"e":"serverShutdown","E":${Math.floor(source.now() * (microseconds ? 1_000 : 1))}}`
      return combined ? wrapped('!serverShutdown', text) : text
    },
    streams: () => streams.keys(),
    samples: (stream) => {
      const texts = reaches(rules, opening, stream) ? source.sampleTrades(stream, microseconds) : undefined
      return texts && { texts, ids: ['a', 'f', 'l'], times: ['E', 'T'], perMs: microseconds ? 1_000 : 1 }
    },
    close: () => [...streams.keys()].forEach(unsubscribe),
  }
}

function wrapped(stream: string, text: Frame['text']): string {
  return `{"stream":${JSON.stringify(stream)},"data":${text}}`
}

// path := [/public | /market | /private] ( /ws{/<stream>} | /stream[?streams=<stream>{/<stream>}] )
function parse(url: URL, split: boolean): Opening | undefined {
  const segments = url.pathname.split('/').slice(1).filter(Boolean).map(decoded)
  let group: Group | undefined
  if (split && /^(public|market|private)$/u.test(segments[0] ?? '')) group = segments.shift() as Group
  const kind = segments.shift()
  if (kind === 'ws') return { group, combined: false, streams: segments }
  if (kind !== 'stream' || segments.length > 0) return undefined
  const streams = (url.searchParams.get('streams') ?? '').split('/').filter(Boolean)
  return { group, combined: true, streams }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/**
 * Where paths are split, a connection without a group in its path gets the public streams, as on USDⓈ-M's host, and all
 * that COIN-M's host has, which knows no groups. Streams of all symbols are the same on both.
 */
function reaches(rules: Rules, { group }: Opening, stream: string): boolean {
  if (!rules.split) return true
  if (isCoinStream(stream)) return group === undefined
  return groupOf(stream) === (group ?? (stream.startsWith('!') ? groupOf(stream) : 'public'))
}

interface Act {
  /** @returns what to do after the acknowledgement, or false when there are too many */
  subscribe(names: readonly string[]): (() => void) | false
  unsubscribe(names: readonly string[]): void
  list(): string[]
  /** Sets it where a value is given. */
  combined(value?: boolean): boolean
}

function receive(text: string, peer: Peer, act: Act): void {
  const refuse = (code: number, msg: string) => peer.reply(JSON.stringify({ code, msg }))
  let request: { method?: unknown; params?: unknown; id?: unknown }
  try {
    request = JSON.parse(text)
  } catch {
    return refuse(3, 'Invalid JSON: expected value at line 1 column 1')
  }
  if (typeof request !== 'object' || request === null) return refuse(2, 'Invalid request: not an object')
  const id = requestId.safeParse(request.id ?? null)
  if (!id.success) return refuse(2, 'Invalid request: request ID must be an unsigned integer')
  const answer = (result: unknown) => peer.reply(JSON.stringify({ result, id: id.data }))
  const method = METHODS.find((name) => name === request.method)
  switch (method) {
    case 'SUBSCRIBE':
    case 'UNSUBSCRIBE': {
      const names = streamList.safeParse(request.params)
      if (!names.success) return refuse(2, 'Invalid request: params must be a list of streams')
      const begin = method === 'SUBSCRIBE' ? act.subscribe(names.data) : () => act.unsubscribe(names.data)
      if (begin === false) return refuse(2, 'Invalid request: too many streams')
      answer(null)
      return begin()
    }
    case 'LIST_SUBSCRIPTIONS':
      return answer(act.list())
    case 'SET_PROPERTY':
    case 'GET_PROPERTY': {
      const [name, value] = Array.isArray(request.params) ? request.params : []
      if (typeof name !== 'string') return refuse(2, 'Invalid request: property name must be a string')
      if (name !== 'combined') return refuse(0, 'Unknown property')
      if (method === 'GET_PROPERTY') return answer(act.combined())
      if (typeof value !== 'boolean') return refuse(1, 'Invalid value type: expected Boolean')
      act.combined(value)
      return answer(null)
    }
    case undefined:
      if (request.method === undefined) return refuse(2, 'Invalid request: missing field `method` at line 1 column 1')
      return refuse(2, `Invalid request: unknown variant, expected one of ${METHODS.join(', ')} at line 1 column 1`)
    default:
      method satisfies never
  }
}
