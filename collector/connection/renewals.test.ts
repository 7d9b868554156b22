import fc from 'fast-check'
import { expect, it } from 'vitest'
import { VirtualClock } from './clock.ts'
import type { Protocol } from './protocol.ts'
import { AGAIN_CAP_MS, WELL_MS } from './renewals.ts'
import { ANSWER_MS, Subscriptions } from './subscriptions.ts'

const PROTOCOL: Protocol = {
  subscribe: (streams, id) => `+${id} ${streams.join()}`,
  unsubscribe: (streams, id) => `-${id} ${streams.join()}`,
  control: () => ({ kind: 'unknown' }),
  streamsPerSocketMax: 1_024,
  streamsPerRequestMax: 100,
  requests: [{ max: 480, windowMs: 3_600_000 }],
  lifeMs: Infinity,
}

/** A socket that carries the streams already, each request answered by hand. */
function carrying(streams: string, protocol: Partial<Protocol> = {}) {
  const clock = new VirtualClock(0)
  const sent: string[] = []
  const subscriptions = new Subscriptions({ ...PROTOCOL, ...protocol }, clock, (text) => sent.push(text), {
    onRefused: () => {},
    onAccepted: () => {},
    onDivided: () => {},
    onUnanswered: () => {},
    onLater: () => {},
  })
  const answer = (id: number) => subscriptions.acknowledged({ kind: 'ack', id })
  subscriptions.want(new Set(streams))
  answer(1)
  sent.length = 0
  return { clock, sent, subscriptions, answer }
}

/** Lets a stream be renewed with every request answered at once; `id` is the next one's. */
function renew({ subscriptions, answer }: ReturnType<typeof carrying>, stream: string, id: number): void {
  subscriptions.resubscribe(stream)
  answer(id)
  answer(id + 1)
}

it('subscribes again only after the unsubscription was answered, and leaves the other streams alone', () => {
  const { subscriptions, sent, answer } = carrying('abc')
  subscriptions.resubscribe('b')
  expect(sent).toEqual(['-2 b'])
  answer(2)
  expect(sent).toEqual(['-2 b', '+3 b'])
  expect(subscriptions.settled).toBe(false)
  answer(3)
  expect(subscriptions.settled).toBe(true)
})

it('takes repeated calls for one until the subscription is answered', async () => {
  const { subscriptions, clock, sent, answer } = carrying('ab')
  for (let i = 0; i < 5; i++) subscriptions.resubscribe('a')
  answer(2)
  for (let i = 0; i < 5; i++) subscriptions.resubscribe('a')
  answer(3)
  await clock.advance(60_000)
  expect(sent).toEqual(['-2 a', '+3 a'])
  expect(clock.waiting).toBe(0)
})

it('lets those that wait go together once the first have left, though they are answered one by one', () => {
  const { subscriptions, sent } = carrying('abcdefgh')
  for (const stream of 'abcdefgh') subscriptions.resubscribe(stream)
  expect(sent.splice(0)).toEqual(['-2 a'])
  subscriptions.acknowledged({ kind: 'ack', streams: ['a'], to: 'unsubscribe' })
  expect(sent.splice(0)).toEqual(['+3 a', '-4 b,c,d,e,f,g,h'])
  for (const stream of 'bcdefg') subscriptions.acknowledged({ kind: 'ack', streams: [stream], to: 'unsubscribe' })
  expect(sent).toEqual([])
  subscriptions.acknowledged({ kind: 'ack', streams: ['h'], to: 'unsubscribe' })
  expect(sent).toEqual(['+5 b,c,d,e,f,g,h'])
})

it('goes on when the unsubscription is not answered in time, or refused', async () => {
  const { subscriptions, clock, sent } = carrying('ab')
  subscriptions.resubscribe('a')
  await clock.advance(ANSWER_MS - 1)
  expect(sent).toEqual(['-2 a'])
  await clock.advance(1)
  expect(sent.splice(0)).toEqual(['-2 a', '+3 a'])
  subscriptions.resubscribe('b')
  subscriptions.refused(undefined, 'b is not subscribed', ['b'])
  expect(sent).toEqual(['-4 b', '+5 b'])
})

it('waits for the answer to a subscription that is under way', async () => {
  const { subscriptions, clock, sent, answer } = carrying('a')
  subscriptions.want(new Set('ab'))
  subscriptions.resubscribe('b')
  await clock.advance(1_000)
  expect(sent).toEqual(['+2 b'])
  answer(2)
  expect(sent).toEqual(['+2 b', '-3 b'])
})

it('forgets the renewal of a stream that is refused', async () => {
  const { subscriptions, clock, sent, answer } = carrying('a')
  subscriptions.want(new Set('ab'))
  subscriptions.resubscribe('b')
  subscriptions.refused(2, 'no')
  await clock.advance(60_000)
  answer(3)
  await clock.advance(60_000)
  expect(sent).toEqual(['+2 b', '+3 b'])
})

it('can renew a stream again whose subscription was never answered', async () => {
  const { subscriptions, clock, sent, answer } = carrying('a')
  subscriptions.resubscribe('a')
  answer(2)
  await clock.advance(2 * ANSWER_MS)
  subscriptions.resubscribe('a')
  expect(sent).toEqual(['-2 a', '+3 a', '+4 a', '-5 a'])
})

