// What a Collector may say of its pods: the parts of the Kubernetes pod API that the operator passes on, bounded.
// Field names and meanings are Kubernetes' own (pod API of 1.37), so they are not explained again here.
import * as z from 'zod'
import { dictionary, matching, oneOf, quantity, rule, secretRef } from './schema.ts'

const KEY = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/
const labelKey = matching(
  317,
  KEY,
  '{self} is not the key of a label; write one such as app or example.com/team.',
  'app',
)
export const labelValue = matching(
  63,
  /^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/,
  "{self} is not the value of a label; write letters, digits, '-', '_' and '.'.",
  'trading',
)
export const objectName = secretRef.shape.name

/** Labels of objects that the operator makes. Those under our own keys select pods, and are not for users. */
export const labels = rule(dictionary(labelValue, 32), {
  cel: "self.all(key, !key.startsWith('app.kubernetes.io/') && !key.startsWith('marketprism.io/'))",
  says: 'labels under app.kubernetes.io/ and marketprism.io/ are set by the operator; write another key.',
  reads: [],
  broken: (map) => {
    const ours = Object.keys(map).find((key) => /^(app\.kubernetes|marketprism)\.io\//.test(key))
    return ours === undefined ? undefined : [ours]
  },
})

const labelSelector = z.strictObject({
  matchLabels: dictionary(labelValue, 16).optional(),
  matchExpressions: z
    .array(
      z.strictObject({
        key: labelKey,
        operator: oneOf('an operator', ['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(labelValue).max(16).optional(),
      }),
    )
    .max(16)
    .optional(),
})

const nodeRequirement = z.strictObject({
  key: labelKey,
  operator: oneOf('an operator', ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
  values: z.array(labelValue).max(16).optional(),
})
const nodeTerm = z.strictObject({
  matchExpressions: z.array(nodeRequirement).max(8).optional(),
  matchFields: z.array(nodeRequirement).max(4).optional(),
})
const podTerm = z.strictObject({
  topologyKey: labelKey,
  labelSelector: labelSelector.optional(),
  namespaces: z.array(objectName).max(8).optional(),
  namespaceSelector: labelSelector.optional(),
  matchLabelKeys: z.array(labelKey).max(8).optional(),
  mismatchLabelKeys: z.array(labelKey).max(8).optional(),
})
const weight = z.int().min(1).max(100)
const podTerms = z.strictObject({
  requiredDuringSchedulingIgnoredDuringExecution: z.array(podTerm).max(4).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z
    .array(z.strictObject({ weight, podAffinityTerm: podTerm }))
    .max(4)
    .optional(),
})

const affinity = z.strictObject({
  nodeAffinity: z
    .strictObject({
      requiredDuringSchedulingIgnoredDuringExecution: z
        .strictObject({ nodeSelectorTerms: z.array(nodeTerm).min(1).max(8) })
        .optional(),
      preferredDuringSchedulingIgnoredDuringExecution: z
        .array(z.strictObject({ weight, preference: nodeTerm }))
        .max(8)
        .optional(),
    })
    .optional(),
  podAffinity: podTerms.optional(),
  podAntiAffinity: podTerms.optional(),
})

const toleration = z.strictObject({
  key: labelKey.optional(),
  operator: oneOf('an operator', ['Exists', 'Equal']).optional(),
  value: labelValue.optional(),
  effect: oneOf('an effect', ['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().min(0).max(31_536_000).optional(),
})

const topologySpread = z.strictObject({
  maxSkew: z.int().min(1).max(100),
  topologyKey: labelKey,
  whenUnsatisfiable: oneOf('an action', ['DoNotSchedule', 'ScheduleAnyway']),
  labelSelector: labelSelector.optional(),
  minDomains: z.int().min(1).max(100).optional(),
  nodeAffinityPolicy: oneOf('a policy', ['Honor', 'Ignore']).optional(),
  nodeTaintsPolicy: oneOf('a policy', ['Honor', 'Ignore']).optional(),
  matchLabelKeys: z.array(labelKey).max(8).optional(),
})

/** Fields of `spec` that shape the pods. */
export const podFields = {
  image: matching(
    512,
    /^[A-Za-z0-9][A-Za-z0-9._/:@-]*$/,
    '{self} is not the name of an image; write one such as registry.example.com/marketprism:1.2.3.',
    'registry.example.com/marketprism:1.2.3',
  )
    .optional()
    .describe(
      "Image of the collectors, by default the operator's own version of it; must be one that the chart allows.",
    ),
  imagePullSecrets: z.array(secretRef).max(8).optional().describe('Secrets for pulling the image.'),
  resources: z
    .strictObject({
      requests: dictionary(quantity, 8).optional().describe('What a pod is given.'),
      limits: dictionary(quantity, 8).optional().describe('What a pod may not exceed.'),
    })
    .optional()
    .describe('CPU and memory of a pod.'),
  podLabels: labels.optional().describe('Labels added to the pods.'),
  podAnnotations: dictionary(z.string().max(4096), 32).optional().describe('Annotations added to the pods.'),
  priorityClassName: objectName.optional().describe('Priority class of the pods.'),
  nodeSelector: dictionary(labelValue, 32).optional().describe('Labels that a node must have.'),
  tolerations: z.array(toleration).max(16).optional().describe('Taints that the pods bear.'),
  affinity: affinity.optional().describe('Which nodes, and near which pods. As in a pod.'),
  topologySpreadConstraints: z
    .array(topologySpread)
    .max(8)
    .optional()
    .describe('How the pods are spread. As in a pod.'),
  serviceAccount: objectName
    .optional()
    .describe("Service account of the pods; must carry the operator's opt-in label. No token is mounted."),
  caBundle: z
    .strictObject({
      configMap: objectName.describe("Name of a ConfigMap in the Collector's namespace."),
      key: matching(
        253,
        /^[A-Za-z0-9._-]+$/,
        "{self} is not a key of a ConfigMap; write letters, digits, '-', '_' and '.'.",
        'ca.crt',
      )
        .default('ca.crt')
        .describe('Key under which the certificates stand, as PEM.'),
    })
    .optional()
    .describe('Certificates trusted besides those of the system.'),
}
