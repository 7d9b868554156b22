// What the API server knows of the shape of its own kinds, as far as a comparison needs it: which lists have keys,
// which maps belong to one manager as a whole, where the absent and the empty are the same. A test holds the first two
// against the server's OpenAPI document.
//
// Other groups' kinds keep exactly what they are sent: their lists are whole, their empty values stay.

/** Kinds that Go types describe. */
const BUILT_IN = /^(?:v1|(?:apps|batch|policy|autoscaling|networking\.k8s\.io|rbac\.authorization\.k8s\.io)\/v\d+)$/

export function isBuiltIn(apiVersion: string): boolean {
  return BUILT_IN.test(apiVersion)
}

/** Lists whose items are told apart by keys, by the name of their field. */
const LIST_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  imagePullSecrets: ['name'],
  secrets: ['name'],
  schedulingGates: ['name'],
  evictionResponders: ['name'],
  claims: ['name'],
  resourceClaims: ['name'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
}

const CONTAINERS = new Set(['containers', 'initContainers', 'ephemeralContainers'])

/** Names of fields from the top; an item of a list is its key in brackets. */
export type Path = readonly string[]

/** Keys of the list at a path; undefined for a list that is whole. */
export function listKeys(path: Path, builtIn: boolean): readonly string[] | undefined {
  const field = path.at(-1) ?? ''
  if (field === 'ownerReferences') return ['uid']
  if (isAt(path, 'status', 'conditions')) return ['type']
  if (!builtIn) return undefined
  if (field === 'ports' && CONTAINERS.has(path.at(-3) ?? '')) return ['containerPort', 'protocol']
  if (isAt(path, 'spec', 'ports')) return ['port', 'protocol']
  // Those of a ServiceAccount are whole.
  if (isAt(path, 'imagePullSecrets')) return undefined
  return Object.hasOwn(LIST_KEYS, field) ? LIST_KEYS[field] : undefined
}

function isAt(path: Path, ...fields: readonly string[]): boolean {
  return path.length === fields.length && fields.every((field, i) => path[i] === field)
}

/** Maps and structs that one manager owns as a whole: what is added to them is a change of ours. */
const WHOLE = new Set(['selector', 'podSelector', 'namespaceSelector', 'labelSelector', 'nodeSelector'])

export function isWhole(path: Path, builtIn: boolean): boolean {
  return builtIn && WHOLE.has(path.at(-1) ?? '')
}

/** What the server fills in below a list or map that is whole. */
const FILLED_IN: Readonly<Record<string, unknown>> = {
  protocol: 'TCP',
  apiVersion: 'v1',
  defaultMode: 420,
  expirationSeconds: 3600,
  nodeTaintsPolicy: 'Ignore',
  nodeAffinityPolicy: 'Honor',
}

export function isFilledIn(field: string, value: unknown): boolean {
  return Object.hasOwn(FILLED_IN, field) && FILLED_IN[field] === value
}

/** Structs behind a pointer: `{}` says something, also where nothing stands in it. */
const TELLING = new Set(['emptyDir', 'podSelector', 'namespaceSelector'])
/** Values behind a pointer: false, 0 and '' are kept as such, and differ from nothing. */
const POINTERS = new Set([
  ...['allowPrivilegeEscalation', 'automountServiceAccountToken', 'blockOwnerDeletion', 'controller'],
  ...['enableServiceLinks', 'fsGroup', 'hostUsers', 'immutable', 'optional', 'privileged', 'progressDeadlineSeconds'],
  ...['readOnlyRootFilesystem', 'replicas', 'revisionHistoryLimit', 'runAsGroup', 'runAsNonRoot', 'runAsUser'],
  ...['shareProcessNamespace', 'storageClassName', 'terminationGracePeriodSeconds', 'tolerationSeconds'],
  ...['maxUnavailable', 'minAvailable', 'maxSurge', 'setHostnameAsFQDN', 'ipFamilyPolicy'],
])

/** Maps from names to texts, which keep empty ones. */
const TEXTS = new Set(['labels', 'annotations', 'data', 'matchLabels', 'nodeSelector', 'selector'])

/** Whether an empty value (false, 0, '', {}, []) there is the same as none. */
export function isLikeAbsent(path: Path, value: unknown, builtIn: boolean): boolean {
  if (value === null || value === undefined) return true
  if (!builtIn) return false
  const field = path.at(-1) ?? ''
  if (typeof value === 'object') return Object.keys(value).length === 0 && !TELLING.has(field)
  if (TEXTS.has(path.at(-2) ?? '')) return false
  return (value === '' || value === 0 || value === false) && !POINTERS.has(field)
}

const QUANTITIES = new Set(['limits', 'requests', 'capacity', 'hard'])

/** Whether a quantity stands there. */
export function isQuantity(path: Path): boolean {
  const field = path.at(-1) ?? ''
  return QUANTITIES.has(path.at(-2) ?? '') || field === 'sizeLimit' || field === 'divisor'
}
