// What the process says of itself, beside the data: event loop, garbage collection, heap, descriptors, processor time.
//
// Always: everything only grows or is read at the moment, nothing is reset by being read, so that two scrapers see
// the same. The delay of the loop is our own measurement: a timer's drift, in fixed bins. perf_hooks' histogram
// includes its own resolution and prom-client's measures the scrape.
import { readdirSync, readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { LatencyTotal } from './latency.ts'

/**
 * Milliseconds between two looks at the clock. Measured in an idle process, where waking up is what costs: 0.5 % of a
 * core (at 20 ms 1.2 %, Node 26.10). The observer of garbage collection costs nothing that could be measured.
 */
const LOOK_MS = 50
/** A loop that was blocked for longer counts as blocked for this long. */
const BLOCKED_MS_MAX = 60_000

/** Kinds of garbage collection, by the number that Node gives them. */
const GC_KINDS: Readonly<Record<number, GcKind>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak_callback',
}
export type GcKind = 'minor' | 'major' | 'incremental' | 'weak_callback'

/** What {@link Runtime} has to say at one moment. */
export interface RuntimeStatus {
  /** How late a timer would have run, at every {@link LOOK_MS} of the process's life. */
  readonly loopDelay: LatencyTotal
  /** Seconds spent in garbage collection, by kind. */
  readonly gcSeconds: Readonly<Record<GcKind, number>>
  readonly heapUsedBytes: number
  readonly heapLimitBytes: number
  readonly residentBytes: number
  /** Of the container; undefined where there is none. */
  readonly memoryLimitBytes: number | undefined
  readonly cpuSeconds: { readonly user: number; readonly system: number }
  /** undefined where the system does not say. */
  readonly openFds: number | undefined
  readonly maxFds: number | undefined
  /** The machine's clock, ms since the epoch: unlike the clock of durations it jumps when it is set. */
  readonly wallMs: number
}

export interface Runtime {
  status(): RuntimeStatus
  close(): void
}

/** Starts to watch the process. Holds neither the process nor its exit. */
export function watchRuntime(): Runtime {
  const loopDelay = new LatencyTotal()
  const gcSeconds: Record<GcKind, number> = { minor: 0, major: 0, incremental: 0, weak_callback: 0 }

  let due = performance.now() + LOOK_MS
  const timer = setInterval(() => {
    const now = performance.now()
    recordDelay(loopDelay, now - due)
    due = now + LOOK_MS
  }, LOOK_MS)
  timer.unref()

  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = GC_KINDS[(entry as { detail?: { kind?: number } }).detail?.kind ?? 0]
      if (kind !== undefined) gcSeconds[kind] += entry.duration / 1000
    }
  })
  observer.observe({ entryTypes: ['gc'] })

  const maxFds = readMaxFds()
  return {
    status: () => readStatus(loopDelay, gcSeconds, maxFds),
    close() {
      clearInterval(timer)
      observer.disconnect()
    },
  }
}

/**
 * Counts one delay of the loop, and with it what the looks that it kept from happening would have seen: each
 * {@link LOOK_MS} less than the one before. The share of samples above a bound is then the share of time.
 */
export function recordDelay(into: LatencyTotal, delayMs: number): void {
  for (let left = Math.min(delayMs, BLOCKED_MS_MAX); ; left -= LOOK_MS) {
    into.record(Math.max(0, left) * 1000)
    if (left <= LOOK_MS) return
  }
}

function readStatus(
  loopDelay: LatencyTotal,
  gcSeconds: Readonly<Record<GcKind, number>>,
  maxFds: number | undefined,
): RuntimeStatus {
  const heap = getHeapStatistics()
  const cpu = process.cpuUsage()
  return {
    loopDelay,
    gcSeconds,
    heapUsedBytes: heap.used_heap_size,
    heapLimitBytes: heap.heap_size_limit,
    residentBytes: process.memoryUsage.rss(),
    memoryLimitBytes: memoryLimitOf(process.constrainedMemory(), totalmem()),
    cpuSeconds: { user: cpu.user / 1e6, system: cpu.system / 1e6 },
    openFds: readOpenFds(),
    maxFds,
    wallMs: Date.now(),
  }
}

/** What a container may use: without a limit Node says 0, or a number beyond all memory that there is. */
export function memoryLimitOf(constrained: number, total: number): number | undefined {
  return constrained > 0 && constrained < total ? constrained : undefined
}

function readOpenFds(): number | undefined {
  try {
    // One of them is the directory that is being read.
    return readdirSync('/dev/fd').length - 1
  } catch {
    return undefined
  }
}

function readMaxFds(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
