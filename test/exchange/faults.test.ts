import { afterEach, beforeEach, expect, test } from 'vitest'
import { attach, connectClient, received } from './client.ts'
import { type Exchange, startExchange } from './exchange.ts'
import type { FaultSpec } from './faults.ts'

let exchange: Exchange

beforeEach(async () => {
  exchange = await startExchange({ seed: 9, symbols: 2, rate: 200, levels: 50, virtual: true })
})
afterEach(() => exchange.close())

const STREAM = 'btcusdt@aggTrade'

function tradeClient(streams: string = STREAM) {
  return attach((wire) => exchange.connect('spot', `/stream?streams=${streams}`, wire))
}

function ids(texts: readonly string[], stream: string = STREAM, id: string = 'a'): number[] {
  return received(texts)
    .filter((f) => f.stream === stream)
    .map((f) => f.data[id] as number)
}

function account(stream: string = STREAM) {
  return exchange.ledger({ ids: true }).connections[0]!.streams[stream]!
}

function trueIds(symbol: string = 'BTCUSDT'): number[] {
  return exchange.truth.spot.trades(symbol).map(({ id }) => id)
}

test('drop withholds the next so many frames of a stream and the ledger names them', () => {
  const client = tradeClient()
  exchange.advance(1_000)
  exchange.faults.add({ kind: 'drop', stream: '*@aggTrade', next: 3 })
  exchange.advance(1_000)
  const { ids: sent, faults } = account()
  expect(faults.drop!.ids).toHaveLength(3)
  expect(ids(client.texts)).toEqual(sent)
  expect([...sent!, ...faults.drop!.ids!].sort((a, b) => a - b)).toEqual(trueIds())
  expect(exchange.faults.list()).toEqual([])
})

test('a probability takes about its share, the same ones for the same seed, until the fault is cleared', () => {
  tradeClient()
  const id = exchange.faults.add({ kind: 'drop', probability: 0.3 })
  exchange.advance(20_000)
  const { ids: sent, faults } = account()
  const share = faults.drop!.frames / (faults.drop!.frames + sent!.length)
  expect(share).toBeGreaterThan(0.2)
  expect(share).toBeLessThan(0.4)
  exchange.faults.clear(id)
  exchange.advance(5_000)
  expect(account().faults.drop!.frames).toBe(faults.drop!.frames)
})

test('a fault with a time ends by itself, and one for another market or stream does nothing', () => {
  tradeClient()
  exchange.faults.add({ kind: 'drop', market: 'perpetual' })
  exchange.faults.add({ kind: 'drop', stream: 'ethusdt@*' })
  exchange.advance(1_000)
  expect(account().faults).toEqual({})
  exchange.faults.add({ kind: 'drop', seconds: 2 })
  exchange.advance(1_999)
  const sent = account().frames
  exchange.advance(1_000)
  expect(account().frames).toBeGreaterThan(sent)
})

test('duplicate sends a frame twice', () => {
  const client = tradeClient()
  exchange.faults.add({ kind: 'duplicate', next: 2 })
  exchange.advance(1_000)
  const [first, second, ...others] = trueIds()
  expect(ids(client.texts)).toEqual([first, first, second, second, ...others])
  expect(account().faults.duplicate!.ids).toEqual([first, second])
})

test('reorder lets the next frame of the stream overtake', () => {
  const client = tradeClient()
  exchange.faults.add({ kind: 'reorder', next: 1 })
  exchange.advance(2_000)
  const [first, second, ...others] = trueIds()
  expect(ids(client.texts)).toEqual([second, first, ...others])
})

test('corrupt replaces bytes, truncate cuts; both are counted as frames and are in no list of whole ones', () => {
  const client = tradeClient()
  exchange.faults.add({ kind: 'truncate', next: 1 })
  exchange.faults.add({ kind: 'corrupt', next: 1, bytes: 40 })
  exchange.advance(1_000)
  const [first, second, third] = trueIds()
  expect(() => JSON.parse(client.texts[0]!)).toThrow(SyntaxError)
  expect(() => JSON.parse(client.texts[1]!)).toThrow(SyntaxError)
  expect(client.texts[1]).toHaveLength(client.texts[2]!.length)
  const { ids: sent, frames, faults } = account()
  expect(sent![0]).toBe(third)
  expect(frames).toBe(client.texts.length)
  expect([faults.truncate!.ids, faults.corrupt!.ids]).toEqual([[first], [second]])
})

