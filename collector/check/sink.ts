// Whether a sink will take what is collected. Never: stores a message, makes or changes a stream, leaves a file.
import { existsSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { FileSink, NatsSink, Sink as SinkSpec } from '../../crds/collector.ts'
import { messageOf } from '../connection/errors.ts'
import { readKey } from '../secrets.ts'
import { connectOnce } from '../sinks/nats/connect.ts'
import { natsPlace } from '../sinks/nats/place.ts'
import { inspectStream } from '../sinks/nats/stream.ts'
import { bytes } from '../terminal/format.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const ANSWER_MS = 5_000
const FREE_BYTES_MIN = 1024 ** 3
/** The server says that the message was meant for another stream: it let it in and did not store it. */
const OTHER_STREAM = 10060

export async function checkSink(spec: SinkSpec): Promise<Finding[]> {
  if (spec.nats !== undefined) return checkNats(spec.nats)
  if (spec.file !== undefined) return [checkFolder(spec.file)]
  return [ok('sink', 'stdout', 'messages go to standard output')]
}

async function checkNats(spec: NatsSink): Promise<Finding[]> {
  const about = spec.servers.join(', ')
  let nc: NatsConnection
  try {
    nc = await connectOnce(natsPlace(spec, readKey))
  } catch (error) {
    return [fail('sink', about, messageOf(error))]
  }
  try {
    const version = ok('sink', about, `NATS ${nc.info?.version ?? ''}`)
    const stream = await checkStream(nc, spec)
    if (stream.some(({ verdict }) => verdict === 'fail')) return [version, ...stream]
    return [version, ...stream, await checkPublishing(nc, spec.prefix)]
  } finally {
    await nc.close()
  }
}

async function checkStream(nc: NatsConnection, spec: NatsSink): Promise<Finding[]> {
  const { stream } = natsPlace(spec, readKey)
  try {
    const found = await inspectStream(nc, stream, spec.prefix, ANSWER_MS)
    if (found !== undefined) {
      return [
        ok('stream', stream.name, 'is there and takes our subjects'),
        ...found.map((text) => warn('stream', stream.name, text)),
      ]
    }
    if (stream.manage === 'collector')
      return [ok('stream', stream.name, 'is not there yet; the collector will make it')]
    return [
      warn(
        'stream',
        stream.name,
        'is not there yet; the operator makes it. Without one write sink.nats.stream.manage: collector',
      ),
    ]
  } catch (error) {
    return [fail('stream', stream.name, messageOf(error))]
  }
}

/** Publishes what the stream must refuse: whoever may not publish is told so, and nothing is stored. */
async function checkPublishing(nc: NatsConnection, prefix: string): Promise<Finding> {
  const subject = `${prefix}.state.check.check.check`
  const denied = permissionError(nc)
  try {
    const publishing = jetstream(nc, { timeout: ANSWER_MS }).publish(subject, '{}', {
      expect: { streamName: 'marketprism-check-no-such-stream' },
    })
    await Promise.race([publishing, denied])
    return fail('publish', `${prefix}.>`, 'the server stored a message that was meant for another stream')
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === OTHER_STREAM) return ok('publish', `${prefix}.>`, 'allowed')
    const text = messageOf(error)
    // The client takes it for a server without JetStream that nobody listens, but the stream was asked for before.
    if (/no responders|not enabled/i.test(text)) return ok('publish', `${prefix}.>`, 'no stream takes it yet')
    return fail(
      'publish',
      `${prefix}.>`,
      `${text}; let these credentials publish under ${prefix}.> and subscribe to _INBOX.>`,
    )
  }
}

/** Rejects when the server forbids something on this connection. */
async function permissionError(nc: NatsConnection): Promise<never> {
  for await (const event of nc.status()) {
    if (event.type === 'error') throw event.error
  }
  throw new Error('the connection was closed')
}

function checkFolder({ path }: FileSink): Finding {
  let folder = resolve(path)
  while (!existsSync(folder)) folder = dirname(folder)
  try {
    rmdirSync(mkdtempSync(join(folder, '.marketprism-check-')))
  } catch (error) {
    return fail('sink', path, `${messageOf(error)}; let this user write there, or name another folder`)
  }
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const text = `${bytes(free)} are free`
  return free < FREE_BYTES_MIN ? warn('sink', path, `only ${text}`) : ok('sink', path, text)
}
