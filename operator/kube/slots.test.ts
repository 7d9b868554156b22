import { expect, test } from 'vitest'
import { slots } from './slots.ts'

test('those that can wait let others go first, also later ones, but every tenth turn is theirs', async () => {
  const room = slots(1)
  let leave = await room.take()
  const order: string[] = []
  const come = (name: string, canWait: boolean) =>
    void room.take(undefined, canWait).then((next) => {
      order.push(name)
      leave = next
    })
  for (let index = 0; index < 3; index += 1) come(`event-${index}`, true)
  for (let index = 0; index < 12; index += 1) come(`object-${index}`, false)
  expect(room.waiting).toBe(15)
  while (order.length < 15) {
    leave()
    await new Promise(setImmediate)
  }
  expect(order.indexOf('event-0')).toBe(9)
  expect(order.slice(13)).toEqual(['event-1', 'event-2'])
  leave()
  expect([room.taken, room.waiting]).toEqual([0, 0])
})

test('whoever gives up leaves the line, and takes nothing', async () => {
  const room = slots(1)
  const leave = await room.take()
  const giving = new AbortController()
  const given = room.take(giving.signal, true).catch((error: unknown) => error)
  giving.abort(new Error('given up'))
  expect(await given).toMatchObject({ message: 'given up' })
  expect(room.waiting).toBe(0)
  leave()
  expect(room.taken).toBe(0)
})
