// The operator as a process: one client, one Lease, one controller, two ports, and the order in which they begin and end.
//
// Always: caches fill and ports answer before the Lease is ours; what was ours is given back only when no pass runs any
// more. Who loses the Lease ends at once, without another write.
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import packageJson from '../package.json' with { type: 'json' }
import { METRICS_CONTENT_TYPE } from '../collector/metrics/registry.ts'
import { type Controller, openController } from './collectors/controller.ts'
import { OPTIONAL } from './collectors/kinds.ts'
import { serveHealth } from './health.ts'
import { type KubeClient, openClient } from './kube/client.ts'
import { realClock } from './kube/clock.ts'
import { openRecorder } from './kube/events.ts'
import { type Lease, openLease } from './kube/lease.ts'
import { ENDPOINT_SLICE } from './kube/objects.ts'
import { type Counts, openCounts } from './metrics/counts.ts'
import { serviceNames } from './metrics/certificate.ts'
import { openPermission } from './metrics/permission.ts'
import { serveMetrics } from './metrics/serve.ts'
import { type Metrics, openMetrics } from './metrics.ts'
import type { Options } from './options.ts'
import { MANAGER } from './resources/labels.ts'
import type { Serving } from './server.ts'

export interface OperatorOptions {
  readonly options: Options
  readonly log: Logger
  /** Ends the operator in order. */
  readonly signal: AbortSignal
  /** Of the pod's service account; where the kubelet mounts it by default. */
  readonly accountFolder?: string
}

/** Runs until the signal, or until the Lease is lost. @returns the exit code, see main.ts */
export async function runOperator(operator: OperatorOptions): Promise<number> {
  const { options, log, signal } = operator
  const counts = openCounts()
  const leading = { lease: undefined as Lease | undefined, sinceMs: Infinity }
  const certificate = { expiresMs: undefined as number | undefined }
  const { client, controller, recorder, identity, servers } = await openParts(operator, counts, leading)
  const ended = ending(signal)
  const lease = openLease({ client, ...options.lease, identity, onLost: () => ended.lost() })
  leading.lease = lease
  const ask = () => ({
    lease: { isLeading: lease.isLeading, renewedMs: lease.renewedMs },
    queue: controller.queue.status,
    certificateExpiresMs: certificate.expiresMs,
    watches: controller.watches.map(({ kind, informer }) => {
      return { kind, synced: informer.synced, status: informer.status }
    }),
  })
  const onCertificate = (expiresMs: number) => void (certificate.expiresMs = expiresMs)
  const ports = await openPorts(operator, { client, controller, metrics: openMetrics({ counts, ask }), onCertificate })
  log.info({ identity, namespaces: options.namespaces ?? 'all', version: packageJson.version }, 'waiting for the Lease')
  const running = lease.whenLeading().then(async () => {
    leading.sinceMs = performance.now()
    await controller.whenSynced()
    // At the start the API server may not have answered.
    servers.splice(0, servers.length, ...(await apiServers(client)))
    log.info({ identity }, 'leading')
    await controller.run()
  })
  const why = await Promise.race([ended.why, running.then(() => 'ended')])
  log.info({ why }, 'ending')
  if (why === 'lost') return 1
  await controller.close()
  await recorder.flush()
  await lease.release()
  await Promise.all(ports.map((port) => port.close()))
  await client.close()
  return 0
}

