// What a manifest says of NATS, as the connection and the stream take it. Secrets are read where they are used, by whoever
// can: a pod from its mounts, the operator from the API server.
import { hostname } from 'node:os'
import type { NatsSink, NatsStream } from '../../../crds/collector.ts'
import { parseBytes, parseDuration } from '../../../crds/duration.ts'
import type { ConnectOptions, NatsIdentity, NatsTls } from './connect.ts'
import type { StreamOptions } from './stream.ts'

/** One key of a Secret, by its name; undefined where it is not there. */
export type ReadSecret = (secret: string, key: string) => string | undefined

export interface NatsPlace extends ConnectOptions {
  readonly prefix: string
  readonly stream: StreamOptions
}

/** What a manifest says of NATS. @throws Error that names the field */
export function natsPlace(spec: NatsSink, read: ReadSecret): NatsPlace {
  const { servers, prefix, stream, credentialsSecret, tls } = spec
  servers.forEach((server, i) => {
    if (/^wss?:/.test(server)) {
      throw new Error(`spec.sink.nats.servers[${i}]: NATS over WebSocket is not spoken yet; write nats:// or tls://`)
    }
  })
  const secure = servers.some((server) => server.startsWith('tls:'))
  return {
    servers,
    name: `marketprism@${hostname()}`,
    prefix,
    stream: streamOptions(stream),
    ...(credentialsSecret !== undefined && { identity: () => readIdentity(credentialsSecret.name, read) }),
    ...(tls !== undefined ? { tls: () => readTls(tls.secret.name, read) } : secure && { tls: () => ({}) }),
  }
}

function streamOptions(spec: NatsStream): StreamOptions {
  const { name, manage, maxAge, maxBytes, duplicateWindow, replicas, storage, discard, compression } = spec
  return {
    name,
    manage,
    ...(maxAge !== undefined && { maxAgeMs: parseDuration(maxAge) }),
    ...(maxBytes !== undefined && { maxBytes: parseBytes(maxBytes) }),
    ...(duplicateWindow !== undefined && { duplicateWindowMs: parseDuration(duplicateWindow) }),
    ...(replicas !== undefined && { replicas }),
    ...(storage !== undefined && { storage }),
    ...(discard !== undefined && { discard }),
    ...(compression !== undefined && { compression }),
  }
}

function readIdentity(secret: string, read: ReadSecret): NatsIdentity {
  const found = {
    credentials: read(secret, 'nats.creds'),
    nkeySeed: read(secret, 'nkey'),
    token: read(secret, 'token'),
    user: read(secret, 'username'),
    password: read(secret, 'password'),
  }
  const present = Object.entries(found).filter(([, value]) => value !== undefined)
  if (present.length > 0) return Object.fromEntries(present)
  throw new Error(`Secret ${secret} has none of nats.creds, nkey, token, username`)
}

function readTls(secret: string, read: ReadSecret): NatsTls {
  const found = { ca: read(secret, 'ca.crt'), cert: read(secret, 'tls.crt'), key: read(secret, 'tls.key') }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}
