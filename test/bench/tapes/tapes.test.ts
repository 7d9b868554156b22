import { describe, expect, test } from 'vitest'
import { laneOf } from '../decode.ts'
import { latin1 } from '../latin1.ts'
import { VENUES } from './venues.ts'

const CASES = VENUES.flatMap(({ exchange, strands }) =>
  Object.entries(strands).flatMap(([type, all]) =>
    all.map((strand) => ({
      exchange,
      type: type as 'trade',
      market: strand.market,
      kind: strand.listing(0).sizing.kind,
      strand,
    })),
  ),
)

describe.each(CASES)('$type of $exchange $market, sizes $kind', ({ exchange, type, strand }) => {
  const open = () => laneOf(exchange, [type], strand, 512)

  test('every frame is JSON, and no two are alike', () => {
    const texts = open().tape.frames.map((frame) => latin1(frame))
    expect(new Set(texts).size).toBe(512)
    for (const text of texts) expect(JSON.parse(text)).toBeTypeOf('object')
  })

  test('every pass makes the messages that are due, and none of them is a gap', () => {
    const { tape, intake, messages } = open()
    for (let pass = 0; pass < 3; pass++) {
      for (const frame of tape.frames) intake.frame(frame, Date.now() * 1000)
      const types = new Set<unknown>()
      const take = (payload: Buffer) => types.add((JSON.parse(payload.toString()) as { type: string }).type)
      expect(intake.drain(take)).toBe(messages)
      expect([...types]).toEqual([type])
      tape.advance()
    }
  })

  test('the same seed gives the same frames', () => {
    expect(Buffer.concat([...open().tape.frames])).toEqual(Buffer.concat([...open().tape.frames]))
  })
})
