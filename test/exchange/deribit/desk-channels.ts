// What the channels bring from the desk. Each connection gets each channel at its own pace and phase.
import type { Level } from '../market/book.ts'
import type { Trade } from '../market/market.ts'
import type { Peer } from '../venue.ts'
import { type Channel, channelOf } from './channels.ts'
import { type Candle, candleText } from './charts.ts'
import type { Contract } from './contracts.ts'
import { cut } from './cut.ts'
import { type Desk, quotedSides } from './desk.ts'
import * as frames from './frames.ts'
import { array, float, object, quoted } from './json.ts'
import { BATCH_MS, CHART_MS, TICKER_IDLE_MS, VOLATILITY_MS } from './rules.ts'
import type { Channels } from './session.ts'
import { volatility } from './values.ts'

/** Where the frames of one channel go. */
interface Way {
  readonly peer: Peer
  push(id: number, text: string, ids?: readonly number[]): void
}

type Stop = () => void

const SAMPLES = 64

export function deskChannels(desk: Desk): Channels {
  const contractOf = (channel: Channel | undefined) =>
    channel !== undefined && 'instrument' in channel ? desk.contracts.get(channel.instrument) : undefined
  return {
    exists: (name) => {
      const channel = channelOf(name)
      if (channel === undefined) return false
      const contract = contractOf(channel)
      if (channel.kind === 'perpetual') return contract?.market === 'perpetual'
      return !('instrument' in channel) || contract !== undefined
    },
    open: (name, peer) => {
      const channel = channelOf(name)!
      const way: Way = {
        peer,
        push: (id, text, ids) => peer.push({ stream: name, text, id, ...(ids === undefined ? {} : { ids }) }),
      }
      if ('instrument' in channel) return openOf(desk, contractOf(channel)!, channel, way)
      if (channel.kind === 'tradesOf') return openTrades(desk, contractsOf(desk, channel), BATCH_MS, way)
      return channel.kind === 'volatility' ? openVolatility(desk, channel.index, way) : () => {}
    },
    left: () => {},
    sampleTrades: (name) => {
      const channel = channelOf(name)
      const contract = channel?.kind === 'trades' ? contractOf(channel) : undefined
      return contract && samples(desk, contract)
    },
  }
}

function openOf(desk: Desk, contract: Contract, channel: Extract<Channel, { instrument: string }>, way: Way): Stop {
  switch (channel.kind) {
    case 'trades':
      return openTrades(desk, [contract], channel.everyMs, way)
    case 'book':
      return openBook(desk, contract, channel.everyMs, way)
    case 'grouped':
      return openGrouped(desk, contract, channel, way)
    case 'ticker':
      return openTicker(desk, contract, channel.everyMs, way)
    case 'quote':
      return openQuote(desk, contract, way)
    case 'chart':
      return openChart(desk, contract, channel.resolution, way)
    case 'perpetual':
      return openPerpetual(desk, contract, way)
    default:
      throw new Error(`channel '${String(channel satisfies never)}' brings nothing`)
  }
}

/** Every trade, those of one interval together. Nothing of the past. */
function openTrades(desk: Desk, contracts: readonly Contract[], ms: number, { peer, push }: Way): Stop {
  const waiting: { contract: Contract; trade: Trade }[] = []
  const stops = contracts.map((contract) => {
    const { listeners } = desk.symbol(contract)
    const listener = { trade: (trade: Trade) => void waiting.push({ contract, trade }) }
    listeners.add(listener)
    return () => listeners.delete(listener)
  })
  const stop = desk.market.clock.every(ms, peer.chance.fork('trades').next() * ms, () => {
    if (waiting.length === 0) return
    const batch = waiting.splice(0)
    const texts = batch.map(({ contract, trade }) => frames.trade(desk.voice(contract), desk.number(trade), trade))
    const ids = batch.map(({ trade }) => trade.id)
    push(ids.at(-1)!, array(texts), ids)
  })
  return () => {
    stop()
    for (const end of stops) end()
  }
}

function contractsOf(desk: Desk, { of, currency }: Extract<Channel, { kind: 'tradesOf' }>): Contract[] {
  return [...desk.contracts.values()].filter((contract) => {
    const own = contract.inverse ? contract.base : contract.quote
    return (contract.market === 'option') === (of === 'option') && (currency === 'any' || own === currency)
  })
}

function openBook(desk: Desk, contract: Contract, ms: number, { peer, push }: Way): Stop {
  const voice = desk.voice(contract)
  const sides = desk.sides(contract)
  push(sides.seq, frames.bookSnapshot(voice, sides, desk.changed(contract)))
  const chance = peer.chance.fork(`book ${contract.name}`)
  return cut(desk.market, desk.symbol(contract), quotedSides(contract), ms, chance, (change) =>
    push(change.id, frames.bookChange(voice, change)),
  )
}

