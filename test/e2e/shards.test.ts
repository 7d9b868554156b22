// Shards as the operator writes them and pods run them: together they collect every channel exactly once.
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { channelKey } from '../../crds/rendezvous.ts'
import { checkCollector } from '../../crds/faults.ts'
import type { CollectorStatus } from '../../collector/status.ts'
import type { Summary } from '../../collector/summary.ts'
import { shardDocument } from '../../operator/collectors/config.ts'
import { shardPlan, type ShardTarget, target } from '../../operator/collectors/shards.ts'
import { type Exchange, startExchange } from '../exchange/exchange.ts'
import { describeWithNats, startNats } from '../nats.ts'
import { feedsOf, folder, manifestOf, type Program, startRun } from './collect.ts'

vi.setConfig({ testTimeout: 60_000 })

const SYMBOLS = ['BTC', 'ETH', 'SOL', 'XRP', 'ADA', 'DOGE']
const place = folder()
let exchange: Exchange

beforeAll(async () => {
  exchange = await startExchange({ symbols: SYMBOLS.map((base) => `${base}USDT`), rate: 100, levels: 60 })
})
afterAll(async () => {
  await exchange.close()
  place[Symbol.dispose]()
})

/** What is collected of the simulated exchange: everything that it trades, and candles of one symbol. */
function everything(sink: object) {
  const feeds = [
    ...feedsOf(exchange, { symbols: { spot: ['*-USDT'] }, types: ['trade', 'ticker'] }),
    ...feedsOf(exchange, { symbols: { spot: ['BTC-USDT'] }, types: ['kline'] }),
    ...feedsOf(exchange, { symbols: { perpetual: SYMBOLS.map((base) => `${base}-USDT`) }, types: ['trade'] }),
  ]
  const { collector } = checkCollector(manifestOf(feeds, { sink }))
  return collector!.spec
}

const CHANNELS = SYMBOLS.flatMap((base) => [
  `binance:spot:${base}-USDT:trade`,
  `binance:spot:${base}-USDT:ticker`,
  `binance:perpetual:${base}-USDT:trade`,
])
  .concat('binance:spot:BTC-USDT:kline:1m')
  .toSorted()

/** Runs a shard until it is ready. @returns the keys of its channels */
async function collected(program: Program): Promise<string[]> {
  const { channels } = await program.until('it is ready', ({ ready }) => ready)
  return keys(channels)
}

function keys(channels: CollectorStatus['channels']): string[] {
  return channels.map(channelKey).toSorted()
}

function run(name: string, to: ShardTarget): Program {
  const spec = everything({ file: { path: join(place.path, name) } })
  return startRun(place.write(`${name}.json`, shardDocument({ name, spec }, to).text))
}

async function asked(program: Program, path: string): Promise<{ code: number; body: string }> {
  await program.says('"port":')
  const port = /"port":(\d+)/.exec(program.stderr())?.[1]
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { code: response.status, body: await response.text() }
}

it('two shards of names and a pattern collect every channel exactly once', async () => {
  const plan = shardPlan({ spec: everything({ stdout: {} }), shards: 2 })
  const targets = target({ plan, current: [], redundancy: 1 })
  expect(targets.map(({ counts }) => counts)).toEqual([[2], [2]])
  await using first = run('both-0', targets[0]!)
  await using second = run('both-1', targets[1]!)
  const all = await Promise.all([collected(first), collected(second)])
  expect(all.flat().toSorted()).toEqual(CHANNELS)
  expect(Math.min(...all.map(({ length }) => length))).toBeGreaterThan(0)
  const summary = JSON.parse((await asked(first, '/summary')).body) as Summary
  const found = all[0]!.filter((key) => /spot:.*:(trade|ticker)$/.test(key)).length
  expect(summary).toMatchObject({ name: 'both-0-0', ready: true, channels: { total: all[0]!.length, found } })
})

it('a shard that splits by two numbers has what falls to it by either', async () => {
  const part = { index: 0, keys: [], isLeaving: false, share: 1 }
  await using program = run('either', { ...part, counts: [1, 2] })
  const expected = CHANNELS.filter((key) => /spot:.*:(trade|ticker)$/.test(key))
  expect(await collected(program)).toEqual(expected)
})

describeWithNats('a stream that the operator keeps', () => {
  it('is waited for, which is said, and taken when it is there', async () => {
    await using server = await startNats()
    const nats = { servers: [server.url] }
    const spec = everything({ nats })
    const to = { index: 0, keys: [], counts: [1], isLeaving: false, share: 1 }
    await using program = startRun(place.write('stream.json', shardDocument({ name: 'stream', spec }, to).text))
    const why = 'stream MARKET_DATA does not exist: the operator creates it'
    await program.until('it says why', ({ sink }) => sink.problem?.includes(why) === true)
    expect(JSON.parse((await asked(program, '/summary')).body)).toMatchObject({
      ready: false,
      sink: { kind: 'nats', connected: true, problem: expect.stringContaining(why) },
    })
    const connection = await connect({ servers: server.url })
    await (
      await jetstreamManager(connection)
    ).streams.add({
      name: 'MARKET_DATA',
      subjects: ['market.>'],
      allow_direct: true,
    })
    await connection.close()
    expect((await collected(program)).length).toBe(2 * SYMBOLS.length)
  })
})

it('a shard without channels waits and is ready, and one that cannot be read is refused', async () => {
  const idle = { index: 7, keys: [], counts: undefined, isLeaving: false, share: 0.125 }
  await using program = run('idle', idle)
  expect(await collected(program)).toEqual([])
  expect(await asked(program, '/readyz')).toMatchObject({ code: 200 })
  const text = shardDocument({ name: 'wrong', spec: everything({ stdout: {} }) }, idle).text
  await using wrong = startRun(place.write('wrong.json', text.replace('"share": 0.125', '"share": 2')))
  expect(await wrong.ended).toBe(1)
  expect(wrong.stderr()).toMatch(/wrong.json:\d+:\d+: share: .*1/)
})
