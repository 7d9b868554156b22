import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Group, SessionPool, type Wanted, allocate } from './pool.ts'

const wanted = (streams: Record<string, string>): Wanted =>
  new Map(Object.entries(streams).map(([url, letters]) => [url, new Set(letters)]))

const shown = (groups: readonly Group[]) =>
  groups.map(({ id, url, streams }) => `${id} ${url} ${[...streams].join('')}`)

it('fills free places first, and leaves every stream that stays where it is', () => {
  const first = allocate([], wanted({ u: 'abcdefg' }), 3)
  expect(shown(first)).toEqual(['1 u abc', '2 u def', '3 u g'])
  const fewer = allocate(first, wanted({ u: 'acdfg' }), 3)
  expect(shown(fewer)).toEqual(['1 u ac', '2 u df', '3 u g'])
  const more = allocate(fewer, wanted({ u: 'acdfgvwxyz' }), 3)
  expect(shown(more)).toEqual(['1 u acv', '2 u dfw', '3 u gxy', '4 u z'])
})

it('keeps the URLs apart and drops groups that carry nothing', () => {
  const first = allocate([], wanted({ u: 'ab', v: 'ab' }), 3)
  expect(shown(first)).toEqual(['1 u ab', '2 v ab'])
  expect(shown(allocate(first, wanted({ u: '', v: 'b', w: 'c' }), 3))).toEqual(['2 v b', '3 w c'])
})

it('carries every stream once, within the limit, and moves nothing, for any history', () => {
  const streams = fc.subarray('abcdefghij'.split(''))
  const wish = fc.record({ u: streams, v: streams })
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 8 }), fc.integer({ min: 1, max: 4 }), (history, max) => {
      let groups: Group[] = []
      for (const { u, v } of history) {
        const next = allocate(groups, wanted({ u: u.join(''), v: v.join('') }), max)
        const places = (of: Group[]) => of.flatMap((g) => [...g.streams].map((s) => [`${g.url} ${s}`, g.id] as const))
        expect(
          places(next)
            .map(([stream]) => stream)
            .sort(),
        ).toEqual([...u.map((s) => `u ${s}`), ...v.map((s) => `v ${s}`)].sort())
        const before = new Map(places(groups))
        for (const [stream, id] of places(next)) expect(before.get(stream) ?? id).toBe(id)
        for (const group of next) expect(group.streams.size).toBeLessThanOrEqual(max)
        expect(new Set(next.map((group) => group.id)).size).toBe(next.length)
        groups = next
      }
    }),
  )
})

it('opens, changes and closes sessions to match, and finds the one that carries a stream', () => {
  const log: string[] = []
  let made = 0
  const pool = new SessionPool(2, (url) => {
    const name = `${url}${++made}`
    log.push(`open ${name}`)
    return {
      want: (streams: ReadonlySet<string>) => log.push(`${name} wants ${[...streams].join('')}`),
      resubscribe: (stream: string, socketId?: number) => log.push(`${name} renews ${stream} on ${socketId}`) > 0,
      close: () => log.push(`close ${name}`),
    }
  })
  pool.want(wanted({ u: 'abc' }))
  expect(log.splice(0)).toEqual(['open u1', 'u1 wants ab', 'open u2', 'u2 wants c'])
  pool.want(wanted({ u: 'ab', v: 'x' }))
  expect(log.splice(0)).toEqual(['close u2', 'u1 wants ab', 'open v3', 'v3 wants x'])
  expect(pool.sessions.length).toBe(2)
  expect([pool.resubscribe('v', 'x', 7), pool.resubscribe('u', 'x'), pool.resubscribe('w', 'a')]).toEqual([
    true,
    false,
    false,
  ])
  expect(log.splice(0)).toEqual(['v3 renews x on 7'])
  pool.close()
  expect(log).toEqual(['close u1', 'close v3'])
})
