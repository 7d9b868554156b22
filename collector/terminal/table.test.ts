import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ChannelStatus } from '../status.ts'
import { sampleChannel, sampleStatus } from '../../test/support/status.ts'
import type { History } from './rows.ts'
import { remember, renderTable } from './table.ts'

const STATUS = sampleStatus({
  channels: [
    sampleChannel({ perSecond: 1234, p50: 0.000_81, gaps: 0, age: 0.02 }),
    sampleChannel({ type: 'orderbook', inSync: true, perSecond: 10, p50: 0.0012, p99: 0.0061, gaps: 0, age: 0.08 }),
    sampleChannel({ type: 'kline', interval: '1m', perSecond: 0.5, gaps: 0, age: 1.9 }),
    still({ symbol: 'ETH-USDT', type: 'orderbook', state: 'down', detail: 'waits for a snapshot', gaps: 2, age: 3.2 }),
    still({ market: 'spot', symbol: 'FTT-USDT', state: 'quiet', detail: 'nothing for 30 min', gaps: 0, age: 1800 }),
    still({ market: 'spot', symbol: 'SOL-USDT', state: 'stale', detail: 'nothing for 12 s', gaps: 0, age: 12 }),
  ],
  spool: { bytesUsed: 20 * 2 ** 20, bytesMax: 64 * 2 ** 20, pending: 6 },
})

function still(change: Partial<ChannelStatus>): ChannelStatus {
  return sampleChannel({ perSecond: 0, p50: undefined, p99: undefined, ...change })
}

/** Fourteen seconds in which every channel was first slow, then fast, then slow. */
const HISTORY = [0.3, 0.5, 0.7, 1, 1.2, 1.3, 1.3, 1.2, 1, 0.8, 0.5, 0.3, 0.8, 1].reduce<History>(
  (history, factor) =>
    remember(history, { ...STATUS, channels: STATUS.channels.map((c) => ({ ...c, perSecond: c.perSecond * factor })) }),
  new Map(),
)

function table(columns: number, rows: number, status = STATUS): string[] {
  return renderTable(status, HISTORY, { columns, rows, color: false }).split('\n')
}

test('a wide terminal shows everything', () => {
  expect(table(120, 30)).toEqual([
    ' majors  binance  0:01:30  ready  nats connected  spool ███░░░░░░░ 31 % of 64 MiB',
    '',
    ' EXCHANGE  MARKET     SYMBOL    TYPE       STATE    MSG/S  LAST 20 S                P50     P99  GAPS     AGE',
    ' binance   perpetual  BTC-USDT  trade      live     1,234        ▃▄▅▆▇██▇▆▅▄▃▅▆  810 µs  4.8 ms     0   20 ms',
    ' binance   perpetual  BTC-USDT  orderbook  live        10        ▃▄▅▆▇██▇▆▅▄▃▅▆  1.2 ms  6.1 ms     0   80 ms',
    ' binance   perpetual  BTC-USDT  kline 1m   live       0.5        ▃▄▅▆▇██▇▆▅▄▃▅▆  1.2 ms  4.8 ms     0   1.9 s',
    ' binance   perpetual  ETH-USDT  orderbook  down         0        ▁▁▁▁▁▁▁▁▁▁▁▁▁▁       –       –     2   3.2 s',
    ' binance   spot       FTT-USDT  trade      quiet        0        ▁▁▁▁▁▁▁▁▁▁▁▁▁▁       –       –     0  30 min',
    ' binance   spot       SOL-USDT  trade      stale        0        ▁▁▁▁▁▁▁▁▁▁▁▁▁▁       –       –     0    12 s',
    '',
    ' frames    215 received = 205 data + 8 control + 2 refused    2 gaps',
    ' messages  200 made = 180 acknowledged + 8 duplicate + 6 dropped + 6 spooled',
    ' binance perpetual ETH-USDT orderbook down: waits for a snapshot',
    ' binance spot SOL-USDT trade stale: nothing for 12 s',
  ])
})

test('where not every channel has room, those of one market and type share a row', () => {
  expect(table(100, 13)).toEqual([
    ' majors  binance  0:01:30  ready  nats connected  spool ███░░░░░░░ 31 % of 64 MiB',
    '',
    ' MARKET     SYMBOL     TYPE       STATE       MSG/S  LAST 10 S      P50     P99  GAPS     AGE',
    ' perpetual  BTC-USDT   trade      live        1,234  ▇██▇▆▅▄▃▅▆  810 µs  4.8 ms     0   20 ms',
    ' perpetual  2 symbols  orderbook  1/2 live       10  ▇██▇▆▅▄▃▅▆  1.2 ms  6.1 ms     2   80 ms',
    ' perpetual  BTC-USDT   kline 1m   live          0.5  ▇██▇▆▅▄▃▅▆  1.2 ms  4.8 ms     0   1.9 s',
    ' spot       2 symbols  trade      0/2 live        0  ▁▁▁▁▁▁▁▁▁▁       –       –     0    12 s',
    ' 6 channels; where there is room each has its row',
    '',
    ' frames    215 received = 205 data + 8 control + 2 refused    2 gaps',
    ' messages  200 made = 180 acknowledged + 8 duplicate + 6 dropped + 6 spooled',
    ' binance perpetual ETH-USDT orderbook down: waits for a snapshot',
    ' binance spot SOL-USDT trade stale: nothing for 12 s',
  ])
})

