import { describe, expect, it } from 'vitest'
import { roomOf } from '../exchanges/registry.ts'
import type { GapReason } from '../market/messages.ts'
import { describeBook, fillSpool, levelsOf } from '../../test/support/books.ts'
import { Intake } from '../../test/support/intake.ts'
import { after, lines, playScenario, range, readScenarios } from '../../test/support/scenario.ts'
import { PENDING_FRAMES_MAX } from './queue.ts'
import type { StreamBook } from './stream.ts'

const STYLES = ['okx', 'okx of 2022', 'deribit'] as const
type Style = (typeof STYLES)[number]

const BEGIN_MS = 1_790_000_000_000
const BEFALLS: Record<string, GapReason> = { cut: 'disconnect', silent: 'stale', broken: 'malformed' }
const SPOOL_BYTES = 1024 * 1024

/**
 * What can be done to a book:
 *   snapshot 104 [bid 10 1] [ask 11 2] [at 500] [on 2] [sum 77]   of socket 1 or another; every next element is 100 ms
 *                                                                 later, or it is `at` ms after the beginning
 *   delta 101-104 [bid 10 1] …                                    from 101 to 104
 *   cut 1, leave 1, silent 1, broken 1                            what befalls a socket
 *   wait 10                                                       seconds pass, and what is done once a second is done
 *   refresh, check, follows 2, sink away, sink back, close
 * Without numbers (OKX of 2022) the numbers say nothing, and sequences count µs from the beginning.
 */
class Stage {
  readonly #style: Style
  readonly #intake: Intake
  readonly #track: StreamBook
  #timeMs = BEGIN_MS
  #repeated = 0
  #isAway = false

  constructor(style: Style, resumeAt: number | undefined) {
    const room = style === 'deribit' ? roomOf('deribit', 'perpetual') : roomOf('okx', 'spot')
    if (room === undefined) throw new Error('no such room')
    this.#style = style
    const names =
      style === 'deribit'
        ? { symbol: 'BTC-USD', venueSymbol: 'BTC-PERPETUAL' }
        : { symbol: 'BTC-USDT', venueSymbol: 'BTC-USDT' }
    const resume = resumeAt === undefined ? {} : { resume: { at: resumeAt, time: (BEGIN_MS - 60_000) * 1000 } }
    this.#intake = new Intake(room, [{ type: 'orderbook', ...names, depth: 2, ...resume }], SPOOL_BYTES)
    this.#track = this.#intake.tracks[0] as StreamBook
  }

