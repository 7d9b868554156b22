import { expect } from 'vitest'
import { closed, proveFaults } from './faults.ts'

const aBookIsLost = { kind: 'drop', stream: 'btcusdt@depth*', next: 2 } as const

proveFaults({
  exchange: 'binance',
  symbols: { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT', 'SOL-USDT'] },
  venueSymbols: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'],
  trades: '*@aggTrade',
  books: '*@depth*',
  rest: { path: '*depth', provoke: aBookIsLost, reasons: ['sequence'] },
  renumbered: ['sequence_restart'],
  hostile: [
    '{"stream":"btcusdt@aggTrade","data":',
    '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTC.*>\\r\\nUSDT","a":1,"p":"1","q":"1","T":1,"m":true}}',
    '{"stream":"btcusdt@aggTrade","data":{"__proto__":{"e":"aggTrade"},"constructor":1}}',
    '{"stream":"\\u001b[2J","data":{"e":"\\u0007"}}',
    '\u001b]0;title\u0007',
    '',
  ],
  told: ({ market }) => market === 'spot',
  more: {
    'sockets closed with 1000 are opened again': closed(1000),
    'sockets closed with 1001 are opened again': closed(1001),
    'sockets closed with 1008 are opened again': closed(1008),
    'REST that answers 418 is left alone for as long as it says': {
      faults: [{ kind: 'rest', path: '*depth', status: 418, retryAfterSeconds: 2, next: 2 }, aBookIsLost],
      shows: ({ gaps, status: { addresses } }) => {
        expect(gaps.map(({ reason }) => reason)).toContain('sequence')
        expect(addresses.reduce((n, { failures }) => n + failures, 0)).toBe(2)
      },
    },
  },
})
