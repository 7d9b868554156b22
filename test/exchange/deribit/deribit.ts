// Deribit, as of 2026: perpetuals, dated futures and options. What it does where the venue's pages leave it open
// (research, marked (?)): subscribing twice gives no second copy and no second snapshot; a channel that is not
// subscribed is left out of what `unsubscribe` answers; credits of the unauthenticated are those of an account, and
// one pool for an address; a session that used them up, or left a test_request unanswered for 5 s, closes with 1008;
// heartbeat and test_request come together; trades sort from the newest unless `asc` is asked.
import type { Protocol } from '../venue.ts'
import type { DeribitMarket } from './contracts.ts'
import { recorded } from './recorded.ts'
import { HOSTS } from './rules.ts'
import { marketsOf } from './session-file.ts'
import { synthetic } from './synthetic.ts'

const MARKETS: readonly DeribitMarket[] = ['perpetual', 'future', 'option']

export const deribit: Protocol = {
  markets: MARKETS,
  hosts: HOSTS,
  marketsOf,
  synthetic: (market, clock, options) => synthetic(marketOf(market), clock, options),
  recorded: (market, clock, options) => recorded(marketOf(market), clock, options),
}

function marketOf(name: string): DeribitMarket {
  const market = MARKETS.find((known) => known === name)
  if (market === undefined)
    throw new Error(`the simulated Deribit has no market '${name}'; it has ${MARKETS.join(', ')}`)
  return market
}
