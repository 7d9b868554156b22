import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Chunk, SETTLED, Spool } from './spool.ts'

const CHUNK_BYTES = 256 * 1024
const BYTES_MIN = 4 * CHUNK_BYTES

/** Commits a record whose every byte tells its number, or says that there was no room. */
function commit(spool: Spool, number: number, bytes: number, share = 1): boolean {
  const to = spool.open(bytes, share)
  if (to === undefined) return false
  to.fill(number & 0xff, spool.at, spool.at + bytes)
  spool.commit(number, spool.at + 1, spool.at + bytes, number)
  return true
}

interface Taken {
  readonly chunk: Chunk
  readonly index: number
  readonly number: number
}

/** The next record, as a sink takes it; those that are settled are stepped over. */
function take(spool: Spool): Taken | undefined {
  while (spool.next()) {
    const { chunk, index } = spool.cursor
    spool.cursor.index += 1
    if (chunk.sent[index] === SETTLED) continue
    return { chunk, index, number: chunk.channel[index] as number }
  }
  return undefined
}

function isIntact({ chunk, index, number }: Taken): boolean {
  const bytes = chunk.bytes.subarray(chunk.start[index], chunk.end[index])
  return chunk.channel[index] === number && bytes.every((byte) => byte === (number & 0xff))
}

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('commit' as const), bytes: fc.integer({ min: 2, max: 40_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('commit' as const), bytes: fc.integer({ min: 2, max: 600_000 }) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rewind' as const) }) },
)

describe('the spool', () => {
  test('gives every record once in the order of commit, intact until it is settled, and never grows over its bound', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
        const spool = new Spool(BYTES_MIN)
        const waiting: number[] = []
        const outstanding: Taken[] = []
        let committed = 0
        for (const step of operations) {
          if (step.do === 'commit') {
            if (commit(spool, committed, step.bytes)) waiting.push(committed++)
          } else if (step.do === 'take') {
            const taken = take(spool)
            expect(taken?.number).toBe(waiting.shift())
            if (taken !== undefined) outstanding.push(taken)
          } else if (step.do === 'settle' && outstanding.length > 0) {
            const [one] = outstanding.splice(step.which % outstanding.length, 1) as [Taken]
            expect(isIntact(one)).toBe(true)
            expect(spool.settle(one.chunk, one.index)).toBe(true)
          } else if (step.do === 'rewind' && outstanding[0] !== undefined) {
            spool.cursor.chunk = outstanding[0].chunk
            spool.cursor.index = outstanding[0].index
            waiting.unshift(...outstanding.splice(0).map(({ number }) => number))
          }
          expect(spool.bytesUsed).toBeLessThanOrEqual(spool.bytesMax)
          expect(spool.pending).toBe(waiting.length + outstanding.length)
        }
        expect(outstanding.every(isIntact)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('takes records again without end once they are settled', () => {
    const spool = new Spool(BYTES_MIN)
    let committed = 0
    for (let number = 0; number < 20_000; number++) {
      if (commit(spool, number, 1000)) committed += 1
      const taken = take(spool) as Taken
      spool.settle(taken.chunk, taken.index)
    }
    expect(committed).toBe(20_000)
    expect(spool.pending).toBe(0)
    expect(spool.bytesUsed).toBe(CHUNK_BYTES)
  })

  test('is full for books before it is full for trades, and changes nothing when it refuses', () => {
    const spool = new Spool(8 * CHUNK_BYTES)
    let books = 0
    while (commit(spool, books, 10_000, 0.5)) books += 1
    const { at, bytesUsed, committed } = spool
    expect(spool.open(10_000, 0.5)).toBeUndefined()
    expect({ at, bytesUsed, committed }).toEqual({
      at: spool.at,
      bytesUsed: spool.bytesUsed,
      committed: spool.committed,
    })
    let trades = 0
    while (commit(spool, trades, 10_000, 0.9)) trades += 1
    expect(books).toBeGreaterThan(3 * 25)
    expect(trades).toBeGreaterThan(2 * 25)
    expect(spool.bytesUsed).toBeLessThanOrEqual(0.9 * spool.bytesMax)
    expect(commit(spool, 0, 10_000, 1)).toBe(true)
  })

  test('says that a record was settled before', () => {
    const spool = new Spool(BYTES_MIN)
    commit(spool, 1, 10)
    const { chunk, index } = take(spool) as Taken
    expect(spool.settle(chunk, index)).toBe(true)
    expect(spool.settle(chunk, index)).toBe(false)
    expect(spool.settled).toBe(1)
  })

  test('holds ten minutes of 120 trades a second, of which no one was acknowledged, in 64 MiB', () => {
    const spool = new Spool(64 * 1024 * 1024)
    const bytes = 40 + 300
    let committed = 0
    while (committed < 600 * 120 && commit(spool, committed, bytes, 0.9)) committed += 1
    expect(committed).toBe(600 * 120)
    expect(spool.bytesUsed).toBeLessThan(0.5 * spool.bytesMax)
  })

  test('refuses a bound that is too small to work with', () => {
    expect(() => new Spool(BYTES_MIN - 1)).toThrow(/bytesMax must be at least 1048576/)
  })

  test('wakes its sink at a commit, and not again before that takes what there is', () => {
    const spool = new Spool(BYTES_MIN)
    let woken = 0
    spool.onCommit = () => (woken += 1)
    for (let i = 0; i < 3; i++) commit(spool, i, 10)
    expect(woken).toBe(1)
    spool.isAwake = false
    expect(woken).toBe(1)
    for (let i = 0; i < 3; i++) commit(spool, i, 10)
    expect(woken).toBe(2)
  })
})
