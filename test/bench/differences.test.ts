import { expect, test } from 'vitest'
import { agreement, differences, type Facts, type Pair, type Rule, type Source } from './differences.ts'

const trade = (fields: Record<string, string>): Facts => ({ type: 'trade', fields })
const source: Source = {
  ...{ market: 'spot', stream: 'aggTrade', received: 0, frame: {}, before: undefined, unheld: new Set<string>() },
}
const pair = (ours: Facts | undefined, theirs: Facts | undefined): Pair => ({ source, ours, theirs })

test('only what the peer has is compared', () => {
  expect(differences(pair(trade({ price: '1', id: '7' }), trade({ price: '1' })))).toEqual([])
})

test('a field that differs is named with both readings', () => {
  expect(differences(pair(trade({ price: '1' }), trade({ price: '2' })))).toEqual([
    { source, type: 'trade', field: 'price', ours: '1', theirs: '2' },
  ])
})

test('a message that only one of the two made is a difference, none at all is not', () => {
  expect(differences(pair(undefined, undefined))).toEqual([])
  expect(differences(pair(trade({}), undefined))).toMatchObject([
    { field: 'message', ours: 'trade', theirs: undefined },
  ])
  expect(differences(pair(undefined, trade({})))).toMatchObject([
    { field: 'message', ours: undefined, theirs: 'trade' },
  ])
})

test('a frame is explained only when each of its differences has a reason', () => {
  const rules: Rule[] = [{ reason: 'they round times', explains: ({ field }) => field === 'time' }]
  const frames = [
    pair(trade({ price: '1', time: '5' }), trade({ price: '1', time: '5' })),
    pair(trade({ price: '1', time: '5' }), trade({ price: '1', time: '0' })),
    pair(trade({ price: '1', time: '5' }), trade({ price: '2', time: '0' })),
  ]
  expect(agreement(frames, rules)).toEqual({
    frames: 3,
    agree: 1,
    explained: 2,
    reasons: { 'they round times': 2 },
    unexplained: [{ source, type: 'trade', field: 'price', ours: '1', theirs: '2' }],
  })
})
