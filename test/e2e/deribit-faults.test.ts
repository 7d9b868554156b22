import { proveFaults } from './faults.ts'

proveFaults({
  exchange: 'deribit',
  symbols: { perpetual: ['BTC-USD', 'BTC-USDC'], future: ['BTC-USD-20261225'], option: ['BTC-USD-20261225-100000-C'] },
  venueSymbols: ['BTC-PERPETUAL', 'BTC_USDC-PERPETUAL', 'BTC-25DEC26', 'BTC-25DEC26-100000-C'],
  // Before these expire.
  startTime: 1_790_000_000_000,
  trades: 'trades.*',
  books: 'book.*',
  // Books come by the stream; only missed trades are asked for.
  rest: { path: '*get_last_trades*', provoke: { kind: 'drop', stream: 'trades.*', next: 3 }, reasons: [] },
  renumbered: ['sequence', 'sequence_restart'],
  hostile: [
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms","data":',
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.100ms","data":[{"instrument_name":"BTC.*>\\r\\nUSD","trade_seq":1,"trade_id":"1","price":1,"amount":1,"direction":"buy","timestamp":1}]}}',
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.100ms","data":[{"__proto__":{"price":1},"constructor":1}]}}',
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"\\u001b[2J","data":{}}}',
    '\u001b]0;title\u0007',
    '',
  ],
})
