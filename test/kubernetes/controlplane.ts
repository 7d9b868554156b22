// A real Kubernetes control plane for tests: etcd, kube-apiserver and, on request, kube-controller-manager.
//
// In: options. Out: its address, a kubeconfig of the administrator, and hands to stop, start and pause it. Always: free
// ports, a folder of its own that is removed at the end (kept, and named, where a test failed), every process ended by
// its id. Never: a node, a scheduler, a pod that runs: what needs these is tested in kind.
// Start reading at startControlPlane; most tests want describeWithControlPlane.
import { createSign, generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { Agent, request } from 'undici'
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { tool, ToolMissing, type ToolName } from '../../hack/tools.ts'
import { apiServerArgs, controllerManagerArgs, etcdArgs, kubeconfigText, TOKENS } from './flags.ts'
import { freePorts, KEEP, type Server, startServer, tailOf } from './processes.ts'

export interface ControlPlaneOptions {
  /** Also kube-controller-manager: owner garbage collection, service accounts, status of Deployments. */
  readonly controllerManager?: boolean
  /** Write one line for each request to {@link ControlPlane.auditLog}. */
  readonly audit?: boolean
  /** More flags for kube-apiserver; they win over ours. */
  readonly flags?: readonly string[]
}

/** An answer of the API server. */
export interface Answer<T> {
  readonly status: number
  readonly body: T
}

export interface ControlPlane extends AsyncDisposable {
  readonly url: string
  /** Certificate authority of the API server, PEM. */
  readonly ca: string
  /** Token of the administrator (system:masters). */
  readonly token: string
  /** Path of a kubeconfig file of the administrator. */
  readonly kubeconfig: string
  /** Folder of data and logs. */
  readonly folder: string
  /** The audit log: JSON, one event a line. */
  readonly auditLog: string | undefined
  /** A configuration of the administrator, or of whoever has the token. */
  config(token?: string): KubeConfig
  /** One request as the administrator; a body that is a string is sent as YAML of a server-side apply. */
  request<T = unknown>(method: string, path: string, body?: object | string): Promise<Answer<T>>
  /** Ends the API server in order; watches end, etcd stays. */
  stop(): Promise<void>
  /** Ends it by force: connections break. */
  kill(): Promise<void>
  /** Starts it again: same address, same data. */
  start(): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void
  resume(): void
  /** Makes a namespace with a name of its own, and gives the name. */
  createNamespace(prefix?: string): Promise<string>
  /** Makes a ServiceAccount where there is none, and gives a token of it; one of 0 or fewer seconds has expired. */
  createToken(account: { namespace: string; name: string }, seconds?: number): Promise<string>
  /** Installs crds/*.yaml, or the given files, and waits until the API server serves them. */
  installCrds(files?: readonly string[]): Promise<void>
  /** Leave folder and logs where they are at the end. */
  keep(): void
}

const root = resolve(import.meta.dirname, '../..')
const START_MS_MAX = 60_000
const STARTS_MAX = 3

/** Why there can be no control plane, or no controller manager, on this machine. Built here, where no timeout runs. */
const missing = {
  plane: (await missingOf('etcd')) ?? (await missingOf('kube-apiserver')),
  controllerManager: await missingOf('kube-controller-manager'),
}

async function missingOf(name: ToolName): Promise<string | undefined> {
  try {
    await tool(name)
    return undefined
  } catch (error) {
    if (error instanceof ToolMissing) return error.message
    throw error
  }
}

/**
 * `describe` for tests that need a control plane, one for all of them; where its programs cannot be had they are
 * skipped, and their notes say why. The logs of a failed test are kept.
 */
export function describeWithControlPlane(
  name: string,
  options: ControlPlaneOptions,
  tests: (plane: () => ControlPlane) => void,
): void {
  const lacks = missing.plane ?? (options.controllerManager === true ? missing.controllerManager : undefined)
  describe(name, () => {
    let plane: ControlPlane | undefined
    beforeAll(async () => {
      if (lacks === undefined) plane = await startControlPlane(options)
    }, START_MS_MAX * 2)
    beforeEach(({ skip }) => skip(lacks !== undefined, lacks))
    afterEach(({ task }) => {
      if (task.result?.state === 'fail') plane?.keep()
    })
    afterAll(async () => plane?.[Symbol.asyncDispose]())
    tests(() => {
      if (plane === undefined) throw new Error('the control plane is there inside tests only')
      return plane
    })
  })
}

/** Starts a control plane and waits until it is ready: 4 s on two free cores, with the controller manager 2 s more. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const paths = await programs(options)
  for (let attempt = 1; ; attempt += 1) {
    const plane = await open(paths, options)
    try {
      await plane.start()
      return plane
    } catch (error) {
      // Another process may have taken a port between our choice and the server's start.
      const isTaken = /address already in use/.test((error as Error).message)
      if (!isTaken || attempt === STARTS_MAX) plane.keep()
      await plane[Symbol.asyncDispose]()
      if (!isTaken || attempt === STARTS_MAX) throw error
    }
  }
}

interface Programs {
  readonly etcd: string
  readonly apiServer: string
  readonly controllerManager: string | undefined
}

async function programs({ controllerManager }: ControlPlaneOptions): Promise<Programs> {
  return {
    etcd: await tool('etcd'),
    apiServer: await tool('kube-apiserver'),
    controllerManager: controllerManager === true ? await tool('kube-controller-manager') : undefined,
  }
}

async function open(paths: Programs, options: ControlPlaneOptions): Promise<ControlPlane> {
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-kubernetes-'))
  const [port = 0, etcdPort = 0, peerPort = 0] = await freePorts(3)
  const url = `https://127.0.0.1:${port}`
  const key = writeFiles(folder)
  const etcd = startServer(paths.etcd, etcdArgs({ folder, port: etcdPort, peerPort }), folder)
  const apiServer = apiServerArgs({ folder, port, etcdPort, ...options })
  const kubeconfig = join(folder, 'kubeconfig.yaml')
  let server: Server | undefined
  let manager: Server | undefined
  let ca = ''
  let agent: Agent | undefined
  let isKept = false
  const send: ControlPlane['request'] = async <T>(method: string, path: string, body?: object | string) => {
    const type = typeof body === 'string' ? 'application/apply-patch+yaml' : 'application/json'
    const { statusCode, body: answer } = await request(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKENS.admin}`, 'content-type': type },
      body: typeof body === 'object' ? JSON.stringify(body) : (body ?? null),
      ...(agent && { dispatcher: agent }),
    })
    const text = await answer.text()
    return { status: statusCode, body: (text.startsWith('{') ? JSON.parse(text) : text) as T }
  }
  const plane: ControlPlane = {
    url,
    get ca() {
      return ca
    },
    token: TOKENS.admin,
    kubeconfig,
    folder,
    auditLog: options.audit === true ? join(folder, 'audit.log') : undefined,
    config(token = TOKENS.admin) {
      const config = new KubeConfig()
      config.loadFromString(kubeconfigText({ url, ca, token }))
      return config
    },
    request: send,
    async stop() {
      await server?.end('ordered')
    },
    async kill() {
      await server?.end('killed')
    },
    async start() {
      if (server?.isRunning) return
      server = startServer(paths.apiServer, apiServer, folder)
      const started = [etcd, server]
      // The certificate signs itself, so it is its own authority; the API server writes it at its first start.
      ca = await until(started, async () => readWhole(join(folder, 'apiserver.crt')))
      agent ??= new Agent({ connect: { ca } })
      await until(started, async () => (await send('GET', '/readyz')).status === 200 || undefined)
      writeFileSync(kubeconfig, kubeconfigText({ url, ca, token: TOKENS.admin }))
      if (paths.controllerManager === undefined || manager?.isRunning) return
      manager = startServer(paths.controllerManager, controllerManagerArgs(folder), folder)
      // It has begun once it has made the account that every new namespace gets.
      const account = '/api/v1/namespaces/default/serviceaccounts/default'
      await until([...started, manager], async () => (await send('GET', account)).status === 200 || undefined)
    },
    pause: () => server?.signal('SIGSTOP'),
    resume: () => server?.signal('SIGCONT'),
    createNamespace: (prefix) => createNamespace(plane, prefix),
    createToken: (account, seconds) => createToken(plane, key, account, seconds),
    installCrds: (files) => installCrds(plane, files),
    keep() {
      isKept = true
      writeFileSync(join(folder, KEEP), '')
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([manager?.end('killed'), server?.end('killed'), etcd.end('killed')])
      await agent?.destroy()
      // Logs are for the reader; the data are 120 MB that nobody looks at.
      rmSync(isKept ? join(folder, 'etcd') : folder, { recursive: true, force: true })
      if (isKept) console.error(`The control plane's logs are kept in ${folder}.`)
    },
  }
  return plane
}

/** Waits for what `ask` gives, while the servers run. */
async function until<T>(servers: readonly Server[], ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + START_MS_MAX
  for (;;) {
    const ended = servers.find(({ isRunning }) => !isRunning)
    const late = Date.now() > deadline ? servers.at(-1) : undefined
    const failed = ended ?? late
    if (failed !== undefined) {
      const what = ended === undefined ? `was not ready after ${START_MS_MAX / 1_000} s` : 'ended while starting'
      throw new Error(`${failed.name} ${what}; the end of ${failed.log}:\n${tailOf(failed.log)}`)
    }
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    await pause(25)
  }
}

/** A certificate file, once it is whole. */
function readWhole(path: string): string | undefined {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  return text.trimEnd().endsWith('-----END CERTIFICATE-----') ? text : undefined
}

/** Writes what the servers read, and gives the key that signs tokens of service accounts. */
function writeFiles(folder: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  writeFileSync(join(folder, 'service-account.key'), privateKey, { mode: 0o600 })
  writeFileSync(join(folder, 'service-account.pub'), publicKey)
  writeFileSync(join(folder, 'tokens.csv'), `${TOKENS.admin},admin,admin,"system:masters"\n`, { mode: 0o600 })
  const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] }
  writeFileSync(join(folder, 'audit-policy.yaml'), JSON.stringify({ ...policy, omitStages: ['RequestReceived'] }))
  return privateKey
}

