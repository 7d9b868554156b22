// Faults of pods and of where they run: processes that end, hang, or run short of something, and clocks.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { CollectorFault, Undo } from '../fault.ts'
import type { Place, World } from '../place.ts'
import { BROKEN_IMAGE, NAMESPACE } from '../cluster.ts'
import { again, throttled } from '../again.ts'

const DESCRIPTORS = 128
const DISK_MB = 64
/** V8 ends the process from 86 % on. */
const HEAP_SHARE = 0.8

/** Done in the process itself; `kept` is what the way back undoes. */
const LEAK = `{
  const { getHeapStatistics } = process.getBuiltinModule('v8')
  globalThis.kept = []
  const share = ({ used_heap_size, heap_size_limit } = getHeapStatistics()) => used_heap_size / heap_size_limit
  for (let i = 0; i < 5000 && share() < ${HEAP_SHARE}; i++)
    globalThis.kept.push(Array.from({ length: 1e4 }, (_, n) => n + 0.5))
}`
const GIVE_BACK = `{
  globalThis.kept = undefined
  process.getBuiltinModule('v8').setFlagsFromString('--expose-gc')
  process.getBuiltinModule('vm').runInNewContext('gc')()
}`
const OPEN_FILES = `{
  const { openSync, readdirSync } = process.getBuiltinModule('fs')
  globalThis.kept = []
  while (readdirSync('/proc/self/fd').length < ${0.92 * DESCRIPTORS}) globalThis.kept.push(openSync('/dev/null'))
}`
const CLOSE_FILES = `globalThis.kept.forEach((fd) => process.getBuiltinModule('fs').closeSync(fd))`
const BLOCK = `globalThis.kept = setInterval(() => {
  for (const end = performance.now() + 250; performance.now() < end; );
}, 700)`
const UNBLOCK = `clearInterval(globalThis.kept)`
const STEP_CLOCK = `globalThis.kept = Date.now; Date.now = () => globalThis.kept() + 8000`
const SET_CLOCK = `Date.now = globalThis.kept`

const within =
  (code: string, back: string) =>
  async ({ pod }: Place) => {
    await pod.evaluate(code)
    return () => pod.evaluate(back)
  }

/** Ends soon after each start, and the kubelet waits longer and longer before the next. */
function crashing(place: Place): Undo {
  const { pod } = place
  const isOver = new AbortController()
  const loop = (async () => {
    for (let waitMs = 0; !isOver.signal.aborted; waitMs = Math.min(300_000, Math.max(10_000, 2 * waitMs))) {
      await pod.kill()
      place.says(waitMs === 0 ? 'unready' : { waiting: 'CrashLoopBackOff', restarts: pod.restarts })
      await pause(waitMs, undefined, { signal: isOver.signal }).catch(() => {})
      pod.start()
      place.says('unready')
      await pause(2_000, undefined, { signal: isOver.signal }).catch(() => {})
    }
  })()
  return async () => {
    isOver.abort()
    await loop
    back(place)
  }
}

const back = ({ pods, says }: Place) => {
  pods.forEach((pod) => pod.start())
  says(undefined)
}

/** Files on a volume that is full when it is. */
const VOLUME: (name: string) => World = (name) => ({
  files: (path) => ({ path, volume: { size: `${DISK_MB}Mi` } }),
  async prepare(folder, { standIns }) {
    await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'faults', folder])
    standIns.volume({ namespace: NAMESPACE, name: `${name}-0-a` }, folder)
    return async () => void (await promisify(execFile)('umount', [folder]))
  },
})

