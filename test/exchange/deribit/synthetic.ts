// Deribit on a synthetic market: its channels and REST, from the desk.
import type { Clock } from '../clock.ts'
import type { SyntheticOptions, Venue } from '../venue.ts'
import { FAILURE } from './answer.ts'
import type { DeribitMarket } from './contracts.ts'
import { Credits } from './credits.ts'
import { Desk } from './desk.ts'
import { deskAnswers } from './desk-answers.ts'
import { deskChannels } from './desk-channels.ts'
import { restOf } from './rest.ts'
import { LIMITS } from './rules.ts'
import { session } from './session.ts'

export function synthetic(market: DeribitMarket, clock: Clock, options: SyntheticOptions): Venue {
  const desk = new Desk(market, clock, options)
  const limits = { ...LIMITS, ...options.limits }
  const credits = new Credits(clock, limits.restTimes ?? 1)
  const backend = deskAnswers(desk)
  const behind = { clock, credits, backend, channels: deskChannels(desk), testWithinMs: limits.pongWithinMs }
  return {
    market,
    limits,
    truth: desk.truth,
    source: {
      sequenceGap: (symbol, of, count) =>
        of === 'trade' ? desk.market.skipTrades(symbol, count) : desk.market.loseChanges(symbol, count),
      sequenceRestart: (symbol, of) =>
        of === 'trade' ? desk.market.restartTrades(symbol) : desk.market.restartBook(symbol),
      clockSkew: (ms) => {
        desk.skewMs = ms
      },
    },
    session: (url, peer) => session(url, peer, behind),
    answer: restOf(credits, backend),
    failure: FAILURE,
    start: () => {},
    finished: new Promise(() => {}),
    close: () => desk.market.close(),
  }
}