  async act(words: readonly string[]): Promise<string[]> {
    const said = await this.#do(words)
    const out = said === undefined ? [] : [said]
    const { repeated } = this.#track.outlet.channel.tally
    if (repeated > this.#repeated) out.push('nothing new')
    this.#repeated = repeated
    if (!this.#isAway) out.push(...this.#intake.take().flatMap(({ message }) => describeBook(fromBeginning(message))))
    for (const socketId of this.#intake.resubscribed.splice(0)) out.push(`subscribes anew on ${socketId}`)
    return out
  }

  async #do(words: readonly string[]): Promise<string | undefined> {
    const [verb = '', what] = words
    if (verb === 'follows') return this.#track.follows(Number(what)) ? 'yes' : 'no'
    if (verb === 'snapshot' || verb === 'delta') return this.#take(this.#frame(words), Number(after(words, 'on') ?? 1))
    if (verb === 'leave') this.#track.leave(Number(what))
    else if (verb in BEFALLS) this.#track.interrupt(BEFALLS[verb] as GapReason, Number(what))
    else if (verb === 'refresh' || verb === 'check') this.#track[verb]()
    else if (verb === 'close') this.#intake.close()
    else if (verb === 'wait') {
      await this.#intake.clock.advance(Number(what) * 1000)
      this.#track.check()
    } else if (verb === 'sink') {
      this.#isAway = what === 'away'
      if (this.#isAway) fillSpool(this.#track.outlet)
    } else throw new Error(`nobody knows how to '${words.join(' ')}'`)
    return undefined
  }

  #take(frame: string, socketId: number): string | undefined {
    const { refused } = this.#intake.counts
    const before = refused.malformed
    this.#intake.frame(Buffer.from(frame), { socketId })
    return refused.malformed > before ? 'refused' : undefined
  }

  #frame(words: readonly string[]): string {
    const isSnapshot = words[0] === 'snapshot'
    const [previous, seq] = isSnapshot ? [-1, Number(words[1])] : range(words[1])
    const at = after(words, 'at')
    this.#timeMs = at === undefined ? this.#timeMs + 100 : BEGIN_MS + Number(at)
    const element = { previous, seq, timeMs: this.#timeMs, bids: levelsOf(words, 'bid'), asks: levelsOf(words, 'ask') }
    if (this.#style === 'deribit') return deribitFrame(element, isSnapshot)
    return okxFrame(element, isSnapshot, this.#style === 'okx', Number(after(words, 'sum') ?? 0))
  }
}

interface Element {
  readonly previous: number
  readonly seq: number
  readonly timeMs: number
  readonly bids: readonly [string, string][]
  readonly asks: readonly [string, string][]
}

function okxFrame(element: Element, isSnapshot: boolean, isNumbered: boolean, checksum: number): string {
  const { previous, seq, timeMs, bids, asks } = element
  const level = ([price, size]: readonly [string, string]) => [price, size, '0', '1']
  const numbers = isNumbered ? { prevSeqId: previous, seqId: seq } : {}
  const data = [{ asks: asks.map(level), bids: bids.map(level), ts: `${timeMs}`, checksum, ...numbers }]
  const action = isSnapshot ? 'snapshot' : 'update'
  return JSON.stringify({ arg: { channel: 'books', instId: 'BTC-USDT' }, action, data })
}

function deribitFrame({ previous, seq, timeMs, bids, asks }: Element, isSnapshot: boolean): string {
  const action = (size: number) => (isSnapshot ? 'new' : size === 0 ? 'delete' : 'change')
  const level = ([price, size]: readonly [string, string]) => [action(Number(size)), Number(price), Number(size)]
  const type = isSnapshot ? 'snapshot' : 'change'
  const chain = isSnapshot ? {} : { prev_change_id: previous }
  const names = { timestamp: timeMs, instrument_name: 'BTC-PERPETUAL', ...chain, change_id: seq }
  const data = { type, ...names, bids: bids.map(level), asks: asks.map(level) }
  const params = { channel: 'book.BTC-PERPETUAL.100ms', data }
  return JSON.stringify({ jsonrpc: '2.0', method: 'subscription', params })
}

/** Sequences that are made of times, as µs from the beginning. */
function fromBeginning<M extends object>(message: M): M {
  const entries = Object.entries(message).map(([key, value]) => {
    const isSeq = key.endsWith('seq') && (value as number) >= BEGIN_MS * 1000
    return [key, isSeq ? (value as number) - BEGIN_MS * 1000 : value]
  })
  return Object.fromEntries(entries) as M
}

describe('a socket that is ahead', () => {
  it(`keeps ${PENDING_FRAMES_MAX} deltas at most, the newest, and joins once the other one has brought the rest`, async () => {
    const stage = new Stage('okx', undefined)
    await stage.act(['snapshot', '10', 'bid', '10', '1', 'at', '1'])
    await stage.act(['snapshot', '20', 'bid', '10', '2', 'at', '2', 'on', '2'])
    const last = 20 + PENDING_FRAMES_MAX + 1
    for (let seq = 20; seq < last; seq++) await stage.act(['delta', `${seq}-${seq + 1}`, 'at', `${seq}`, 'on', '2'])
    // The older half has gone.
    expect(await stage.act(['delta', '10-20', 'at', '19'])).toEqual(['delta 10->20'])
    const half = 20 + PENDING_FRAMES_MAX / 2 + 1
    const brought = await stage.act(['delta', `20-${half}`, 'at', `${half}`])
    expect([brought[0], brought.length, brought.at(-1)]).toEqual([
      `delta 20->${half}`,
      last - half + 1,
      `delta ${last - 1}->${last}`,
    ])
  })
})

it('times its snapshots no earlier than what an earlier run left behind, since consumers would drop them', () => {
  const room = roomOf('okx', 'spot')
  if (room === undefined) throw new Error('no such room')
  const resume = { at: 100, time: (BEGIN_MS + 5000) * 1000 }
  const plan = { type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTC-USDT', depth: 2, resume } as const
  const intake = new Intake(room, [plan])
  // The venue's clock was set back meanwhile.
  const levels = { bids: [['10', '1']], asks: [] } satisfies Partial<Element>
  intake.frame(Buffer.from(okxFrame({ previous: -1, seq: 104, timeMs: BEGIN_MS, ...levels }, true, true, 0)))
  intake.frame(Buffer.from(okxFrame({ previous: 104, seq: 105, timeMs: BEGIN_MS + 1, ...levels }, false, true, 0)))
  const books = intake.take().flatMap(({ message: m }) => (m.type === 'orderbook' ? [[m.kind, m.seq, m.ts]] : []))
  expect(books).toEqual([
    ['snapshot', 104, resume.time],
    ['delta', 105, (BEGIN_MS + 1) * 1000],
    ['snapshot', 105, resume.time],
  ])
})

describe('a book from a stream', () => {
  const scenarios = readScenarios(new URL('stream.scenarios.txt', import.meta.url))
  it.each(scenarios)('$stage: $title', async ({ stage, text }) => {
    const [style, resumeAt] = stage.split(', after ')
    const book = new Stage(style as Style, resumeAt === undefined ? undefined : Number(resumeAt))
    expect(await playScenario(text, (words) => book.act(words))).toEqual(lines(text))
  })
})