/** What works: nothing of it writes before the Lease is ours. */
async function openParts(
  { options, log, accountFolder }: OperatorOptions,
  counts: Counts,
  leading: { readonly lease: Lease | undefined; readonly sinceMs: number },
) {
  const client = await openClient({
    ...(accountFolder === undefined ? {} : { accountFolder }),
    userAgent: `${MANAGER}/${packageJson.version}`,
    fieldManager: MANAGER,
    mayWrite: () => leading.lease?.isLeading === true,
    observe: counts.answered,
    onWarning: (text) => log.warn({ text }, 'the API server warns'),
  })
  // Another process in the same pod, after a crash, is another candidate.
  const identity = `${options.lease.identity}_${randomUUID().slice(0, 8)}`
  const servers = await apiServers(client)
  const isBusy = () => controller.queue.status.fresh > 0
  const recorder = openRecorder({ client, component: MANAGER, instance: identity, isBusy })
  const controller = openController({
    client,
    namespaces: options.namespaces,
    facts: {
      image: options.collectorImage,
      allowedImages: options.allowedImages,
      clusterRanges: options.clusterRanges,
      operatorNamespace: options.ownNamespace,
      ...(options.runbooks === undefined ? {} : { runbooks: options.runbooks }),
      apiServers: servers,
    },
    recorder,
    counts,
    log,
    identity: `${MANAGER}/${identity}`,
    leadingSinceMs: () => leading.sinceMs,
  })
  return { client, identity, recorder, controller, servers }
}

interface Parts {
  readonly client: KubeClient
  readonly controller: Controller
  readonly metrics: Metrics
  readonly onCertificate: (expiresMs: number) => void
}

function openPorts(
  { options, log }: OperatorOptions,
  { client, controller, metrics, onCertificate }: Parts,
): Promise<Serving[]> {
  const { port, service, open, certificateDir } = options.metrics
  const permission = open ? undefined : openPermission({ client, path: '/metrics', nowMs: () => performance.now() })
  const serving = () =>
    serveMetrics({
      port,
      text: () => metrics.text(),
      contentType: METRICS_CONTENT_TYPE,
      permission,
      certificateDir,
      names: serviceNames(service, options.ownNamespace),
      onProblem: (problem) => log.warn({ problem }, 'metrics'),
      onCertificate,
    })
  return Promise.all([
    serveHealth({
      port: options.healthPort,
      livez: () => stillness(controller),
      readyz: () => notReady(controller),
    }),
    ...(port === 0 ? [] : [serving()]),
  ])
}

/** Where the API server answers: its Service, and what is behind it where we may know that. */
async function apiServers(client: KubeClient): Promise<string[]> {
  const service = process.env['KUBERNETES_SERVICE_HOST']
  const slice = await client.get(ENDPOINT_SLICE, 'default', 'kubernetes').catch(() => undefined)
  const endpoints = (slice?.['endpoints'] ?? []) as readonly { readonly addresses?: readonly string[] }[]
  return [...(service === undefined ? [] : [service]), ...endpoints.flatMap(({ addresses = [] }) => addresses)]
}

/** Why the operator ends: a signal, or the Lease. */
function ending(signal: AbortSignal): { readonly why: Promise<string>; lost(): void } {
  let lost = (): void => {}
  const why = new Promise<string>((resolve) => {
    lost = () => resolve('lost')
    if (signal.aborted) resolve('signal')
    signal.addEventListener('abort', () => resolve('signal'), { once: true })
  })
  return { why, lost: () => lost() }
}

/** Without a working watch for so long the process is started anew: the last remedy against what nobody foresaw. */
const CONTACT_MS_MAX = 600_000

/** Why the process is to be started again. */
function stillness({ watches }: Controller): string[] {
  const heardMs = Math.max(...watches.map(({ informer }) => informer.status.contactMs))
  const silentMs = realClock.nowMs() - Math.max(heardMs, performance.timeOrigin)
  return silentMs < CONTACT_MS_MAX ? [] : [`no watch has been heard of for ${Math.round(silentMs / 1000)} s`]
}

/** What the caches that are needed lack. */
function notReady({ watches }: Controller): string[] {
  return watches.flatMap(({ kind, informer: { synced, status } }) => {
    const isOptional = status.problem?.reason === 'missing' || status.problem?.reason === 'forbidden'
    if (synced || (isOptional && OPTIONAL_KINDS.has(kind))) return []
    return [`${kind} is not known yet${status.problem === undefined ? '' : `: ${status.problem.text}`}`]
  })
}
const OPTIONAL_KINDS = new Set(Object.values(OPTIONAL).map(({ kind }) => kind))
