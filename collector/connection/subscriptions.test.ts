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
  requests: [{ max: 5, windowMs: 1_000 }],
  keepAlivesCount: true,
  lifeMs: Infinity,
}

/** 480 an hour, pings not counted. */
const PER_HOUR = { requests: [{ max: 480, windowMs: 3_600_000 }], keepAlivesCount: false }

function subject(protocol: Partial<Protocol> = {}) {
  const clock = new VirtualClock(0)
  const sent: string[] = []
  const refused: string[] = []
  const unanswered: string[] = []
  const accepted: string[] = []
  const later: string[] = []
  const subscriptions = new Subscriptions({ ...PROTOCOL, ...protocol }, clock, (text) => sent.push(text), {
    onRefused: (stream, message) => refused.push(`${stream}: ${message}`),
    onDivided: () => {},
    onUnanswered: (streams) => unanswered.push(...streams),
    onAccepted: (stream) => accepted.push(stream),
    onLater: (message, waitMs) => later.push(`${waitMs}: ${message}`),
  })
  return { clock, sent, refused, unanswered, accepted, later, subscriptions }
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
  for (let id = 1; id <= 4; id++) subscriptions.acknowledged({ kind: 'ack', id: id })
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
  subscriptions.acknowledged({ kind: 'ack', id: 2 })
  await clock.advance(10_000)
  expect(sent).toEqual(['+1 a,b', '-2 b', '+3 a'])
})

it('takes an answer that comes late, or twice, for nothing', async () => {
  const { subscriptions, clock, sent } = subject()
  subscriptions.want(set('a'))
  subscriptions.acknowledged({ kind: 'ack', id: 1 })
  subscriptions.acknowledged({ kind: 'ack', id: 1 })
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
    else subscriptions.acknowledged({ kind: 'ack', id: Number(id) })
  }
  expect(refused.sort()).toEqual(['c: no \\u001b such', 'g: no \\u001b such'])
  expect(subscriptions.settled).toBe(true)
})

it('takes a refusal without an id for the oldest request', () => {
  const { subscriptions, sent, refused } = subject({ streamsPerRequestMax: 1 })
  subscriptions.want(set('ab'))
  expect(subscriptions.refused(undefined, 'invalid')).toBe(true)
  expect(refused).toEqual(['a: invalid'])
  subscriptions.acknowledged({ kind: 'ack', id: 2 })
  expect(sent.length).toBe(2)
  expect(subscriptions.refused(undefined, 'nothing was asked')).toBe(false)
})

it('reports the streams that a refusal names, one answer for each, and keeps the rest', async () => {
  const { subscriptions, clock, sent, refused } = subject()
  subscriptions.want(set('abcd'))
  subscriptions.acknowledged({ kind: 'ack', id: 1 })
  expect(subscriptions.refused(1, 'gone', ['b'])).toBe(true)
  expect(subscriptions.refused(undefined, 'gone', ['d'])).toBe(true)
  expect(subscriptions.refused(1, 'gone', ['never asked'])).toBe(false)
  await clock.advance(30_000)
  expect(refused).toEqual(['b: gone', 'd: gone'])
  expect(sent).toEqual(['+1 a,b,c,d'])
})

it('asks for a refused stream again at once when it was unwanted meanwhile', () => {
  const { subscriptions, sent, refused } = subject()
  subscriptions.want(set('a'))
  subscriptions.refused(1, 'no')
  subscriptions.want(set('ab'))
  expect(sent).toEqual(['+1 a', '+2 b'])
  subscriptions.want(set('b'))
  subscriptions.want(set('ab'))
  expect(sent).toEqual(['+1 a', '+2 b', '+3 a'])
  subscriptions.refused(3, 'still no')
  expect(refused).toEqual(['a: no', 'a: still no'])
})

it('takes a refusal that names only what nobody asked for as no answer', () => {
  const { subscriptions, refused } = subject()
  subscriptions.want(set('a'))
  expect(subscriptions.refused(undefined, 'no such', ['x'])).toBe(false)
  expect([refused, subscriptions.settled]).toEqual([[], false])
})

