import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { disordered, honest, values, type Values } from '../../test/support/frames.ts'
import { Intake, listingOf } from '../../test/support/intake.ts'
import { changes } from '../../test/support/mutate.ts'
import { ROOMS } from './registry.ts'
import type { BookForm, BookType, PushedType, RestSnapshots, Room } from './room.ts'

const VENUE_SYMBOL = 'BTCUSDT'
const LISTING = listingOf('BTC-USDT', VENUE_SYMBOL)
const BEGIN_MS = 1_790_000_000_000

/** Frames are drawn from declarations; around them stands the wrapper that `wrapped` prints. */
const LANES = ROOMS.filter(({ wrapper }) => Object.keys(wrapper).join(' ') === 'stream data').flatMap((room) =>
  Object.entries(room.types).flatMap(([type, typeRoom]) =>
    typeRoom.via === 'websocket' ? [{ room, type: type as 'trade', typeRoom: typeRoom as PushedType }] : [],
  ),
)

interface Lane {
  readonly room: Room
  readonly type: 'trade'
  readonly typeRoom: PushedType
}

function open({ room, type }: Lane): Intake {
  const interval = type === ('kline' as string) ? { interval: '1m' } : {}
  return new Intake(room, [{ type, symbol: 'BTC-USDT', venueSymbol: VENUE_SYMBOL, depth: 5, ...interval }])
}

/** The values of the frame at place `i` of a stream: in order, and complete. */
function placed({ room, typeRoom: { forms, order } }: Lane, v: Values, i: number): Values {
  const { frame } = forms[0]
  const book = room.types.orderbook?.forms[0] as { readonly previous: NonNullable<BookForm['previous']> }
  const first = 'key' in book.previous ? { [book.previous.key]: i } : { [book.previous.firstKey]: i + 1 }
  const wanted: Record<string, number> = { ...first, f: 7, l: 7 + (i % 12) }
  for (const key of [order.id, order.seq]) if (key !== undefined) wanted[key] = i + 1
  if (order.time !== undefined) wanted[order.time] = BEGIN_MS + i
  const replaced = Object.entries(wanted).filter(([key]) => key in frame.keys)
  return { ...v, ...Object.fromEntries(replaced.map(([key, n]) => [key, String(n)])) }
}

function wrapped({ type, typeRoom }: Lane, object: string): string {
  const interval = type === ('kline' as string) ? { interval: '1m' } : {}
  return `{"stream":"${typeRoom.stream(LISTING, interval).name}","data":${object}}`
}

/** Answers what was asked: books with an empty one that stands at `seq`, trades with none. */
async function answerAll({ room }: Lane, intake: Intake, seq: number): Promise<void> {
  for (const { path } of [...intake.questions]) {
    const { seq: key, bids, asks, query } = (room.types.orderbook as BookType).snapshots as RestSnapshots
    const isBook = path === query(LISTING, 5).path
    await intake.answer(path, isBook ? Buffer.from(JSON.stringify({ [key]: seq, [bids]: [], [asks]: [] })) : undefined)
  }
}

describe.each(LANES.map((lane) => ({ ...lane, title: `${lane.room.exchange} ${lane.room.market} ${lane.type}` })))(
  '$title',
  (lane) => {
    const { frame } = lane.typeRoom.forms[0]
    const drawn = values(frame, VENUE_SYMBOL)
    const form = fc.tuple(fc.boolean(), changes, fc.boolean())

    test('whatever comes is counted once, and says by the fast road what it says by the general one', async () => {
      const step = drawn.chain((v) => fc.tuple(fc.constant(v), form, disordered(frame, v)))
      let data = 0
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24 }), async (steps) => {
          const [fast, general] = [open(lane), open(lane)]
          for (const [i, [v, [isHonest, change, isChanged], other]] of steps.entries()) {
            const text = wrapped(lane, isHonest ? honest(frame, placed(lane, v, i)) : other)
            const bytes = isChanged ? change(Buffer.from(text)) : Buffer.from(text)
            // White space at the end means nothing in JSON, and no frame in plain form has it.
            const [wasData, wasDataToo] = [fast.frame(bytes), general.frame(Buffer.concat([bytes, Buffer.from(' ')]))]
            expect(wasData).toBe(wasDataToo)
            for (const intake of [fast, general]) await answerAll(lane, intake, i + 1)
            expect(fast.take()).toEqual(general.take())
          }
          expect(fast.counts).toEqual(general.counts)
          const { received, data: taken, control, refused } = fast.counts
          expect(received).toBe(steps.length)
          expect(taken + control + refused.malformed + refused.binary).toBe(received)
          data += taken
        }),
        { numRuns: 30 },
      )
      expect(data).toBeGreaterThan(30)
    })

    test('frames in the order of the venue are read without the general road, one message for each', async () => {
      const intake = open(lane)
      const all = fc.sample(drawn, { numRuns: 200, seed: 11 })
      for (const [i, v] of all.entries()) {
        expect(intake.frame(Buffer.from(wrapped(lane, honest(frame, placed(lane, v, i)))))).toBe(true)
        if (i === 0) await answerAll(lane, intake, 1)
        // Candles that are made up one by one have no final push, and that is said.
        expect(intake.take().filter(({ message }) => message.type !== 'gap')).toHaveLength(1)
      }
      expect(intake.frameOf(lane.type).slow).toBeLessThanOrEqual(1 + (lane.type === ('orderbook' as string) ? 1 : 0))
    })
  },
)
