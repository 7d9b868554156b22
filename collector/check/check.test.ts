import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Exchange, startExchange } from '../../test/exchange/exchange.ts'
import { describeWithNats, startNats } from '../../test/nats.ts'
import { connectProxy, rest } from '../../test/support/loopback.ts'
import { checkCommand } from './command.ts'
import type { Finding } from './finding.ts'

let exchange: Exchange
beforeAll(async () => {
  exchange = await startExchange({ symbols: ['BTCUSDT', 'ETHUSDT'], rate: 500 })
})
afterAll(() => exchange.close())

interface Spec {
  readonly symbols?: readonly string[]
  readonly types?: readonly string[]
  readonly endpoints?: object
  readonly proxy?: object
  readonly sink?: object
  readonly wait?: string
  /** Another feed. */
  readonly other?: object
}

/** Checks a manifest of one feed of spot. */
async function check({ sink = { stdout: {} }, endpoints = exchange.urls.spot, wait = '10s', other, ...feed }: Spec) {
  const dir = mkdtempSync(join(tmpdir(), 'marketprism-check-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'collector.yaml')
  const feeds = [
    { exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'], endpoints, ...feed },
    ...(other === undefined ? [] : [other]),
  ]
  const head = { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', metadata: { name: 'checked' } }
  writeFileSync(file, JSON.stringify({ ...head, spec: { feeds, sink } }))
  let text = ''
  const io = {
    stdout: { write: (more: string) => (text += more) },
    stderr: { write: (more: string) => (text += more) },
  }
  const code = await checkCommand(['-f', file, '--wait', wait, '--json'], io)
  const findings = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Finding)
  const of = (what: string) => findings.filter((finding) => finding.what === what)
  return { code, findings, of }
}

describe('check', () => {
  it('says of each thing that it is well, and exits with 0', async () => {
    const { code, findings } = await check({ types: ['trade', 'orderbook', 'ticker'] })
    expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
    expect(findings.map(({ what }) => what)).toEqual([
      ...['manifest', 'dns', 'tcp', 'rest', 'clock', 'channels', 'channels', 'channels', 'sink'],
    ])
    expect(code).toBe(0)
  })

  it('says which symbols are not listed and which are near, and goes on with the others', async () => {
    const { code, of } = await check({ symbols: ['BTC-USDT', 'BTC-USDR'] })
    expect(of('channels')).toEqual([
      expect.objectContaining({ verdict: 'ok', says: '1 of 2 deliver' }),
      expect.objectContaining({ verdict: 'fail', says: expect.stringMatching(/^BTC-USDR: .*BTC-USDT/) as string }),
    ])
    expect(code).toBe(1)
  })

  it('waits for every market, and names one of which there is no channel', async () => {
    const { websocket, rest: origin } = exchange.urls.perpetual
    const slow = await rest((request, response) => {
      const answer = async () => response.end(await (await fetch(origin + request.url)).text())
      setTimeout(() => void answer(), 1_500)
    })
    const perpetual = { exchange: 'binance', market: 'perpetual', types: ['trade'] }
    const endpoints = { websocket, rest: slow.origin }
    const late = await check({ other: { ...perpetual, symbols: ['BTC-USDT'], endpoints } })
    expect(late.of('channels')).toEqual([
      expect.objectContaining({ verdict: 'ok', about: 'binance spot trade' }),
      expect.objectContaining({ verdict: 'ok', about: 'binance perpetual trade' }),
    ])
    const none = await check({ other: { ...perpetual, symbols: ['NO*-USDT'], endpoints }, wait: '5s' })
    expect(none.of('channels')).toEqual([
      expect.objectContaining({ verdict: 'ok', about: 'binance spot trade' }),
      expect.objectContaining({ verdict: 'fail', about: 'binance perpetual' }),
    ])
    expect(none.code).toBe(1)
  })

  it('reads a manifest with faults no further than the faults', async () => {
    const { code, findings } = await check({ types: ['trades'] })
    expect(findings.map(({ what, verdict }) => ({ what, verdict }))).toEqual([{ what: 'manifest', verdict: 'fail' }])
    expect(findings[0]?.says).toContain("write 'trade'")
    expect(code).toBe(1)
  })

  it('says that a region is not served, and that a proxy or a regional host helps', async () => {
    const blocked = await rest(
      (_request, response) => void response.writeHead(451).end('{"msg":"restricted location"}'),
    )
    const { code, of } = await check({ endpoints: { websocket: exchange.urls.spot.websocket, rest: blocked.origin } })
    expect(of('rest')).toEqual([
      expect.objectContaining({
        verdict: 'fail',
        says: expect.stringMatching(/451.*spec\.feeds\[\]\.proxy/) as string,
      }),
    ])
    expect(code).toBe(1)
  })

  it('compares our clock with the venue', async () => {
    const date = new Date(Date.now() - 60_000).toUTCString()
    const slow = await rest((_request, response) => void response.writeHead(200, { date }).end('{"symbols":[]}'))
    const { of } = await check({ endpoints: { websocket: exchange.urls.spot.websocket, rest: slow.origin } })
    expect(of('clock')).toEqual([
      expect.objectContaining({
        verdict: 'fail',
        says: expect.stringMatching(/^ours is (59 s|1 min) ahead/) as string,
      }),
    ])
  })

  it('says what is wrong with a name, a port and a certificate', async () => {
    const named = await check({
      endpoints: { websocket: 'ws://no.such.host.invalid', rest: exchange.urls.spot.rest },
      wait: '1s',
    })
    expect(named.of('dns')[0]).toMatchObject({ verdict: 'fail', about: 'no.such.host.invalid' })
    const closed = await check({
      endpoints: { websocket: 'ws://127.0.0.1:1', rest: exchange.urls.spot.rest },
      wait: '1s',
    })
    expect(closed.of('tcp')[0]).toMatchObject({
      verdict: 'fail',
      says: expect.stringContaining('ECONNREFUSED') as string,
    })
    const bare = createServer()
    await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void bare.close())
    const { port } = bare.address() as AddressInfo
    const secure = await check({
      endpoints: { websocket: `wss://127.0.0.1:${port}`, rest: exchange.urls.spot.rest },
      wait: '1s',
    })
    expect(secure.of('tls')[0]).toMatchObject({ verdict: 'fail', about: `127.0.0.1:${port}` })
  })

  it('goes through the proxy that the feed names, and tries that first', async () => {
    const proxy = await connectProxy()
    const { code, of } = await check({ proxy: { url: `http://127.0.0.1:${proxy.port}` } })
    expect(of('proxy')).toEqual([expect.objectContaining({ verdict: 'ok', about: `127.0.0.1:${proxy.port}` })])
    expect(of('channels')).toEqual([expect.objectContaining({ verdict: 'ok' })])
    expect(code).toBe(0)
  })

  it('says whether a folder can be written to', async () => {
    const { of } = await check({ sink: { file: { path: '/proc/no-such-folder' } } })
    expect(of('sink')).toEqual([expect.objectContaining({ verdict: 'fail' })])
  })

  it('explains itself when it is not told which file', async () => {
    let text = ''
    const io = { stdout: { write: () => true }, stderr: { write: (more: string) => (text += more) } }
    expect(await checkCommand([], io)).toBe(2)
    expect(text).toContain('marketprism check -f FILE')
  })
})

function natsSink(url: string, manage: string): Spec {
  return { sink: { nats: { servers: [url], stream: { name: 'CHECKED', manage } } } }
}

describeWithNats('check of NATS', () => {
  it('finds the server, the stream and that it may publish, and stores nothing', async () => {
    await using server = await startNats()
    const absent = await check(natsSink(server.url, 'collector'))
    expect(absent.of('stream')).toEqual([expect.objectContaining({ verdict: 'ok' })])
    expect(absent.findings.filter(({ verdict }) => verdict === 'fail')).toEqual([])
    const nc = await connect({ servers: server.url })
    const manager = await jetstreamManager(nc)
    await expect(manager.streams.info('CHECKED')).rejects.toThrow('stream not found')
    await manager.streams.add({ name: 'CHECKED', subjects: ['market.>'] })
    const there = await check(natsSink(server.url, 'collector'))
    expect(there.of('publish')).toEqual([expect.objectContaining({ verdict: 'ok', says: 'allowed' })])
    expect((await manager.streams.info('CHECKED')).state.messages).toBe(0)
    await nc.close()
  })

  it('says that the credentials may not publish', async () => {
    const denied =
      'authorization { default_permissions: { publish: { deny: "market.>" } }, users: [{user: a, password: b}] }, no_auth_user: a'
    await using server = await startNats({ config: denied })
    const { of, code } = await check(natsSink(server.url, 'collector'))
    expect(of('publish')).toEqual([
      expect.objectContaining({
        verdict: 'fail',
        says: expect.stringMatching(/permission.*let these credentials publish/i) as string,
      }),
    ])
    expect(code).toBe(1)
  })

  it('says that the server is away, or has no JetStream', async () => {
    await using server = await startNats({ jetstream: false })
    const without = await check(natsSink(server.url, 'collector'))
    expect(without.of('stream')).toEqual([
      expect.objectContaining({ verdict: 'fail', says: expect.stringContaining('JetStream') as string }),
    ])
    await server.kill()
    const away = await check(natsSink(server.url, 'operator'))
    expect(away.of('sink')).toEqual([expect.objectContaining({ verdict: 'fail' })])
  })
})
