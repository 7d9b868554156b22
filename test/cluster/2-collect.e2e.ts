// Collectors as a user sees them: made, looked at, changed, scaled, paused, and touched by others.
import { beforeAll, expect } from 'vitest'
import { PREFIX, simulatedName, STREAM } from '../../hack/demo/objects.ts'
import type { Report } from '../../collector/quality/audit/report.ts'
import { losses } from './judge.ts'
import { collectorFor, EXCHANGES, everythingOf, installExchange, simulationOf, streamOf, SYMBOLS } from './objects.ts'
import { marketprism } from './plugin.ts'
import { step, wholeStep } from './step.ts'
import {
  apply,
  changedNames,
  condition,
  countOf,
  deployments,
  get,
  kubectl,
  lives,
  forwarded,
  type Pod,
  podsOf,
  settled,
  until,
} from './world.ts'

/** Two shards that a user changes; its data goes to a stream of its own. */
const NAME = 'majors'
let spot: { websocket: string; rest: string }

function majors(symbols: readonly string[], spec: object = {}): object {
  const types = ['trade', 'ticker']
  return collectorFor({
    name: NAME,
    exchange: 'binance',
    market: 'spot',
    at: spot,
    symbols,
    types,
    spec: { shards: 2, ...spec },
  })
}

beforeAll(async () => {
  const urls = await installExchange('binance', simulationOf('binance'))
  spot = urls['spot'] as typeof spot
})

step('a Collector of each exchange becomes ready, and its messages arrive in JetStream', 180, async () => {
  await apply(...(await Promise.all(EXCHANGES.map(everythingOf))), majors(SYMBOLS.slice(0, 6)))
  await Promise.all([...EXCHANGES, NAME].map((name) => settled(name, 150)))
  for (const exchange of EXCHANGES) {
    const subject = `${PREFIX}.*.${exchange}.>`
    const before = await countOf(STREAM, subject)
    await until(`messages of ${exchange} arrive`, 30, async () => (await countOf(STREAM, subject)) > before)
  }
})

step('kubectl get collectors says at a glance what is well', 60, async () => {
  const look = async (): Promise<string> => kubectl('get', 'collectors')
  const table = await until(
    'every channel is counted live',
    45,
    async () => {
      const text = await look()
      return new RegExp(`^${NAME}\\s+True\\s+2\\s+12\\s+12\\s+0\\s+AllShardsReady\\s`, 'm').test(text) && text
    },
    look,
  )
  expect(table.split('\n')[0]).toMatch(/^NAME +READY +SHARDS +CHANNELS +LIVE +STALE +REASON +AGE$/)
  console.log(table)
})

step('a pod reaches what its Collector names, and nothing else in the cluster', 60, async () => {
  const [pod] = await podsOf(NAME)
  const [nats] = JSON.parse(await kubectl('get', 'pods', '-l', 'app.kubernetes.io/name=nats', '-o', 'json')).items as {
    status: { podIP: string }
  }[]
  const address = nats?.status.podIP ?? ''
  const from = (name: string) => (port: number) => connects(name, address, port)
  // Another pod, to which no policy applies, shows that something listens there.
  expect(await from(`deployment/${simulatedName('okx')}`)(8222)).toBe('connected')
  expect(await from(`pod/${pod?.name}`)(8222)).toMatch(/^(?:timeout|ECONNREFUSED|EHOSTUNREACH|EACCES)$/)
  expect(await from(`pod/${pod?.name}`)(4222)).toBe('connected')
})

/** What becomes of a connection from a pod. */
async function connects(from: string, host: string, port: number): Promise<string> {
  const script = `const s = require('node:net').connect(${port}, '${host}')
    s.setTimeout(3000, () => { console.log('timeout'); process.exit() })
    s.on('connect', () => { console.log('connected'); process.exit() })
    s.on('error', (e) => console.log(e.code))`
  return (await kubectl('exec', from, '--', 'node', '-e', script)).trim()
}

step('an object that was deleted by hand is back within 5 s', 60, async () => {
  for (const [kind, name] of [
    ['service', NAME],
    ['networkpolicy', NAME],
    ['deployment', `${NAME}-1-a`],
  ] as const) {
    const before = await get(kind, name)
    await kubectl('delete', kind, name, '--wait=false')
    await until(`${kind} ${name} is back`, 5, async () => {
      const now = await get(kind, name)
      return now !== undefined && now.metadata.uid !== before?.metadata.uid
    })
  }
  await settled(NAME, 45)
})

step('kubectl rollout restart of a shard works and stays, and so does a field of another manager', 90, async () => {
  const name = `${NAME}-0-a`
  await kubectl('label', 'deployment', name, 'team=blue', '--field-manager=somebody')
  await kubectl('rollout', 'restart', `deployment/${name}`)
  await kubectl('rollout', 'status', `deployment/${name}`, '--timeout=60s')
  await settled(NAME, 30)
  const { metadata, spec } = (await get('deployment', name))!
  expect(metadata.labels).toMatchObject({ team: 'blue' })
  expect(JSON.stringify(spec?.['template'])).toContain('kubectl.kubernetes.io/restartedAt')
})

