// What breaks and mends, and what breaks outside and is left alone: a stuck process, an exchange that is down for all, NATS
// that does not answer, an API server that is away. The figure heal.seconds.
import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, expect } from 'vitest'
import { parseDuration } from '../../crds/duration.ts'
import { PREFIX, simulatedName, STREAM } from '../../hack/demo/objects.ts'
import { SYSTEM } from '../../hack/deploy.ts'
import { figure } from './figures.ts'
import { audited, losses } from './judge.ts'
import { controlPlane, noNodes, onNode, signal } from './nodes.ts'
import { everythingOf } from './objects.ts'
import { step, wholeStep } from './step.ts'
import {
  apply,
  cluster,
  condition,
  countOf,
  get,
  kubectl,
  lives,
  merge,
  pods,
  podsOf,
  settled,
  until,
} from './world.ts'

const EXCHANGE = 'okx'
/** Pushed only, and not fetched afterwards: new ones are live data. */
const LIVE = `${PREFIX}.ticker.${EXCHANGE}.>`
const HEAL_SECONDS_MAX = 60
const AWAY_MS = parseDuration(process.env['E2E_API_AWAY'] ?? '30s')

beforeAll(async () => {
  await apply(await everythingOf(EXCHANGE))
  await settled(EXCHANGE, 90)
})

/** Pods of every Collector. */
function all() {
  return pods('app.kubernetes.io/name=marketprism')
}

step('a stuck collector is live again in less than a minute', 150, async (context) => {
  if (noNodes !== undefined) context.skip(noNodes)
  const [pod] = await podsOf(EXCHANGE)
  if (pod === undefined) throw new Error('there is no pod')
  await signal(pod, 'STOP')
  const atMs = performance.now()
  let count = -1
  await until('nothing arrives any more', 10, async () => {
    const before = count
    count = await countOf(STREAM, LIVE)
    return count === before
  })
  await until('data arrives again', 2 * HEAL_SECONDS_MAX, async () => (await countOf(STREAM, LIVE)) > count)
  const seconds = (performance.now() - atMs) / 1000
  const [after] = await podsOf(EXCHANGE)
  figure('heal.seconds', Number(seconds.toFixed(1)), { by: after?.uid === pod.uid ? 'the kubelet' : 'the operator' })
  expect(seconds).toBeLessThan(HEAL_SECONDS_MAX)
  await settled(EXCHANGE, 30)
})

step('an exchange that is down for all: no pod is replaced, and the status says why', 240, async () => {
  const before = lives(await all())
  await kubectl('scale', 'deployment', simulatedName(EXCHANGE), '--replicas=0')
  try {
    const said = await until(
      'the condition Degraded says it',
      150,
      async () => {
        const found = await condition(EXCHANGE, 'Degraded')
        return found?.message.includes(`Down at the exchange, for all pods that collect it: ${EXCHANGE}`) && found
      },
      () => get('collector', EXCHANGE),
    )
    expect(said.status).toBe('True')
    // Shards, channels, live, and some that are stale.
    expect(await kubectl('get', 'collectors')).toMatch(new RegExp(`^${EXCHANGE} +\\w+ +1 +\\d+ +\\d+ +[1-9]`, 'm'))
  } finally {
    await kubectl('scale', 'deployment', simulatedName(EXCHANGE), '--replicas=1')
  }
  const count = await countOf(STREAM, LIVE)
  await until('data arrives again', 75, async () => (await countOf(STREAM, LIVE)) > count)
  // What is asked for every five minutes stays stale until it was asked for again.
  await until('the exchange is no longer said to be down', 60, async () => {
    return (await condition(EXCHANGE, 'Degraded'))?.message.includes('Down at the exchange') === false
  })
  expect(lives(await all())).toEqual(before)
})

wholeStep(
  'NATS does not answer: no pod is replaced, the status says why, and nothing is lost in silence',
  240,
  async (context) => {
    if (noNodes !== undefined) context.skip(noNodes)
    const [before, since] = [lives(await all()), new Date().toISOString()]
    const [nats] = await pods('app.kubernetes.io/name=nats')
    if (nats === undefined) throw new Error('NATS has no pod')
    await signal(nats, 'STOP')
    try {
      const said = await until(
        'the condition Degraded says it',
        120,
        async () => {
          const found = await condition(EXCHANGE, 'Degraded')
          return found?.message.includes('The sink (nats) takes nothing') && found
        },
        () => get('collector', EXCHANGE),
      )
      expect(said.status).toBe('True')
      await until('the pods are not ready', 60, async () => (await podsOf(EXCHANGE)).every(({ isReady }) => !isReady))
    } finally {
      await signal(nats, 'CONT')
    }
    await until('every pod is ready again', 75, async () => (await all()).every(({ isReady }) => isReady))
    await settled(EXCHANGE, 60)
    expect(lives(await all())).toEqual(before)
    const { unannounced, findings } = losses(await audited(STREAM, '--since', since))
    expect({ unannounced, findings }).toEqual({ unannounced: 0, findings: [] })
  },
)

wholeStep(
  'the API server is away: no pod is started anew, and what was changed meanwhile comes about',
  120 + (2 * AWAY_MS) / 1000,
  async (context) => {
    if (noNodes !== undefined) context.skip(noNodes)
    const [before, operators] = [lives(await all()), await pods('app.kubernetes.io/name=marketprism-operator', SYSTEM)]
    const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml'
    await onNode(controlPlane(), 'mv', manifest, '/etc/kubernetes/kube-apiserver.away')
    try {
      await until('the API server is away', 60, async () => !(await answers()))
      // The subject of this step is time that passes.
      await pause(AWAY_MS)
    } finally {
      await onNode(controlPlane(), 'mv', '/etc/kubernetes/kube-apiserver.away', manifest)
    }
    await until('the API server is back', 90, answers)
    await merge('collector', EXCHANGE, { spec: { monitoring: { alerts: { labels: { e2e: 'back' } } } } })
    await until('what is wanted is applied again', 90, async () => {
      const found = await get('collector', EXCHANGE)
      return found?.status?.['observedGeneration'] === found?.metadata.generation
    })
    await settled(EXCHANGE, 60)
    expect(lives(await all())).toEqual(before)
    const now = await pods('app.kubernetes.io/name=marketprism-operator', SYSTEM)
    expect(now.map(({ uid }) => uid)).toEqual(operators.map(({ uid }) => uid))
  },
)

function answers(): Promise<boolean> {
  return cluster.kubectl(['get', '--raw', '/readyz', '--request-timeout=3s']).then(
    () => true,
    () => false,
  )
}