test('delay makes frames late and keeps their order, also when it ends in between', () => {
  const client = tradeClient()
  exchange.faults.add({ kind: 'delay', ms: 3_000, seconds: 1 })
  exchange.advance(2_900)
  expect(client.texts).toHaveLength(0)
  exchange.advance(3_000)
  expect(ids(client.texts)).toEqual(trueIds())
  expect(account().faults.delay!.frames).toBeGreaterThan(0)
})

test('stall keeps the connection open and silent; pings are answered, or with pongs: false not even they', () => {
  const client = tradeClient()
  exchange.advance(1_000)
  const before = client.texts.length
  const id = exchange.faults.add({ kind: 'stall' })
  client.connection.pinged(Buffer.from('x'))
  exchange.advance(5_000)
  expect(client.texts).toHaveLength(before)
  expect(client.pongs).toEqual(['x'])
  expect(client.code).toBeUndefined()
  const later = tradeClient()
  exchange.advance(1_000)
  expect(later.texts.length, 'a connection that is new is not stalled').toBeGreaterThan(0)
  exchange.faults.clear(id)
  exchange.advance(1_000)
  expect(client.texts.length).toBeGreaterThan(before)
  exchange.faults.add({ kind: 'stall', pongs: false })
  client.connection.pinged(Buffer.from('y'))
  client.connection.message('{"method":"LIST_SUBSCRIPTIONS","id":1}')
  const silent = client.texts.length
  exchange.advance(25_000)
  expect([client.texts.length, client.pongs, client.pings]).toEqual([silent, ['x'], []])
})

test('close ends the connections that carry a stream with the code, 1006 without a word', () => {
  const trades = tradeClient()
  const books = tradeClient('btcusdt@depth@100ms')
  exchange.faults.add({ kind: 'close', stream: '*@depth*', code: 1001 })
  expect([trades.code, books.code]).toEqual([undefined, 1001])
  exchange.faults.add({ kind: 'close' })
  expect(trades.code).toBe(1006)
  const { connections } = exchange.ledger()
  expect(connections.map(({ closeCode }) => closeCode)).toEqual([1006, 1001])
})

test('close with next waits for a frame, and that frame is lost', () => {
  const client = tradeClient()
  exchange.faults.add({ kind: 'close', next: 1, code: 1008 })
  expect(client.code).toBeUndefined()
  exchange.advance(1_000)
  expect(client.code).toBe(1008)
  expect(account()).toMatchObject({ frames: 0, faults: { close: { frames: 1 } } })
})

test('inject puts a frame of ours on the connections', () => {
  const client = tradeClient()
  exchange.faults.add({ kind: 'inject', text: '[', repeat: 1_000 })
  expect(client.texts).toEqual(['['.repeat(1_000)])
})

test('a gap in trade ids is a jump that REST has no trades for either; a restart begins at 1', async () => {
  const client = tradeClient()
  exchange.advance(1_000)
  exchange.faults.add({ kind: 'sequence_gap', symbol: 'BTC*', of: 'trade', count: 7 })
  exchange.advance(1_000)
  const sent = ids(client.texts)
  expect(sent).toEqual(trueIds())
  const jumps = sent.flatMap((id, i) => (i > 0 && id !== sent[i - 1]! + 1 ? [id - sent[i - 1]!] : []))
  expect(jumps).toEqual([8])
  const asked = await exchange.request('spot', `/api/v3/aggTrades?symbol=BTCUSDT&fromId=${sent[0]}&limit=1000`)
  expect(JSON.parse(asked!.body).map(({ a }: { a: number }) => a)).toEqual(sent)
  exchange.faults.add({ kind: 'sequence_restart', of: 'trade' })
  const before = client.texts.length
  exchange.advance(1_000)
  expect(ids(client.texts.slice(before)).slice(0, 3)).toEqual([1, 2, 3])
})

test("clock skew moves the venue's times and ends with the fault", async () => {
  const client = tradeClient()
  exchange.advance(100)
  const id = exchange.faults.add({ kind: 'clock_skew', ms: 60_000 })
  const before = client.texts.length
  exchange.advance(1_000)
  const skewed = received(client.texts.slice(before))[0]!.data
  expect((skewed['T'] as number) - exchange.now()).toBeGreaterThan(58_000)
  const time = async () =>
    JSON.parse((await exchange.request('spot', '/api/v3/time'))!.body).serverTime - exchange.now()
  expect(Math.abs((await time()) - 60_000)).toBeLessThan(2)
  exchange.faults.clear(id)
  expect(Math.abs(await time())).toBeLessThan(2)
})

