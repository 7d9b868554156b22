import { expect, it } from 'vitest'
import type { DataType } from '../../crds/names.ts'
import { roomOf } from '../exchanges/registry.ts'
import type { GapReason, Message } from '../market/messages.ts'
import { SHARES } from '../sinks/spool.ts'
import { Intake } from '../../test/support/intake.ts'
import { after, lines, playScenario, readScenarios } from '../../test/support/scenario.ts'
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

it.each(readScenarios(new URL('pushes.scenarios.txt', import.meta.url)))('$stage: $title', async ({ stage, text }) => {
  const pushes = new Stage(stage as What)
  expect(await playScenario(text, (words) => pushes.act(words))).toEqual(lines(text))
})