it('does not bring back a stream that is unwanted meanwhile, and renews none that is not carried', () => {
  const { subscriptions, sent, answer } = carrying('ab')
  subscriptions.resubscribe('x')
  subscriptions.resubscribe('a')
  subscriptions.want(new Set('b'))
  answer(2)
  expect(sent).toEqual(['-2 a'])
  subscriptions.want(new Set('ab'))
  answer(3)
  subscriptions.resubscribe('a')
  expect(sent).toEqual(['-2 a', '+3 a', '-4 a'])
})

it('renews a stream that breaks again and again with growing waits, and at once when it was well for long', async () => {
  const it = carrying('ab')
  const begun: number[] = []
  for (let id = 2; id < 24; id += 2) {
    const before = it.sent.length
    it.subscriptions.resubscribe('a')
    while (it.sent.length === before) await it.clock.advance(100)
    begun.push(it.clock.nowMs())
    it.answer(id)
    it.answer(id + 1)
  }
  const waits = begun.slice(1).map((at, i) => at - (begun[i] ?? 0))
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, ...Array<number>(4).fill(AGAIN_CAP_MS)])
  it.sent.length = 0
  renew(it, 'b', 24)
  expect(it.sent).toEqual(['-24 b', '+25 b'])
  await it.clock.advance(WELL_MS)
  renew(it, 'a', 26)
  expect(it.sent.slice(2)).toEqual(['-26 a', '+27 a'])
})

it('uses half of what the venue allows, so that what is newly wanted finds room', async () => {
  const it = carrying('abcdefghijklmnopqrst', { requests: [{ max: 20, windowMs: 3_600_000 }] })
  for (const [index, stream] of 'abcdefghij'.split('').entries()) renew(it, stream, 2 + 2 * index)
  // One was used for the first subscription; the last subscription of a renewal that began is no part of the half.
  expect(it.sent.length).toBe(10)
  it.subscriptions.want(new Set('abcdefghijklmnopqrstuvw'))
  expect(it.sent.slice(10)).toEqual(['+12 u,v,w'])
  it.answer(12)
  await it.clock.advance(3_600_100)
  expect(it.sent.slice(11)).toEqual(['-13 f,g,h,i,j'])
})

it('ends with everything carried that is wanted, whatever is renewed, unwanted, lost, refused or put off', async () => {
  const streams = 'abcdefgh'.split('')
  const step = fc.oneof(
    fc.record({ kind: fc.constant('want' as const), streams: fc.subarray(streams) }),
    fc.record({ kind: fc.constant('renew' as const), streams: fc.subarray(streams, { maxLength: 3 }) }),
  )
  const history = fc.array(fc.tuple(step, fc.nat(3_000)), { maxLength: 20 })
  const fates = fc.infiniteStream(fc.constantFrom('whole', 'each', 'each', 'lost', 'no', 'later'))
  await fc.assert(
    fc.asyncProperty(history, fates, async (steps, fate) => {
      const clock = new VirtualClock(0)
      const carried = new Set<string>()
      let faults = true
      const sentMs: number[] = []
      const protocol = { ...PROTOCOL, requests: [{ max: 10, windowMs: 3_000 }], streamsPerRequestMax: 3 }
      const subscriptions = new Subscriptions(
        protocol,
        clock,
        (text) => {
          sentMs.push(clock.nowMs())
          const [, sign, number, list = ''] = /^([+-])(\d+) (.+)$/.exec(text) ?? []
          const [id, names] = [Number(number), list.split(',')]
          const to = sign === '+' ? 'subscribe' : 'unsubscribe'
          const next = faults ? fate.next().value : 'each'
          if (next === 'later') return void clock.setTimeout(() => subscriptions.later(id, 'busy'), 20)
          if (next === 'no') return void clock.setTimeout(() => subscriptions.refused(id, 'no'), 20)
          for (const name of names) carried[to === 'subscribe' ? 'add' : 'delete'](name)
          if (next === 'whole') clock.setTimeout(() => subscriptions.acknowledged({ kind: 'ack', id }), 20)
          for (const name of next === 'each' ? names : []) {
            clock.setTimeout(() => subscriptions.acknowledged({ kind: 'ack', streams: [name], to }), 20)
          }
        },
        { onRefused: () => {}, onDivided: () => {}, onAccepted: () => {}, onUnanswered: () => {}, onLater: () => {} },
      )
      let last: string[] = []
      for (const [{ kind, streams: some }, pauseMs] of steps) {
        if (kind === 'want') subscriptions.want(new Set((last = some)))
        else for (const stream of some) subscriptions.resubscribe(stream)
        await clock.advance(pauseMs)
      }
      faults = false
      await clock.advance(2 * 3_600_000)
      expect([...carried].filter((stream) => last.includes(stream)).sort()).toEqual([...last].sort())
      expect(subscriptions.settled).toBe(true)
      expect(clock.waiting).toBe(0)
      for (const at of sentMs) expect(sentMs.filter((t) => t > at - 3_000 && t <= at).length).toBeLessThanOrEqual(10)
    }),
    { numRuns: 60 },
  )
})