let namespaces = 0

async function createNamespace(plane: ControlPlane, prefix = 'test'): Promise<string> {
  const name = `${prefix}-${process.pid}-${(namespaces += 1)}`
  const made = await plane.request('POST', '/api/v1/namespaces', { metadata: { name } })
  if (made.status !== 201) throw new Error(`namespace ${name}: ${JSON.stringify(made.body)}`)
  return name
}

/** Signed here, not by the API server, which gives none for less than ten minutes. */
async function createToken(
  plane: ControlPlane,
  key: string,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  seconds = 3_600,
): Promise<string> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
  await plane.request('POST', accounts, { metadata: { name } })
  const { body } = await plane.request<{ metadata: { uid: string } }>('GET', `${accounts}/${name}`)
  const now = Math.floor(Date.now() / 1_000)
  // The API server is lenient by one minute.
  const exp = seconds > 0 ? now + seconds : now - 120
  const claims = {
    iss: 'https://kubernetes.default.svc.cluster.local',
    aud: ['https://kubernetes.default.svc.cluster.local'],
    sub: `system:serviceaccount:${namespace}:${name}`,
    iat: exp - 3_600,
    nbf: exp - 3_600,
    exp,
    'kubernetes.io': { namespace, serviceaccount: { name, uid: body.metadata.uid } },
  }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`
}

interface Crd {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly group: string
    readonly names: { readonly plural: string }
    readonly versions: readonly { readonly name: string }[]
  }
}

async function installCrds(plane: ControlPlane, files?: readonly string[]): Promise<void> {
  const folder = join(root, 'crds')
  const all = readdirSync(folder).filter((file) => file.endsWith('.yaml'))
  for (const path of files ?? all.map((file) => join(folder, file))) {
    for (const document of parseAllDocuments(readFileSync(path, 'utf8'))) {
      const crd = document.toJS() as Crd
      const at = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`
      const made = await plane.request('PATCH', `${at}?fieldManager=test&force=true`, JSON.stringify(crd))
      if (made.status > 201) throw new Error(`${path}: ${JSON.stringify(made.body)}`)
      for (const { name } of crd.spec.versions) {
        await served(plane, `/apis/${crd.spec.group}/${name}/${crd.spec.names.plural}`)
      }
    }
  }
}

/** Established is not enough: for a moment afterwards the API server answers 429, as its storage is being made. */
async function served(plane: ControlPlane, path: string): Promise<void> {
  const deadline = Date.now() + START_MS_MAX
  for (;;) {
    const { status } = await plane.request('GET', `${path}?limit=1`)
    if (status === 200) return
    if (Date.now() > deadline) throw new Error(`${path} still answers ${status} after ${START_MS_MAX / 1_000} s`)
    await pause(25)
  }
}
