// Where the API server is and as whom we ask it: a pod's service account, or a kubeconfig.
//
// Out: what a request needs now, TLS and headers. Always: files are looked at again every ten seconds, so that a
// rotated token, certificate or authority is used by the next request; `forget` makes that now. Never: client-node is
// loaded in a pod. Its entry point costs 58 MB of memory (measured), more than a thousand Collectors do, and a pod's
// credentials are two files.
import { readFile, stat } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import type { KubeConfig } from '@kubernetes/client-node'
import { type Clock, realClock } from './clock.ts'

type Tls = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'rejectUnauthorized' | 'servername'>

export interface Access {
  readonly server: string
  readonly tls: Tls
  readonly headers: Readonly<Record<string, string>>
  readonly proxy?: string
}

export interface Credentials {
  /** As they are now, at most ten seconds old. */
  read(): Promise<Access>
  /** The server did not take them: the next read asks files and programs anew. */
  forget(): void
}

export interface CredentialOptions {
  readonly config?: KubeConfig
  /** Folder of a pod's service account. */
  readonly accountFolder?: string
  readonly clock?: Clock
}

const ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'
const REREAD_MS = 10_000

/** In: a configuration; without one, the pod's service account where we run in a pod, else the user's kubeconfig. */
export async function openCredentials(options: CredentialOptions): Promise<Credentials> {
  const { config, accountFolder = ACCOUNT_FOLDER, clock = realClock } = options
  if (config !== undefined) return fresh(ofConfig(config), clock)
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  if ((KUBECONFIG ?? '') === '' && host !== undefined && host !== '') {
    return fresh(ofAccount(accountFolder, `https://${isIPv6(host) ? `[${host}]` : host}:${port}`), clock)
  }
  const { KubeConfig } = await import('@kubernetes/client-node')
  const loaded = new KubeConfig()
  loaded.loadFromDefault()
  return fresh(ofConfig(loaded), clock)
}

interface Source {
  read(): Promise<Access>
  forget(): void
}

/** Reads at most every ten seconds, and once for all who ask at the same time. */
function fresh(source: Source, clock: Clock): Credentials {
  let reading: Promise<Access> | undefined
  let readMs = -Infinity
  return {
    read() {
      if (reading !== undefined && clock.nowMs() - readMs < REREAD_MS) return reading
      const before = reading
      readMs = clock.nowMs()
      // A file that is being replaced may be missing for a moment: what was read before is used until it is back.
      const now = source.read().catch((error: unknown) => {
        if (before === undefined) {
          if (reading === now) reading = undefined
          throw error
        }
        return before
      })
      reading = now
      return now
    },
    forget() {
      source.forget()
      readMs = -Infinity
    },
  }
}

/** The files that the kubelet keeps up to date in every pod with a service account. */
function ofAccount(folder: string, server: string): Source {
  const token = changingFile(join(folder, 'token'))
  const authority = changingFile(join(folder, 'ca.crt'))
  return {
    async read() {
      const [bearer, ca] = await Promise.all([token.read(), authority.read()])
      return { server, tls: { ca }, headers: { authorization: `Bearer ${bearer.trim()}` } }
    },
    forget() {
      token.forget()
      authority.forget()
    },
  }
}

/** The text of a file, read again when its inode, size or time is another. */
function changingFile(path: string): { read(): Promise<string>; forget(): void } {
  let stamp = ''
  let text = ''
  return {
    async read() {
      const { ino, size, mtimeMs } = await stat(path)
      const now = `${ino} ${size} ${mtimeMs}`
      if (now !== stamp) {
        text = await readFile(path, 'utf8')
        stamp = now
      }
      return text
    },
    forget: () => (stamp = ''),
  }
}

/** What client-node makes of a kubeconfig: certificates, tokens, exec plugins, impersonation. */
function ofConfig(config: KubeConfig): Source {
  let current = config
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new Error('the kubeconfig has no current context; choose one: kubectl config use-context')
  const proxy = cluster.proxyUrl
  return {
    async read() {
      const options: RequestOptions = {}
      await current.applyToHTTPSOptions(options)
      const { auth } = options
      const headers: Record<string, string> = {}
      for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value)
      if (auth !== undefined && auth !== null) headers.authorization = `Basic ${Buffer.from(auth).toString('base64')}`
      return { server: cluster.server, tls: tlsOf(options), headers, ...(proxy === undefined ? {} : { proxy }) }
    },
    forget() {
      current = copyOf(current)
    },
  }
}

function tlsOf({ ca, cert, key, passphrase, rejectUnauthorized, servername }: RequestOptions): Tls {
  const all = { ca, cert, key, passphrase, rejectUnauthorized, servername }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Tls
}

/** The same configuration without what its authenticators remember: a token that expired early is asked for again. */
function copyOf(config: KubeConfig): KubeConfig {
  const copy = new (config.constructor as new () => KubeConfig)()
  copy.loadFromOptions({
    clusters: config.clusters,
    users: config.users,
    contexts: config.contexts,
    currentContext: config.currentContext,
  })
  return copy
}
