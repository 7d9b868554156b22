// The streams of OKX on a synthetic market: what each channel sends at once, and what it sends as things happen.
import type { Clock } from '../clock.ts'
import type { Candle } from '../market/candles.ts'
import { fillsOf, type Listener, type Trade } from '../market/market.ts'
import type { Frame, Peer, Samples } from '../venue.ts'
import { cut } from './cut.ts'
import * as frames from './frames.ts'
import { INST_TYPES } from './rules.ts'
import type { Arg, Streams } from './session.ts'
import type { World } from './world.ts'

const TICKER_MS = 100
const CANDLE_MS = 1_000
const OPEN_INTEREST_MS = 3_000
const FUNDING_MS_MIN = 30_000
const FUNDING_MS_MAX = 90_000
const LIQUIDATIONS_MS = 1_000
/** How far back the first frame of the liquidations goes. */
const LIQUIDATIONS_BEFORE_MS = 120_000
// How often the fills of one order come as one frame.
const TOGETHER = 0.3
const SAMPLES = 64

type Push = (text: string, id: number, ids?: readonly number[]) => void

export class Feeds implements Streams {
  readonly clock: Clock
  readonly #world: World

  constructor(world: World) {
    this.#world = world
    this.clock = world.market.clock
  }

  knows({ channel, name }: Arg): boolean {
    const market =
      this.#world.market.symbols.get(name)?.instrument.market ??
      this.#world.instruments().find((one) => INST_TYPES[one.market] === name)?.market
    if (channel === 'funding-rate') return market === 'perpetual'
    if (channel === 'open-interest' || channel === 'liquidation-orders')
      return market !== undefined && market !== 'spot'
    return market !== undefined
  }

  open(arg: Arg, peer: Peer): () => void {
    const { channel, name } = arg
    const push: Push = (text, id, ids) => {
      const frame: Frame = { stream: arg.text, text, id }
      peer.push(ids === undefined ? frame : { ...frame, ids })
    }
    const now = () => Math.floor(this.clock.now())
    switch (channel) {
      case 'trades':
      case 'trades-all':
        return this.#openTrades(arg, peer, push)
      case 'books':
        return cut(this.#world.market, this.#world.symbol(name), peer.chance.fork(arg.text), (piece) => {
          const action = piece.previous === -1 ? 'snapshot' : 'update'
          push(frames.dataOf([frames.book(this.#world.voice(name), piece, this.clock.now())], action), piece.seq)
        })
      case 'tickers':
        return this.#openTicker(name, () => push(frames.dataOf([this.#world.ticker(name)]), now()))
      case 'funding-rate':
        return this.#openFunding(peer, () => push(frames.dataOf(listed(this.#world.funding(name))), now()))
      case 'open-interest':
        return this.#openRegularly(OPEN_INTEREST_MS, peer, () => {
          const rows = listed(this.#world.openInterest(name))
          if (rows.length > 0) push(frames.dataOf(rows), now())
        })
      case 'liquidation-orders':
        return this.#openLiquidations(push)
      case 'instruments':
        push(frames.dataOf(this.#world.rows().map((row) => JSON.stringify(row))), now())
        return () => {}
      default:
        return this.#openCandles(name, channel.slice('candle'.length), peer, push)
    }
  }

  samples({ channel, name }: Arg): Samples | undefined {
    if (channel !== 'trades' && channel !== 'trades-all') return undefined
    const voice = this.#world.voice(name)
    const { reference, usualSize } = voice.instrument
    const texts = Array.from({ length: SAMPLES }, (_, i) => {
      const id = 1_000_000_000
      const size = 1 + Math.floor((usualSize * (i + 1)) / SAMPLES)
      const trade = { id, price: reference + i, size, firstId: id, lastId: id, time: this.clock.now() }
      return this.#tradeText(channel, voice, { ...trade, buyerIsMaker: i % 2 === 0 })
    })
    return { texts, ids: ['tradeId'], times: ['ts'], perMs: 1 }
  }

  left(): void {}

  #openTrades({ channel, name }: Arg, peer: Peer, push: Push): () => void {
    const symbol = this.#world.symbol(name)
    const voice = this.#world.voice(name)
    const chance = peer.chance.fork(`${channel} ${name}`)
    const one = (trade: Trade) => push(this.#tradeText(channel, voice, trade), trade.lastId)
    const last = symbol.trades.at(-1)
    if (last !== undefined) one(channel === 'trades' ? last : lastFill(last))
    return this.#follow(name, {
      trade: (trade) => {
        if (channel === 'trades') return one(trade)
        const fills = fillsOf(trade)
        const rows = fills.map(({ id, size }) => frames.tradeAll(voice, trade, id, size))
        const ids = fills.map(({ id }) => id)
        if (fills.length > 1 && chance.chance(TOGETHER)) return push(frames.dataOf(rows), trade.lastId, ids)
        rows.forEach((row, i) => push(frames.dataOf([row]), ids[i]!))
      },
    })
  }

  #tradeText(channel: string, voice: frames.Voice, trade: Trade): string {
    const { seq } = this.#world.symbol(voice.instrument.symbol).history.book
    const row =
      channel === 'trades' ? frames.trade(voice, trade, seq) : frames.tradeAll(voice, trade, trade.lastId, trade.size)
    return frames.dataOf([row])
  }

  /** At once, then after trades and changes of the best prices, at most one in {@link TICKER_MS}. */
  #openTicker(name: string, say: () => void): () => void {
    let saidAt = -Infinity
    let waiting = () => {}
    let due = false
    const tell = () => {
      due = false
      saidAt = this.clock.now()
      say()
    }
    const happened = () => {
      if (due) return
      due = true
      waiting = this.clock.at(Math.max(this.clock.now(), saidAt + TICKER_MS), tell)
    }
    // its statistics follow the trades before it tells of them
    this.#world.candlesOf(name, 'day')
    const end = this.#follow(name, { trade: happened, best: happened })
    tell()
    return () => {
      end()
      waiting()
    }
  }

