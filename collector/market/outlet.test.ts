import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quality } from '../../crds/quality.ts'
import { roomOf } from '../exchanges/registry.ts'
import type { TypeRoom } from '../exchanges/room.ts'
import { Policy } from '../quality/checks.ts'
import { ChannelGuard } from '../quality/guard.ts'
import { stampPublished } from '../sinks/sink.ts'
import { Spool } from '../sinks/spool.ts'
import { Frame, payloadHead } from '../wire/frame.ts'
import { Channels } from './channel.ts'
import { type Gap, type Message, type Ticker, message, messageKey } from './messages.ts'
import { Outlet, OwnMessages } from './outlet.ts'

const TICKER = roomOf('binance', 'perpetual')?.types.ticker as TypeRoom
const SYMBOL = Buffer.from('BTCUSDT')
const BEGIN = 1_790_000_000_000_000

/** A ticker's outlet into a spool of four chunks, of which tickers may fill two. */
class Stage {
  readonly channels = new Channels('market')
  readonly spool = new Spool(1024 * 1024)
  readonly own = new OwnMessages(this.channels, this.spool, () => BEGIN + 999)
  readonly outlet: Outlet
  readonly #frame: Frame

  constructor() {
    this.#frame = new Frame(TICKER.forms[0].frame)
    const channel = this.channels.of({ exchange: 'binance', market: 'perpetual', symbol: 'BTC-USDT', type: 'ticker' })
    const form = { frame: this.#frame, template: this.#frame.template(channel.idHead, payloadHead(channel)) }
    const guard = new ChannelGuard({
      type: 'ticker',
      frames: [this.#frame],
      policy: new Policy(quality.parse({})),
      isFresh: true,
    })
    this.outlet = new Outlet(channel, [form], this.own, guard)
  }

  get tally() {
    return this.outlet.channel.tally
  }

  publish(seq: number): boolean {
    const best = { b: '64000.1', B: '1', a: '64000.2', A: '2' }
    const bytes = Buffer.from(JSON.stringify({ e: 'bookTicker', u: seq, s: 'BTCUSDT', ...best, T: timeMs(seq) }))
    expect(this.#frame.read(bytes, 0, bytes.length, SYMBOL)).toBe(bytes.length)
    return this.outlet.publish(0, bytes, BEGIN, timeMs(seq) * 1000)
  }

  /** Takes all the room that tickers may have. */
  fill(share = 0.6): void {
    const where = { exchange: 'binance', market: 'spot', symbol: 'ETH-USDT', of: 'trade' } as const
    const gap = { type: 'gap', v: 1, ...where, reason: 'stale', from: 0, to: 1 } as const
    let received = BEGIN
    while (this.spool.open(150, share) !== undefined && this.own.publish({ ...gap, received })) received++
  }

  /** What was written of this channel since the last time, and its gaps; ids and schema are checked. */
  drain(): (Ticker | Gap)[] {
    const out: Message[] = []
    while (this.spool.next()) {
      const { chunk, index } = this.spool.cursor
      stampPublished(chunk, index, Buffer.from('1790000000000000'))
      const [start, payload, end] = [chunk.start[index], chunk.payload[index], chunk.end[index]]
      const parsed = message.parse(JSON.parse(chunk.bytes.toString('utf8', payload, end)))
      const channel = this.channels.list[chunk.channel[index] as number]
      expect(chunk.bytes.toString('utf8', start, payload)).toBe(`${channel?.idHead}${messageKey(parsed)}`)
      out.push(parsed)
      this.spool.cursor.index += 1
      this.spool.settle(chunk, index)
    }
    return out.filter((m) => m.symbol === 'BTC-USDT') as (Ticker | Gap)[]
  }
}

function timeMs(seq: number): number {
  return BEGIN / 1000 + seq
}

function text(m: Ticker | Gap): string {
  return m.type === 'ticker' ? `${m.seq}` : `gap ${m.reason} ${offset(m.from)}-${offset(m.to)} ${m.missing ?? '?'}`
}

function offset(us: number): number {
  return (us - BEGIN) / 1000
}

describe('an outlet', () => {
  it('counts what finds no room, and says it once, before the next message', () => {
    const stage = new Stage()
    stage.publish(1)
    stage.fill()
    for (let seq = 2; seq < 100; seq++) expect(stage.publish(seq)).toBe(true)
    expect(stage.tally).toMatchObject({ made: 99, dropped: 98, gaps: 0 })
    expect(stage.drain().map(text)).toEqual(['1'])
    stage.publish(100)
    stage.publish(101)
    expect(stage.drain().map(text)).toEqual(['gap spool_full 1-100 98', '100', '101'])
    expect(stage.tally).toMatchObject({ made: 101, dropped: 98, gaps: 1 })
  })

  it('says what was lost before the first message, from its own time on', () => {
    const stage = new Stage()
    stage.fill()
    stage.publish(5)
    stage.drain()
    stage.publish(6)
    expect(stage.drain().map(text)).toEqual(['gap spool_full 5-6 1', '6'])
  })

  it('gives the first reason why something is missing', () => {
    const stage = new Stage()
    stage.publish(1)
    stage.outlet.interrupt('disconnect')
    stage.outlet.interrupt('malformed')
    stage.publish(9)
    stage.publish(10)
    expect(stage.drain().map(text)).toEqual(['1', 'gap disconnect 1-9 ?', '9', '10'])
  })

  it('misses nothing before its first message', () => {
    const stage = new Stage()
    stage.outlet.interrupt('disconnect')
    stage.publish(1)
    expect(stage.drain().map(text)).toEqual(['1'])
  })

  it('says both ends of a gap in order, also where the clock was set back', () => {
    const stage = new Stage()
    stage.publish(9)
    stage.outlet.interrupt('disconnect')
    stage.publish(4)
    expect(stage.drain().map(text)).toEqual(['9', 'gap disconnect 4-9 ?', '4'])
  })

  it('offers what may be left out: without room it is neither counted nor missed', () => {
    const stage = new Stage()
    const best = { b: '1', B: '1', a: '2', A: '2' }
    const bytes = Buffer.from(JSON.stringify({ e: 'bookTicker', u: 1, s: 'BTCUSDT', ...best, T: timeMs(1) }))
    const read = () => stage.outlet.forms[0]?.frame.read(bytes, 0, bytes.length, SYMBOL)
    const offer = () => stage.outlet.offer(0, bytes, BEGIN, timeMs(1) * 1000)
    read()
    expect(offer()).toBe('written')
    stage.outlet.interrupt('disconnect')
    expect(offer()).toBe('full')
    stage.publish(2)
    stage.fill()
    read()
    expect(offer()).toBe('full')
    expect(stage.tally).toMatchObject({ made: 2, dropped: 0 })
    stage.outlet.forms[0]?.frame.at.fill(-1)
    expect(offer()).toBe('unfit')
  })

  it('lets own messages in where data finds no room, gaps to the last byte', () => {
    const stage = new Stage()
    stage.publish(1)
    stage.fill()
    const gap = () => stage.own.gap(stage.outlet.channel, 'stale', BEGIN, BEGIN + 1, {})
    expect(gap()).toBe(true)
    stage.fill(1)
    expect(gap()).toBe(false)
    expect(stage.tally.gaps).toBe(1)
  })

  it('accounts for every message, and loses none without a gap, whatever comes between', () => {
    const step = fc.constantFrom('publish', 'publish', 'publish', 'interrupt', 'fill', 'drain')
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const stage = new Stage()
        const got: (Ticker | Gap)[] = []
        let seq = 0
        for (const what of [...steps, 'drain', 'publish', 'drain']) {
          if (what === 'publish') stage.publish((seq += 1))
          else if (what === 'interrupt') stage.outlet.interrupt('malformed')
          else if (what === 'fill') stage.fill()
          else got.push(...stage.drain())
        }
        const { made, dropped } = stage.tally
        expect(made).toBe(seq)
        expect(got.filter((m) => m.type === 'ticker').length).toBe(made - dropped)
        expect(got.reduce((n, m) => n + (m.type === 'gap' ? (m.missing ?? 0) : 0), 0)).toBe(dropped)
        checkOrder(got)
      }),
      { numRuns: 60 },
    )
  })
})

/** Between two messages that are no neighbours stands a gap that says how many are missing. */
function checkOrder(got: readonly (Ticker | Gap)[]): void {
  let next = 1
  for (const m of got) {
    if (m.type === 'gap') next += m.missing ?? 0
    else {
      expect(m.seq).toBe(next)
      next += 1
    }
  }
}
