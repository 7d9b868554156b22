import fc from 'fast-check'
import { expect, it } from 'vitest'
import { VirtualClock } from './clock.ts'
import type { Protocol } from './protocol.ts'
import { Subscriptions } from './subscriptions.ts'

const PROTOCOL: Protocol = {
  subscribe: (streams, id) => `+${id} ${streams.join()}`,
  unsubscribe: (streams, id) => `-${id} ${streams.join()}`,
  control: () => ({ kind: 'unknown' }),
  streamsPerSocketMax: 1_024,
  streamsPerRequestMax: 4,
  requestsPerSecondMax: 5,
  lifeMs: Infinity,
}

function subject(protocol: Partial<Protocol> = {}) {
  const clock = new VirtualClock(0)
  const sent: string[] = []
  const refused: string[] = []
  const unanswered: string[] = []
  const subscriptions = new Subscriptions({ ...PROTOCOL, ...protocol }, clock, (text) => sent.push(text), {
    onRefused: (stream, message) => refused.push(`${stream}: ${message}`),
    onUnanswered: (streams) => unanswered.push(...streams),
  })
  return { clock, sent, refused, unanswered, subscriptions }
}

const set = (text: string) => new Set(text)

it('asks for the difference only, in requests of the size that the venue allows', () => {
  const { subscriptions, sent } = subject()
  subscriptions.want(set('abcdef'))
  expect(sent.splice(0)).toEqual(['+1 a,b,c,d', '+2 e,f'])
  subscriptions.want(set('abxdef'))
  expect(sent.splice(0)).toEqual(['-3 c', '+4 x'])
  subscriptions.want(set('abxdef'))
  expect(sent).toEqual([])
  expect(subscriptions.settled).toBe(false)
  for (let id = 1; id <= 4; id++) subscriptions.acknowledged(id)
  expect(subscriptions.settled).toBe(true)
})

it('keeps to the rate of the venue with pings and pongs counted', async () => {
  const { subscriptions, clock, sent } = subject({ streamsPerRequestMax: 1 })
  subscriptions.want(set('abcdefghij'))
  // One of the five places stays free for a pong.
  expect(sent.length).toBe(4)
  await clock.advance(500)
  subscriptions.countKeepAlive()
  await clock.advance(599)
  expect(sent.length).toBe(4)
  await clock.advance(1)
  expect(sent.length).toBe(7)
  await clock.advance(500)
  expect(sent.length).toBe(8)
  await clock.advance(600)
  expect(sent.length).toBe(10)
})

it('never asks for streams that came and went while requests waited', async () => {
  const { subscriptions, clock, sent } = subject({ streamsPerRequestMax: 1 })
  subscriptions.want(set('abcdef'))
  subscriptions.want(set('abcdx'))
  subscriptions.want(set('abcde'))
  await clock.advance(5_000)
  expect(sent).toEqual(['+1 a', '+2 b', '+3 c', '+4 d', '+5 e'])
})

it('repeats a request that is not answered once, then reports its streams', async () => {
  const { subscriptions, clock, sent, unanswered } = subject()
  subscriptions.want(set('ab'))
  await clock.advance(9_999)
  expect(sent.length).toBe(1)
  await clock.advance(1)
  expect(sent).toEqual(['+1 a,b', '+2 a,b'])
  await clock.advance(10_000)
  expect(unanswered).toEqual(['a', 'b'])
  expect(sent.length).toBe(2)
  expect(subscriptions.settled).toBe(true)
  expect(clock.waiting).toBe(0)
})

it('does not repeat what is no longer wanted', async () => {
  const { subscriptions, clock, sent } = subject()
  subscriptions.want(set('ab'))
  subscriptions.want(set('a'))
  subscriptions.acknowledged(2)
  await clock.advance(10_000)
  expect(sent).toEqual(['+1 a,b', '-2 b', '+3 a'])
})

it('takes an answer that comes late, or twice, for nothing', async () => {
  const { subscriptions, clock, sent } = subject()
  subscriptions.want(set('a'))
  subscriptions.acknowledged(1)
  subscriptions.acknowledged(1)
  expect(subscriptions.refused(99, 'who?')).toBe(false)
  await clock.advance(30_000)
  expect(sent.length).toBe(1)
})