step('a symbol more changes one Deployment, and fields of others stay', 90, async () => {
  const before = await deployments(NAME)
  const old = await podsOf(NAME)
  await apply(majors(SYMBOLS.slice(0, 7)))
  await settled(NAME, 75)
  const changed = changedNames(before, await deployments(NAME))
  expect(changed).toHaveLength(1)
  const kept = (all: readonly Pod[]) => lives(all.filter(({ name }) => !name.startsWith(`${changed[0]}-`)))
  expect(kept(await podsOf(NAME))).toEqual(kept(old))
  expect((await get('deployment', `${NAME}-0-a`))?.metadata.labels).toMatchObject({ team: 'blue' })
  const subject = `${NAME}.trade.binance.spot.${SYMBOLS[6]}`
  await until('the new symbol is collected', 20, async () => (await countOf(streamOf(NAME), subject)) > 0)
})

wholeStep('kubectl scale works', 120, async () => {
  await kubectl('scale', 'collector', NAME, '--replicas=3')
  await until('three shards', 60, async () => (await deployments(NAME)).size === 3)
  await settled(NAME, 75)
  expect((await get('collector', NAME))?.status).toMatchObject({ replicas: 3 })
  await kubectl('scale', 'collector', NAME, '--replicas=2')
  await until('two shards', 75, async () => (await deployments(NAME)).size === 2)
  await settled(NAME, 60)
})

step('kubectl marketprism says how a Collector stands, what flows, and what its pods write', 60, async () => {
  const status = await marketprism('status', NAME)
  expect(status, status.err).toMatchObject({ code: 0 })
  expect(status.out).toMatch(/Ready +True +AllShardsReady/)
  expect(status.out.match(/pod majors-\d-a-\S+ +ready/g)).toHaveLength(2)
  console.log(status.out)
  const top = await marketprism('top', NAME, '--once', '-o', 'json')
  const { channels } = JSON.parse(top.out) as { channels: { symbol: string; type: string; state: string }[] }
  expect({ code: top.code, states: new Set(channels.map(({ state }) => state)) }, top.err).toEqual({
    code: 0,
    states: new Set(['live']),
  })
  expect(channels).toHaveLength(14)
  const logs = await marketprism('logs', NAME, '--shard', '1')
  expect(logs, logs.err).toMatchObject({ code: 0 })
  expect(logs.out).toMatch(/^majors-1-a-\S+ \| \{"level":"info"/m)
  expect(logs.out).not.toContain('majors-0-a')
  // What nobody has: a sentence that says what to write.
  expect(await marketprism('status', 'nobody')).toMatchObject({ code: 2, err: expect.stringContaining('nobody') })
})

step('kubectl marketprism restart replaces the pods of a shard, and audit finds nothing missing', 90, async () => {
  const before = await podsOf(NAME)
  const { code, out, err } = await marketprism('restart', NAME, '--shard', '1')
  expect({ code, out }, err).toEqual({ code: 0, out: `${NAME}-1-a: restarted, 1 of 1\n` })
  const shard = (all: readonly Pod[], index: number) => all.filter(({ name }) => name.startsWith(`${NAME}-${index}-a`))
  const now = await podsOf(NAME)
  expect(lives(shard(now, 0))).toEqual(lives(shard(before, 0)))
  expect(lives(shard(now, 1))).not.toEqual(lives(shard(before, 1)))
  await settled(NAME, 30)
  const audit = await forwarded('service/nats', 4222, (address) =>
    marketprism('audit', NAME, '--server', `nats://${address}`, '--json'),
  )
  expect(audit, audit.err).toMatchObject({ code: 0 })
  expect(losses(JSON.parse(audit.out) as Report)).toMatchObject({ unannounced: 0, findings: [] })
})

step('a paused Collector is left as it is', 90, async () => {
  const before = await deployments(NAME)
  expect(await marketprism('pause', NAME)).toMatchObject({ code: 0, out: expect.stringContaining('paused') })
  await apply(majors(SYMBOLS, { paused: true }))
  const { generation } = (await get('collector', NAME))!.metadata
  await until('the status says that it is paused', 15, async () => {
    const found = await condition(NAME, 'Progressing')
    return found?.reason === 'Paused' && found.observedGeneration === generation
  })
  expect(changedNames(before, await deployments(NAME))).toEqual([])
  expect(await marketprism('resume', NAME)).toMatchObject({ code: 0, out: expect.stringContaining('resumed') })
  await settled(NAME, 60)
  expect(changedNames(before, await deployments(NAME))).not.toEqual([])
})
