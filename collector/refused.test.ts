import { pino } from 'pino'
import { expect, it } from 'vitest'
import { checkCollector } from '../crds/faults.ts'
import { startExchange } from '../test/exchange/exchange.ts'
import { openCollector } from './collector.ts'
import { realClock } from './connection/clock.ts'
import type { Gap, Message, Trade } from './market/messages.ts'
import type { Sink, SinkContext } from './sinks/sink.ts'

/** A sink that stores all but the trade that stands third. */
function pickySink(context: SinkContext, stored: Message[], refused: Trade[]): Sink {
  let trades = 0
  return {
    kind: 'stdout',
    status: { connected: true, problem: undefined, lastSettledMs: 0, outstanding: 0 },
    open: () => Promise.resolve(),
    last: () => Promise.resolve(new Map()),
    flush() {
      const { spool, onSettled } = context
      while (spool.next()) {
        const { chunk, index } = spool.cursor
        spool.cursor.index += 1
        const text = chunk.bytes.toString('utf8', chunk.payload[index], chunk.end[index])
        const m = JSON.parse(text.replace(/\d{16}\}$/, '0}')) as Message
        const isRefused = m.type === 'trade' && ++trades === 3
        if (isRefused) refused.push(m)
        else stored.push(m)
        onSettled(isRefused ? 'refused' : 'acknowledged', chunk, index)
        spool.settle(chunk, index)
      }
    },
    close: () => Promise.resolve(),
  }
}

it('a message that the sink can never store is counted and announced by a gap around it', async () => {
  const exchange = await startExchange({ symbols: ['BTCUSDT'], rate: 200 })
  const feed = { exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }
  const { collector } = checkCollector({
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'picky' },
    spec: { feeds: [{ ...feed, endpoints: exchange.urls.spot }], sink: { stdout: {} } },
  })
  if (collector === undefined) throw new Error('the manifest has faults')
  const stored: Message[] = []
  const refused: Trade[] = []
  const running = await openCollector({
    collector,
    openSink: (context) => pickySink(context, stored, refused),
    log: pino({ level: 'silent' }),
    clock: realClock,
    random: Math.random,
  })
  await expect.poll(() => stored.some((m) => m.type === 'gap'), { timeout: 10_000 }).toBe(true)
  const { ledger } = await running.close(1000)
  await exchange.close()
  const gap = stored.find((m): m is Gap => m.type === 'gap')
  const id = Number(refused[0]?.id)
  expect(gap).toMatchObject({
    of: 'trade',
    reason: 'refused',
    after_id: `${id - 1}`,
    before_id: `${id + 1}`,
    missing: 1,
  })
  expect(ledger.messagesDropped).toEqual({ spool_full: 0, refused_by_sink: 1, quality: 0 })
})
