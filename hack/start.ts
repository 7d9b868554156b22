// `npm start`, `npm run start:all`: simulated exchanges, and a collector that takes them up over real WebSockets and
// writes files. The first shows a few channels of one exchange, the second every exchange, market and type.
// Everything after `--` goes to `marketprism run`, e.g. `npm start -- --duration 20s`.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'
import { ROOMS } from '../collector/exchanges/registry.ts'
import { runCommand } from '../collector/run.ts'

/** Where the markets of a simulated exchange listen. */
type Urls = Readonly<Record<string, { readonly websocket: string; readonly rest: string }>>

/** What of one market is collected. */
interface Wanted {
  readonly exchange: string
  readonly market: string
  readonly symbols: readonly string[]
  readonly types: readonly string[]
}

/** What is simulated of each exchange, and what is collected of it. */
interface Demo {
  readonly exchanges: Readonly<Record<string, readonly string[]>>
  readonly wanted: readonly Wanted[]
}

const TYPES = ['trade', 'orderbook', 'ticker', 'kline']
const FEW: Demo = {
  exchanges: { binance: ['--symbols', 'BTCUSDT,ETHUSDT,SOLUSDT', '--rate', '300'] },
  wanted: [
    { exchange: 'binance', market: 'spot', symbols: ['BTC-USDT', 'ETH-USDT'], types: TYPES },
    { exchange: 'binance', market: 'perpetual', symbols: ['BTC-USDT', 'SOL-USDT'], types: TYPES },
  ],
}
/** All that there is: dated contracts and options have other names each quarter. */
const ALL: Demo = {
  exchanges: Object.fromEntries(ROOMS.map(({ exchange }) => [exchange, ['--symbols', '2', '--rate', '60']])),
  wanted: ROOMS.map(({ exchange, market, types }) => ({ exchange, market, symbols: ['*'], types: Object.keys(types) })),
}

const [which, ...rest] = process.argv.slice(2)
const { exchanges, wanted } = which === 'all' ? ALL : FEW
const flags = which === 'all' ? rest : process.argv.slice(2)
const running = Object.entries(exchanges).map(([exchange, options]) => ({
  exchange,
  child: simulate(exchange, options),
}))
const folder = mkdtempSync(join(tmpdir(), 'marketprism-'))
try {
  const urls = new Map<string, Urls>()
  for (const { exchange, child } of running) urls.set(exchange, await urlsOf(child))
  const manifest = join(folder, 'collector.yaml')
  const out = join('data', new Date().toISOString().slice(0, 19).replaceAll(':', '-'))
  writeFileSync(manifest, stringify(demo(urls, out)))
  process.exitCode = await runCommand(['-f', manifest, '--port', '0', ...flags])
  process.stderr.write(`The messages are in ${out}; npm run marketprism -- audit --dir ${out} goes through them.\n`)
} finally {
  for (const { child } of running) child.kill()
  rmSync(folder, { recursive: true })
}

function simulate(exchange: string, options: readonly string[]): ChildProcess {
  const main = join(import.meta.dirname, '../test/exchange/main.ts')
  const args = [main, '--json', '--exchange', exchange, ...options]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** The URLs are the first line that the exchange prints. */
async function urlsOf({ stdout }: ChildProcess): Promise<Urls> {
  if (stdout === null) throw new Error('the simulated exchange has no output')
  const [line] = (await once(createInterface(stdout), 'line')) as [string]
  return JSON.parse(line) as Urls
}

function demo(urls: ReadonlyMap<string, Urls>, path: string): object {
  const feeds = wanted.map((feed) => ({ ...feed, endpoints: urls.get(feed.exchange)?.[feed.market] }))
  return {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'demo' },
    spec: { feeds, sink: { file: { path, fsync: 'never' } } },
  }
}