test('every exchange, market and type is seen on a small terminal', () => {
  const exchanges = ['binance', 'okx', 'deribit'] as const
  const types = ['trade', 'orderbook', 'ticker', 'kline', 'funding_rate', 'open_interest', 'liquidation'] as const
  const channels = exchanges.flatMap((exchange) =>
    (['perpetual', 'future'] as const).flatMap((market) =>
      types.map((type) => sampleChannel({ exchange, market, type })),
    ),
  )
  const small = table(80, 24, { ...STATUS, channels })
  expect(small.slice(2, 11).map((line) => line.slice(0, 56).trimEnd())).toEqual([
    ' EXCHANGE     MARKET     SYMBOL    TYPE           STATE',
    ...types.map((type) => ` 3 exchanges  2 markets  BTC-USDT  ${type.padEnd(13)}  live`),
    ' 42 channels; where there is room each has its row',
  ])
  const taller = table(120, 32, { ...STATUS, channels })
  expect(taller.filter((line) => / \d markets +BTC-USDT/.test(line)).length).toBe(21)
  expect(table(120, 60, { ...STATUS, channels }).filter((line) => line.includes('BTC-USDT')).length).toBe(42)
})

test('a very low one shows what is in trouble and what is busiest', () => {
  expect(table(70, 11)).toEqual([
    ' majors  binance  0:01:30  ready  nats connected  spool ███░░░░░░░ 31…',
    '',
    ' MARKET     SYMBOL    TYPE       STATE    MSG/S     P99  GAPS',
    ' perpetual  ETH-USDT  orderbook  down         0       –     2',
    ' spot       SOL-USDT  trade      stale        0       –     0',
    ' and 4 more',
    '',
    ' frames    215 received = 205 data + 8 control + 2 refused    2 gaps',
    ' messages  200 made = 180 acknowledged + 8 duplicate + 6 dropped + 6 …',
    ' binance perpetual ETH-USDT orderbook down: waits for a snapshot',
    ' binance spot SOL-USDT trade stale: nothing for 12 s',
  ])
})

test('a sink that is away comes first among what is wrong', () => {
  const sink = { ...STATUS.sink, connected: false, problem: 'no server answers at nats://nats:4222; retrying' }
  const lines = table(120, 30, { ...STATUS, ready: false, notReady: ['so'], sink })
  expect(lines[0]).toBe(' majors  binance  0:01:30  not ready  nats away  spool ███░░░░░░░ 31 % of 64 MiB')
  expect(lines.slice(12)).toEqual([
    ' nats: no server answers at nats://nats:4222; retrying',
    ' binance perpetual ETH-USDT orderbook down: waits for a snapshot',
    ' binance spot SOL-USDT trade stale: nothing for 12 s',
  ])
})

test('colours change nothing but colours', () => {
  const view = { columns: 70, rows: 11 }
  const painted = renderTable(STATUS, HISTORY, { ...view, color: true })
  expect(painted).toContain('\x1b[31mdown \x1b[0m')
  expect(painted.replace(/\x1b\[\d+m/g, '').replace(/ +$/gm, '')).toBe(table(70, 11).join('\n'))
})

test('before anything is known there is a table without channels', () => {
  const status = sampleStatus({ channels: [], name: 'new' })
  expect(renderTable(status, new Map(), { columns: 80, rows: 24, color: false }).split('\n')[0]).toContain(
    ' new  0:01:30',
  )
})

test('whatever the size and whatever venues send, lines fit and hold no control byte', () => {
  const nasty = fc.constantFrom('BTC-USDT', '\x1b[2J', 'a\r\nb', '\u202e', 'x'.repeat(300), '')
  const channel = fc.record({
    symbol: nasty,
    interval: nasty,
    detail: nasty,
    state: fc.constantFrom('live', 'quiet', 'stale', 'down'),
    perSecond: fc.constantFrom(0, 0.1, 9.96, 1e6, 1e12),
    age: fc.constantFrom(undefined, 0, 59.9, 1e9),
    market: fc.constantFrom('spot', 'perpetual'),
  })
  fc.assert(
    fc.property(
      fc.array(channel, { maxLength: 40 }),
      nasty,
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 60 }),
      (channels, problem, columns, rows) => {
        const status = sampleStatus({
          name: problem,
          channels: channels.map((c) => sampleChannel(c as Partial<ChannelStatus>)),
          sink: { ...STATUS.sink, problem },
        })
        const lines = renderTable(status, remember(new Map(), status), { columns, rows, color: false }).split('\n')
        expect(lines.length).toBeLessThanOrEqual(rows)
        for (const line of lines) expect(line).toMatch(new RegExp(`^[^\\p{Cc}\\p{Cf}]{0,${columns}}$`, 'u'))
      },
    ),
  )
})

test('history keeps twenty seconds and forgets channels that are gone', () => {
  let history: History = new Map()
  for (let i = 0; i < 30; i++)
    history = remember(history, sampleStatus({ channels: [sampleChannel({ perSecond: i })] }))
  expect([...history.values()]).toEqual([Array.from({ length: 20 }, (_, i) => i + 10)])
  expect(remember(history, sampleStatus({ channels: [] })).size).toBe(0)
})
