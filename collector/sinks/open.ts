// From what a Collector's manifest says to a sink.
import { hostname } from 'node:os'
import type { FileSink, NatsSink, NatsStream, Sink as SinkSpec } from '../../crds/collector.ts'
import { parseBytes, parseDuration } from '../../crds/duration.ts'
import { readKey, secretsDir } from '../secrets.ts'
import { type FileOptions, fileSink } from './file.ts'
import type { NatsIdentity, NatsTls } from './nats/connect.ts'
import type { StreamOptions } from './nats/stream.ts'
import { type NatsOptions, natsSink } from './nats.ts'
import type { Sink, SinkContext, SinkWorld } from './sink.ts'
import { stdoutSink } from './stdout.ts'

const EVERY_SECOND_MS = 1_000

/**
 * The sink that `spec.sink` asks for, not opened yet.
 * @throws Error that names the field, for what this version cannot do.
 */
export function openSink(spec: SinkSpec, context: SinkContext, world: SinkWorld): Sink {
  if (spec.nats !== undefined) return natsSink(natsOptions(spec.nats), context, world)
  if (spec.file !== undefined) return fileSink(fileOptions(spec.file), context, world)
  return stdoutSink(context, world, process.stdout)
}

/** What a manifest says of NATS. @throws Error that names the field */
export function natsOptions(spec: NatsSink): NatsOptions {
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
    ...(credentialsSecret !== undefined && { identity: () => readIdentity(credentialsSecret.name) }),
    ...(tls !== undefined ? { tls: () => readTls(tls.secret.name) } : secure && { tls: () => ({}) }),
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

function fileOptions({ path, rotate, fsync, compression }: FileSink): FileOptions {
  const fsyncMs = { always: 0, everySecond: EVERY_SECOND_MS, never: undefined }[fsync]
  return { dir: path, compression, periodMs: parseDuration(rotate), ...(fsyncMs !== undefined && { fsyncMs }) }
}

function readIdentity(secret: string): NatsIdentity {
  const key = (name: string): string | undefined => readKey(secret, name)
  const found = {
    credentials: key('nats.creds'),
    nkeySeed: key('nkey'),
    token: key('token'),
    user: key('username'),
    password: key('password'),
  }
  const present = Object.entries(found).filter(([, value]) => value !== undefined)
  if (present.length > 0) return Object.fromEntries(present)
  throw new Error(`Secret ${secret} has none of nats.creds, nkey, token, username in ${secretsDir()}`)
}

function readTls(secret: string): NatsTls {
  const found = { ca: readKey(secret, 'ca.crt'), cert: readKey(secret, 'tls.crt'), key: readKey(secret, 'tls.key') }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}
