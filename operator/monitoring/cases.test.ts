// Cases of ../shared/cases about alerts: our rules over the series of the case, judged by promtool.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { ownerOf } from '../../test/support/desired.ts'
import { promtool, testRules } from '../../test/support/promtool.ts'
import { SHORTEST } from '../../test/support/manifests.ts'
import { ToolMissing } from '../../hack/tools.ts'
import { groupsOf, type WrittenRule } from './alerts.ts'

const FOLDER = fileURLToPath(new URL('../../../shared/cases/', import.meta.url))
const lacks = existsSync(FOLDER) ? undefined : 'there is no ../shared/cases'

/** The Collector of the cases. */
const GROUPS = groupsOf(ownerOf({ ...SHORTEST, metadata: { name: 'majors', namespace: 'md' } }))

interface RuleTest {
  readonly promql_expr_test: readonly object[]
}

/** What promtool says of a file of a case. */
function judge(id: string, file: string, more: readonly object[] = []): Promise<string> {
  const folder = readdirSync(FOLDER).find((name) => name.startsWith(id)) ?? id
  const written = parse(readFileSync(join(FOLDER, folder, file), 'utf8')) as { readonly tests: readonly RuleTest[] }
  const tests = written.tests.map((one) => ({
    ...one,
    promql_expr_test: [...one.promql_expr_test, ...more],
  }))
  const head = { rule_files: ['rules.yaml'], evaluation_interval: '15s' }
  return testRules({ 'rules.yaml': stringify({ groups: GROUPS }), 'test.yaml': stringify({ ...head, tests }) })
}

function exprOf(alert: string): string {
  const rules = GROUPS.flatMap(({ rules: all }) => all as WrittenRule[])
  return rules.find((rule) => rule.alert === alert)?.expr ?? ''
}

/** The age that stands in the annotation: of the trades, six minutes after they ended. */
const AGE = {
  expr: exprOf('MarketPrismDataStale'),
  eval_time: '16m',
  exp_samples: [{ labels: '{exchange="binance", market="perpetual", type="trade"}', value: 360 }],
}

interface Case {
  readonly what: string
  readonly file: string
  readonly more?: readonly object[]
}

const CASES: readonly Case[] = [
  { what: 'C003: no liquidation for hours is normal, no trade for a minute is not', file: 'series.yaml' },
  { what: 'C005: what never came at 0 is not fifty years old', file: 'series.yaml', more: [AGE] },
  { what: 'C005: what never came and has no series is told all the same', file: 'series-absent.yaml', more: [AGE] },
  { what: 'C006: two series of the operator while it is replaced break no rule', file: 'series.yaml' },
]

test.for(CASES)('$what', { timeout: 300_000 }, async ({ what, file, more }, { skip }) => {
  if (lacks !== undefined) return skip(lacks)
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const said = await judge(what.slice(0, 4), file, more)
  expect(said).toMatch(/SUCCESS/)
  expect(said).not.toMatch(/FAILED/)
})
