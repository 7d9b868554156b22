// One connection to NATS: who we are, how it is secured, and which failures only a person can mend.
import {
  type Authenticator,
  AuthorizationError,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type NodeConnectionOptions,
  tokenAuthenticator,
  UserAuthenticationExpiredError,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { printable } from '../../terminal/escape.ts'

/** One way to say who we are; all absent: nobody. */
export interface NatsIdentity {
  /** Content of a credentials file (JWT and seed). */
  readonly credentials?: string
  /** Seed of an nkey. */
  readonly nkeySeed?: string
  readonly user?: string
  readonly password?: string
  readonly token?: string
}

/** PEM texts. An empty record asks for TLS with the system's certificate authorities. */
export interface NatsTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** The server expects the handshake before its greeting. */
  readonly handshakeFirst?: boolean
}

export interface ConnectOptions {
  readonly servers: readonly string[]
  /** Name of the client in the server's monitoring. */
  readonly name: string
  /** Read anew for every connection, so that a rotated secret takes effect. Throws when it cannot be read. */
  readonly identity?: () => NatsIdentity
  readonly tls?: () => NatsTls
}

const CONNECT_MS_MAX = 5_000
const PING_MS = 10_000
const PINGS_OUT_MAX = 2

/** A failure that goes on until a person changes something. */
export class NotAllowed extends Error {
  override readonly name = 'NotAllowed'
}

/**
 * Connects to one of the servers, each tried once, in random order.
 * The connection does not reconnect by itself: a lost one is closed, and whoever owns it opens a new one. So nothing
 * that was written to a dead connection is ever sent by a later one.
 * @throws NotAllowed when the server does not take our identity; Error when none is reachable.
 */
export async function connectOnce(options: ConnectOptions): Promise<NatsConnection> {
  let authenticator: Authenticator | undefined = undefined
  try {
    if (options.identity !== undefined) authenticator = authenticatorOf(options.identity())
  } catch (cause) {
    throw new NotAllowed(`the NATS credentials cannot be read: ${reason(cause)}; mend the Secret or file`, { cause })
  }
  const settings: NodeConnectionOptions = {
    name: options.name,
    reconnect: false,
    timeout: CONNECT_MS_MAX,
    pingInterval: PING_MS,
    maxPingOut: PINGS_OUT_MAX,
    noAsyncTraces: true,
  }
  if (authenticator !== undefined) settings.authenticator = authenticator
  let cause: unknown
  for (const server of shuffled(options.servers)) {
    try {
      return await connect({ ...settings, servers: server, ...tlsTo(server, options.tls?.()) })
    } catch (error) {
      cause = error
      if (error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError) {
        const advice = 'check its credentials (spec.sink.nats.credentialsSecret)'
        throw new NotAllowed(`${server} does not let the collector in: ${reason(error)}; ${advice}`, { cause })
      }
    }
  }
  const servers = options.servers.join(', ')
  throw new Error(`no connection to ${servers}: ${reason(cause)}; is the NATS server up and reachable?`, { cause })
}

function shuffled(servers: readonly string[]): string[] {
  return servers
    .map((server) => ({ server, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ server }) => server)
}

/** The library names a server to TLS only where it has a name: of an address Node would compare 'localhost'. */
function tlsTo(server: string, tls: NatsTls | undefined): Pick<NodeConnectionOptions, 'tls'> {
  const host = URL.parse(server)?.hostname.replace(/^\[|\]$/g, '')
  const options = { ...tls, host }
  return tls === undefined ? {} : { tls: options }
}

function authenticatorOf(identity: NatsIdentity): Authenticator | undefined {
  const bytes = (text: string, end = ''): Uint8Array => new TextEncoder().encode(text.trim() + end)
  // The library finds the seed only where a line break follows its last line.
  if (identity.credentials !== undefined) return credsAuthenticator(bytes(identity.credentials, '\n'))
  if (identity.nkeySeed !== undefined) return nkeyAuthenticator(bytes(identity.nkeySeed))
  if (identity.token !== undefined) return tokenAuthenticator(identity.token)
  if (identity.user !== undefined) return usernamePasswordAuthenticator(identity.user, identity.password)
  return undefined
}

/** What went wrong, in words that may be logged: Node's connection errors say it in their cause. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error))
  const causes = error instanceof AggregateError ? error.errors.map(reason).join(', ') : ''
  return printable(error.message || causes || error.name)
}
