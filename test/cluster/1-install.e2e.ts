// The chart, the API and what stands around: all that there is before the first Collector.
import { expect } from 'vitest'
import { checkCollector } from '../../crds/faults.ts'
import { NAMESPACE } from '../../hack/demo/objects.ts'
import { installChart, SYSTEM, uninstallChart } from '../../hack/deploy.ts'
import { BROKEN } from '../support/manifests.ts'
import { EXCHANGES, installExchange, installNats, simulationOf } from './objects.ts'
import { step } from './step.ts'
import { apply, cluster, kubectl, pods, refused, tags, until } from './world.ts'

const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' }

step('what an earlier run left is taken away', 180, async () => {
  await uninstallChart(cluster)
  await cluster.kubectl(['delete', 'namespace', NAMESPACE, SYSTEM, '--ignore-not-found', '--timeout=150s'])
})

step('the chart installs where only restricted pods are admitted, and two operators are ready', 120, async () => {
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM, labels: RESTRICTED } })
  await installChart(cluster, tags)
  const operators = await pods('app.kubernetes.io/name=marketprism-operator', SYSTEM)
  expect(operators.map(({ isReady, image }) => [isReady, image.endsWith(tags.operator)])).toEqual([
    [true, true],
    [true, true],
  ])
})

step('NATS and a simulation of every exchange run', 180, async () => {
  await installNats()
  await Promise.all(EXCHANGES.map((exchange) => installExchange(exchange, simulationOf(exchange))))
  const spec = { containers: [{ name: 'root', image: tags.exchange, securityContext: { privileged: true } }] }
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'root', namespace: NAMESPACE }, spec }
  expect(await refused(['apply', '--dry-run=server', '-f', '-'], JSON.stringify(pod))).toContain('restricted')
})

step('kubectl explain reads well', 30, async () => {
  const text = await until('the API is known', 20, () => cluster.kubectl(['explain', 'collector.spec.feeds']))
  expect(text).toMatch(/KIND:\s+Collector/)
  expect(text).toMatch(/FIELD: feeds <\[\]Object>/)
  for (const field of ['exchange', 'market', 'symbols', 'types', 'endpoints', 'proxy']) {
    expect(text, field).toMatch(new RegExp(`^  ${field}\\t<`, 'm'))
  }
  expect(text).toContain('What is collected.')
})

step('a wrong manifest is refused by the API server with a sentence that says what to write', 60, async () => {
  for (const [what, manifest] of BROKEN) {
    // Suggestions are beyond the API server's expressions.
    const fault = checkCollector(manifest).faults[0]?.says.replace(/ Did you mean .*$/, '') ?? 'no fault'
    const said = await refused(['create', '--dry-run=server', '-f', '-'], JSON.stringify(manifest))
    expect(said, what).toContain(fault)
  }
  const typo = { ...BROKEN[0]?.[1], metadata: { name: 'typo' }, spec: { feed: [] } }
  expect(await refused(['create', '--dry-run=server', '-f', '-'], JSON.stringify(typo))).toMatch(
    /unknown field "spec.feed"/,
  )
  expect(await kubectl('get', 'collectors', '-o', 'name')).toBe('')
})
