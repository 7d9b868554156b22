// What of a watch is only an echo of our own writes: every order in which an apply's answer and the watch can come.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { KubeClient } from '../kube/client.ts'
import { DEPLOYMENT, isNewer, type KubeObject } from '../kube/objects.ts'
import { Answers, Echoes } from './echoes.ts'
import { Owned } from './owned.ts'

const OWNER = { apiVersion: 'v1', kind: 'Collector', name: 'majors', uid: 'c', controller: true }

function object(resourceVersion: string, more: Partial<KubeObject['metadata']> = {}): KubeObject {
  const metadata = { name: 'majors-0-a', namespace: 'n', uid: 'u', ownerReferences: [OWNER], resourceVersion, ...more }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata }
}

/** Echoes, and an apply whose answer the test gives. */
function world() {
  const news: string[] = []
  const answers: KubeObject[] = []
  const echoes = new Echoes((key) => news.push(key))
  const open: { answer: (object: KubeObject) => void; fail: (error: Error) => void }[] = []
  const client = {
    apply: () => new Promise((answer, fail) => void open.push({ answer, fail })),
  } as unknown as KubeClient
  const noting = echoes.noting(client, (one) => answers.push(one))
  return {
    news,
    answers,
    /** Begins an apply; the hands end it. */
    begin() {
      const done = noting.apply(DEPLOYMENT, object('')).catch((error: unknown) => error)
      const { answer, fail } = open.shift() as (typeof open)[number]
      return {
        answer: (version: string) => (answer(object(version)), done),
        fail: () => (fail(new Error('away')), done),
      }
    },
    told: (version: string, type: 'changed' | 'deleted' = 'changed') =>
      echoes.isEcho({ type, object: object(version) }, 'n/majors'),
  }
}

test('what an apply answered is an echo once, whether the watch tells it before the answer or after', async () => {
  const { begin, told, news, answers } = world()
  await begin().answer('7')
  expect(told('7')).toBe(true)
  expect(told('7')).toBe(false)
  const second = begin()
  expect(told('9')).toBe(true)
  await second.answer('9')
  expect(news).toEqual([])
  expect(answers.map(({ metadata }) => metadata.resourceVersion)).toEqual(['7', '9'])
})

test('what others changed is news: before, after, and while an apply is under way', async () => {
  const { begin, told, news } = world()
  expect(told('3')).toBe(false)
  const apply = begin()
  // Taken for an echo as long as it might be one.
  expect(told('4')).toBe(true)
  expect(news).toEqual([])
  await apply.answer('5')
  expect(news).toEqual(['n/majors'])
  expect(told('5')).toBe(true)
  expect(told('6')).toBe(false)
})

test('a deletion is news at once, and what is told while an apply fails is news then', async () => {
  const { begin, told, news } = world()
  const apply = begin()
  expect(told('4', 'deleted')).toBe(false)
  expect(told('5')).toBe(true)
  await apply.fail()
  expect(news).toEqual(['n/majors'])
})

test('what was deleted before its apply was answered is not taken to be there', async () => {
  const { begin, told, answers } = world()
  const apply = begin()
  expect(told('4')).toBe(true)
  expect(told('5', 'deleted')).toBe(false)
  await apply.answer('4')
  expect(answers).toEqual([])
})

test('an apply that changed nothing leaves nothing behind that hides a change', async () => {
  const { begin, told } = world()
  await begin().answer('7')
  expect(told('7')).toBe(true)
  // The server answers with the version that it has.
  await begin().answer('7')
  expect(told('8')).toBe(false)
  expect(told('7')).toBe(false)
})

