// From what a Collector's manifest says to a sink.
import type { FileSink, Sink as SinkSpec } from '../../crds/collector.ts'
import { parseDuration } from '../../crds/duration.ts'
import { readKey } from '../secrets.ts'
import { type FileOptions, fileSink } from './file.ts'
import { natsPlace } from './nats/place.ts'
import { natsSink } from './nats.ts'
import type { Sink, SinkContext, SinkWorld } from './sink.ts'
import { stdoutSink } from './stdout.ts'

const EVERY_SECOND_MS = 1_000

/**
 * The sink that `spec.sink` asks for, not opened yet.
 * @throws Error that names the field, for what this version cannot do.
 */
export function openSink(spec: SinkSpec, context: SinkContext, world: SinkWorld): Sink {
  if (spec.nats !== undefined) return natsSink(natsPlace(spec.nats, readKey), context, world)
  if (spec.file !== undefined) return fileSink(fileOptions(spec.file), context, world)
  return stdoutSink(context, world, process.stdout)
}

function fileOptions({ path, rotate, fsync, compression }: FileSink): FileOptions {
  const fsyncMs = { always: 0, everySecond: EVERY_SECOND_MS, never: undefined }[fsync]
  return { dir: path, compression, periodMs: parseDuration(rotate), ...(fsyncMs !== undefined && { fsyncMs }) }
}
