// OKX on a synthetic market.
import type { Market as MarketName } from '../../../crds/names.ts'
import type { Clock } from '../clock.ts'
import type { SyntheticOptions, Venue } from '../venue.ts'
import { Feeds } from './feeds.ts'
import { FAILURE, restOf } from './rest.ts'
import { rulesOf } from './rules.ts'
import { type Carriers, session } from './session.ts'
import { World } from './world.ts'

export function synthetic(name: MarketName, clock: Clock, options: SyntheticOptions): Venue {
  const rules = rulesOf(name, options.limits)
  const world = new World(name, clock, options)
  const { market } = world
  const carriers: Carriers = new Map()
  const feeds = new Feeds(world)
  return {
    market: name,
    limits: rules.limits,
    truth: world.truth,
    source: {
      sequenceGap: (symbol, of, count) =>
        of === 'trade' ? market.skipTrades(symbol, count, 'fills') : market.loseChanges(symbol, count),
      sequenceRestart: (symbol, of) =>
        of === 'trade' ? market.restartTrades(symbol, 'fills') : market.restartBook(symbol),
      clockSkew: (ms) => {
        world.skewMs = ms
      },
    },
    session: (url, peer) => session(rules, url, peer, feeds, carriers),
    answer: restOf(rules, clock, world),
    failure: FAILURE,
    start: () => {},
    finished: new Promise(() => {}),
    close: () => market.close(),
  }
}