test('whatever the order: each change of others is told, and none of ours, when all has come', async () => {
  const steps = fc.array(fc.constantFrom('begin', 'write', 'answer', 'other', 'tell'), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const { begin, told, news } = world()
      let version = 1
      const stream: { version: string; isOurs: boolean }[] = []
      const running: { end: ReturnType<typeof begin>; version: string | undefined }[] = []
      let othersTold = 0
      let heard = 0
      let last = { isOurs: true }
      const tell = () => {
        const event = stream.shift()
        if (event === undefined) return
        if (!event.isOurs) othersTold += 1
        if (!told(event.version)) {
          expect(event.isOurs).toBe(false)
          heard += 1
        }
        last = event
      }
      const answer = async () => {
        const one = running.shift()
        if (one === undefined) return
        one.version ??= write()
        await one.end.answer(one.version)
      }
      const write = () => {
        version += 1
        stream.push({ version: String(version), isOurs: true })
        return String(version)
      }
      for (const step of plan) {
        if (step === 'begin') running.push({ end: begin(), version: undefined })
        if (step === 'write') for (const one of running.slice(0, 1)) one.version ??= write()
        if (step === 'answer') await answer()
        if (step === 'other') stream.push({ version: String((version += 1)), isOurs: false })
        if (step === 'tell') tell()
      }
      while (running.length > 0) await answer()
      while (stream.length > 0) tell()
      // Several that were held back are one piece of news.
      if (othersTold > 0) expect(heard + news.length).toBeGreaterThan(0)
      else expect(heard + news.length).toBe(0)
      if (!last.isOurs) expect(told(String(version + 1))).toBe(false)
    }),
  )
})

test('what an apply answered counts until the watch has come so far', () => {
  const owned = new Owned()
  const versionNow = () => owned.of('c').get('Deployment/majors-0-a')?.metadata.resourceVersion
  owned.take({ type: 'added', object: object('98') })
  owned.answered(object('101'), 0)
  expect(versionNow()).toBe('101')
  owned.take({ type: 'changed', object: object('99'), old: object('98') })
  expect(versionNow()).toBe('101')
  owned.take({ type: 'changed', object: object('102'), old: object('99') })
  expect(versionNow()).toBe('102')
  owned.answered(object('100'), 0)
  expect(versionNow()).toBe('102')
  // After a restore of etcd.
  owned.take({ type: 'changed', object: object('60'), old: object('102') })
  expect(versionNow()).toBe('60')
  // A list that finds it gone knows only of an older version.
  owned.answered(object('103'), 0)
  owned.take({ type: 'deleted', object: object('102') })
  expect(versionNow()).toBeUndefined()
  // One that was made again is not gone with the old one.
  owned.answered(object('110', { uid: 'v' }), 0)
  owned.take({ type: 'deleted', object: object('104') })
  expect(versionNow()).toBe('110')
})

test('what was made and deleted again while a watch was broken is not taken to be there for ever', () => {
  const owned = new Owned()
  owned.answered(object('101'), 1_000)
  expect(owned.forgetUntold(1_000)).toEqual([])
  expect(owned.forgetUntold(1_001)).toEqual(['n/majors'])
  expect([...owned.of('c')]).toEqual([])
  // What a watch has told stays.
  owned.answered(object('102'), 2_000)
  owned.take({ type: 'added', object: object('102') })
  expect(owned.forgetUntold(9_000)).toEqual([])
  // An apply that changed nothing is answered with what is known.
  owned.answered(object('102'), 3_000)
  expect(owned.forgetUntold(9_000)).toEqual([])
  expect(owned.of('c').size).toBe(1)
})

test("a Collector's status is as it was answered until the cache is newer, of the same Collector only", () => {
  const answers = new Answers()
  const versionOf = (cached: KubeObject | undefined) => answers.newest(cached)?.metadata.resourceVersion
  answers.answered(object('11'))
  expect([versionOf(undefined), versionOf(object('9')), versionOf(object('12'))]).toEqual([undefined, '11', '12'])
  expect(versionOf(object('10', { uid: 'another' }))).toBe('10')
  answers.take({ type: 'changed', object: object('9') })
  expect(versionOf(object('9'))).toBe('11')
  answers.take({ type: 'changed', object: object('11') })
  expect(versionOf(object('9'))).toBe('9')
})

test('versions are numbers, however long', () => {
  expect([isNewer('10', '9'), isNewer('9', '10'), isNewer('7', '7'), isNewer('1', '')]).toEqual([
    true,
    false,
    false,
    true,
  ])
})
