// The stream that messages are stored in: what it should be (pure), and bringing it there without ever taking anything
// away from it.
//
// Always: created when missing; a mutable field is changed only when the user wrote it and it differs. Never: deleted,
// recreated, or given other subjects. What the server chose for itself (a duplicate window shortened to the age) is no
// difference.
import {
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { printable } from '../../terminal/escape.ts'
import { reason } from './connect.ts'

/** The part of a stream that a user may write; what is absent is the server's choice. */
export interface StreamOptions {
  readonly name: string
  /** Who creates and updates it: the operator (we only verify), or we. */
  readonly manage: 'operator' | 'collector'
  readonly storage?: 'file' | 'memory'
  readonly replicas?: number
  readonly maxAgeMs?: number
  readonly maxBytes?: number
  /** What a full stream does: give up its oldest messages, or refuse new ones. */
  readonly discard?: 'old' | 'new'
  /** How long message ids are remembered. */
  readonly duplicateWindowMs?: number
  readonly compression?: 's2' | 'none'
}

const NANOS_PER_MS = 1_000_000

/** The wanted configuration: only what the user wrote, and what we cannot do without. */
export function desiredStream(options: StreamOptions, prefix: string): Partial<StreamConfig> & { name: string } {
  const { storage, replicas, maxAgeMs, maxBytes, discard, duplicateWindowMs, compression } = options
  return {
    name: options.name,
    subjects: [`${prefix}.>`],
    storage: storage ?? 'file',
    // For taking up where the last run left off.
    allow_direct: true,
    ...(replicas !== undefined && { num_replicas: replicas }),
    ...(maxAgeMs !== undefined && { max_age: maxAgeMs * NANOS_PER_MS }),
    ...(maxBytes !== undefined && { max_bytes: maxBytes }),
    ...(discard !== undefined && { discard }),
    ...(duplicateWindowMs !== undefined && { duplicate_window: duplicateWindowMs * NANOS_PER_MS }),
    ...(compression !== undefined && { compression }),
  }
}

const MUTABLE = [
  'allow_direct',
  'num_replicas',
  'max_age',
  'max_bytes',
  'discard',
  'duplicate_window',
  'compression',
] as const
type MutableField = (typeof MUTABLE)[number]

/** Mutable fields that are wanted otherwise than they are, with the wanted value. */
export function changesTo(
  found: StreamConfig,
  wanted: Partial<StreamConfig>,
): Partial<Pick<StreamConfig, MutableField>> {
  const entries = MUTABLE.filter((field) => wanted[field] !== undefined && wanted[field] !== (found[field] ?? 'none'))
  return Object.fromEntries(entries.map((field) => [field, wanted[field]]))
}

/** Why messages must not be written to this stream: a sentence, or undefined. */
export function unfit(found: StreamConfig, wanted: Partial<StreamConfig>): string | undefined {
  const { name } = found
  const subject = wanted.subjects?.[0] ?? ''
  if (!covers(found.subjects ?? [], subject)) {
    const theirs = printable((found.subjects ?? []).join(', '))
    return `stream ${name} belongs to something else, it takes ${theirs || 'no subjects'} and not ${subject}: write another spec.sink.nats.stream.name`
  }
  if (found.no_ack) return `stream ${name} acknowledges nothing (no_ack): update it with no_ack false`
  if (found.sealed) return `stream ${name} is sealed: write another spec.sink.nats.stream.name`
  return undefined
}

/** What a person should know of a stream that works; each a sentence. */
export function warnings(found: StreamConfig, ackTimeoutMs: number): string[] {
  const out: string[] = []
  const limited = found.max_bytes > 0 || found.max_msgs > 0
  if (limited && found.discard === 'old') {
    out.push(`stream ${found.name} gives up its oldest messages when full, read or not (discard: old)`)
  }
  const windowMs = found.duplicate_window / NANOS_PER_MS
  if (windowMs < 2 * ackTimeoutMs) {
    out.push(
      `stream ${found.name} remembers message ids for ${windowMs} ms only: a repeated message may be stored twice`,
    )
  }
  return out
}

/** Whether one of the subjects takes everything that `wanted`, which ends in `>`, stands for. */
function covers(subjects: readonly string[], wanted: string): boolean {
  const tokens = wanted.split('.')
  return subjects.some((subject) => {
    const theirs = subject.split('.')
    const open = theirs.at(-1) === '>' ? theirs.length - 1 : -1
    return open >= 0 && open < tokens.length && theirs.slice(0, open).every((t, i) => t === '*' || t === tokens[i])
  })
}

export interface StreamState {
  readonly lastSequence: number
  readonly duplicateWindowMs: number
  readonly allowDirect: boolean
  /** Takes fast batches. */
  readonly allowBatched: boolean
  readonly warnings: readonly string[]
}

/** The stream cannot be used; the message says what to do. */
export class StreamFault extends Error {
  override readonly name = 'StreamFault'
  /** Nobody but a person will change that. */
  readonly lasting: boolean

  constructor(message: string, lasting: boolean, cause?: unknown) {
    super(message, { cause })
    this.lasting = lasting
  }
}

const NOT_FOUND = 10059
const SUBJECTS_OVERLAP = 10065

/**
 * Verifies the stream, and where we manage it creates it or updates what differs.
 * @throws StreamFault when it cannot be used.
 */
export async function ensureStream(
  nc: NatsConnection,
  options: StreamOptions,
  prefix: string,
  ackTimeoutMs: number,
): Promise<StreamState> {
  const wanted = desiredStream(options, prefix)
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: ackTimeoutMs })
    const info = await find(jsm, options.name)
    const fault = info && unfit(info.config, wanted)
    if (fault !== undefined) throw new StreamFault(fault, true)
    const { config, state } =
      options.manage === 'collector' ? await apply(nc, jsm, info, wanted) : verified(info, wanted)
    return {
      lastSequence: state.last_seq,
      duplicateWindowMs: config.duplicate_window / NANOS_PER_MS,
      allowDirect: config.allow_direct,
      allowBatched: config.allow_batched === true,
      warnings: [...differences(config, wanted), ...warnings(config, ackTimeoutMs)],
    }
  } catch (error) {
    if (error instanceof StreamFault) throw error
    throw explained(error, options.name, `${prefix}.>`)
  }
}

