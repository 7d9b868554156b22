import { expect, test } from 'vitest'
import { desiredOf } from '../../test/support/desired.ts'
import type { KubeObject } from '../kube/objects.ts'
import { monitoringOf } from './index.ts'
import { type PrometheusSeen, type Readers, selects, type SidecarSeen } from './selected.ts'

const ALL = {}
/** As C002 has it. */
const KPS: PrometheusSeen = {
  namespace: 'monitoring',
  name: 'k8s',
  ruleSelector: { matchLabels: { release: 'kps' } },
  ruleNamespaceSelector: ALL,
  podMonitorSelector: { matchLabels: { release: 'kps' } },
  podMonitorNamespaceSelector: ALL,
}
const SIDECAR: SidecarSeen = {
  namespace: 'monitoring',
  pod: 'grafana-0',
  label: 'grafana_dashboard',
  value: '1',
  namespaces: undefined,
}
const WELL: Readers = { prometheuses: [KPS], namespaces: new Map(), sidecars: [SIDECAR] }

function conditionOf(readers: Readers | undefined, monitoring: object = {}, grafanaDashboard = false) {
  const apis = { podMonitor: true, prometheusRule: true, alertmanagerConfig: true, grafanaDashboard }
  return monitoringOf(desiredOf({ monitoring }, { apis, ...(readers === undefined ? {} : { readers }) })).condition
}
const labelled = { alerts: { labels: { release: 'kps' } } }

test('C002: rules that no Prometheus selects are said, with the label that it wants and where to write it', () => {
  const { status, reason, message } = conditionOf(WELL)
  expect([status, reason]).toEqual(['False', 'NotSelected'])
  expect(message).toContain('No Prometheus selects these rules: monitoring/k8s wants the label release=kps')
  expect(message).toContain('No Prometheus selects this PodMonitor')
  expect(message).toContain('write it into spec.monitoring.alerts.labels')
  expect(conditionOf(WELL, labelled)).toEqual({
    status: 'True',
    reason: 'Created',
    message: 'The objects are created. Not verified: whether a Prometheus has loaded the rules.',
  })
})

test('C002: what may not be looked at is not checked, and no fault', () => {
  for (const readers of [undefined, { prometheuses: undefined, namespaces: new Map(), sidecars: undefined }]) {
    const { status, message } = conditionOf(readers)
    expect(status).toBe('True')
    expect(message).toMatch(/Not checked: whether a Prometheus selects them.*Not checked: whether a Grafana/)
  }
})

test('where there is no Prometheus object and no sidecar, that is said, and something else may read', () => {
  const { status, message } = conditionOf({ prometheuses: [], namespaces: new Map(), sidecars: [] })
  expect(status).toBe('True')
  expect(message).toContain('No Prometheus of the Prometheus Operator is there')
  expect(message).toContain('No sidecar of a Grafana is there')
  expect(conditionOf({ ...WELL, sidecars: [] }, labelled, true).message).not.toContain('sidecar')
})

test('a Prometheus looks into namespaces: its own, those with labels, or all', () => {
  const of = (ruleNamespaceSelector: PrometheusSeen['ruleNamespaceSelector'], namespaces = new Map()) =>
    conditionOf(
      {
        ...WELL,
        prometheuses: [{ ...KPS, ruleNamespaceSelector, podMonitorNamespaceSelector: ALL }],
        namespaces,
      },
      labelled,
    )
  expect(of(undefined).message).toContain('monitoring/k8s does not look into namespace desk-a')
  const narrow = { matchLabels: { team: 'quants' } }
  expect(of(narrow)).toMatchObject({ status: 'False', reason: 'NotSelected' })
  expect(of(narrow, new Map([['desk-a', { team: 'quants' }]]))).toMatchObject({ status: 'True' })
  const own = { ...KPS, namespace: 'desk-a', ruleNamespaceSelector: undefined, podMonitorNamespaceSelector: undefined }
  expect(conditionOf({ ...WELL, prometheuses: [KPS, own] }, labelled).status).toBe('True')
  const none = { ...KPS, ruleSelector: undefined }
  expect(conditionOf({ ...WELL, prometheuses: [none] }, labelled).message).toContain('has no selector for them')
})

