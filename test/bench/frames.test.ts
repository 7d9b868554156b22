import { latin1 } from './latin1.ts'
import { expect, test } from 'vitest'
import { depthSnapshot, firstUpdateId, tape, venueSymbols, type TapeMarket, type TapeType } from './frames.ts'

const TYPES: TapeType[] = ['trade', 'ticker', 'kline', 'orderbook']
const MARKETS: TapeMarket[] = ['spot', 'perpetual']
const CASES = TYPES.flatMap((type) => MARKETS.map((market) => [type, market] as const))

type Wrapped = { stream: string; data: Record<string, unknown> }
const parse = (frames: readonly Buffer[]) => frames.map((frame) => JSON.parse(latin1(frame)) as Wrapped)

test.each(CASES)('every %s frame of %s is JSON in a combined wrapper, and no two are alike', (type, market) => {
  const { frames } = tape(type, market, venueSymbols(4), 64)
  expect(new Set(frames.map((frame) => latin1(frame))).size).toBe(64)
  for (const { stream, data } of parse(frames)) expect(stream.split('@')[0]).toBe(String(data['s']).toLowerCase())
})

test.each(MARKETS)('trade ids of a symbol follow one another, over passes too (%s)', (market) => {
  const symbols = venueSymbols(2)
  const trades = tape('trade', market, symbols, 16)
  const ids = () => parse(trades.frames).flatMap(({ data }) => (data['s'] === symbols[0] ? [Number(data['a'])] : []))
  const first = ids()
  trades.advance()
  const all = [...first, ...ids()]
  expect(all).toEqual(all.map((_, i) => (all[0] as number) + i))
})

test.each(MARKETS)(
  'depth updates of a symbol are a chain that begins at the snapshot, over passes too (%s)',
  (market) => {
    const symbols = venueSymbols(2)
    const depth = tape('orderbook', market, symbols, 16)
    const { lastUpdateId } = JSON.parse(depthSnapshot(market, 5)) as { lastUpdateId: number }
    expect(lastUpdateId).toBe(firstUpdateId)
    let last = lastUpdateId
    for (let pass = 0; pass < 3; pass++) {
      for (const { data } of parse(depth.frames)) {
        if (data['s'] !== symbols[1]) continue
        expect(data['U']).toBe(last + 1)
        if (market === 'perpetual') expect(data['pu']).toBe(last)
        last = data['u'] as number
      }
      depth.advance()
    }
  },
)

test('the same seed gives the same frames', () => {
  const make = (seed: number) => Buffer.concat([...tape('trade', 'spot', venueSymbols(2), 8, seed).frames])
  expect(make(7)).toEqual(make(7))
  expect(make(7)).not.toEqual(make(8))
})