it('C033: takes each argument for accepted or refused by itself, answered without an id and in any order', async () => {
  const { subscriptions, clock, sent, accepted, refused } = subject(PER_HOUR)
  subscriptions.want(new Set(['books X', 'candle X', 'trades FTM', 'trades X']))
  subscriptions.acknowledged({ kind: 'ack', streams: ['books X'] })
  expect(accepted).toEqual(['books X'])
  expect(subscriptions.refused(undefined, '60018 candle', ['candle X'])).toBe(true)
  expect(subscriptions.refused(undefined, '60018 trades', ['trades FTM'])).toBe(true)
  expect(subscriptions.settled).toBe(false)
  subscriptions.acknowledged({ kind: 'ack', streams: ['trades X'] })
  expect(subscriptions.settled).toBe(true)
  expect([accepted, refused]).toEqual([
    ['books X', 'trades X'],
    ['candle X: 60018 candle', 'trades FTM: 60018 trades'],
  ])
  expect(sent.length).toBe(1)
  await clock.advance(30_000)
  expect(sent.length).toBe(1)
})

it('C033: tries refused streams again, together, less and less often, and says so once', async () => {
  const { subscriptions, clock, sent, refused } = subject(PER_HOUR)
  const sentMs: number[] = []
  subscriptions.want(set('abcd'))
  const refuse = (): void => {
    for (const stream of 'bd') subscriptions.refused(undefined, 'no such', [stream])
  }
  subscriptions.acknowledged({ kind: 'ack', streams: ['a', 'c'] })
  refuse()
  sent.length = 0
  for (let minute = 1; minute <= 24 * 60; minute++) {
    await clock.advance(60_000)
    if (sent.length > sentMs.length) sentMs.push(minute)
    refuse()
  }
  expect(sentMs.slice(0, 9)).toEqual([1, 3, 7, 15, 31, 63, 123, 183, 243])
  expect(sent.length).toBe(6 + 22)
  expect(new Set(sent.map((text) => text.split(' ')[1]))).toEqual(new Set(['b,d']))
  expect(refused).toEqual(['b: no such', 'd: no such'])
})

it('tells that a stream is accepted which was refused before, and tells of a new refusal anew', async () => {
  const { subscriptions, clock, sent, accepted, refused } = subject()
  subscriptions.want(set('a'))
  subscriptions.refused(1, 'not yet')
  await clock.advance(60_000)
  subscriptions.acknowledged({ kind: 'ack', id: 2 })
  await clock.advance(3 * 3_600_000)
  expect([sent, accepted, refused]).toEqual([['+1 a', '+2 a'], ['a'], ['a: not yet']])
  expect(subscriptions.refused(undefined, 'gone', ['a'])).toBe(true)
  expect(refused).toEqual(['a: not yet', 'a: gone'])
  await clock.advance(60_000)
  expect(sent).toEqual(['+1 a', '+2 a', '+3 a'])
})

it('asks again only for those of a request that were not answered', async () => {
  const { subscriptions, clock, sent, unanswered } = subject()
  subscriptions.want(set('abcd'))
  subscriptions.acknowledged({ kind: 'ack', id: 1, streams: ['c', 'a'] })
  await clock.advance(10_000)
  expect(sent).toEqual(['+1 a,b,c,d', '+2 b,d'])
  // An answer to the first request after all.
  subscriptions.acknowledged({ kind: 'ack', streams: ['b'] })
  await clock.advance(10_000)
  expect(unanswered).toEqual(['d'])
})