/** Fills this share of the volume, or all that is left of it. */
const fillDisk =
  (share: number) =>
  ({ folder }: Place): Undo => {
    const file = join(folder, 'files', 'filler')
    try {
      writeFileSync(file, Buffer.alloc(share * DISK_MB * (1 << 20)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
    return () => writeFileSync(file, '')
  }

export const podFaults: readonly CollectorFault[] = [
  {
    id: 'killed',
    subject: 'collector',
    area: 'pod',
    what: 'the process is killed and does not come back',
    expect: ['MarketPrismSystemDown'],
    begin: async (place) => (await place.pod.kill(), () => back(place)),
  },
  {
    id: 'killed-once',
    subject: 'collector',
    area: 'pod',
    what: 'the process is killed and started again at once',
    expect: ['MarketPrismDataGap'],
    begin: async ({ pod }) => (await pod.kill(), pod.start(), () => {}),
  },
  {
    id: 'hung',
    subject: 'collector',
    area: 'pod',
    what: 'the process hangs (SIGSTOP)',
    expect: ['MarketPrismSystemDown'],
    begin: ({ pod }) => (pod.signal('SIGSTOP'), () => pod.signal('SIGCONT')),
  },
  {
    id: 'crash-loop',
    subject: 'collector',
    area: 'pod',
    what: 'the process ends two seconds after each start, and the kubelet waits longer and longer',
    expect: ['MarketPrismSystemDown', 'MarketPrismCrashLoop'],
    begin: crashing,
  },
  {
    id: 'killed-often',
    subject: 'collector',
    area: 'pod',
    what: 'the process is killed every 30 s and started again at once',
    expect: ['MarketPrismCrashLoop'],
    begin: ({ pod }) => again(30_000, () => void pod.kill().then(() => pod.start())),
  },
  {
    id: 'loop-blocked',
    subject: 'collector',
    area: 'processor',
    what: 'something blocks the event loop for 250 of every 700 ms',
    expect: ['MarketPrismEventLoopDelay'],
    begin: within(BLOCK, UNBLOCK),
  },
  {
    id: 'throttled',
    subject: 'collector',
    area: 'processor',
    what: 'the process gets the processor for 100 of every 300 ms, as under a quota',
    expect: ['MarketPrismEventLoopDelay'],
    begin: ({ pod }) => throttled(() => pod.pid, 200, 300),
  },
  {
    id: 'heap',
    subject: 'collector',
    area: 'memory',
    what: `the heap is filled to ${100 * HEAP_SHARE} % of its limit`,
    expect: ['MarketPrismHighMemoryUsage'],
    world: { flags: ['--max-old-space-size=160', '--max-semi-space-size=1'] },
    begin: within(LEAK, GIVE_BACK),
  },
  {
    id: 'descriptors',
    subject: 'collector',
    area: 'pod',
    what: `of ${DESCRIPTORS} file descriptors 92 % are open`,
    expect: ['MarketPrismFileDescriptorsLow'],
    world: { before: ['prlimit', `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`] },
    begin: within(OPEN_FILES, CLOSE_FILES),
  },
  {
    id: 'clock',
    subject: 'collector',
    area: 'clock',
    what: 'the clock of the process jumps ahead by 8 s',
    expect: ['MarketPrismClockSkew'],
    begin: within(STEP_CLOCK, SET_CLOCK),
  },
  {
    id: 'disk',
    subject: 'collector',
    area: 'disk',
    what: `a volume of ${DISK_MB} MB is filled to 90 %`,
    expect: ['MarketPrismHighDiskUsage'],
    world: VOLUME('disk'),
    begin: fillDisk(0.9),
  },
  {
    id: 'disk-full',
    subject: 'collector',
    area: 'disk',
    what: `a volume of ${DISK_MB} MB is full`,
    expect: ['MarketPrismFilesNotWritten'],
    world: VOLUME('disk-full'),
    begin: fillDisk(1),
  },
  {
    id: 'node-lost',
    subject: 'collector',
    area: 'node',
    what: 'both publishers of a shard go at once, as with their node',
    expect: ['MarketPrismSystemDown'],
    world: { publishers: 2 },
    begin: async (place) => (await Promise.all(place.pods.map((pod) => pod.kill())), () => back(place)),
  },
  {
    id: 'publisher-lost',
    subject: 'collector',
    area: 'node',
    what: 'one of two publishers goes, as with its node',
    expect: ['MarketPrismRedundancyLost'],
    world: { publishers: 2 },
    begin: async (place) => (await place.pods[1]?.kill(), () => back(place)),
  },
  {
    id: 'no-such-symbol',
    subject: 'collector',
    area: 'configuration',
    what: 'the spec asks for klines of a symbol that is not listed, while the collector runs',
    expect: ['MarketPrismFeedNeverStarted'],
    begin({ exchange, collectAlso }) {
      const endpoints = exchange.urls.spot
      const feed = { exchange: 'binance', market: 'spot', symbols: ['NOPE-USDT'], types: ['kline'], endpoints }
      collectAlso([feed])
      return () => collectAlso([])
    },
  },
  {
    id: 'broken-image',
    subject: 'collector',
    area: 'configuration',
    what: 'the spec names an image that cannot be pulled; the old pod goes on',
    expect: ['MarketPrismRolloutStuck'],
    async begin({ cluster, name }) {
      await cluster?.patch(name, { image: BROKEN_IMAGE })
      return () => cluster?.patch(name, { image: null })
    },
  },
]