it('halves a refused request until the culprits stand alone, and keeps the others', async () => {
  const bad = set('cg')
  const { subscriptions, clock, sent, refused } = subject({ streamsPerRequestMax: 8 })
  subscriptions.want(set('abcdefgh'))
  for (let at = 0; at < 100; at++) {
    await clock.advance(1_000)
    const text = sent.shift()
    if (text === undefined) break
    const [, id, streams] = /^\+(\d+) (.+)$/.exec(text) ?? []
    const isRefused = streams?.split(',').some((stream) => bad.has(stream)) === true
    if (isRefused) expect(subscriptions.refused(Number(id), 'no \u001b such')).toBe(true)
    else subscriptions.acknowledged(Number(id))
  }
  expect(refused.sort()).toEqual(['c: no \\u001b such', 'g: no \\u001b such'])
  expect(subscriptions.settled).toBe(true)
})

it('takes a refusal without an id for the oldest request', () => {
  const { subscriptions, sent, refused } = subject({ streamsPerRequestMax: 1 })
  subscriptions.want(set('ab'))
  expect(subscriptions.refused(undefined, 'invalid')).toBe(true)
  expect(refused).toEqual(['a: invalid'])
  subscriptions.acknowledged(2)
  expect(sent.length).toBe(2)
  expect(subscriptions.refused(undefined, 'nothing was asked')).toBe(false)
})

it('reports the streams that a refusal names, one answer for each, and keeps the rest', async () => {
  const { subscriptions, clock, sent, refused } = subject()
  subscriptions.want(set('abcd'))
  subscriptions.acknowledged(1)
  expect(subscriptions.refused(1, 'gone', ['b'])).toBe(true)
  expect(subscriptions.refused(undefined, 'gone', ['d'])).toBe(true)
  expect(subscriptions.refused(1, 'gone', ['never asked'])).toBe(false)
  await clock.advance(30_000)
  expect(refused).toEqual(['b: gone', 'd: gone'])
  expect(sent).toEqual(['+1 a,b,c,d'])
})

it('asks again for a refused stream only after it was unwanted', () => {
  const { subscriptions, sent } = subject()
  subscriptions.want(set('a'))
  subscriptions.refused(1, 'no')
  subscriptions.want(set('ab'))
  expect(sent).toEqual(['+1 a', '+2 b'])
  subscriptions.want(set('b'))
  subscriptions.want(set('ab'))
  expect(sent).toEqual(['+1 a', '+2 b', '+3 a'])
})

it('sends nothing and keeps no timer once it is closed', async () => {
  const { subscriptions, clock, sent } = subject({ streamsPerRequestMax: 1 })
  subscriptions.want(set('abcdefgh'))
  subscriptions.close()
  const before = sent.length
  subscriptions.want(set('xyz'))
  await clock.advance(60_000)
  expect(sent.length).toBe(before)
  expect(clock.waiting).toBe(0)
})

it('ends with the venue carrying exactly what was wanted last, within the rate, for any history of wishes', async () => {
  const wishes = fc.array(fc.tuple(fc.subarray('abcdefghijkl'.split('')), fc.nat(2_000)), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(wishes, fc.infiniteStream(fc.boolean()), async (history, lost) => {
      const carried = new Set<string>()
      const times: number[] = []
      const clock = new VirtualClock(0)
      const subscriptions = new Subscriptions(
        { ...PROTOCOL, streamsPerRequestMax: 3 },
        clock,
        (text) => {
          times.push(clock.nowMs())
          const [, sign, id, streams = ''] = /^([+-])(\d+) (.+)$/.exec(text) ?? []
          for (const stream of streams.split(',')) carried[sign === '+' ? 'add' : 'delete'](stream)
          if (!lost.next().value) clock.setTimeout(() => subscriptions.acknowledged(Number(id)), 50)
        },
        { onRefused: () => {}, onUnanswered: () => {} },
      )
      let last: string[] = []
      for (const [wish, pause] of history) {
        subscriptions.want(new Set(wish))
        last = wish
        await clock.advance(pause)
      }
      await clock.advance(60_000)
      expect([...carried].sort()).toEqual([...last].sort())
      for (const at of times) expect(times.filter((t) => t > at - 1_000 && t <= at).length).toBeLessThanOrEqual(4)
    }),
    { numRuns: 40 },
  )
})
