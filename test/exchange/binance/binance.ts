// Binance, as of 2026: spot and USDⓈ-M. What it does where the venue's pages leave it open (research, marked (?)):
// subscribing twice gives no second copy; too many connections get HTTP 429; too many messages close with 1008;
// the end of a connection's day closes with 1001; an error reply carries no id.
import type { Protocol } from '../venue.ts'
import { recorded } from './recorded.ts'
import { perpetual, type Rules, spot } from './rules.ts'
import { synthetic } from './synthetic.ts'

const rules = { spot, perpetual } as const

export const binance: Protocol = {
  markets: ['spot', 'perpetual'],
  marketOf: ({ hostname }) => Object.values(rules).find(({ hosts }) => hosts.includes(hostname))?.market,
  synthetic: (market, clock, options) => synthetic(rulesOf(market), clock, options),
  recorded: (market, clock, options) => recorded(rulesOf(market), clock, options),
}

function rulesOf(market: string): Rules {
  if (market === 'spot' || market === 'perpetual') return rules[market]
  throw new Error(`the simulated Binance has no market '${market}'; it has ${Object.keys(rules).join(' and ')}`)
}
