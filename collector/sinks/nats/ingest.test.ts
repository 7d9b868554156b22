import type { Msg } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { type BatchAnswer, Ingest } from './ingest.ts'

const INBOX = '_INBOX.x'

/** A batch of so many messages, as its reply subjects. */
function batch(ingest: Ingest, token: number, count: number): string[] {
  const bytes = Buffer.alloc(1000)
  const places: [number, number][] = []
  ingest.begin(token)
  let at = 0
  for (let i = 0; i < count; i++) {
    const end = ingest.writeReply(bytes, at)
    places.push([at, end])
    at = end
  }
  ingest.end(bytes)
  return places.map(([from, to]) => `${INBOX}.${bytes.toString('latin1', from, to)}`)
}

function answer(ingest: Ingest, subject: string | undefined, body: object | string): BatchAnswer | undefined {
  const json = (): unknown => (typeof body === 'string' ? JSON.parse(body) : body)
  return ingest.read({ subject, json } as unknown as Msg)
}

test('messages are numbered, the first says that it is the first and the last that it is the last', () => {
  const ingest = new Ingest('tag')
  expect(batch(ingest, 5, 3)).toEqual([
    '_INBOX.x.tag-1.500.fail.1.0.$FI',
    '_INBOX.x.tag-1.500.fail.2.1.$FI',
    '_INBOX.x.tag-1.500.fail.3.2.$FI',
  ])
  expect(batch(ingest, 5, 1)).toEqual(['_INBOX.x.tag-2.500.fail.1.2.$FI'])
})

test('each message is said to be stored once, however often and in whatever order answers come', () => {
  const ingest = new Ingest('tag')
  const [first, second] = batch(ingest, 7, 4)
  expect(answer(ingest, first, { type: 'ack', seq: 0 })).toMatchObject({ token: 7, from: 0, to: 0, refused: false })
  expect(answer(ingest, second, { type: 'ack', seq: 2 })).toMatchObject({ from: 0, to: 2, sequence: undefined })
  expect(answer(ingest, second, { type: 'ack', seq: 1 })).toMatchObject({ from: 2, to: 2, refused: false })
  const end = { stream: 'S', seq: 44, batch: 'tag-1', count: 4 }
  expect(answer(ingest, second, end)).toEqual({ token: 7, from: 2, to: 4, sequence: 44, refused: false })
  expect(answer(ingest, second, end)).toBeUndefined()
})

test('a batch that ended early, a gap, an error and what cannot be read are refusals', () => {
  const refusals = [
    { stream: 'S', seq: 44, batch: 'tag-1', count: 2 },
    { type: 'gap', last_seq: 2, seq: 3 },
    { type: 'err', seq: 2, error: { err_code: 10077 } },
    { stream: 'S', seq: 0, error: { err_code: 10208 } },
    'no json',
  ]
  for (const body of refusals) {
    const ingest = new Ingest('tag')
    const [subject] = batch(ingest, 7, 4)
    const to = typeof body === 'object' && 'count' in body ? 2 : 0
    expect(answer(ingest, subject, body)).toEqual({ token: 7, from: 0, to, sequence: undefined, refused: true })
  }
})

test('an answer says nothing of more messages than the batch has, of other batches, and of forgotten ones', () => {
  const ingest = new Ingest('tag')
  const [subject] = batch(ingest, 7, 4)
  expect(answer(ingest, subject, { type: 'ack', seq: 900 })).toMatchObject({ from: 0, to: 4 })
  expect(answer(ingest, '_INBOX.x.tag-9.500.fail.1.0.$FI', { type: 'ack', seq: 4 })).toBeUndefined()
  expect(answer(ingest, '_INBOX.x.odd.$FI', { type: 'ack', seq: 4 })).toBeUndefined()
  ingest.clear()
  expect(answer(ingest, subject, { type: 'ack', seq: 4 })).toBeUndefined()
})
