import { expect, test } from 'vitest'
import { ROOMS } from '../../collector/exchanges/registry.ts'
import { GOALS, goalsOf } from './suite.ts'

/** Types that had ids of their own before there was more than one venue. */
const BINANCE = ['trade', 'ticker', 'kline', 'orderbook']

test('every type that an exchange pushes has a figure of decoding, books at 0.8 and all others at 1.5', () => {
  const pushed = ROOMS.flatMap(({ exchange, types }) =>
    Object.entries(types).flatMap(([type, { via }]) =>
      via === 'websocket' && !(exchange === 'binance' && BINANCE.includes(type)) ? [`decode.${type}.${exchange}`] : [],
    ),
  )
  const goals = GOALS.filter(({ id }) => id.split('.').length === 3)
  expect(goals.map(({ id }) => id).toSorted()).toEqual([...new Set(pushed)].toSorted())
  for (const { id, target } of goals) expect(target, id).toBe(id.includes('orderbook') ? 0.8 : 1.5)
})

test('an id means its own figure, the beginning of ids all of them', () => {
  expect(goalsOf('decode.trade').map(({ id }) => id)).toEqual(['decode.trade'])
  expect(goalsOf('agree').map(({ id }) => id)).toEqual(['agree.tardis', 'agree.cryptofeed'])
  expect(goalsOf('decod')).toEqual([])
})
