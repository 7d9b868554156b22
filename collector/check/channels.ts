// Whether each channel delivers: the collector itself, for some seconds, with a sink that keeps nothing.
import { openCollector } from '../collector.ts'
import { realClock } from '../connection/clock.ts'
import type { Collector } from '../../crds/collector.ts'
import { openLog } from '../log.ts'
import type { Sink, SinkContext } from '../sinks/sink.ts'
import type { ChannelStatus, CollectorStatus } from '../status.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const POLL_MS = 200
const CLOSE_MS = 1_000
/** So many channels are named for one reason. */
const NAMES_MAX = 3
const LINES_MAX = 20
const NO_CHANNEL = 'no channel: its list of instruments did not come, or has nothing that the feeds name'

/** @param waitMs how long a channel may take for its first message */
export async function tryChannels(collector: Collector, waitMs: number): Promise<Finding[]> {
  const said: string[] = []
  const log = openLog({ level: 'warn', readable: true, write: (line) => said.length < LINES_MAX && said.push(line) })
  const running = await openCollector({ collector, openSink: keepNothing, log, clock: realClock, random: Math.random })
  const untilMs = Date.now() + waitMs
  while (Date.now() < untilMs && !isKnown(running.status())) await pause()
  const { channels } = running.status()
  await running.close(CLOSE_MS)
  const groups = Map.groupBy(channels, ({ exchange, market, type }) => `${exchange} ${market} ${type}`)
  const findings = [...groups].flatMap(([about, group]) => ofGroup(about, group, waitMs))
  const wanted = new Set(collector.spec.feeds.map(({ exchange, market }) => `${exchange} ${market}`))
  for (const { exchange, market } of channels) wanted.delete(`${exchange} ${market}`)
  findings.push(...[...wanted].map((about) => fail('channels', about, NO_CHANNEL)))
  const hasFailed = findings.some(({ verdict }) => verdict === 'fail')
  return [...findings, ...(hasFailed ? said.map((line) => warn('log', '', line.trim())) : [])]
}

/** Whether all channels there are have been found, and each delivers or is known not to. */
function isKnown({ ready, channels }: CollectorStatus): boolean {
  return ready && channels.every(({ made, state, settled }) => made > 0 || (settled && state === 'down'))
}

function pause(): Promise<void> {
  return new Promise((resolve) => realClock.setTimeout(resolve, POLL_MS))
}

function ofGroup(about: string, group: readonly ChannelStatus[], waitMs: number): Finding[] {
  const live = group.filter(({ made }) => made > 0)
  const quiet = group.filter(({ made, state }) => made === 0 && state !== 'down')
  const down = group.filter(({ made, state }) => made === 0 && state === 'down')
  const findings: Finding[] = []
  if (live.length > 0) findings.push(ok('channels', about, `${live.length} of ${group.length} deliver`))
  if (quiet.length > 0) {
    const text = `nothing came of ${names(quiet)} in ${waitMs / 1000} s; usual for a quiet market, else try --wait 60s`
    findings.push(warn('channels', about, text))
  }
  for (const [why, ofReason] of Map.groupBy(down, ({ detail = 'no socket' }) => detail)) {
    findings.push(fail('channels', about, `${names(ofReason)}: ${why}`))
  }
  return findings
}

function names(channels: readonly ChannelStatus[]): string {
  const all = channels.map(({ symbol, interval }) => (interval === undefined ? symbol : `${symbol} ${interval}`))
  return all.length > NAMES_MAX
    ? `${all.slice(0, NAMES_MAX).join(', ')} and ${all.length - NAMES_MAX} more`
    : all.join(', ')
}

/** Says of each record that it is stored. */
function keepNothing({ spool, onSettled }: SinkContext): Sink {
  return {
    kind: 'stdout',
    status: { connected: true, problem: undefined, lastSettledMs: Date.now(), outstanding: 0 },
    open: async () => {},
    last: async () => new Map(),
    flush: () => {
      while (spool.next()) {
        const { chunk, index } = spool.cursor
        spool.cursor.index += 1
        onSettled('acknowledged', chunk, index)
        spool.settle(chunk, index)
      }
    },
    close: async () => {},
  }
}
