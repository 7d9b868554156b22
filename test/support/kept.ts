// A collector in this process whose sink keeps what it gets: every message is checked against the public schema, its id
// against the public rule.
import assert from 'node:assert'
import { checkCollector } from '../../crds/faults.ts'
import { openCollector, type RunningCollector } from '../../collector/collector.ts'
import { type Clock, realClock } from '../../collector/connection/clock.ts'
import { openLog } from '../../collector/log.ts'
import type { Series } from '../../collector/market/channel.ts'
import { type Message, message, messageKey } from '../../collector/market/messages.ts'
import { isOf } from '../../collector/sinks/read.ts'
import { type Sink, type SinkContext, type SinkStatus, stampPublished } from '../../collector/sinks/sink.ts'
import type { CollectorStatus } from '../../collector/status.ts'
import { until } from '../e2e/collect.ts'

export class KeptSink implements Sink {
  readonly kind = 'file'
  readonly messages: Message[] = []
  /** Of the messages, each once. */
  readonly ids = new Set<string>()
  /** Ids that came twice. */
  readonly doubles: string[] = []
  readonly #last = new Map<string, Message>()
  readonly #context: SinkContext
  readonly #clock: Clock

  /** @param before what an earlier run stored, by subject */
  constructor(context: SinkContext, clock: Clock, before: ReadonlyMap<string, Message>) {
    this.#context = context
    this.#clock = clock
    for (const [subject, m] of before) this.#last.set(subject, m)
  }

  get status(): SinkStatus {
    return { connected: true, problem: undefined, lastSettledMs: this.#clock.nowMs(), outstanding: 0 }
  }

  /** The last message under each subject, for the next run. */
  get stored(): ReadonlyMap<string, Message> {
    return this.#last
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  last<S extends Series>(all: readonly S[]): Promise<Map<S, Message>> {
    const last = new Map<S, Message>()
    for (const series of all) {
      const m = this.#last.get(series.subject)
      if (m !== undefined && isOf(m, series)) last.set(series, m)
    }
    return Promise.resolve(last)
  }

  flush(): void {
    const { spool, channels, onSettled } = this.#context
    const digits = Buffer.from(String(this.#clock.nowUs()))
    while (spool.next()) {
      const { chunk, index } = spool.cursor
      stampPublished(chunk, index, digits)
      const [start, payload, end] = [chunk.start[index], chunk.payload[index], chunk.end[index]]
      const id = chunk.bytes.toString('utf8', start, payload)
      const m = message.parse(JSON.parse(chunk.bytes.toString('utf8', payload, end)))
      const channel = channels.list[chunk.channel[index] as number]
      assert(channel !== undefined && id === `${channel.idHead}${messageKey(m)}`, `${id} is not the id of its message`)
      if (this.ids.has(id)) this.doubles.push(id)
      this.ids.add(id)
      this.#last.set(channel.subject, m)
      this.messages.push(m)
      spool.cursor.index += 1
      onSettled('acknowledged', chunk, index)
      spool.settle(chunk, index)
    }
  }

  close(): Promise<void> {
    this.flush()
    return Promise.resolve()
  }
}

export interface Keeping {
  readonly running: RunningCollector
  readonly sink: KeptSink
  /** What was logged: the sentence and its fields. */
  readonly logged: readonly Record<string, unknown>[]
  /** Messages of a type, of a symbol where one is given. */
  of<T extends Message['type']>(type: T, symbol?: string): Extract<Message, { type: T }>[]
  until(what: string, holds: (status: CollectorStatus) => boolean): Promise<CollectorStatus>
  apply(manifested: object): Promise<void>
  close(): Promise<CollectorStatus>
  [Symbol.asyncDispose](): Promise<void>
}

export interface KeepOptions {
  readonly clock?: Clock
  readonly before?: ReadonlyMap<string, Message>
}

/** Runs a manifest, whose sink is not looked at. */
export async function keep(
  manifested: object,
  { clock = realClock, before = new Map() }: KeepOptions = {},
): Promise<Keeping> {
  const logged: Record<string, unknown>[] = []
  const log = openLog({ level: 'debug', readable: false, write: (line) => void logged.push(JSON.parse(line)) })
  let sink: KeptSink | undefined
  const running = await openCollector({
    collector: read(manifested),
    openSink: (context) => (sink = new KeptSink(context, clock, before)),
    log,
    clock,
    random: Math.random,
  })
  assert(sink !== undefined)
  const { messages } = sink
  let end: Promise<CollectorStatus> | undefined
  const close = () => (end ??= running.close(5_000))
  return {
    running,
    sink,
    logged,
    of: <T extends Message['type']>(type: T, symbol?: string) =>
      messages.filter(
        (m): m is Extract<Message, { type: T }> => m.type === type && (symbol === undefined || m.symbol === symbol),
      ),
    until: (what, holds) => {
      const look = () => holds(running.status()) && running.status()
      return until(what, look, () => running.status())
    },
    apply: (changed) => running.apply(read(changed)),
    close,
    [Symbol.asyncDispose]: async () => void (await close()),
  }
}

function read(manifested: object) {
  const { collector, faults } = checkCollector(manifested)
  assert(collector !== undefined, JSON.stringify(faults))
  return collector
}