it('takes acknowledgements that are repeated, foreign or of the other kind for nothing', () => {
  const { subscriptions, sent, accepted } = subject()
  subscriptions.want(set('ab'))
  for (let i = 0; i < 3; i++) subscriptions.acknowledged({ kind: 'ack', streams: ['a', 'x'], to: 'subscribe' })
  expect(new Set(accepted)).toEqual(set('a'))
  subscriptions.want(set('b'))
  subscriptions.acknowledged({ kind: 'ack', streams: ['a'], to: 'subscribe' })
  subscriptions.acknowledged({ kind: 'ack', streams: ['b'], to: 'subscribe' })
  expect([sent, subscriptions.settled]).toEqual([['+1 a,b', '-2 a'], false])
  subscriptions.acknowledged({ kind: 'ack', streams: ['a'], to: 'unsubscribe' })
  expect([new Set(accepted), subscriptions.settled]).toEqual([set('ab'), true])
})

it('takes what is missing from the list of the accepted for refused', () => {
  const { subscriptions, accepted, refused } = subject()
  subscriptions.want(set('abcd'))
  subscriptions.acknowledged({ kind: 'ack', id: 1, accepted: ['d', 'a', 'never asked'] })
  expect(accepted).toEqual(['a', 'd'])
  const why = 'not among the streams that the venue accepted'
  expect(refused).toEqual([`b: ${why}`, `c: ${why}`])
  subscriptions.want(set('a'))
  subscriptions.acknowledged({ kind: 'ack', id: 2, accepted: [] })
  expect([refused.length, subscriptions.settled]).toEqual([2, true])
})

it('asks the same again when the venue puts it off, with growing waits in which nothing is asked', async () => {
  const { subscriptions, clock, sent, later, refused } = subject()
  subscriptions.want(set('ab'))
  expect(subscriptions.later(1, 'too_many\u0007')).toBe(true)
  subscriptions.want(set('abc'))
  await clock.advance(999)
  expect(sent).toEqual(['+1 a,b'])
  await clock.advance(1)
  expect(sent).toEqual(['+1 a,b', '+2 a,b', '+3 c'])
  expect(subscriptions.later(undefined, 'busy')).toBe(true)
  await clock.advance(2_000)
  expect(sent.slice(3)).toEqual(['+4 a,b'])
  subscriptions.acknowledged({ kind: 'ack', id: 3 })
  expect(subscriptions.later(4, 'busy')).toBe(true)
  expect(later).toEqual(['1000: too_many\\u0007', '2000: busy', '1000: busy'])
  expect([subscriptions.later(99, 'who?'), refused]).toEqual([false, []])
})

it('keeps to several windows at once, and leaves out pings where the venue does', async () => {
  const requests = [
    { max: 3, windowMs: 1_000 },
    { max: 5, windowMs: 60_000 },
  ]
  const { subscriptions, clock, sent } = subject({ requests, keepAlivesCount: false, streamsPerRequestMax: 1 })
  for (let i = 0; i < 10; i++) subscriptions.countKeepAlive()
  subscriptions.say('hello')
  subscriptions.want(set('abcdefg'))
  expect(sent.length).toBe(1 + 3)
  await clock.advance(1_100)
  expect(sent.length).toBe(1 + 5)
  for (let id = 1; id <= 5; id++) subscriptions.acknowledged({ kind: 'ack', id })
  await clock.advance(58_999)
  expect(sent.length).toBe(1 + 5)
  await clock.advance(1)
  expect(sent.length).toBe(1 + 7)
})

it('sends a text that the venue waits for at once, and counts it where the venue does', async () => {
  const { subscriptions, clock, sent } = subject({ streamsPerRequestMax: 1 })
  subscriptions.want(set('abcdef'))
  subscriptions.say('here')
  expect(sent.slice(4)).toEqual(['here'])
  await clock.advance(1_100)
  expect(sent.slice(5)).toEqual(['+5 e', '+6 f'])
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
          if (!lost.next().value)
            clock.setTimeout(() => subscriptions.acknowledged({ kind: 'ack', id: Number(id) }), 50)
        },
        { onRefused: () => {}, onDivided: () => {}, onUnanswered: () => {}, onAccepted: () => {}, onLater: () => {} },
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
