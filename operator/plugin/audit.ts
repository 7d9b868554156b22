// `kubectl marketprism audit NAME`: the audit of the stream that a Collector writes to.
//
// In: the Collector's sink, and its Secrets where we may read them. Out: what `marketprism audit` says. Always: it is
// said plainly where the NATS servers cannot be reached from here, and how they can be. Never: a secret on a command
// line, or in a file that stays.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsSink, Sink } from '../../crds/collector.ts'
import { checkStored } from '../../crds/faults.ts'
import { auditCommand as auditStream } from '../../collector/audit/command.ts'
import { continuity } from '../../collector/exchanges/registry.ts'
import { readSecret } from '../collectors/needs.ts'
import { reachable } from '../collectors/streams.ts'
import { ApiError } from '../kube/client.ts'
import type { KubeObject } from '../kube/objects.ts'
import { type Cluster, collectorNamed, withCluster } from './cluster.ts'
import { CLUSTER_FLAGS, CLUSTER_USAGE, Fault, type Io, oneName, parse } from './command.ts'

export const AUDIT_USAGE = `Usage: kubectl marketprism audit NAME [--server URL] [--since WHEN] [--json]
Reads all that the Collector's JetStream stream holds, and says what is missing, late, doubled or wrong.
  --server URL        the NATS server as it is reached from here; those of the Collector when left out
  --creds FILE        who we are there: a credentials file; or NATS_USER and NATS_PASSWORD, or NATS_TOKEN in the
                      environment. The Collector's own Secret when left out, if you may read it
  --tls-ca FILE       the certificate authorities that its certificate may be of; those of the Collector when left out
  --since WHEN        leave out what was stored before: 30m, 24h, 2026-11-25T08:00:00Z
  --subject PATTERN   report on these subjects alone
  --json              the whole report as JSON
${CLUSTER_USAGE}Exit code: 0 nothing wrong; 1 something is missing without a gap, or wrong; 2 nothing could be audited.
`

const OPTIONS = {
  ...CLUSTER_FLAGS,
  server: { type: 'string' },
  creds: { type: 'string' },
  'tls-ca': { type: 'string' },
  since: { type: 'string' },
  subject: { type: 'string' },
  json: { type: 'boolean' },
} as const

type Flags = ReturnType<typeof parse<typeof OPTIONS>>['values']

const CONNECT_MS_MAX = 3_000

export async function auditCommand(args: readonly string[], io: Io): Promise<number> {
  const { values: flags, positionals } = parse(args, OPTIONS)
  const name = oneName(positionals, 'audit majors')
  return withCluster(flags, io, async (cluster) => {
    const collector = await collectorNamed(cluster, name)
    const nats = natsOf(name, collector)
    const server = await serverOf(nats, flags, cluster.namespace)
    const folder = mkdtempSync(join(tmpdir(), 'kubectl-marketprism-'))
    try {
      const { args: who, env } = await identityOf(cluster, nats, flags, io, folder)
      const subject = flags.subject ?? `${nats.prefix}.>`
      const all = ['--stream', nats.stream.name, '--nats', server, '--subject', subject, ...who, ...passedOn(flags)]
      return await auditStream(all, io, continuity, env)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

function natsOf(name: string, collector: KubeObject): NatsSink {
  const { status: _, ...manifest } = collector
  const sink = checkStored(manifest).collector?.spec.sink ?? (collector['spec'] as { sink: Sink }).sink
  if (sink.nats !== undefined) return sink.nats
  const says =
    sink.file === undefined
      ? 'it writes to standard output, of which nothing is kept'
      : `it writes files; copy them here and write marketprism audit --dir FOLDER`
  throw new Fault(`${name} has no stream: ${says}.`)
}

function passedOn({ since, json }: Flags): string[] {
  return [...(since === undefined ? [] : ['--since', since]), ...(json === true ? ['--json'] : [])]
}

/** The first server that answers. @throws Fault with the way to reach one */
async function serverOf({ servers }: NatsSink, { server }: Flags, namespace: string): Promise<string> {
  if (server !== undefined) return server
  const named = servers.filter((one) => /^(?:nats|tls):/.test(one))
  for (const one of named) {
    // A name without a dot is that of a Service beside the Collector: in another namespace it has a longer one.
    for (const address of new Set([one, reachable(one, namespace)])) if (await answers(address)) return address
  }
  const [first = ''] = servers
  const { hostname, port } = URL.parse(first) ?? { hostname: 'nats', port: '4222' }
  const [service = 'nats', elsewhere] = hostname.split('.')
  const ports = `4222:${port === '' ? '4222' : port}`
  const from = `kubectl port-forward -n ${elsewhere ?? namespace} service/${service} ${ports}`
  throw new Fault(
    `${servers.join(', ')} cannot be reached from here: these are addresses inside the cluster. ` +
      `Open a way, such as ${from}, and write --server nats://127.0.0.1:4222.`,
  )
}

function answers(address: string): Promise<boolean> {
  const { hostname, port } = URL.parse(address) ?? { hostname: '', port: '' }
  if (hostname === '') return Promise.resolve(false)
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 4222 : Number(port) })
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.setTimeout(CONNECT_MS_MAX, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}

interface Identity {
  readonly args: string[]
  readonly env: Io['env']
}

/** Who we are at the server: what the command line and the environment say, else what the Collector's Secrets hold. */
async function identityOf(
  cluster: Cluster,
  { credentialsSecret, tls }: NatsSink,
  flags: Flags,
  io: Io,
  folder: string,
): Promise<Identity> {
  const args: string[] = []
  let { env } = io
  const ca = flags['tls-ca'] ?? (await fileOf(cluster, tls?.secret.name, 'ca.crt', '--tls-ca', folder))
  if (ca !== undefined) args.push('--tls-ca', ca)
  const isTold = ['NATS_USER', 'NATS_TOKEN'].some((name) => env[name] !== undefined)
  if (flags.creds !== undefined) args.push('--creds', flags.creds)
  else if (!isTold && credentialsSecret !== undefined) {
    const keys = await keysOf(cluster, credentialsSecret.name, '--creds FILE, or NATS_USER and NATS_PASSWORD')
    const { 'nats.creds': credentials, token, username, password } = keys
    if (credentials !== undefined) args.push('--creds', saved(folder, 'nats.creds', credentials))
    else if (token !== undefined) env = { ...env, NATS_TOKEN: token }
    else if (username !== undefined) env = { ...env, NATS_USER: username, NATS_PASSWORD: password }
    else
      throw new Fault(
        `Secret ${credentialsSecret.name} has none of nats.creds, token and username; write --creds FILE.`,
      )
  }
  return { args, env }
}

async function fileOf(
  cluster: Cluster,
  secret: string | undefined,
  key: string,
  flag: string,
  folder: string,
): Promise<string | undefined> {
  if (secret === undefined) return undefined
  const text = (await keysOf(cluster, secret, `${flag} FILE`))[key]
  return text === undefined ? undefined : saved(folder, key, text)
}

async function keysOf({ client, namespace }: Cluster, name: string, instead: string) {
  try {
    const keys = await readSecret(client, namespace, name)
    if (keys !== undefined) return keys
    throw new Fault(`there is no Secret ${name} in namespace ${namespace}; write ${instead}.`)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error
    throw new Fault(`you may not read Secret ${name}; write ${instead}.`, { cause: error })
  }
}

function saved(folder: string, name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, `${text}\n`, { mode: 0o600 })
  return file
}
