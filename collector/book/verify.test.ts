import { expect, it } from 'vitest'
import { describeBook } from '../../test/support/books.ts'
import { Intake } from '../../test/support/intake.ts'
import { roomOf } from '../exchanges/registry.ts'
import type { RestBook } from './rest.ts'
import type { BookTrack, Verdict } from './track.ts'

const BEGIN_MS = 1_790_000_000_000
type Level = readonly [price: string, size: string]

/** A book of Binance spot in sync at 100, with bids at 10 and 9 and an ask at 11. */
class Stage {
  readonly verdicts: Verdict[] = []
  readonly #intake: Intake

  constructor() {
    const room = roomOf('binance', 'spot')
    if (room === undefined) throw new Error('no such room')
    this.#intake = new Intake(room, [{ type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT' }])
  }

  static async inSync(): Promise<Stage> {
    const stage = new Stage()
    stage.delta(100)
    expect(
      await stage.snapshot(100, [
        ['10', '1'],
        ['9', '1'],
      ]),
    ).toEqual(['snapshot 100 bid 10 1 bid 9 1 ask 11 1'])
    return stage
  }

  get track(): RestBook {
    return this.#intake.tracks[0] as RestBook
  }

  verify(): void {
    this.track.verify((verdict) => this.verdicts.push(verdict))
  }

  delta(u: number, bids: readonly Level[] = []): string[] {
    const data = { e: 'depthUpdate', E: BEGIN_MS + u, s: 'BTCUSDT', U: u, u, b: bids, a: [] }
    this.#intake.frame(Buffer.from(JSON.stringify({ stream: 'btcusdt@depth@100ms', data })))
    return this.#said()
  }

  async snapshot(lastUpdateId: number, bids: readonly Level[]): Promise<string[]> {
    const body = Buffer.from(JSON.stringify({ lastUpdateId, bids, asks: [['11', '1']] }))
    await this.#intake.answer('/api/v3/depth', body)
    return this.#said()
  }

  #said(): string[] {
    return this.#intake.take().flatMap(({ message }) => describeBook(message))
  }
}

it('a book is equal to a snapshot of the same state, and to an older one that its deltas lead on from', async () => {
  const stage = await Stage.inSync()
  stage.verify()
  await stage.snapshot(100, [
    ['10', '1'],
    ['9', '1'],
  ])
  expect(stage.verdicts).toEqual([{ agreement: 'equal' }])
  stage.verify()
  stage.delta(101, [['10', '2']])
  stage.delta(102, [['8', '5']])
  await stage.snapshot(101, [
    ['10', '2'],
    ['9', '1'],
  ])
  expect(stage.verdicts).toEqual([{ agreement: 'equal' }, { agreement: 'equal' }])
  expect(stage.delta(103, [['10', '3']])).toEqual(['delta 102->103'])
})

it('a snapshot that is ahead is compared once the deltas are as far', async () => {
  const stage = await Stage.inSync()
  stage.verify()
  await stage.snapshot(101, [
    ['10', '2'],
    ['9', '1'],
  ])
  expect(stage.verdicts).toEqual([])
  stage.delta(101, [['10', '2']])
  expect(stage.verdicts).toEqual([{ agreement: 'equal' }])
})

it('a book that differs is lost: a gap, and a new one', async () => {
  const stage = await Stage.inSync()
  stage.verify()
  await stage.snapshot(100, [
    ['10', '7'],
    ['9', '1'],
  ])
  expect(stage.verdicts).toEqual([{ agreement: 'differs' }])
  expect(stage.track.inSync).toBe(false)
  expect(stage.delta(101, [['10', '8']])).toEqual([])
  const said = await stage.snapshot(101, [
    ['10', '8'],
    ['9', '1'],
  ])
  expect(said).toEqual(['gap quality 100..101', 'snapshot 101 bid 10 8 bid 9 1 ask 11 1'])
})

it('without a snapshot, and without a book, nothing is known', async () => {
  const stage = await Stage.inSync()
  stage.verify()
  stage.track.failed()
  stage.verify()
  stage.delta(105)
  expect(stage.verdicts.map(({ agreement }) => agreement)).toEqual(['unknown', 'unknown'])
  stage.verify()
  expect(stage.verdicts.at(-1)).toEqual({ agreement: 'unknown', why: 'the book is not in sync' })
})

it('a book whose snapshots come in the stream has nothing else to be compared with', () => {
  const room = roomOf('okx', 'spot')
  if (room === undefined) throw new Error('no such room')
  const intake = new Intake(room, [{ type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTC-USDT' }])
  let verdict: Verdict | undefined
  ;(intake.tracks[0] as BookTrack).verify((said) => (verdict = said))
  expect(verdict?.agreement).toBe('unknown')
})
