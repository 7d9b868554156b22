// Streams that carry several channels: each channel reads each element for itself.
import { expect, test } from 'vitest'
import { type ChannelPlan, Intake } from '../../test/support/intake.ts'
import { roomOf } from './registry.ts'
import type { Room } from './room.ts'

const TYPES = ['ticker', 'funding_rate', 'open_interest'] as const

function open(exchange: 'okx' | 'deribit', plans: readonly ChannelPlan[]): Intake {
  return new Intake(roomOf(exchange, 'perpetual') as Room, plans)
}

/** What came out, by type. */
function said(intake: Intake): string[] {
  return intake.take().map(({ message }) => message.type)
}

function ticker(funding: string, i: number): Buffer {
  return Buffer.from(
    `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.BTC-PERPETUAL.100ms","data":{"instrument_name":` +
      `"BTC-PERPETUAL","timestamp":${1_790_000_000_350 + i},"best_bid_price":${64_000 + i}.0,"best_bid_amount":20.0,` +
      `"best_ask_price":${64_001 + i}.0,"best_ask_amount":10.0,"mark_price":64000.31,"open_interest":${1_234_567_890 + i},` +
      `"current_funding":${funding}}}}`,
  )
}

function threeOfDeribit(): Intake {
  const [symbol, venueSymbol] = ['BTC-USD', 'BTC-PERPETUAL']
  return open(
    'deribit',
    TYPES.map((type) => ({ type, symbol, venueSymbol, sizing: { kind: 'inverse', value: '1' } })),
  )
}

test('what one channel of a stream can read and another cannot is read by both on the general road', () => {
  const intake = threeOfDeribit()
  const rates = ['0.0001', '-4.7e-7', '0.0002']
  const made = rates.flatMap((rate, i) => {
    expect(intake.frame(ticker(rate, i))).toBe(true)
    return intake.take().map(({ message }) => message)
  })
  expect(made.map(({ type }) => type)).toEqual([...TYPES, ...TYPES, ...TYPES])
  const funding = made.flatMap((message) => (message.type === 'funding_rate' ? [message.rate] : []))
  expect(funding).toEqual(['0.0001', '-0.00000047', '0.0002'])
  expect(intake.counts).toMatchObject({ received: 3, data: 3, refused: { malformed: 0 } })
})

test('what one channel of a stream cannot read at all is refused, and a gap of it follows', () => {
  const intake = threeOfDeribit()
  intake.frame(ticker('0.0001', 0))
  expect(said(intake)).toEqual(TYPES)
  intake.frame(ticker('"much"', 1))
  expect(intake.counts.refused.malformed).toBe(1)
  intake.take()
  intake.frame(ticker('0.0002', 2))
  const gaps = intake.take().flatMap(({ message }) => (message.type === 'gap' ? [message.of] : []))
  expect(gaps).toContain('funding_rate')
})

test('a frame with elements of many instruments goes to the channels of each, in any order of channels', () => {
  const detail = (side: string, ts: number) => ({ side, bkPx: '1.5', sz: '2', ts: String(ts) })
  const symbols = ['BTC', 'ETH', 'SOL'].map((base) => `${base}-USDT`)
  const intake = open(
    'okx',
    symbols.map((symbol) => ({ type: 'liquidation', symbol, venueSymbol: `${symbol}-SWAP` })),
  )
  const data = [
    { instId: 'SOL-USDT-SWAP', details: [detail('sell', 1_790_000_000_002), detail('buy', 1_790_000_000_001)] },
    { instId: 'XRP-USDT-SWAP', details: [detail('sell', 1_790_000_000_003)] },
    { instId: 'ETH-USDT-SWAP', details: [detail('sell', 1_790_000_000_000)] },
  ]
  const frame = JSON.stringify({ arg: { channel: 'liquidation-orders', instType: 'SWAP' }, data })
  for (const text of [frame, `${frame.replace('1790000000000', '1790000000009')} `]) intake.frame(Buffer.from(text))
  const made = intake
    .take()
    .map(({ message }) => `${message.symbol} ${'side' in message ? message.side : message.type}`)
  expect(made).toEqual(['ETH-USDT sell', 'SOL-USDT buy', 'SOL-USDT sell', 'ETH-USDT sell'])
  expect(intake.counts.refused.malformed).toBe(0)
})
