import { expect, it } from 'vitest'
import type { DataType } from '../../crds/names.ts'
import { roomOf } from '../exchanges/registry.ts'
import type { GapReason, Message } from '../market/messages.ts'
import { SHARES } from '../sinks/spool.ts'
import { Intake } from '../../test/support/intake.ts'
import { after, lines, playScenario } from '../../test/support/scenario.ts'
import type { PushTrack } from './pushes.ts'

const BEGIN_MS = 1_790_000_000_000
const SPOOL_BYTES = 1024 * 1024
const BEFALLS: Record<string, GapReason> = { cut: 'disconnect', silent: 'stale', broken: 'malformed' }

/**
 * What can be done:
 *   push 5 [at 100] [on 2]       a best price with update id 5, or the state of the candle that opened in minute 5
 *   cut 1, leave 1, silent 1, broken 1, sink away, sink back, close, pass 6000
 */
class Stage {
  readonly #intake: Intake
  readonly #what: What
  readonly #track: PushTrack
  #repeated = 0
  #isAway = false

  constructor(what: What) {
    const room = roomOf('binance', what === 'spot ticker' ? 'spot' : 'perpetual')
    if (room === undefined) throw new Error('no such room')
    const type: DataType = what === 'kline' ? 'kline' : 'ticker'
    const interval = what === 'kline' ? { interval: '1m' } : {}
    this.#what = what
    this.#intake = new Intake(room, [{ type, symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT', ...interval }], SPOOL_BYTES)
    this.#track = this.#intake.tracks[0] as PushTrack
  }

