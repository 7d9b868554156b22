// The next release with collectors running, and the end: of a Collector, and of the chart.
import { beforeAll, expect } from 'vitest'
import { PREFIX, STREAM } from '../../hack/demo/objects.ts'
import { installChart, SYSTEM, uninstallChart } from '../../hack/deploy.ts'
import { EXCHANGES, everythingOf } from './objects.ts'
import { step, wholeStep } from './step.ts'
import { apply, cluster, countOf, kubectl, lives, pods, podsOf, settled, tags, until } from './world.ts'

const NEXT = '-next'
const [STAYS = '', GOES = ''] = EXCHANGES
const KINDS = 'deployments,replicasets,pods,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets'

beforeAll(async () => {
  await apply(...(await Promise.all([STAYS, GOES].map(everythingOf))))
  await Promise.all([STAYS, GOES].map((name) => settled(name, 90)))
})

function all() {
  return pods('app.kubernetes.io/name=marketprism')
}

step('an upgrade of the operator starts no collector anew', 150, async () => {
  const before = lives(await all())
  await installChart(cluster, { ...tags, operator: `${tags.operator}${NEXT}` })
  await until('only the next operators are left', 60, async () => {
    const operators = await pods('app.kubernetes.io/name=marketprism-operator', SYSTEM)
    return operators.length === 2 && operators.every(({ image, isReady }) => isReady && image.endsWith(NEXT))
  })
  // A change that a leader of the new release must have seen.
  await kubectl('annotate', 'collector', STAYS, 'e2e=upgraded', '--overwrite')
  await kubectl('delete', 'service', STAYS)
  await until('the next operator is at work', 60, () => kubectl('get', 'service', STAYS))
  expect(lives(await all())).toEqual(before)
})

wholeStep('an upgrade of the collector image rolls collectors one by one', 240, async () => {
  await installChart(cluster, { operator: `${tags.operator}${NEXT}`, collector: `${tags.collector}${NEXT}` })
  const before = await countOf(STREAM, `${PREFIX}.trade.${STAYS}.>`)
  await until('every collector is of the next release', 150, async () => {
    const now = await all()
    return now.every(({ image, isReady }) => isReady && image.endsWith(NEXT))
  })
  await Promise.all([STAYS, GOES].map((name) => settled(name, 60)))
  expect(await countOf(STREAM, `${PREFIX}.trade.${STAYS}.>`)).toBeGreaterThan(before)
})

step('a Collector that is deleted goes with all that was made for it', 90, async () => {
  const selector = `app.kubernetes.io/instance=${GOES}`
  const listed = async (): Promise<string[]> => {
    return (await kubectl('get', KINDS, '--selector', selector, '-o', 'name')).split('\n').filter(Boolean)
  }
  const others = lives((await all()).filter(({ labels }) => labels['app.kubernetes.io/instance'] !== GOES))
  const made = (await listed()).map((name) => name.split('/')[0])
  expect(new Set(made).size).toBeGreaterThanOrEqual(KINDS.split(',').length - 1)
  await kubectl('delete', 'collector', GOES, '--timeout=30s')
  await until('nothing is left of it', 60, async () => (await listed()).length === 0, listed)
  expect(lives(await all())).toEqual(others)
})

step('an uninstall of the chart keeps the API, the Collectors, and what they collect', 120, async () => {
  const before = lives(await all())
  expect(before.length).toBeGreaterThan(0)
  await uninstallChart(cluster)
  await until('the operators are gone', 45, async () => {
    return (await pods('app.kubernetes.io/name=marketprism-operator', SYSTEM)).length === 0
  })
  expect(await cluster.kubectl(['get', 'crd', 'collectors.marketprism.io', '-o', 'name'])).toContain('collectors')
  expect(await kubectl('get', 'collectors', '-o', 'name')).toContain(STAYS)
  const count = await countOf(STREAM, `${PREFIX}.*.${STAYS}.>`)
  await until('data still arrives', 30, async () => (await countOf(STREAM, `${PREFIX}.*.${STAYS}.>`)) > count)
  expect(lives(await all())).toEqual(before)
})

wholeStep('the chart installs again and takes up what runs', 120, async () => {
  const before = lives(await all())
  await installChart(cluster, { operator: `${tags.operator}${NEXT}`, collector: `${tags.collector}${NEXT}` })
  await kubectl('delete', 'service', STAYS)
  await until('the operator is at work', 60, () => kubectl('get', 'service', STAYS))
  await settled(STAYS, 45)
  expect(lives(await all())).toEqual(before)
  expect((await podsOf(STAYS)).length).toBeGreaterThan(0)
})
