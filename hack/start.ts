// `npm start`: the simulated exchange, and a collector that takes it up over real WebSockets and writes files.
// Everything after `--` goes to `marketprism run`, e.g. `npm start -- --duration 20s`.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'
import { runCommand } from '../collector/run.ts'

/** Where the markets of the simulated exchange listen. */
type Urls = Record<'spot' | 'perpetual', { websocket: string; rest: string }>

const TYPES = ['trade', 'orderbook', 'ticker', 'kline']

const exchange = spawn(
  process.execPath,
  [
    join(import.meta.dirname, '../test/exchange/main.ts'),
    '--json',
    '--symbols',
    'BTCUSDT,ETHUSDT,SOLUSDT',
    '--rate',
    '300',
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
)
const folder = mkdtempSync(join(tmpdir(), 'marketprism-'))
try {
  const urls = await urlsOf(exchange)
  const manifest = join(folder, 'collector.yaml')
  const out = join('data', new Date().toISOString().slice(0, 19).replaceAll(':', '-'))
  writeFileSync(manifest, stringify(demo(urls, out)))
  process.exitCode = await runCommand(['-f', manifest, '--port', '0', ...process.argv.slice(2)])
  process.stderr.write(`The messages are in ${out}; npm run marketprism -- audit --dir ${out} goes through them.\n`)
} finally {
  exchange.kill()
  rmSync(folder, { recursive: true })
}

/** The URLs are the first line that the exchange prints. */
async function urlsOf({ stdout }: ChildProcess): Promise<Urls> {
  if (stdout === null) throw new Error('the simulated exchange has no output')
  const [line] = (await once(createInterface(stdout), 'line')) as [string]
  return JSON.parse(line) as Urls
}

function demo(urls: Urls, path: string): object {
  const feed = (market: 'spot' | 'perpetual', symbols: string[]) => ({
    exchange: 'binance',
    market,
    symbols,
    types: TYPES,
    endpoints: urls[market],
  })
  return {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'demo' },
    spec: {
      feeds: [feed('spot', ['BTC-USDT', 'ETH-USDT']), feed('perpetual', ['BTC-USDT', 'SOL-USDT'])],
      sink: { file: { path, fsync: 'never' } },
    },
  }
}
