// Binance, as of 2026: spot, and perpetuals and dated contracts of USDⓈ-M and COIN-M. What it does where the venue's pages leave it open (research, marked (?)):
// subscribing twice gives no second copy; too many connections get HTTP 429; too many messages close with 1008;
// the end of a connection's day closes with 1001; an error reply carries no id.
import type { Protocol } from '../venue.ts'
import { recorded } from './recorded.ts'
import { future, perpetual, type Rules, spot } from './rules.ts'
import { synthetic } from './synthetic.ts'

const rules = { spot, perpetual, future } as const

export const binance: Protocol = {
  markets: ['spot', 'perpetual', 'future'],
  hosts: Object.values(rules).flatMap(({ hosts }) => hosts),
  marketsOf: () => (item) =>
    Object.values(rules)
      .filter(({ hosts }) => hosts.includes(item.url.hostname))
      .map(({ market }) => market),
  synthetic: (market, clock, options) => synthetic(rulesOf(market), clock, options),
  recorded: (market, clock, options) => recorded(rulesOf(market), clock, options),
}

function rulesOf(market: string): Rules {
  if (market === 'spot' || market === 'perpetual' || market === 'future') return rules[market]
  throw new Error(`the simulated Binance has no market '${market}'; it has ${Object.keys(rules).join(', ')}`)
}
