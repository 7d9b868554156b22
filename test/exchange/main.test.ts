import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { connectClient } from './client.ts'

const children: ChildProcess[] = []
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')))

function run(...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args])
  children.push(child)
  let errors = ''
  child.stderr.on('data', (text) => (errors += text))
  return { child, ended: once(child, 'exit').then(([code]) => ({ code: code as number, errors })) }
}

test('the command prints its addresses as JSON, serves, and ends on SIGTERM', async () => {
  const { child, ended } = run(
    '--seed',
    '7',
    '--symbols',
    '2',
    '--rate',
    '500',
    '--json',
    '--fault',
    '{kind: rest, path: /api/v3/ping, status: 503}',
  )
  const [line] = await once(child.stdout, 'data')
  const { spot, perpetual } = JSON.parse(String(line))
  const client = await connectClient(`${perpetual.websocket}/public/ws/btcusdt@depth@100ms`)
  expect(JSON.parse(await client.next(() => true))).toMatchObject({ e: 'depthUpdate', s: 'BTCUSDT' })
  expect((await fetch(`${spot.rest}/api/v3/ping`)).status).toBe(503)
  child.kill('SIGTERM')
  expect(await ended).toEqual({ code: 0, errors: '' })
})

test('another exchange, and some of its markets only', async () => {
  const { child } = run('--exchange', 'okx', '--market', 'spot', '--market', 'option', '--symbols', '2', '--json')
  const [line] = await once(child.stdout, 'data')
  const urls = JSON.parse(String(line))
  expect(Object.keys(urls)).toEqual(['spot', 'option'])
  const answer = await fetch(`${urls.option.rest}/api/v5/public/underlying?instType=OPTION`)
  expect(await answer.json()).toMatchObject({ code: '0', data: [['BTC-USD', 'ETH-USD']] })
})

test('it ends by itself after its duration', async () => {
  expect((await run('--rate', '0', '--symbols', 'BTCUSDT', '--duration', '10ms').ended).code).toBe(0)
})

test.each([
  [['--speed', 'fast'], 'write max, or how many times faster'],
  [['--symbols', 'BTCXYZ'], 'end it in one of USDT'],
  [['--fault', '{kind: drip}'], 'drop'],
  [['--recording', '/nowhere/NAME'], 'give DIR/NAME'],
  [['--sede', '7'], '--sede'],
  [['--exchange', 'mtgox'], 'binance'],
  [['--exchange', 'okx', '--symbols', 'BTCUSDT'], 'write it like BTC-USDT'],
])('the arguments %j are refused with what to write', async (args, message) => {
  const { code, errors } = await run(...args).ended
  expect(code).toBe(2)
  expect(errors).toContain(message)
})
