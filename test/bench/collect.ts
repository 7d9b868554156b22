// A whole collector in a process of its own, driven by the benchmark that forked it; see rig.ts.
//
// It is what `marketprism run` runs, except that the benchmark may give it another sink, and that every settled
// message is looked at: how many, since when, and how late.
import { openCollector } from '../../collector/collector.ts'
import { realClock } from '../../collector/connection/clock.ts'
import { openLog } from '../../collector/log.ts'
import { openSink } from '../../collector/sinks/open.ts'
import { PUBLISHED_DIGITS, type Sink, type SinkContext } from '../../collector/sinks/sink.ts'
import type { Chunk } from '../../collector/sinks/spool.ts'
import { integerAt } from '../../collector/wire/bytes.ts'
import { checkCollector } from '../../crds/faults.ts'
import { openPlainSink } from './peers/plain-sink.ts'
import { quantile } from './measure.ts'
import type { Delays, Job, Progress, Question } from './rig.ts'

/** Columns of µs for each message: since it was due at the venue, and since it was read from the socket. */
class Ages {
  readonly acked: Float64Array
  readonly ackedSinceRead: Float64Array
  readonly written: Float64Array
  readonly writtenSinceRead: Float64Array
  count = 0

  constructor(max: number) {
    this.acked = new Float64Array(max)
    this.ackedSinceRead = new Float64Array(max)
    this.written = new Float64Array(max)
    this.writtenSinceRead = new Float64Array(max)
  }

  add(due: number, read: number, written: number, acked: number): void {
    if (this.count === this.acked.length) return
    this.acked[this.count] = acked - due
    this.ackedSinceRead[this.count] = acked - read
    this.written[this.count] = written - due
    this.writtenSinceRead[this.count] = written - read
    this.count += 1
  }

  /** p50, p99 and the largest of each column, ms. */
  delays(): Delays {
    const column = (values: Float64Array) => {
      const all = Array.from(values.subarray(0, this.count))
      return { p50: quantile(all, 0.5) / 1000, p99: quantile(all, 0.99) / 1000, max: quantile(all, 1) / 1000 }
    }
    return {
      messages: this.count,
      acked: column(this.acked),
      ackedSinceRead: column(this.ackedSinceRead),
      written: column(this.written),
      writtenSinceRead: column(this.writtenSinceRead),
    }
  }
}

const TS = Buffer.from('"ts":')

let startedUs = 0
let trades = 0
let firstReadUs = 0
let lastSettledUs = 0
let ages = new Ages(0)
let warmUp = 0
/** By channel index, when its first message was settled, µs. */
const firstSettled = new Map<number, number>()
let channels: SinkContext['channels'] = { list: [] }

process.once('message', (job) => void run(job as Job))
process.once('disconnect', () => process.exit())

async function run({ manifest, sink, samples = { warmUp: 0, max: 0 } }: Job): Promise<void> {
  const { collector, faults } = checkCollector(manifest)
  if (collector === undefined) throw new Error(faults.map(({ says }) => says).join('\n'))
  ages = new Ages(samples.max)
  warmUp = samples.warmUp
  const world = { log: openLog({ level: 'warn' }), clock: realClock }
  startedUs = realClock.nowUs()
  const running = await openCollector({
    collector,
    openSink: (context) => {
      const watched = { ...context, onSettled: watch(context) }
      channels = context.channels
      return sink === 'ours' ? openSink(collector.spec.sink, watched, world) : plain(collector.spec.sink, watched)
    },
    random: Math.random,
    ...world,
  })
  process.on('message', (question: Question) => {
    if (question === 'progress') answer(progress())
    else if (question === 'delays') answer(ages.delays())
    else if (question === 'firsts') answer(firsts())
    else if (question === 'status') answer(running.status())
    else void running.close(20_000).then((status) => process.send?.(status.ledger, () => process.exit(0)))
  })
  answer('running')
}

function plain({ nats }: { nats?: Parameters<typeof openPlainSink>[0] | undefined }, context: SinkContext): Sink {
  if (nats === undefined) throw new Error('the plain sink needs spec.sink.nats')
  return openPlainSink(nats, context)
}

function answer(value: unknown): void {
  process.send?.(value)
}

function watch({ channels, onSettled }: SinkContext): SinkContext['onSettled'] {
  return (outcome, chunk, index) => {
    const nowUs = realClock.nowUs()
    const channel = channels.list[chunk.channel[index] as number]
    if (channel?.type !== 'state' && channel?.type !== 'instrument') {
      const read = chunk.received[index] as number
      if (channel !== undefined && !firstSettled.has(channel.index)) firstSettled.set(channel.index, nowUs)
      if (channel?.type === 'trade') {
        if (trades === 0) firstReadUs = read
        trades += 1
        lastSettledUs = nowUs
        if (trades > warmUp) ages.add(timeOf(chunk, index) ?? read, read, publishedOf(chunk, index), nowUs)
      }
    }
    onSettled(outcome, chunk, index)
  }
}

/** `ts` of a message: when the load generator was to send it, µs. */
function timeOf({ bytes, payload, end }: Chunk, index: number): number | undefined {
  const at = bytes.indexOf(TS, payload[index]) + TS.length
  return at < TS.length || at > (end[index] as number) ? undefined : integerAt(bytes, at, at + PUBLISHED_DIGITS)
}

/** `published` of a message: when its bytes were written to the sink's socket, µs. */
function publishedOf({ bytes, end }: Chunk, index: number): number {
  const brace = (end[index] as number) - 1
  return integerAt(bytes, brace - PUBLISHED_DIGITS, brace)
}

function progress(): Progress {
  const { rss, heapUsed, external } = process.memoryUsage()
  return {
    trades,
    seconds: (lastSettledUs - firstReadUs) / 1e6,
    rssBytes: rss,
    heapBytes: heapUsed,
    bufferBytes: external,
    cpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  }
}

/** Seconds from the start to the first settled message, by type and our symbol. */
function firsts(): Record<string, number> {
  return Object.fromEntries(
    [...firstSettled].map(([index, at]) => {
      const { type, symbol } = channels.list[index] as SinkContext['channels']['list'][number]
      return [`${type} ${symbol}`, (at - startedUs) / 1e6]
    }),
  )
}
