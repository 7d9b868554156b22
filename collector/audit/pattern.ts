// Subjects with wildcards, as NATS has them: `*` stands for one token, `>` for all that follow.
import { DATA_TYPES, OWN_TYPES } from '../../crds/names.ts'

/** Whether a subject matches a pattern. */
export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  const rest = wanted.indexOf('>')
  if (rest >= 0 ? tokens.length <= rest : tokens.length !== wanted.length) return false
  return wanted.every((token, i) => token === '*' || token === '>' || token === tokens[i])
}

const types: ReadonlySet<string> = new Set([...DATA_TYPES, ...OWN_TYPES])

/** The patterns to read for what a person asked for: gaps about it stand under subjects of their own. */
export function withGaps(pattern: string): string[] {
  const tokens = pattern.split('.')
  const type = tokens.findIndex((token) => types.has(token))
  if (type < 0 || tokens[type] === 'gap') return [pattern]
  return [pattern, tokens.with(type, 'gap').join('.')]
}

/** Why a pattern is none, in a sentence; undefined when it is one. */
export function patternFault(pattern: string): string | undefined {
  const isRight = /^(?:[^\s.*>]+|\*)(?:\.(?:[^\s.*>]+|\*))*(?:\.>)?$|^>$/.test(pattern)
  return isRight
    ? undefined
    : `'${pattern}' is not a subject; write one such as 'market.trade.>' or '*.orderbook.*.*.BTC-USDT'`
}
