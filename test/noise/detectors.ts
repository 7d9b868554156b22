// Whom we compare with: the predecessor's rules, one that guesses, and one that always says yes.
import { random } from '../exchange/random.ts'
import { queryOf } from '../../operator/monitoring/query.ts'
import type { WrittenRule } from '../../operator/monitoring/alerts.ts'
import { KIND } from '../../operator/monitoring/rule.ts'
import type { Fired } from './evaluate.ts'
import { DENSE_KINDS, type Kind, OWNER } from './kinds.ts'

/** The predecessor's two adaptive rules, on the metrics of today: by exchange, market and type, over shards. */
export function twoSigma(): WrittenRule[] {
  const q = queryOf(OWNER)
  const usual = (rate: string, of: 'avg' | 'stddev'): string => `${of}_over_time(${rate}[1h:5m])`
  const messages = `(${q.rate('marketprism_collector_messages_total', '5m', KIND)})`
  const errors = `(${q.rate('marketprism_collector_checks_failed_total', '5m', KIND)})`
  const rule = (alert: string, expr: string, hold: string): WrittenRule => {
    return { alert, expr, for: hold, labels: { priority: 'P2' }, annotations: {} }
  }
  return [
    rule(
      'MarketPrismAnomalousMessageRate',
      `abs(${messages} - ${usual(messages, 'avg')}) > 2 * ${usual(messages, 'stddev')}`,
      '10m',
    ),
    rule(
      'MarketPrismAnomalousErrorRate',
      `${errors} - ${usual(errors, 'avg')} > 3 * ${usual(errors, 'stddev')}`,
      '15m',
    ),
  ]
}

const alertAt = (alert: string, { exchange, market, type }: Kind, from: number): Fired => {
  return { alert, tier: 'P2', labels: { exchange, market, type }, from, to: from + 300 }
}

/** So many alerts at any time about any kind. */
export function guesses(seed: number, count: number, seconds: number): Fired[] {
  const chance = random(seed).fork('guesses')
  return Array.from({ length: count }, () => {
    return alertAt('random', DENSE_KINDS[chance.int(DENSE_KINDS.length)] as Kind, chance.next() * seconds)
  })
}

/** An alert about each kind, begun anew as often as people are told again of one that stays. */
export function always(seconds: number): Fired[] {
  const EVERY = 600
  return Array.from({ length: Math.ceil(seconds / EVERY) }, (_, i) => i * EVERY).flatMap((from) =>
    DENSE_KINDS.map((kind) => alertAt('always', kind, from)),
  )
}
