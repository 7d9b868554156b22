// noise.*: the figures of some seeds.
import type { Figure } from '../bench/results.ts'
import { scoreOf } from './judge.ts'
import { ADAPTIVE_INCIDENTS, type IncidentKind, INCIDENTS } from './plan.ts'
import { DETECTORS, type Judged } from './seed.ts'

const ALL = Object.keys(INCIDENTS) as IncidentKind[]

/** Shares in percent; a detail names what the other detectors reach. */
export function figuresOf(judged: readonly Judged[]): Record<string, Figure> {
  const rules = scoreOf(
    judged.map(({ all }) => all),
    ALL,
  )
  const days = judged.reduce((sum, one) => sum + one.days, 0)
  const loud = judged.flatMap(({ wrong }) => wrong).filter(({ tier }) => tier !== 'P3').length
  const scores = DETECTORS.map((name) => ({ name, ...scoreOf(judged.map(({ by }) => by[name])) }))
  const [adaptive, ...others] = scores as [(typeof scores)[number], ...typeof scores]
  const seeds = judged.map(({ seed }) => seed)
  const played = `seeds ${Math.min(...seeds)} to ${Math.max(...seeds)}, ${days / judged.length} days each`
  return {
    'noise.false': {
      value: percent(rules.wrong, rules.alerts),
      detail: {
        played,
        alerts: rules.alerts,
        unexplained: rules.wrong,
        'false P1 or P2 a week': rounded((7 * loud) / days),
        'adaptive rules': `${adaptive.wrong} of ${adaptive.alerts}`,
        ...Object.fromEntries(others.map(({ name, wrong, alerts }) => [name, `${rounded(percent(wrong, alerts))} %`])),
      },
    },
    'noise.recall': {
      value: percent(adaptive.found, adaptive.incidents),
      detail: {
        played,
        incidents: adaptive.incidents,
        kinds: ADAPTIVE_INCIDENTS.join(' '),
        'median delay, s': adaptive.median,
        'p95 delay, s': adaptive.p95,
        'all kinds, all rules': `${rules.found} of ${rules.incidents}`,
        ...Object.fromEntries(
          others.map(({ name, found, incidents }) => [name, `${rounded(percent(found, incidents))} %`]),
        ),
      },
    },
    'noise.perIncident': {
      value: rules.perIncident,
      detail: {
        played,
        ...Object.fromEntries(
          others.map(({ name, perIncident }) => [name, Number.isNaN(perIncident) ? 'none' : perIncident]),
        ),
      },
    },
  }
}

export function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : (100 * part) / whole
}

export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
