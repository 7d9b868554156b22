import type { StreamConfig } from '@nats-io/jetstream'
import { describe, expect, test } from 'vitest'
import { changesTo, desiredStream, unfit, warnings } from './stream.ts'

const found = {
  name: 'S',
  subjects: ['market.>'],
  storage: 'file',
  allow_direct: true,
  num_replicas: 1,
  max_age: 60_000_000_000,
  max_bytes: -1,
  max_msgs: -1,
  discard: 'old',
  duplicate_window: 60_000_000_000,
  compression: 'none',
} as StreamConfig

describe('the wanted stream', () => {
  test('has what the user wrote, and else only what we cannot do without', () => {
    expect(desiredStream({ name: 'S', manage: 'collector' }, 'market')).toEqual({
      name: 'S',
      subjects: ['market.>'],
      storage: 'file',
      allow_direct: true,
    })
    const all = { storage: 'memory', replicas: 3, maxAgeMs: 5000, maxBytes: 7, discard: 'new' } as const
    const more = { duplicateWindowMs: 1000, compression: 's2' } as const
    expect(desiredStream({ name: 'S', manage: 'collector', ...all, ...more }, 'p')).toEqual({
      name: 'S',
      subjects: ['p.>'],
      storage: 'memory',
      allow_direct: true,
      num_replicas: 3,
      max_age: 5_000_000_000,
      max_bytes: 7,
      discard: 'new',
      duplicate_window: 1_000_000_000,
      compression: 's2',
    })
  })
})

const changes: Record<string, [Partial<StreamConfig>, object]> = {
  'nothing, where nothing was written': [{}, {}],
  'nothing, where it is as written': [{ max_age: 60_000_000_000, compression: 'none' as never }, {}],
  'an age that was written otherwise': [{ max_age: 1 }, { max_age: 1 }],
  'a size and what a full stream does': [
    { max_bytes: 5, discard: 'new' },
    { max_bytes: 5, discard: 'new' },
  ],
  'no subject and no storage, which are not ours to change': [{ subjects: ['x'], storage: 'memory' }, {}],
}
test.each(Object.entries(changes))('a stream is changed in %s', (_name, [wanted, expected]) => {
  expect(changesTo(found, wanted)).toEqual(expected)
})

const covering: [string[], string, boolean][] = [
  [['market.>'], 'market.>', true],
  [['>'], 'market.>', true],
  [['*.>'], 'market.>', true],
  [['other.>', 'market.>'], 'market.>', true],
  [['market.*'], 'market.>', false],
  [['market.trade.>'], 'market.>', false],
  [['market'], 'market.>', false],
  [[], 'market.>', false],
]
test.each(covering)('a stream of %j takes all of %s: %s', (subjects, wanted, fits) => {
  expect(unfit({ ...found, subjects }, { subjects: [wanted] }) === undefined).toBe(fits)
})

test('a stream that acknowledges nothing or is sealed is not written to', () => {
  expect(unfit({ ...found, no_ack: true }, { subjects: ['market.>'] })).toMatch(/no_ack/)
  expect(unfit({ ...found, sealed: true } as StreamConfig, { subjects: ['market.>'] })).toMatch(/sealed/)
})

test('what a person should know of a stream is said', () => {
  expect(warnings(found, 5000)).toEqual([])
  expect(warnings({ ...found, max_bytes: 1 }, 5000)).toEqual([expect.stringMatching(/oldest messages when full/)])
  expect(warnings({ ...found, max_bytes: 1, discard: 'new' }, 5000)).toEqual([])
  expect(warnings({ ...found, duplicate_window: 1_000_000_000 }, 5000)).toEqual([
    expect.stringMatching(/remembers message ids for 1000 ms only/),
  ])
})
