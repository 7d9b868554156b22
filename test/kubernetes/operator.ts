// The operator as it runs in its image: a process of its own, with a kubeconfig of the test's control plane.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { emittedPath, environmentOf, pack } from '../../hack/images/pack.ts'
import type { ControlPlane } from './controlplane.ts'
import { freePorts } from './processes.ts'

export interface OperatorProcess extends AsyncDisposable {
  readonly pid: number
  readonly healthPort: number
  readonly child: ChildProcess
  /** What it has written so far. */
  log(): string
  /** SIGTERM. @returns the exit code */
  stop(): Promise<number | null>
  /** @returns the exit code, when it has ended by itself */
  ended(): Promise<number | null>
}

export interface OperatorProcessOptions {
  readonly plane: ControlPlane
  readonly image: string
  readonly namespaces?: readonly string[]
  readonly args?: readonly string[]
  /** As in a pod: from what was packed for its image into this folder, and with the files of a service account. */
  readonly packed?: string
  /** Resolve as soon as the process is there, rather than when its caches are filled. */
  readonly isImpatient?: boolean
  /** Serve metrics there, to everyone; nowhere by default. */
  readonly metricsPort?: number
  /** To those only who may read them, over HTTPS. */
  readonly isGuarded?: boolean
}

const main = resolve(import.meta.dirname, '../../operator/main.ts')
const POD = 'test/kubernetes/pod.ts'
const READY_MS_MAX = 60_000

/** Packs what the operator's image holds. @returns the folder, which is the caller's to remove */
export function packOperator(): string {
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-operator-'))
  pack('operator', folder, { node: process.versions.node, distribution: '', packages: [] }, POD)
  return folder
}

/** Starts it, and resolves when its caches are filled: `/readyz` says so. */
export async function startOperatorProcess(options: OperatorProcessOptions): Promise<OperatorProcess> {
  const { plane, image, namespaces, args = [], metricsPort = 0 } = options
  const [healthPort = 0] = await freePorts(1)
  const flags = ['--collector-image', image, '--allowed-images', '*', '--cluster-ranges', '']
  const ports = [
    '--health-port',
    String(healthPort),
    '--metrics-port',
    String(metricsPort),
    '--lease-namespace',
    'default',
  ]
  const openness = metricsPort === 0 || options.isGuarded === true ? [] : ['--metrics-open']
  const scope = namespaces === undefined ? [] : ['--namespaces', namespaces.join(',')]
  const { entry, env } =
    options.packed === undefined
      ? { entry: [main], env: { KUBECONFIG: plane.kubeconfig } }
      : asPod(plane, options.packed)
  const child = spawn(process.execPath, [...entry, ...flags, ...ports, ...openness, ...scope, ...args], {
    env: { ...process.env, ...env, POD_NAME: 'operator' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const process_: OperatorProcess = {
    pid: child.pid ?? 0,
    healthPort,
    child,
    log: () => text,
    async stop() {
      child.kill('SIGTERM')
      return ended
    },
    ended: () => ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
  for (const end = performance.now() + READY_MS_MAX; options.isImpatient !== true; await pause(50)) {
    if (await isReady(healthPort)) break
    if (child.exitCode !== null || performance.now() > end) {
      await process_[Symbol.asyncDispose]()
      throw new Error(`the operator is not ready:\n${text.slice(-4000)}`)
    }
  }
  return process_
}

/** The files that a kubelet mounts, in the folder of the control plane. */
function asPod({ folder, url, ca, token }: ControlPlane, packed: string) {
  const account = join(folder, 'account')
  mkdirSync(account, { recursive: true })
  writeFileSync(join(account, 'token'), token)
  writeFileSync(join(account, 'ca.crt'), ca)
  const { hostname, port } = new URL(url)
  const service = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port }
  const env = { ...environmentOf('operator'), KUBECONFIG: '', ...service }
  return { entry: [join(packed, 'app', emittedPath(POD)), account], env }
}

function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )
}
