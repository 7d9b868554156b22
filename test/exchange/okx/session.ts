// One connection to OKX: which path it came by, what it subscribes to, what it is answered. Each argument of a request
// is acknowledged or refused by itself; what is subscribed already is acknowledged again and comes once.
import * as z from 'zod'
import type { Clock } from '../clock.ts'
import type { Peer, Samples, Session } from '../venue.ts'
import { channelOf, NOTICE_MS, type Path, type Rules } from './rules.ts'

/** What names one stream of data. */
export interface Arg {
  readonly channel: string
  /** An instrument, or a type of instruments. */
  readonly name: string
  /** As frames carry it: the name of the stream. */
  readonly text: string
}

/** Where a session takes its streams from. */
export interface Streams {
  readonly clock: Clock
  /** Whether there is something of this name. */
  knows(arg: Arg): boolean
  /** Begins to push a stream to a peer; the answer ends it. */
  open(arg: Arg, peer: Peer): () => void
  /** For load; undefined for streams that are none of trades. */
  samples(arg: Arg): Samples | undefined
  /** A connection is gone. */
  left(peer: Peer): void
}

/** Connections that carry each channel, of the whole venue. */
export type Carriers = Map<string, Set<Peer>>

const HOUR = 3_600_000
const requestShape = z.object({
  id: z
    .string()
    .regex(/^[A-Za-z0-9]{1,32}$/u)
    .optional(),
  op: z.string(),
  args: z.array(z.record(z.string(), z.unknown())).min(1),
})
const PATHS: Readonly<Record<string, Path>> = { '/ws/v5/public': 'public', '/ws/v5/business': 'business' }

/** @returns undefined where the path is not one of OKX's */
export function session(rules: Rules, url: URL, peer: Peer, source: Streams, carriers: Carriers): Session | undefined {
  const path = PATHS[url.pathname]
  return path === undefined ? undefined : new OkxSession(rules, path, peer, source, carriers)
}

class OkxSession implements Session {
  readonly #rules: Rules
  readonly #path: Path
  readonly #peer: Peer
  readonly #source: Streams
  readonly #carriers: Carriers
  readonly #connId: string
  readonly #streams = new Map<string, { readonly arg: Arg; readonly end: () => void }>()
  readonly #operations: number[] = []
  #cancelCut = () => {}

  constructor(rules: Rules, path: Path, peer: Peer, source: Streams, carriers: Carriers) {
    this.#rules = rules
    this.#path = path
    this.#peer = peer
    this.#source = source
    this.#carriers = carriers
    this.#connId = Math.floor(peer.chance.fork('connId').next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  }

  receive(text: string): void {
    if (text === 'ping') return this.#peer.reply('pong')
    const parsed = requestShape.safeParse(jsonOf(text))
    if (!parsed.success) return this.#refuse('60012', `Invalid request: ${text}`, undefined)
    const { id, op, args } = parsed.data
    if (op !== 'subscribe' && op !== 'unsubscribe') return this.#refuse('60019', `Invalid op: ${op}`, id)
    if (!this.#counted()) return this.#refuse('60014', 'Requests too frequent', id)
    const begun = new Set<string>()
    for (const each of args) {
      const arg = this.#argOf(each)
      if (typeof arg === 'string') this.#refuse('60018', arg, id)
      else if (op === 'unsubscribe') this.#unsubscribe(arg, id)
      else if (this.#subscribe(arg, id)) begun.add(arg.channel)
    }
    for (const channel of begun) {
      const connCount = String(this.#carriers.get(channel)?.size ?? 0)
      this.#say({ event: 'channel-conn-count', channel, connCount, connId: this.#connId })
    }
  }

  wrap({ stream, text }: { readonly stream: string; readonly text: string }): string {
    return `{"arg":${stream}${text}`
  }

  /** Sent on the public path only, a minute before the connection is cut. */
  shutdownNotice(): string | undefined {
    if (this.#path !== 'public') return undefined
    this.#cancelCut()
    this.#cancelCut = this.#source.clock.after(NOTICE_MS, () => this.#peer.close(1006, ''))
    const msg = 'The connection will soon be closed for a service upgrade. Please reconnect.'
    return JSON.stringify({ event: 'notice', code: '64008', msg, connId: this.#connId })
  }

  streams(): Iterable<string> {
    return this.#streams.keys()
  }

  samples(stream: string): Samples | undefined {
    const found = this.#streams.get(stream)
    return found && this.#source.samples(found.arg)
  }

  idle(): void {
    this.#peer.close(4004, 'No data received in 30s.')
  }

  close(): void {
    this.#cancelCut()
    for (const [stream] of this.#streams) this.#end(stream)
    this.#source.left(this.#peer)
  }

  #counted(): boolean {
    const now = this.#source.clock.now()
    while (this.#operations[0] !== undefined && this.#operations[0] <= now - HOUR) this.#operations.shift()
    return this.#operations.push(now) <= this.#rules.limits.operationsPerHour
  }

  /** @returns what to say where there is no such thing on this path */
  #argOf(each: Readonly<Record<string, unknown>>): Arg | string {
    const wanted = Object.entries(each).map(([key, value]) => `${key}:${String(value)}`)
    const none = `Wrong URL or ${wanted.join(',')} doesn't exist. Please use the correct URL, channel and parameters referring to API document.`
    const channel = String(each['channel'])
    const kind = channelOf(channel)
    if (kind === undefined || kind.path !== this.#path) return none
    const name = each[kind.by]
    if (typeof name !== 'string') return none
    const arg = { channel, name, text: JSON.stringify({ channel, [kind.by]: name }) }
    return this.#source.knows(arg) ? arg : none
  }

  /** @returns whether it is new */
  #subscribe(arg: Arg, id: string | undefined): boolean {
    this.#acknowledge('subscribe', arg, id)
    if (this.#streams.has(arg.text)) return false
    const carriers = this.#carriers.get(arg.channel) ?? new Set()
    this.#carriers.set(arg.channel, carriers.add(this.#peer))
    this.#streams.set(arg.text, { arg, end: () => {} })
    // the acknowledgement goes out before the first frame
    this.#streams.set(arg.text, { arg, end: this.#source.open(arg, this.#peer) })
    return true
  }

  #unsubscribe(arg: Arg, id: string | undefined): void {
    this.#end(arg.text)
    this.#acknowledge('unsubscribe', arg, id)
  }

  #end(stream: string): void {
    const found = this.#streams.get(stream)
    if (found === undefined) return
    found.end()
    this.#streams.delete(stream)
    const { channel } = found.arg
    if (![...this.#streams.values()].some(({ arg }) => arg.channel === channel)) {
      this.#carriers.get(channel)?.delete(this.#peer)
    }
  }

  #acknowledge(event: 'subscribe' | 'unsubscribe', arg: Arg, id: string | undefined): void {
    const named = id === undefined ? '' : `"id":"${id}",`
    this.#peer.reply(`{${named}"event":"${event}","arg":${arg.text},"connId":"${this.#connId}"}`)
  }

  #refuse(code: string, msg: string, id: string | undefined): void {
    this.#say({ ...(id === undefined ? {} : { id }), event: 'error', msg, code, connId: this.#connId })
  }

  #say(message: object): void {
    this.#peer.reply(JSON.stringify(message))
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
