import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { collect, feedsOf, manifestOf, until } from '../test/e2e/collect.ts'
import { startExchange } from '../test/exchange/exchange.ts'
import { connectProxy } from '../test/support/loopback.ts'
import { readProxyUser } from './secrets.ts'

/** A folder as Secrets are mounted. */
function mounted(secrets: Record<string, Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-secrets-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, keys] of Object.entries(secrets)) {
    mkdirSync(join(folder, name))
    for (const [key, value] of Object.entries(keys)) writeFileSync(join(folder, name, key), value)
  }
  vi.stubEnv('MARKETPRISM_SECRETS_DIR', folder)
  onTestFinished(() => void vi.unstubAllEnvs())
  return folder
}

test('who we are to a proxy is read from its Secret, and what is missing is said with where it was looked for', () => {
  const folder = mounted({ out: { username: 'me\n', password: 'p:s\n' }, open: { username: 'me' }, empty: {} })
  expect(readProxyUser('out')).toEqual({ username: 'me', password: 'p:s' })
  expect(readProxyUser('open')).toEqual({ username: 'me', password: '' })
  for (const name of ['empty', 'none']) {
    expect(() => readProxyUser(name)).toThrow(`Secret ${name} (spec.feeds[].proxy.secret) has no username in ${folder}`)
  }
})

test('a collector goes through the proxy of a feed as its Secret says, for REST and sockets alike', async () => {
  mounted({ out: { username: 'me', password: 'secret' } })
  const exchange = await startExchange({ symbols: ['BTCUSDT'], rate: 100, levels: 20 })
  onTestFinished(() => exchange.close())
  const proxy = await connectProxy()
  const feeds = feedsOf(exchange, { symbols: { spot: ['BTC-USDT'] }, types: ['trade'] }).map((feed) => ({
    ...feed,
    proxy: { url: `http://127.0.0.1:${proxy.port}`, secret: { name: 'out' } },
  }))
  const files = mkdtempSync(join(tmpdir(), 'marketprism-proxied-'))
  onTestFinished(() => rmSync(files, { recursive: true }))
  await using collecting = await collect(manifestOf(feeds, { sink: { file: { path: files } } }))
  await collecting.until('trades come', ({ channels }) => channels.some(({ made }) => made > 0))
  await until('both have gone through', () => proxy.credentials.length > 1)
  const shown = new Set(proxy.credentials.map((one) => atob(one.replace('Basic ', ''))))
  expect([...shown]).toEqual(['me:secret'])
})
