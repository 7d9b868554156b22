// One object of each kind that the operator applies, with all that servers write down in their own way: quantities,
// defaults, empty and absent values, null. For tests of what counts as a difference.
import {
  CONFIG_MAP,
  DEPLOYMENT,
  DISRUPTION_BUDGET,
  type Kind,
  type KubeObject,
  NETWORK_POLICY,
  SERVICE,
  SERVICE_ACCOUNT,
  VOLUME_CLAIM,
} from '../../operator/kube/objects.ts'

const named = { name: 'one', namespace: 'here' }

/** An object named `one`. */
export function object(kind: string, apiVersion: string, fields: object, metadata: object = {}): KubeObject {
  return { apiVersion, kind, metadata: { ...named, ...metadata }, ...fields }
}

const CONTAINER = {
  name: 'collector',
  image: 'example.org/collector:1',
  args: ['run', '-f', 'collector.yaml'],
  ports: [{ name: 'http', containerPort: 8080 }],
  env: [
    { name: 'A', value: '1' },
    { name: 'EMPTY', value: '' },
  ],
  resources: { requests: { cpu: '1000m', memory: '0.5Gi' }, limits: { memory: 536_870_912, cpu: 2 } },
  securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
  volumeMounts: [{ name: 'tmp', mountPath: '/scratch', readOnly: false }],
  livenessProbe: { httpGet: { path: '/livez', port: 'http' }, initialDelaySeconds: 0, periodSeconds: 5 },
}

export const DEPLOYED = object(
  'Deployment',
  'apps/v1',
  {
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'one' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: { app: 'one' }, annotations: {} },
        spec: {
          automountServiceAccountToken: false,
          hostNetwork: false,
          nodeSelector: {},
          tolerations: [
            { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 15 },
          ],
          securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: { app: 'one' } },
            },
          ],
          containers: [CONTAINER],
          volumes: [
            { name: 'tmp', emptyDir: {} },
            { name: 'sized', emptyDir: { sizeLimit: '1024Mi' } },
            { name: 'config', configMap: { name: 'one' } },
            { name: 'secrets', projected: { sources: [{ secret: { name: 'one', optional: true } }] } },
            {
              name: 'token',
              projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'nats' } }] },
            },
          ],
          priorityClassName: null,
        },
      },
    },
  },
  {
    labels: { app: 'one', empty: '' },
    ownerReferences: [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: 'uid-1', controller: true, blockOwnerDeletion: true },
    ],
  },
)
export const SERVED = object('Service', 'v1', {
  spec: { selector: { app: 'one' }, ports: [{ name: 'http', port: 8080, targetPort: 'http' }], clusterIP: 'None' },
})
export const ALLOWED = object('NetworkPolicy', 'networking.k8s.io/v1', {
  spec: {
    podSelector: { matchLabels: { app: 'one' } },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [],
    egress: [
      { ports: [{ port: 53, protocol: 'UDP' }], to: [{ namespaceSelector: {} }] },
      { ports: [{ port: 443 }], to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }] },
    ],
  },
})
export const BUDGET = object('PodDisruptionBudget', 'policy/v1', {
  spec: {
    maxUnavailable: 1,
    selector: { matchLabels: { app: 'one' } },
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  },
})
export const ACCOUNT = object('ServiceAccount', 'v1', { automountServiceAccountToken: false })
export const CONFIG = object('ConfigMap', 'v1', { data: { 'collector.yaml': 'a: 1\n', empty: '' }, immutable: false })
export const CLAIM = object('PersistentVolumeClaim', 'v1', {
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', resources: { requests: { storage: '1024Mi' } } },
})
/** All of them, by kind. */
export const ALL: readonly [Kind, KubeObject][] = [
  [DEPLOYMENT, DEPLOYED],
  [SERVICE, SERVED],
  [NETWORK_POLICY, ALLOWED],
  [DISRUPTION_BUDGET, BUDGET],
  [SERVICE_ACCOUNT, ACCOUNT],
  [CONFIG_MAP, CONFIG],
  [VOLUME_CLAIM, CLAIM],
]
