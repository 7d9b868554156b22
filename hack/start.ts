// `npm start`: the simulated exchange, and a collector that takes it up over real WebSockets and writes files.
// Everything after `--` goes to `marketprism run`, e.g. `npm start -- --duration 20s`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { runCommand } from '../collector/run.ts'
import { startExchange } from '../test/exchange/exchange.ts'

const exchange = await startExchange({ symbols: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'], rate: 300 })
const folder = mkdtempSync(join(tmpdir(), 'marketprism-'))
const manifest = join(folder, 'collector.yaml')
writeFileSync(
  manifest,
  stringify({
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'demo' },
    spec: {
      feeds: [
        {
          exchange: 'binance',
          market: 'spot',
          symbols: ['BTC-USDT', 'ETH-USDT'],
          types: ['trade', 'orderbook', 'ticker', 'kline'],
          endpoints: exchange.urls.spot,
        },
        {
          exchange: 'binance',
          market: 'perpetual',
          symbols: ['BTC-USDT', 'SOL-USDT'],
          types: ['trade', 'orderbook', 'ticker', 'kline'],
          endpoints: exchange.urls.perpetual,
        },
      ],
      sink: { file: { path: 'data' } },
    },
  }),
)
const out = join('data', new Date().toISOString().slice(0, 19).replaceAll(':', '-'))
process.exitCode = await runCommand(['-f', manifest, '--out', out, '--port', '0', ...process.argv.slice(2)])
process.stdout.write(`the messages are in ${out}\n`)
await exchange.close()
rmSync(folder, { recursive: true })
