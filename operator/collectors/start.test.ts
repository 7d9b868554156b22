// The start of the operator over a cluster where all is settled: how long, with how much memory, how many requests at once.
// `COLLECTORS=500 npx vitest run operator/collectors/start.test.ts` is the whole of it; the tests of every day take fewer.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { expect, test, vi } from 'vitest'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { FEED, openHouse, SPEC } from '../../test/kubernetes/house.ts'
import { startOperatorProcess } from '../../test/kubernetes/operator.ts'
import { freePorts } from '../../test/kubernetes/processes.ts'
import { COLLECTOR } from './kinds.ts'
import type { Status } from './status.ts'

const COLLECTORS = Number(process.env['COLLECTORS'] ?? 12)
const SHARDS = 4
const SECONDS_MAX = 60
const BYTES_MAX = 256 * 1024 * 1024
/** What its client allows itself, and the renewal of the Lease, which waits for nobody. */
const IN_FLIGHT_MAX = 9
/** A busy machine of few cores makes so many Collectors a minute. */
const WAIT = { timeout: 60_000 + (COLLECTORS * 4_000) / Math.min(4, availableParallelism()), interval: 500 }

describeWithControlPlane('an operator that starts', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 4 * WAIT.timeout })

  test(`over ${COLLECTORS} settled Collectors of ${SHARDS} shards each is soon done, and writes nothing`, async () => {
    await using house = await openHouse(plane())
    const symbols = Array.from({ length: 2 * SHARDS }, (_, i) => `C${i}-USDT`)
    const names = Array.from({ length: COLLECTORS }, (_, i) => `c${i}`)
    for (const name of names) await house.apply(name, { ...SPEC, shards: SHARDS, feeds: [{ ...FEED, symbols }] })
    await vi.waitFor(async () => expect(readyOf(await house.list(COLLECTOR))).toBe(COLLECTORS), WAIT)
    await house.stop()
    // As a process it is another operator, which says of itself where it runs: the first start may write that.
    await (await started(plane(), house.namespace)).stop()

    const beganAt = Date.now()
    const operator = await started(plane(), house.namespace)
    const seconds = (Date.now() - beganAt) / 1000
    const bytes = residentBytes(operator.pid)
    await operator.stop()
    const requests = requestsSince(plane(), beganAt)
    const writes = requests.filter(({ verb, uri }) => !/get|list|watch/.test(verb) && !uri.includes('/leases'))
    expect(writes).toEqual([])
    expect(mostAtOnce(requests)).toBeLessThanOrEqual(IN_FLIGHT_MAX)
    expect(seconds).toBeLessThan(SECONDS_MAX)
    expect(bytes).toBeLessThan(BYTES_MAX)
    console.info(
      `${COLLECTORS} Collectors: ${seconds.toFixed(1)} s, ${Math.round(bytes / 1e6)} MB, ` +
        `${mostAtOnce(requests)} requests at once`,
    )
  })
})

/** An operator as a process, once it has made a pass over each Collector. */
async function started(plane: ControlPlane, namespace: string) {
  const [metricsPort = 0] = await freePorts(1)
  const operator = await startOperatorProcess({
    plane,
    image: 'marketprism:test',
    namespaces: [namespace],
    metricsPort,
  })
  await vi.waitFor(async () => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    const passes = /reconciles_total\{result="done"\} (\d+)/.exec(text)?.[1]
    expect(Number(passes)).toBeGreaterThanOrEqual(COLLECTORS)
    expect(text).toContain('marketprism_operator_queue_depth 0\n')
  }, WAIT)
  return operator
}

function readyOf(collectors: readonly Readonly<Record<string, unknown>>[]): number {
  const isReady = ({ status }: Readonly<Record<string, unknown>>) =>
    ((status ?? {}) as Status).conditions?.some((one) => one.type === 'Progressing' && one.reason === 'Settled') ===
    true
  return collectors.filter(isReady).length
}

function residentBytes(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

interface Request {
  readonly verb: string
  readonly uri: string
  readonly fromMs: number
  readonly toMs: number
}

interface AuditEvent {
  readonly stage: string
  readonly verb: string
  readonly requestURI: string
  readonly userAgent?: string
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
}

/** What operators of our kind, and not the tests, asked since then; watches left out. */
function requestsSince({ auditLog = '' }: ControlPlane, sinceMs: number): Request[] {
  return readFileSync(auditLog, 'utf8')
    .split('\n')
    .flatMap((line): AuditEvent[] => (line.endsWith('}') ? [JSON.parse(line) as AuditEvent] : []))
    .filter(({ stage, verb, userAgent = '' }) => {
      return stage === 'ResponseComplete' && verb !== 'watch' && /^marketprism-operator\/\d/.test(userAgent)
    })
    .map(({ verb, requestURI, requestReceivedTimestamp, stageTimestamp }) => ({
      verb,
      uri: requestURI,
      fromMs: Date.parse(requestReceivedTimestamp),
      toMs: Date.parse(stageTimestamp),
    }))
    .filter(({ fromMs }) => fromMs >= sinceMs)
}

/** The most requests of which one had not ended when another began. */
function mostAtOnce(requests: readonly Request[]): number {
  return Math.max(
    0,
    ...requests.map(({ fromMs: at }) => requests.filter((one) => one.fromMs <= at && at < one.toMs).length),
  )
}
