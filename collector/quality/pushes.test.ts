import { expect, it } from 'vitest'
import { roomOf } from '../exchanges/registry.ts'
import type { GapReason, Message } from '../market/messages.ts'
import { SHARES } from '../sinks/spool.ts'
import { madeUp } from '../../test/support/madeup.ts'
import { type ChannelPlan, Intake } from '../../test/support/intake.ts'
import { after, lines, playScenario, readScenarios } from '../../test/support/scenario.ts'
import type { PushTrack } from './pushes.ts'

const BEGIN_MS = 1_790_000_000_000
const SPOOL_BYTES = 1024 * 1024
const BEFALLS: Record<string, GapReason> = { cut: 'disconnect', silent: 'stale', broken: 'malformed' }

/**
 * What can be done:
 *   push 5 [at 100] [on 2] [final]      a best price with update id 5, or the state of the candle that opened in minute 5; a
 *                                rate, the price of a liquidation or the close of a candle without times that is 5
 *   cut 1, leave 1, silent 1, broken 1, sink away, sink back, close, pass 6000
 */
class Stage {
  readonly #intake: Intake
  readonly #what: What
  readonly #track: PushTrack
  #repeated = 0
  #isAway = false

  constructor(what: What) {
    const room = what in BINANCE ? roomOf('binance', what === 'spot ticker' ? 'spot' : 'perpetual') : madeUp
    if (room === undefined) throw new Error('no such room')
    const resume = what === 'liquidations of a later run' ? { resume: { time: BEGIN_MS * 1000 } } : {}
    const plan = { symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT', ...PLANS[what], ...resume }
    this.#what = what
    this.#intake = new Intake(room, [plan], SPOOL_BYTES)
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
    else if (verb === 'close') this.#intake.close()
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

const BINANCE = {
  'spot ticker': { type: 'ticker' },
  'perpetual ticker': { type: 'ticker' },
  kline: { type: 'kline', interval: '1m' },
} as const

const PLANS = {
  ...BINANCE,
  rate: { type: 'funding_rate' },
  candle: { type: 'kline', interval: '1m' },
  liquidations: { type: 'liquidation' },
  'liquidations of a later run': { type: 'liquidation' },
} as const satisfies Record<string, Pick<ChannelPlan, 'type' | 'interval'>>

type What = keyof typeof PLANS

function frame(what: What, words: readonly string[]): Buffer {
  const n = Number(words[1])
  const time = BEGIN_MS + Number(after(words, 'at') ?? 0)
  const best = { s: 'BTCUSDT', b: '64000.1', B: '1', a: '64000.2', A: '2' }
  const open = BEGIN_MS + n * 60_000
  const prices = { o: '1', c: '1', h: '1', l: '1', v: '1', n: 1, x: words.includes('final'), q: '1', V: '1', Q: '1' }
  const s = 'BTCUSDT'
  const liquidated = { s, p: `${n}`, q: '1', t: time, d: 'sell' }
  const data = {
    rate: { s, r: `0.${n}`, f: BEGIN_MS + Math.floor((time - BEGIN_MS) / 60_000) * 60_000, t: time },
    candle: { s, k: BEGIN_MS, o: '1', h: '9', l: '1', c: `${n}`, v: '1' },
    liquidations: liquidated,
    'liquidations of a later run': liquidated,
    'spot ticker': { u: n, ...best },
    'perpetual ticker': { e: 'bookTicker', u: n, ...best, T: time, E: time + 2 },
    kline: { e: 'kline', E: time, s: 'BTCUSDT', k: { t: open, T: open + 59_999, s: 'BTCUSDT', i: '1m', ...prices } },
  }[what]
  const stream = STREAMS[what]
  return Buffer.from(JSON.stringify({ stream, data }))
}

const STREAMS: Record<What, string> = {
  'spot ticker': 'btcusdt@bookTicker',
  'perpetual ticker': 'btcusdt@bookTicker',
  kline: 'btcusdt@kline_1m',
  rate: 'BTCUSDT@state',
  candle: 'BTCUSDT@kline1m',
  liquidations: 'BTCUSDT@liquidation',
  'liquidations of a later run': 'BTCUSDT@liquidation',
}

function describeMessage(m: Message): string[] {
  const at = `at ${(m.ts ?? 0) / 1000 - BEGIN_MS}`
  if (m.type === 'funding_rate') return [`rate ${m.rate} ${at}`]
  if (m.type === 'liquidation') return [`liquidation ${m.price} ${at}`]
  if (m.type === 'kline' && m.ts === undefined) return [`candle ${m.close}`]
  if (m.type === 'ticker') return [`ticker ${m.seq}`]
  if (m.type === 'kline')
    return [`kline ${(m.open_time / 1000 - BEGIN_MS) / 60_000} at ${(m.ts as number) / 1000 - BEGIN_MS}`]
  if (m.type !== 'gap' || m.symbol === 'ETH-USDT') return []
  return [`gap ${m.reason}${m.missing === undefined ? '' : ` missing ${m.missing}`}`]
}

it.each(readScenarios(new URL('pushes.scenarios.txt', import.meta.url)))('$stage: $title', async ({ stage, text }) => {
  const pushes = new Stage(stage as What)
  expect(await playScenario(text, (words) => pushes.act(words))).toEqual(lines(text))
})
