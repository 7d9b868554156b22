// Rollouts and drains under load, and an operator that is killed in the middle: nothing is lost, nothing is stored twice.
//
// Figures rollout.missing and rollout.duplicates; see judge.ts for who judges.
import { beforeAll, expect } from 'vitest'
import { SYSTEM } from '../../hack/deploy.ts'
import { figure } from './figures.ts'
import { audited, judge, losses, mark, type Mark } from './judge.ts'
import { collectorFor, HEAVY, installExchange, LISTED, streamOf, SYMBOLS } from './objects.ts'
import { step, wholeStep } from './step.ts'
import {
  apply,
  cluster,
  countOf,
  deployments,
  get,
  kubectl,
  merge,
  type Pod,
  pods,
  podsOf,
  removeStream,
  settled,
  until,
  workers,
} from './world.ts'

const NAME = 'heavy'
const CASE = { exchange: HEAVY.name, stream: streamOf(NAME), prefix: NAME }
/** Orders a second: each moves a book, many its best price, and one in five trades. */
const RATE = Number(process.env['E2E_RATE'] ?? 9_000)

let at: { websocket: string; rest: string }

beforeAll(async () => {
  const urls = await installExchange(HEAVY.exchange, { ...HEAVY, symbols: LISTED, rate: RATE })
  at = urls[HEAVY.market] as typeof at
  // An exchange that was started anew counts from the beginning.
  if ((await get('collector', NAME)) === undefined) await removeStream(CASE.stream)
  await apply(heavy())
  await settled(NAME, 120)
})

function heavy(spec: object = {}): object {
  // Ids of trades and tickers are the exchange's own, and the same on every connection; books, which are cut for each
  // connection as it comes, are judged by the audit: whether what is stored of both pods is one book.
  const types = ['trade', 'ticker', 'orderbook']
  return collectorFor({ ...HEAVY, name: NAME, at, symbols: SYMBOLS, types, spec: { shards: 2, ...spec } })
}

/** Says what the exchange's ledger and the stream say of a step, and fails where it is not what is promised. */
async function judged(what: string, since: Mark): Promise<void> {
  const all = await rate(since)
  const verdict = await judge(CASE, since)
  figure('rollout.missing', verdict.missing, { what, 'messages/s': all, sent: verdict.sent })
  figure('rollout.duplicates', verdict.duplicates, { what })
  expect(verdict.missed).toEqual([])
  expect(verdict).toMatchObject({ missing: 0, duplicates: 0 })
}

/** Messages stored a second since the mark. */
async function rate({ sequence, atMs }: Mark): Promise<number> {
  const stored = (await countOf(CASE.stream, '>')) - sequence
  return Math.round((stored / (Date.now() - atMs)) * 1000)
}

/** Makes every shard roll, as a change of the pods does. */
function change(to: string): Promise<void> {
  return merge('collector', NAME, { spec: { podAnnotations: { 'e2e/round': to } } })
}

async function isRolled(before: readonly Pod[]): Promise<boolean> {
  const now = await podsOf(NAME)
  return now.length === before.length && now.every(({ uid }) => before.every((old) => old.uid !== uid))
}

step('a rolling update of all shards under load loses nothing and stores nothing twice', 240, async () => {
  const before = await podsOf(NAME)
  const since = await mark(CASE)
  await change('1')
  await until('every pod is another one', 120, () => isRolled(before))
  await settled(NAME, 30)
  await judged('a rolling update of two shards', since)
})

wholeStep('the operator is killed in the middle of a rollout, and the other one ends it', 240, async () => {
  const before = await podsOf(NAME)
  const since = await mark(CASE)
  await change('2')
  await until('the first shard has rolled', 60, async () => {
    const now = await podsOf(NAME)
    return now.some(({ uid }) => before.every((old) => old.uid !== uid))
  })
  const leader = await leading()
  await cluster.kubectl(['--namespace', SYSTEM, 'delete', 'pod', leader, '--force', '--grace-period=0'])
  await until('another operator leads', 60, async () => (await leading()) !== leader)
  await until('every pod is another one', 90, () => isRolled(before))
  await settled(NAME, 45)
  await judged('a rolling update whose operator was killed', since)
})

/** Name of the pod that holds the Lease. */
async function leading(): Promise<string> {
  const path = ['get', 'lease', '-o', 'jsonpath={.items[0].spec.holderIdentity}']
  return (await cluster.kubectl(['--namespace', SYSTEM, ...path])).split('_')[0] ?? ''
}

