import { proveFaults } from './faults.ts'

proveFaults({
  exchange: 'okx',
  symbols: { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT', 'BTC-USD'] },
  venueSymbols: ['BTC-USDT', 'ETH-USDT', 'BTC-USDT-SWAP', 'BTC-USD-SWAP'],
  trades: '*"trades-all"*',
  books: '*"books"*',
  // Books come by the stream; only missed trades are asked for.
  rest: { path: '*history-trades', provoke: { kind: 'drop', stream: '*"trades-all"*', next: 3 }, reasons: [] },
  renumbered: ['sequence_restart'],
  hostile: [
    '{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[',
    '{"arg":{"channel":"trades-all","instId":"BTC-USDT"},"data":[{"instId":"BTC.*>\\r\\nUSDT","tradeId":"1","px":"1","sz":"1","side":"buy","ts":"1"}]}',
    '{"arg":{"channel":"trades-all","instId":"BTC-USDT"},"data":[{"__proto__":{"px":"1"},"constructor":1}]}',
    '{"arg":{"channel":"\\u001b[2J"},"data":[{}]}',
    '\u001b]0;title\u0007',
    '',
  ],
  told: ({ url }) => url.endsWith('/public'),
})