test('REST fails with the status, answers late what it knew before, or never', async () => {
  const depth = () => exchange.request('spot', '/api/v3/depth?symbol=BTCUSDT&limit=100')
  exchange.faults.add({ kind: 'rest', path: '/api/v3/*', status: 418, retryAfterSeconds: 120, next: 1 })
  expect(await depth()).toMatchObject({ status: 418, headers: { 'Retry-After': '120' } })
  expect((await depth())!.status).toBe(200)
  exchange.faults.add({ kind: 'rest', status: 503, next: 1 })
  expect((await depth())!.status).toBe(503)
  exchange.faults.add({ kind: 'rest', delayMs: 5_000, next: 1 })
  const seq = exchange.truth.spot.seq('BTCUSDT')!
  const late = depth()
  await new Promise(setImmediate)
  exchange.advance(5_000)
  expect(JSON.parse((await late)!.body).lastUpdateId).toBe(seq)
  expect(exchange.truth.spot.seq('BTCUSDT')).toBeGreaterThan(seq)
  exchange.faults.add({ kind: 'rest', hang: true, next: 1 })
  expect(await depth()).toBeUndefined()
  expect(exchange.ledger().rest).toEqual([
    { market: 'spot', path: '/api/v3/depth', statuses: { 0: 1, 200: 2, 418: 1, 503: 1 } },
  ])
})

test('refuse resets new connections, or answers them with a status, and counts them', async () => {
  const url = `${exchange.urls.spot.websocket}/ws`
  exchange.faults.add({ kind: 'refuse', next: 1 })
  await expect(connectClient(url)).rejects.toThrow(/ECONNRESET|hang up/u)
  exchange.faults.add({ kind: 'refuse', next: 1, status: 503 })
  await expect(connectClient(url)).rejects.toThrow('503')
  expect(exchange.ledger().refused).toBe(2)
  const client = await connectClient(url)
  client.close()
})

test('a cut socket ends as 1006 at the client, a hanging request never ends', async () => {
  const client = await connectClient(`${exchange.urls.spot.websocket}/stream?streams=${STREAM}`)
  const add = (spec: FaultSpec) =>
    fetch(`${exchange.urls.spot.rest}/_exchange/faults`, { method: 'POST', body: JSON.stringify(spec) })
  expect(await (await add({ kind: 'close' })).json()).toEqual({ id: 1 })
  expect(await client.closed).toBe(1006)
  await add({ kind: 'rest', hang: true })
  const abort = new AbortController()
  const hanging = fetch(`${exchange.urls.spot.rest}/api/v3/ping`, { signal: abort.signal })
  const first = await Promise.race([hanging, add({ kind: 'drop' }).then(() => 'still hanging')])
  expect(first).toBe('still hanging')
  abort.abort()
  await expect(hanging).rejects.toThrow('aborted')
})

test('a fault that is misspelt is refused with what is wrong, over HTTP and in process', async () => {
  const url = `${exchange.urls.spot.rest}/_exchange/faults`
  for (const body of [
    '{"kind":"drip"}',
    '{"kind":"drop","probability":2}',
    '{"kind":"drop","strem":"*"}',
    'nonsense',
  ]) {
    const answer = await fetch(url, { method: 'POST', body })
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { error: string }).error.length).toBeGreaterThan(10)
  }
  expect(() => exchange.faults.add({ kind: 'delay', ms: -1 })).toThrow('ms')
  expect(exchange.faults.list()).toEqual([])
})

test('a half-open socket answers nothing, not even that it is closed', async () => {
  const client = await connectClient(`${exchange.urls.spot.websocket}/stream?streams=${STREAM}`)
  exchange.faults.add({ kind: 'stall', pongs: false })
  let answered = false
  client.socket.on('pong', () => (answered = true))
  client.socket.ping()
  client.close()
  const other = await connectClient(`${exchange.urls.spot.websocket}/ws`)
  other.close()
  await other.closed
  expect([answered, client.socket.readyState]).toEqual([false, client.socket.CLOSING])
  client.socket.terminate()
  await client.closed
})

test('a close code that cannot be sent is refused', () => {
  expect(() => exchange.faults.add({ kind: 'close', code: 1005 })).toThrow('a close code that can be sent')
})