test('a sidecar that wants another label, or looks elsewhere, is said', () => {
  const of = (sidecar: Partial<SidecarSeen>, dashboards: object = {}) =>
    conditionOf({ ...WELL, sidecars: [{ ...SIDECAR, ...sidecar }] }, { ...labelled, dashboards })
  expect(of({ value: undefined }).status).toBe('True')
  expect(of({ label: 'team_dashboard', value: 'yes' }).message).toContain(
    'the sidecar of monitoring/grafana-0 wants the label team_dashboard=yes; write it into spec.monitoring.dashboards.labels',
  )
  expect(of({ label: 'team_dashboard', value: 'yes' }, { labels: { team_dashboard: 'yes' } }).status).toBe('True')
  expect(of({ namespaces: ['monitoring'] }).message).toContain('does not look into namespace desk-a')
  expect(of({ namespaces: ['monitoring', 'desk-a'] }).status).toBe('True')
})

test('label selectors match as those of Kubernetes do', () => {
  const labels = { app: 'a', tier: 'x' }
  const by = (key: string, operator: string, ...values: string[]) =>
    selects({ matchExpressions: [{ key, operator, values }] }, labels)
  expect([selects(undefined, labels), selects({}, labels)]).toEqual([false, true])
  expect([by('app', 'In', 'a', 'b'), by('app', 'In', 'b'), by('no', 'In', 'a')]).toEqual([true, false, false])
  expect([by('app', 'NotIn', 'b'), by('app', 'NotIn', 'a'), by('no', 'NotIn', 'a')]).toEqual([true, false, true])
  expect([by('app', 'Exists'), by('no', 'Exists'), by('no', 'DoesNotExist')]).toEqual([true, false, true])
  const wants = (operator: string, ...values: string[]) =>
    conditionOf(
      { ...WELL, prometheuses: [{ ...KPS, ruleSelector: { matchExpressions: [{ key: 'r', operator, values }] } }] },
      labelled,
    ).message
  expect(wants('In', 'a', 'b')).toContain('wants the label r=a or b;')
  expect(wants('Exists')).toContain('wants the label r;')
})

/** What the Prometheus Operator writes into the status of an object that a Prometheus reads. */
function bound(kind: string, status: 'True' | 'False', message?: string): KubeObject {
  const conditions = [{ type: 'Accepted', status, ...(message === undefined ? {} : { message }) }]
  const binding = { group: 'monitoring.coreos.com', resource: 'prometheuses', namespace: 'monitoring', name: 'k8s' }
  const metadata = { name: 'majors', namespace: 'desk-a' }
  return { apiVersion: 'monitoring.coreos.com/v1', kind, metadata, status: { bindings: [{ ...binding, conditions }] } }
}

test('rules that a Prometheus has taken up are loaded, not only created', () => {
  const desired = desiredOf({ monitoring: labelled }, { readers: WELL })
  const of = (...live: KubeObject[]) => monitoringOf(desired, live).condition
  expect(of()).toMatchObject({ status: 'True', reason: 'Created' })
  // That pods are scraped says nothing of the rules.
  expect(of(bound('PodMonitor', 'True'))).toMatchObject({ status: 'True', reason: 'Created' })
  expect(of(bound('PrometheusRule', 'True'))).toEqual({
    status: 'True',
    reason: 'Loaded',
    message: 'The objects are created. The rules are loaded by monitoring/k8s.',
  })
})

test('rules that a Prometheus refuses are said, with why', () => {
  const refused = bound('PrometheusRule', 'False', 'invalid rule: unknown function')
  const desired = desiredOf({ monitoring: labelled }, { readers: WELL })
  expect(monitoringOf(desired, [refused, bound('PodMonitor', 'True')]).condition).toEqual({
    status: 'False',
    reason: 'Rejected',
    message: 'The objects are created. monitoring/k8s refuses the PrometheusRule: invalid rule: unknown function.',
  })
})