  async act(words: readonly string[]): Promise<string[]> {
    await this.#do(words)
    const out: string[] = []
    const { repeated } = this.#track.outlet.channel.tally
    if (repeated > this.#repeated) out.push('repeated')
    this.#repeated = repeated
    if (!this.#isAway) out.push(...this.#intake.take().flatMap(({ message }) => describeMessage(message)))
    return out
  }

  async #do(words: readonly string[]): Promise<void> {
    const [verb = '', what] = words
    if (verb === 'push') this.#intake.frame(frame(this.#what, words), { socketId: Number(after(words, 'on') ?? 1) })
    else if (verb === 'leave') this.#track.leave(Number(what))
    else if (verb in BEFALLS) this.#track.interrupt(BEFALLS[verb] as GapReason, Number(what))
    else if (verb === 'pass') await this.#intake.clock.advance(Number(what))
    else if (verb === 'close') this.#track.close()
    else if (verb === 'sink') {
      this.#isAway = what === 'away'
      if (this.#isAway) this.#fill()
    } else throw new Error(`nobody knows how to '${words.join(' ')}'`)
  }

  #fill(): void {
    const { spool } = this.#intake
    const { own } = this.#track.outlet
    const where = { exchange: 'binance', market: 'spot', symbol: 'ETH-USDT', of: 'trade' } as const
    const gap = { type: 'gap', v: 1, ...where, reason: 'stale', from: 0, to: 1 } as const
    for (let received = BEGIN_MS; spool.open(150, SHARES.kline) !== undefined; received++) {
      own.publish({ ...gap, received })
    }
  }
}

type What = 'spot ticker' | 'perpetual ticker' | 'kline'

function frame(what: What, words: readonly string[]): Buffer {
  const n = Number(words[1])
  const time = BEGIN_MS + Number(after(words, 'at') ?? 0)
  const best = { s: 'BTCUSDT', b: '64000.1', B: '1', a: '64000.2', A: '2' }
  const open = BEGIN_MS + n * 60_000
  const prices = { o: '1', c: '1', h: '1', l: '1', v: '1', n: 1, x: false, q: '1', V: '1', Q: '1' }
  const data = {
    'spot ticker': { u: n, ...best },
    'perpetual ticker': { e: 'bookTicker', u: n, ...best, T: time, E: time + 2 },
    kline: { e: 'kline', E: time, s: 'BTCUSDT', k: { t: open, T: open + 59_999, s: 'BTCUSDT', i: '1m', ...prices } },
  }[what]
  const stream = what === 'kline' ? 'btcusdt@kline_1m' : 'btcusdt@bookTicker'
  return Buffer.from(JSON.stringify({ stream, data }))
}

function describeMessage(m: Message): string[] {
  if (m.type === 'ticker') return [`ticker ${m.seq}`]
  if (m.type === 'kline')
    return [`kline ${(m.open_time / 1000 - BEGIN_MS) / 60_000} at ${(m.ts as number) / 1000 - BEGIN_MS}`]
  if (m.type !== 'gap' || m.symbol === 'ETH-USDT') return []
  return [`gap ${m.reason}${m.missing === undefined ? '' : ` missing ${m.missing}`}`]
}

interface Scenario {
  readonly what: What
  readonly text: string
}

const SCENARIOS: Record<string, Scenario> = {
  'what comes twice is taken once': {
    what: 'spot ticker',
    text: `
      push 5
      > ticker 5
      push 5
      > repeated
    `,
  },
  'of two sockets the one that is behind repeats': {
    what: 'spot ticker',
    text: `
      push 5
      > ticker 5
      push 4 on 2
      > repeated
      push 5 on 2
      > repeated
      push 6 on 2
      > ticker 6
      push 6 on 1
      > repeated
    `,
  },
  'two candles that are pushed in one millisecond are two': {
    what: 'kline',
    text: `
      push 1 at 60000               # the last word on candle 1
      > kline 1 at 60000
      push 2 at 60000               # the first on candle 2
      > kline 2 at 60000
      push 2 at 60000
      > repeated
      push 1 at 60000 on 2
      > repeated
      push 2 at 60000 on 2
      > repeated
    `,
  },
  "a venue's clock that is set back loses nothing": {
    what: 'kline',
    text: `
      push 1 at 9000
      > kline 1 at 9000
      push 1 at 4000
      > kline 1 at 4000
    `,
  },
  'numbering that begins anew loses nothing': {
    what: 'perpetual ticker',
    text: `
      push 1000 at 10
      > ticker 1000
      push 1 at 20
      > ticker 1
    `,
  },
  'a lost socket is a gap, said with the next push': {
    what: 'spot ticker',
    text: `
      push 5
      > ticker 5
      cut 1
      push 9 on 2
      > gap disconnect
      > ticker 9
    `,
  },
  'numbering that begins anew while the socket is down loses nothing': {
    what: 'spot ticker',
    text: `
      push 1000
      > ticker 1000
      cut 1
      push 3 on 2
      > gap disconnect
      > ticker 3
    `,
  },
  'a planned replacement is no gap, and repeats nothing': {
    what: 'spot ticker',
    text: `
      push 5
      > ticker 5
      push 6
      > ticker 6
      push 5 on 2
      > repeated
      leave 1
      push 6 on 2
      > repeated
      push 7 on 2
      > ticker 7
    `,
  },
  'a planned replacement before numbering begins anew does not silence the channel': {
    what: 'spot ticker',
    text: `
      push 1000
      > ticker 1000
      leave 1
      push 3 on 2                   # may be behind, for some seconds
      > repeated
      pass 6000
      push 4 on 2
      > ticker 4
    `,
  },
  'the loss of the socket that was about to take over is no gap': {
    what: 'spot ticker',
    text: `
      push 5
      > ticker 5
      cut 2
      push 6
      > ticker 6
    `,
  },
  'the loss of the heir of a quiet channel is a gap': {
    what: 'spot ticker',
    text: `
      push 5
      > ticker 5
      leave 1
      cut 2
      push 9 on 3
      > gap disconnect
      > ticker 9
    `,
  },
  'a frame that could not be read may have been one of ours': {
    what: 'kline',
    text: `
      push 1 at 10
      > kline 1 at 10
      broken 1
      push 1 at 20
      > gap malformed
      > kline 1 at 20
    `,
  },
  'before the first push nothing is missing': {
    what: 'spot ticker',
    text: `
      broken 1
      cut 1
      push 5 on 2
      > ticker 5
    `,
  },
  'what finds no room is counted in the gap': {
    what: 'kline',
    text: `
      push 1 at 10
      > kline 1 at 10
      sink away
      push 1 at 20
      push 1 at 30
      sink back
      push 1 at 40
      > gap spool_full missing 2
      > kline 1 at 40
    `,
  },
  'at the end what is missing is said': {
    what: 'spot ticker',
    text: `
      push 5
      > ticker 5
      cut 1
      close
      > gap disconnect
    `,
  },
}

it.each(Object.entries(SCENARIOS))('pushes: %s', async (_, { what, text }) => {
  const stage = new Stage(what)
  expect(await playScenario(text, (words) => stage.act(words))).toEqual(lines(text))
})
