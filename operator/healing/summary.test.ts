import { expect, test } from 'vitest'
import { summaryOf } from '../../collector/summary.ts'
import { summarySchema, wellBeing } from './summary.ts'
import { sampleSummary } from '../../test/support/healing.ts'
import { sampleStatus } from '../../test/support/status.ts'

test('what a collector says is what the operator reads', () => {
  const said = summaryOf({
    ...sampleStatus(),
    lastGap: {
      channel: 'okx:spot:BTC-USDT:trade',
      reason: 'restart',
      from: 1_790_000_000_000_000,
      to: 1_790_000_001_000_000,
    },
  })
  expect(summarySchema.parse(JSON.parse(JSON.stringify(said)))).toEqual(said)
})

const refused: Record<string, object> = {
  'a count below nothing': { gaps: -1 },
  'a number that is none': { atMs: null },
  'more markets than there are': {
    markets: Object.fromEntries(
      Array.from({ length: 33 }, (_, i) => [`e${i}:spot`, sampleSummary(['okx:spot']).markets['okx:spot']]),
    ),
  },
  'a market with a name that could be anything': {
    markets: { 'okx:\n{': sampleSummary(['okx:spot']).markets['okx:spot'] },
  },
  'more stale channels than are asked for': {
    stale: Array.from({ length: 21 }, () => ({ channel: 'x', state: 'stale', since: 1 })),
  },
  'a sink that is not one': { sink: 'nats' },
}
for (const [what, change] of Object.entries(refused)) {
  test(`refuses ${what}`, () => {
    expect(summarySchema.safeParse({ ...sampleSummary(['okx:spot']), ...change }).success).toBe(false)
  })
}

test('takes only what it knows, and of a text what can be printed', () => {
  const said = {
    ...sampleSummary(['okx:spot']),
    notReady: [`\u001b[31mred${'x'.repeat(500)}`],
    more: { than: 'asked' },
  }
  const read = summarySchema.parse(said)
  expect(read).not.toHaveProperty('more')
  expect(read.notReady).toEqual([`?[31mred${'x'.repeat(292)}`])
})

const beings: Record<string, [Parameters<typeof wellBeing>[0], ReturnType<typeof wellBeing>]> = {
  'data arrives': [{ channels: 4, live: 3, stale: 1, sessionsOpen: 1, sessions: 1 }, 'well'],
  'half of it does not': [{ channels: 4, live: 2, stale: 2, sessionsOpen: 1, sessions: 1 }, 'unwell'],
  'no socket is open': [{ channels: 4, live: 4, stale: 0, sessionsOpen: 0, sessions: 2 }, 'unwell'],
  'what is polled needs no socket': [{ channels: 4, live: 4, stale: 0, sessionsOpen: 0, sessions: 0 }, 'well'],
  'all is quiet': [{ channels: 4, live: 0, stale: 0, sessionsOpen: 1, sessions: 1 }, 'unknown'],
  'nothing is listed': [{ channels: 0, live: 0, stale: 0, sessionsOpen: 0, sessions: 1 }, 'unknown'],
}
for (const [what, [said, being]] of Object.entries(beings)) {
  test(`${being}: ${what}`, () => expect(wellBeing(said)).toBe(being))
}
