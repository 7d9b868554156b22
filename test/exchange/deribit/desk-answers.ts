// What REST and requests over the socket are answered from the desk.
import { chartColumns } from './charts.ts'
import type { Contract } from './contracts.ts'
import type { Desk } from './desk.ts'
import * as frames from './frames.ts'
import { instrumentInfo } from './info.ts'
import { array, float, object } from './json.ts'
import type { Backend, Span } from './rpc.ts'
import { fundingEightHours, indexPrice, volatility } from './values.ts'

const HOUR = 3_600_000
const HOURS_MAX = 10_000
/** Points of an index that a candle is made of. */
const POINTS = 60

export function deskAnswers(desk: Desk): Backend {
  const infos = [...desk.contracts.values()].map((contract, i) => instrumentInfo(contract, 210_000 + i))
  const contractOf = (name: string) => desk.contracts.get(name)!
  const moment = () => desk.market.clock.now()
  const ticker = (contract: Contract) =>
    frames.ticker(desk.voice(contract), desk.sides(contract, 1), desk.stats(contract), moment())
  return {
    now: () => desk.now(),
    instruments: () => infos,
    trades: (name) => {
      const contract = contractOf(name)
      const voice = desk.voice(contract)
      return desk.symbol(contract).trades.map((trade) => ({
        seq: trade.id,
        time: voice.time(trade.time),
        text: () => frames.trade(voice, desk.number(trade), trade),
      }))
    },
    ticker: (name) => object(ticker(contractOf(name))),
    book: (name, depth) => {
      const contract = contractOf(name)
      const { seq, bids, asks } = desk.sides(contract, depth)
      const sides = { bids: frames.levels(contract, bids), asks: frames.levels(contract, asks) }
      return object({ ...ticker(contract), ...sides, change_id: String(seq) })
    },
    summary: (name) => {
      const contract = contractOf(name)
      return frames.summary(desk.voice(contract), desk.sides(contract, 1), desk.stats(contract), moment())
    },
    fundingHistory: (name, span) => fundingRows(contractOf(name), span, desk.now()),
    chart: (name, resolution, { start, end }) => {
      const { candles } = desk.chart(contractOf(name), resolution)
      return chartColumns(candles.filter(({ tick }) => tick >= start && tick <= end))
    },
    volatility: (index, { start, end }, stepMs) => {
      const count = Math.max(0, Math.floor((end - start) / stepMs) + 1)
      return Array.from({ length: count }, (_, i) => volatilityRow(index, start + i * stepMs, stepMs))
    },
  }
}

function fundingRows(contract: Contract, { start, end }: Span, now: number): string[] {
  if (contract.market !== 'perpetual') return []
  const last = Math.floor(Math.min(end, now) / HOUR)
  const first = Math.max(Math.ceil(start / HOUR), last - HOURS_MAX)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
    const time = (first + i) * HOUR
    const rate = fundingEightHours(contract, time)
    return object({
      timestamp: String(time),
      prev_index_price: float(indexPrice(contract, time - HOUR)),
      interest_8h: float(rate),
      interest_1h: float(Number((rate / 8).toPrecision(4))),
      index_price: float(indexPrice(contract, time)),
    })
  })
}

function volatilityRow(index: string, time: number, stepMs: number): { time: number; text: string } {
  const points = Math.min(POINTS, stepMs / 1_000)
  const values = Array.from({ length: points }, (_, i) => volatility(index, time + (i * stepMs) / points))
  const row = [values[0]!, Math.max(...values), Math.min(...values), values.at(-1)!]
  return { time, text: array([String(time), ...row.map(float)]) }
}