/**
 * What a person should know of the stream as it is; undefined where there is none. Changes nothing.
 * @throws StreamFault when it cannot be used.
 */
export async function inspectStream(
  nc: NatsConnection,
  options: StreamOptions,
  prefix: string,
  ackTimeoutMs: number,
): Promise<readonly string[] | undefined> {
  const wanted = desiredStream(options, prefix)
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: ackTimeoutMs })
    const info = await find(jsm, options.name)
    if (info === undefined) return undefined
    const fault = unfit(info.config, wanted)
    if (fault !== undefined) throw new StreamFault(fault, true)
    return [...differences(info.config, wanted), ...warnings(info.config, ackTimeoutMs)]
  } catch (error) {
    if (error instanceof StreamFault) throw error
    throw explained(error, options.name, `${prefix}.>`)
  }
}

async function find(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name)
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === NOT_FOUND) return undefined
    throw error
  }
}

async function apply(
  nc: NatsConnection,
  jsm: JetStreamManager,
  found: StreamInfo | undefined,
  wanted: Partial<StreamConfig> & { name: string },
): Promise<StreamInfo> {
  if (found === undefined) return jsm.streams.add({ ...wanted, ...(takesBatches(nc) && { allow_batched: true }) })
  const changes = changesTo(found.config, wanted)
  return Object.keys(changes).length === 0 ? found : jsm.streams.update(wanted.name, changes)
}

/** Fast batches came with 2.14. A stream that has them cannot go back to an older server, so only new ones get them. */
function takesBatches(nc: NatsConnection): boolean {
  const [major = 0, minor = 0] = (nc.info?.version ?? '').split('.').map(Number)
  return major > 2 || (major === 2 && minor >= 14)
}

function verified(found: StreamInfo | undefined, wanted: { readonly name: string }): StreamInfo {
  if (found !== undefined) return found
  const { name } = wanted
  throw new StreamFault(
    `stream ${name} does not exist: the operator creates it; see its log, or create it by hand`,
    false,
  )
}

function differences(found: StreamConfig, wanted: Partial<StreamConfig>): string[] {
  return Object.entries(changesTo(found, wanted)).map(
    ([field, value]) =>
      `stream ${found.name} has ${field} ${String(found[field as MutableField])}, wanted is ${String(value)}`,
  )
}

function explained(error: unknown, stream: string, subjects: string): StreamFault {
  if (error instanceof JetStreamApiError && error.code === SUBJECTS_OVERLAP) {
    const advice = 'write another spec.sink.nats.prefix, or the name of that stream'
    return new StreamFault(`another stream already takes subjects under ${subjects}: ${advice}`, true, error)
  }
  const what = reason(error)
  const advice = /no responders|not enabled/.test(what) ? '; start the NATS server with JetStream (jetstream {})' : ''
  return new StreamFault(`stream ${stream} cannot be verified: ${what}${advice}`, false, error)
}