  #openFunding(peer: Peer, say: () => void): () => void {
    const chance = peer.chance.fork('funding')
    let cancel = () => {}
    const turn = () => {
      say()
      cancel = this.clock.after(FUNDING_MS_MIN + chance.int(FUNDING_MS_MAX - FUNDING_MS_MIN), turn)
    }
    turn()
    return () => cancel()
  }

  #openRegularly(ms: number, peer: Peer, say: () => void): () => void {
    say()
    return this.clock.every(ms, ms * (1 - 0.5 * peer.chance.fork('phase').next()), say)
  }

  /** The first frame has old ones once more; each after it those of a whole second. */
  #openLiquidations(push: Push): () => void {
    let upTo = Math.floor(this.clock.now() / LIQUIDATIONS_MS) * LIQUIDATIONS_MS
    const tell = (from: number) => {
      const rows = this.#world.instruments().flatMap(({ symbol }) => {
        const list = this.#world.figures.liquidations(symbol, from, upTo)
        return list.length === 0 ? [] : [frames.liquidations(this.#world.voice(symbol), list)]
      })
      if (rows.length > 0) push(frames.dataOf(rows), upTo)
    }
    tell(upTo - LIQUIDATIONS_BEFORE_MS)
    return this.clock.every(LIQUIDATIONS_MS, upTo + LIQUIDATIONS_MS - this.clock.now(), () => {
      const from = upTo
      upTo += LIQUIDATIONS_MS
      tell(from)
    })
  }

  /** Once a second while it changes; the last word on a candle is never left out. */
  #openCandles(name: string, bar: string, peer: Peer, push: Push): () => void {
    const candles = this.#world.candlesOf(name, bar)
    const voice = this.#world.voice(name)
    const over = (one: Candle) => this.clock.now() >= one.open + candles.lengthMs
    let closedUpTo = candles.list.findLast(over)?.open ?? -Infinity
    let told = ''
    const turn = () => {
      // short ones may have come and gone since the last turn
      for (const one of candles.list.slice(candles.list.findLastIndex(({ open }) => open <= closedUpTo) + 1)) {
        const closed = over(one)
        const state = `${one.open} ${one.trades}`
        if (closed || state !== told) push(frames.dataOf([frames.candle(voice, one, closed)]), one.open)
        if (closed) closedUpTo = one.open
        told = state
      }
    }
    turn()
    return this.clock.every(CANDLE_MS, peer.chance.fork(bar).next() * CANDLE_MS, turn)
  }

  #follow(name: string, listener: Listener): () => void {
    const { listeners } = this.#world.symbol(name)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
}

function lastFill(trade: Trade): Trade {
  const { id, size } = fillsOf(trade).at(-1)!
  return { ...trade, firstId: id, lastId: id, size }
}

function listed(text: string | undefined): string[] {
  return text === undefined ? [] : [text]
}