wholeStep(
  'C015: a node is drained under a Collector with one publisher, and the drain is not held up',
  120,
  async (context) => {
    const [, away = ''] = await workers()
    if (away === '') context.skip('the cluster has one node only')
    const preferred = {
      weight: 100,
      preference: { matchFields: [{ key: 'metadata.name', operator: 'In', values: [away] }] },
    }
    const nodeAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [preferred] }
    const types = ['trade', 'ticker']
    const one = { name: 'single', at, symbols: SYMBOLS.slice(0, 1), types, spec: { affinity: { nodeAffinity } } }
    await apply(collectorFor({ ...HEAVY, ...one }))
    await settled('single', 60)
    expect((await podsOf('single')).map(({ node }) => node)).toEqual([away])
    expect(await get('poddisruptionbudget', 'single-0')).toBeUndefined()
    await drained(away, 'app.kubernetes.io/instance=single', async () => {
      await until('it runs on another node', 45, async () => {
        const [pod] = await podsOf('single')
        return pod?.isReady === true && pod.node !== away
      })
    })
    const report = await audited(streamOf('single'))
    const { unannounced, findings } = losses(report)
    expect({ unannounced, findings }).toEqual({ unannounced: 0, findings: [] })
    // The only pod was away: what is pushed only is missing, and a gap says so.
    expect(report.channels.some(({ gaps }) => (gaps.restart ?? 0) > 0)).toBe(true)
    await kubectl('delete', 'collector', 'single', '--wait=false')
  },
)

/** Drains a node of the pods that are selected, for as long as `act` takes. */
async function drained(node: string, selector: string, act: () => Promise<void>): Promise<void> {
  const flags = ['--ignore-daemonsets', '--delete-emptydir-data', '--timeout=60s', `--pod-selector=${selector}`]
  try {
    await cluster.kubectl(['drain', node, ...flags])
    await act()
  } finally {
    await cluster.kubectl(['uncordon', node])
  }
}

wholeStep('a drain of a node under load with two publishers of each shard loses nothing', 240, async (context) => {
  const [, away = ''] = await workers()
  if (away === '') context.skip('the cluster has one node only')
  await apply(heavy({ redundancy: 2, podAnnotations: { 'e2e/round': '2' } }))
  await until('four Deployments', 30, async () => (await deployments(NAME)).size === 4)
  await settled(NAME, 90)
  const before = await podsOf(NAME)
  const there = before.filter(({ node }) => node === away)
  expect(there.length).toBeGreaterThan(0)
  const since = await mark(CASE)
  await drained(away, `app.kubernetes.io/instance=${NAME}`, async () => {
    await until('every pod runs elsewhere', 90, async () => {
      const now = await podsOf(NAME)
      return now.length === before.length && now.every(({ node, isReady }) => isReady && node !== away)
    })
  })
  await settled(NAME, 30)
  await judged(`a drain with redundancy 2, of ${there.length} pods`, since)
  expect((await pods('app.kubernetes.io/name=nats')).every(({ restarts }) => restarts === 0)).toBe(true)
})

step('the load ends, and what was under it goes', 60, async () => {
  await kubectl('delete', 'collector', NAME, '--timeout=30s')
  await until('its pods are gone', 45, async () => (await podsOf(NAME)).length === 0)
  await kubectl('delete', 'deployment', HEAVY.name)
})

step(
  'the audit of all that was stored under load finds nothing missing, announced or not, and nothing twice',
  180,
  async () => {
    // From the first message on: who joins in an overlap may find the book of one pod behind the other's for a moment.
    const report = await audited(CASE.stream)
    expect(losses(report)).toEqual({ announced: 0, unannounced: 0, findings: [] })
    // Who takes up sees that the one before it had come as far: where nothing is missing nothing is announced.
    expect(report.channels.filter(({ gaps }) => Object.keys(gaps).length > 0)).toEqual([])
    // Each pod says at its start what it found to be traded, and the stream forgets ids after a while.
    const data = report.channels.filter(({ subject }) => !subject.includes('.instrument.'))
    expect(data.filter(({ duplicates }) => duplicates > 0)).toEqual([])
    expect(report.channels.filter(({ book }) => (book?.breaks ?? 0) > 0)).toEqual([])
    expect(report.channels.filter(({ book }) => book !== undefined)).toHaveLength(SYMBOLS.length)
    expect(report.channels.length).toBeGreaterThanOrEqual(3 * SYMBOLS.length)
    await removeStream(CASE.stream)
  },
)
