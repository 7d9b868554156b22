// What a fault around the operator has for itself: an operator process, and between it and the API server a proxy that
// breaks things. Restarted when it ends, as its Deployment has it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { TOKENS } from '../../kubernetes/flags.ts'
import { type FaultyProxy, startFaultyProxy } from '../../kubernetes/faultyproxy.ts'
import { type OperatorProcess, startOperatorProcess } from '../../kubernetes/operator.ts'
import { freePorts } from '../../kubernetes/processes.ts'
import type { Cluster } from './cluster.ts'
import type { Target } from './watch.ts'

export interface OperatorPlace extends AsyncDisposable {
  /** Its namespace, the name of its Lease, and its job. */
  readonly name: string
  readonly cluster: Cluster
  readonly toApi: FaultyProxy
  signal(signal: NodeJS.Signals): void
  /** Whether it is started again when it ends. */
  restarts: boolean
  /** Applies a Collector for it to work on. */
  apply(collector: string, symbols: readonly string[]): Promise<void>
  target(): Target
}

const BACK_OFF_MS = 10_000

/** Starts an operator that leads in a namespace of its own. */
export async function openOperatorPlace(name: string, cluster: Cluster, folder: string): Promise<OperatorPlace> {
  await using open = new AsyncDisposableStack()
  const { plane } = cluster
  await plane.request('POST', '/api/v1/namespaces', { metadata: { name } })
  const toApi = open.use(await startFaultyProxy(plane))
  const kubeconfig = join(folder, `${name}.kubeconfig.json`)
  writeFileSync(kubeconfig, toApi.config(TOKENS.admin).exportConfig())
  const [metricsPort = 0] = await freePorts(1)
  const options = { plane: { ...plane, kubeconfig }, image: 'marketprism:test', namespaces: [name], metricsPort }
  const start = (isImpatient: boolean) =>
    startOperatorProcess({ ...options, isImpatient, args: ['--lease-name', name] })
  let running: OperatorProcess = await start(false)
  let isOver = false
  const place = {
    name,
    cluster,
    toApi,
    restarts: true,
    signal: (signal: NodeJS.Signals) => void running.child.kill(signal),
    async apply(collector: string, symbols: readonly string[]) {
      const path = `/apis/marketprism.io/v1alpha1/namespaces/${name}/collectors/${collector}`
      const feeds = [{ exchange: 'binance', market: 'spot', symbols, types: ['trade'] }]
      const spec = { feeds, sink: { nats: { servers: ['nats://nats:4222'], stream: { manage: 'collector' } } } }
      const body = { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', metadata: { name: collector }, spec }
      const { status } = await plane.request('PATCH', `${path}?fieldManager=faults&force=true`, JSON.stringify(body))
      if (status > 201) throw new Error(`${path}: ${status}`)
    },
    target: () => ({
      address: `127.0.0.1:${metricsPort}`,
      labels: { job: name, namespace: name, pod: name },
      honorLabels: true,
    }),
    async [Symbol.asyncDispose]() {
      isOver = true
      await running[Symbol.asyncDispose]()
      await all.disposeAsync()
    },
  }
  const all = open.move()
  void (async () => {
    for (;;) {
      await running.ended()
      while (!isOver && !place.restarts) await pause(500)
      if (isOver) return
      await pause(BACK_OFF_MS)
      if (isOver) return
      running = await start(true)
    }
  })()
  return place
}