function openGrouped(
  desk: Desk,
  contract: Contract,
  { group, depth }: Extract<Channel, { kind: 'grouped' }>,
  way: Way,
): Stop {
  const voice = desk.voice(contract)
  const { units, decimals } = contract.tick
  const ticks = Math.max(1, Math.round((group * 10 ** decimals) / units))
  return whenMoved(desk, contract, way, { ms: BATCH_MS, idleMs: Infinity }, (now) => {
    const { seq, bids, asks } = desk.sides(contract)
    const gathered = { seq, bids: grouped(bids, ticks, Math.floor), asks: grouped(asks, ticks, Math.ceil) }
    const cutAt = { seq, bids: gathered.bids.slice(0, depth), asks: gathered.asks.slice(0, depth) }
    way.push(seq, frames.groupedBook(voice, cutAt, now))
  })
}

function grouped(levels: readonly Level[], ticks: number, round: (value: number) => number): Level[] {
  const sizes = new Map<number, number>()
  for (const [price, size] of levels) {
    const group = round(price / ticks) * ticks
    sizes.set(group, (sizes.get(group) ?? 0) + size)
  }
  return [...sizes]
}

function openTicker(desk: Desk, contract: Contract, ms: number, way: Way): Stop {
  const voice = desk.voice(contract)
  return whenMoved(desk, contract, way, { ms, idleMs: TICKER_IDLE_MS }, (now) => {
    const fields = frames.ticker(voice, desk.sides(contract, 1), desk.stats(contract), now)
    way.push(voice.time(now), object(fields))
  })
}

/** Tells at once, then in each interval in which the contract's book moved, or nothing was told for `idleMs`. */
function whenMoved(
  desk: Desk,
  contract: Contract,
  { peer }: Way,
  { ms, idleMs }: { ms: number; idleMs: number },
  tell: (now: number) => void,
): Stop {
  const { clock } = desk.market
  const { book } = desk.symbol(contract).history
  let seq = book.seq
  let told = clock.now()
  tell(told)
  return clock.every(ms, peer.chance.fork('phase').next() * ms, () => {
    const now = clock.now()
    if (book.seq === seq && (!contract.trading || now - told < idleMs)) return
    seq = book.seq
    told = now
    tell(now)
  })
}

function openQuote(desk: Desk, contract: Contract, { push }: Way): Stop {
  const voice = desk.voice(contract)
  const { listeners } = desk.symbol(contract)
  const tell = () => {
    const now = desk.market.clock.now()
    push(voice.time(now), frames.quote(voice, desk.sides(contract, 1), now))
  }
  const listener = { best: tell }
  listeners.add(listener)
  tell()
  return () => void listeners.delete(listener)
}

function openChart(desk: Desk, contract: Contract, resolution: string, { peer, push }: Way): Stop {
  const { candles } = desk.chart(contract, resolution)
  let shown: Candle | undefined = candles.at(-1)
  return desk.market.clock.every(CHART_MS, peer.chance.fork(resolution).next() * CHART_MS, () => {
    const from = shown?.tick ?? 0
    // the last word on a candle comes before the first on the next
    for (const candle of candles.filter(({ tick }) => tick >= from)) {
      if (candle !== shown) push(candle.tick, candleText(candle))
      shown = candle
    }
  })
}

function openPerpetual(desk: Desk, contract: Contract, { peer, push }: Way): Stop {
  const voice = desk.voice(contract)
  const { clock } = desk.market
  if (!contract.trading) return () => {}
  return clock.every(TICKER_IDLE_MS, peer.chance.fork('perpetual').next() * TICKER_IDLE_MS, () => {
    const now = clock.now()
    push(voice.time(now), frames.perpetual(voice, now))
  })
}

function openVolatility(desk: Desk, index: string, { peer, push }: Way): Stop {
  const { clock } = desk.market
  return clock.every(VOLATILITY_MS, peer.chance.fork(index).next() * VOLATILITY_MS, () => {
    const time = Math.floor(desk.now())
    const value = float(volatility(index, clock.now()))
    push(time, object({ volatility: value, timestamp: String(time), index_name: quoted(index) }))
  })
}

function samples(desk: Desk, contract: Contract): string[] {
  const { reference, usualSize } = contract
  const voice = desk.voice(contract)
  const time = desk.market.clock.now()
  const id = 1_000_000_000
  return Array.from({ length: SAMPLES }, (_, i) => {
    const size = 1 + Math.floor((usualSize * (i + 1)) / SAMPLES)
    // no multiple of what makes a liquidation
    const made = { id: id + 1, price: reference + i, size, firstId: id, lastId: id, time, buyerIsMaker: i % 2 === 0 }
    return array([frames.trade(voice, id, made)])
  })
}
