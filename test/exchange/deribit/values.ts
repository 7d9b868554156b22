// What the synthetic Deribit says of prices that no book makes: indices, funding, volatility, open interest. Each is a
// function of name and time alone, so that a channel, REST and its history agree.
import { random } from '../random.ts'
import { amount, type Contract } from './contracts.ts'

const MINUTE = 60_000
const HOUR = 3_600_000

/** From 0 to 1, another one for each name and step of time. */
function noise(name: string, time: number, ms: number): number {
  return random(Math.floor(time / ms))
    .fork(name)
    .next()
}

/** What the coin is worth in dollars. */
export function indexPrice({ base, spot }: Contract, time: number): number {
  const swing = Math.sin(time / (6 * HOUR)) / 200 + noise(base, time, 1_000) / 2_000
  return Number((spot * (1 + swing)).toPrecision(7))
}

/** The price that profit is counted with: the contract goes with the coin. */
export function markPrice(contract: Contract, time: number): number {
  const { reference, tick, spot } = contract
  return Number(((amount(reference, tick) * indexPrice(contract, time)) / spot).toPrecision(8))
}

/** The share paid for eight hours: some ten-thousandths, often far less, so that it is printed with an exponent. */
export function fundingEightHours({ name }: Contract, time: number): number {
  return funding(`${name} 8h`, time, MINUTE)
}

/** The share paid at this moment: zero much of the time. */
export function fundingNow({ name }: Contract, time: number): number {
  return noise(`${name} idle`, time, 10_000) < 0.4 ? 0 : funding(`${name} now`, time, 1_000)
}

function funding(name: string, time: number, ms: number): number {
  const value = (noise(name, time, ms) - 0.5) / 1_000
  return Number((noise(`${name} small`, time, ms) < 0.3 ? value / 1_000 : value).toPrecision(3))
}

/** In dollars for inverse futures, else in the coin. */
export function openInterest({ name, inverse, market, contractSize, trading }: Contract, time: number): number {
  if (!trading) return 0
  const contracts = 100_000 + Math.floor(noise(name, 0, 1) * 100_000 + noise(name, time, 5_000) * 1_000)
  const held = market === 'option' ? contracts / 100 : inverse ? contracts * 100 : contracts
  return Number((Math.floor(held) * contractSize).toFixed(8))
}

/** DVOL, in percent a year. */
export function volatility(index: string, time: number): number {
  return Number((54 + 4 * Math.sin(time / (9 * HOUR)) + noise(index, time, 1_000)).toFixed(2))
}

/** What an option's price means, in percent a year. */
export function impliedVolatility({ name }: Contract, time: number): number {
  return Number((60 + 40 * noise(name, 0, 1) + noise(name, time, 1_000)).toFixed(2))
}
