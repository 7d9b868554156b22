// The template of a collector's pods.
//
// In: the Collector, one of its shards, which publisher. Out: a template that depends on nothing else but the image, so an
// upgrade of the operator starts no collector anew: its hash is held by a test. Always: admitted where Pod Security is
// `restricted`. Never: the operator's or the chart's version; a token of the API server; contents of a Secret, which the
// collector reads from its mount, so that a rotated one changes no pod.
import { parseBytes } from '../../crds/duration.ts'
import type { Desired, Owner, Shard } from './facts.ts'
import { fileFolder } from './folder.ts'
import { imageOf } from './images.ts'
import { type Publisher, deploymentName, labelsOf, publisherSelector } from './labels.ts'
import { given } from './metadata.ts'
import { placement } from './placement.ts'
import { serviceAccountOf } from './service-account.ts'
import { volumeOf } from './volume-claim.ts'

export const CONTAINER = 'collector'
export const PORT = { name: 'http', number: 8080 } as const
export const CONFIG = { folder: '/etc/marketprism/config', file: 'collector.yaml' } as const
/** A folder for each Secret, by its name; the collector looks for them here. */
export const SECRETS_DIR = '/etc/marketprism/secrets'
const CA = { folder: '/etc/marketprism/ca', file: 'ca.crt' } as const

/** The first snapshots of many books take their time. */
export const START_SECONDS = 300
/** The collector closes its sink within 8 s of SIGTERM; the rest is for a machine that is short of processor time. */
const GRACE_SECONDS = 30
/** What does not answer on /livez is stuck, and will not use its grace. */
const STUCK_GRACE_SECONDS = 5

/** A volume must belong to a group of the process to be written to; that of the image's user. */
const VOLUME_GROUP = 65_532
/** Files without a volume may not fill the node. */
const FILES_SIZE = '10Gi'

interface Mounted {
  readonly volume: { readonly name: string } & Readonly<Record<string, unknown>>
  readonly mount: { readonly mountPath: string; readonly readOnly?: true }
}

export function podTemplate(desired: Desired, shard: Shard, publisher: Publisher): object {
  const { owner } = desired
  const { spec, name } = owner
  const mounted = mounts(owner, shard, publisher)
  return {
    metadata: {
      labels: { ...spec.podLabels, ...labelsOf(name), ...publisherSelector(name, shard.index, publisher) },
      annotations: { 'kubectl.kubernetes.io/default-container': CONTAINER, ...spec.podAnnotations },
    },
    spec: {
      serviceAccountName: serviceAccountOf(owner),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: GRACE_SECONDS,
      securityContext: {
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
        ...(volumeOf(owner) && { fsGroup: VOLUME_GROUP, fsGroupChangePolicy: 'OnRootMismatch' }),
      },
      ...given({
        imagePullSecrets: spec.imagePullSecrets,
        priorityClassName: spec.priorityClassName,
        nodeSelector: spec.nodeSelector,
      }),
      ...placement(owner, shard, publisher),
      containers: [container(desired, mounted)],
      volumes: mounted.map(({ volume }) => volume),
    },
  }
}

function container({ owner: { spec }, facts }: Desired, mounted: readonly Mounted[]): object {
  return {
    name: CONTAINER,
    image: imageOf(spec, facts),
    args: ['run', '-f', `${CONFIG.folder}/${CONFIG.file}`],
    // Relative paths of the spec are below the root, whatever the image says.
    workingDir: '/',
    // Besides the authorities that come with Node. Not read again while the process runs.
    ...(spec.caBundle && { env: [{ name: 'NODE_EXTRA_CA_CERTS', value: `${CA.folder}/${CA.file}` }] }),
    ports: [{ name: PORT.name, containerPort: PORT.number, protocol: 'TCP' }],
    ...given({ resources: resources(spec) }),
    ...PROBES,
    // The last lines of the log say in the status why a pod ended.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: mounted.map(({ volume, mount }) => ({ name: volume.name, ...mount })),
  }
}

/** Both answers are made before they are asked for, so five seconds are for a process that gets hardly any time. */
const PROBES = {
  startupProbe: { httpGet: answer('/livez'), periodSeconds: 5, timeoutSeconds: 5, failureThreshold: START_SECONDS / 5 },
  livenessProbe: {
    httpGet: answer('/livez'),
    periodSeconds: 5,
    timeoutSeconds: 5,
    failureThreshold: 4,
    terminationGracePeriodSeconds: STUCK_GRACE_SECONDS,
  },
  readinessProbe: { httpGet: answer('/readyz'), periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 3 },
}

function answer(path: string): object {
  return { path, port: PORT.name }
}

/**
 * What the spec says, all of it, or what was measured: 181 MB resident at 20,000 messages a second, the spool of 64 MiB
 * included. The spool is asked for, not only allowed: it fills while the sink is away, and that is when a pod above its
 * request must not be the first to be evicted. No limit of the processor: one that is throttled falls behind.
 */
function resources({ resources: own, spool }: Owner['spec']): object {
  if (own !== undefined) return given({ requests: texts(own.requests), limits: texts(own.limits) })
  const spoolMi = Math.ceil(parseBytes(spool.bytesMax) / 2 ** 20)
  return {
    requests: { cpu: '100m', memory: `${192 + spoolMi}Mi` },
    limits: { memory: `${448 + spoolMi}Mi` },
  }
}

function texts(quantities: Readonly<Record<string, string | number>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(quantities).map(([name, quantity]) => [name, String(quantity)]))
}

function mounts(owner: Owner, shard: Shard, publisher: Publisher): Mounted[] {
  const { caBundle } = owner.spec
  const secrets = secretsOf(owner.spec, shard).map((secretName, i) => ({
    volume: { name: `secret-${i}`, secret: { secretName } },
    mount: { mountPath: `${SECRETS_DIR}/${secretName}`, readOnly: true as const },
  }))
  return [
    {
      volume: { name: 'config', configMap: { name: shard.configName } },
      mount: { mountPath: CONFIG.folder, readOnly: true },
    },
    ...files(owner, shard, publisher),
    ...(caBundle === undefined
      ? []
      : [
          {
            volume: {
              name: 'ca',
              configMap: { name: caBundle.configMap, items: [{ key: caBundle.key, path: CA.file }] },
            },
            mount: { mountPath: CA.folder, readOnly: true as const },
          },
        ]),
    ...secrets,
  ]
}

/** Where a file sink writes. */
function files(owner: Owner, { index }: Shard, publisher: Publisher): Mounted[] {
  const { sink, resources: own } = owner.spec
  if (sink.file === undefined) return []
  const claimName = deploymentName(owner.name, index, publisher)
  const limited = own?.limits?.['ephemeral-storage'] !== undefined
  const volume =
    volumeOf(owner) === undefined
      ? { emptyDir: limited ? {} : { sizeLimit: FILES_SIZE } }
      : { persistentVolumeClaim: { claimName } }
  return [{ volume: { name: 'data', ...volume }, mount: { mountPath: fileFolder(sink.file.path) } }]
}

/** Names of the Secrets that the collector of this shard reads, each once. */
export function secretsOf({ sink, feeds }: Owner['spec'], { proxySecrets }: Pick<Shard, 'proxySecrets'>): string[] {
  const own = [sink.nats?.credentialsSecret?.name, sink.nats?.tls?.secret.name]
  const proxies = proxySecrets ?? feeds.map(({ proxy }) => proxy?.secret?.name)
  return [...new Set([...own, ...proxies])].filter((name) => name !== undefined).toSorted()
}
