// Faults of exchanges, and of the way to them.
import type { FaultSpec } from '../../../exchange/faults.ts'
import { again } from '../again.ts'
import type { CollectorFault } from '../fault.ts'
import type { Place, World } from '../place.ts'

/** Streams of the simulated exchange. */
const TRADES = '*@aggTrade'
const BOOKS = '*@depth*'
const TICKERS = '*@bookTicker'

type Row = Omit<CollectorFault, 'subject' | 'area' | 'begin'> & { readonly faults: readonly FaultSpec[] }

/** What the simulated exchange does on command, for as long as the fault lasts. */
const at = ({ faults, ...row }: Row): CollectorFault => ({
  ...row,
  subject: 'collector',
  area: 'exchange',
  begin: ({ exchange }) => {
    faults.forEach((fault) => exchange.faults.add(fault))
    return () => exchange.faults.clear()
  },
})

const repeated = (everyMs: number, ...specs: readonly FaultSpec[]) => {
  return ({ exchange }: Place) => again(everyMs, () => specs.forEach((spec) => exchange.faults.add(spec)))
}

const CUT: FaultSpec = { kind: 'close', code: 1006 }
const ISOLATED: World = { isolated: true }

export const exchangeFaults: readonly CollectorFault[] = [
  at({
    id: 'silent',
    what: 'the exchange sends nothing any more; sockets stay open and answer pings, new ones too',
    expect: ['MarketPrismMessageProcessingStopped'],
    faults: [{ kind: 'drop' }],
  }),
  at({
    id: 'half-open',
    what: 'sockets stay open and answer no ping, and new ones are refused',
    expect: ['MarketPrismAllExchangesDisconnected'],
    faults: [{ kind: 'stall', pongs: false }, { kind: 'refuse' }],
  }),
  at({
    id: 'gone',
    what: 'the exchange closes all sockets and refuses new ones',
    expect: ['MarketPrismAllExchangesDisconnected'],
    faults: [{ kind: 'refuse' }, CUT],
  }),
  at({
    id: 'one-of-two',
    what: 'one of two exchanges closes all sockets and refuses new ones',
    expect: ['MarketPrismExchangeDisconnected'],
    world: { also: ['okx'] },
    faults: [{ kind: 'refuse' }, CUT],
  }),
  at({
    id: 'one-market',
    what: 'one of two markets of an exchange closes its sockets and refuses new ones',
    expect: ['MarketPrismDataStale'],
    world: { markets: ['spot', 'perpetual'] },
    faults: [
      { kind: 'refuse', market: 'spot' },
      { ...CUT, market: 'spot' },
    ],
  }),
  at({
    id: 'one-type',
    what: 'one of three types comes no more',
    expect: ['MarketPrismDataStale'],
    faults: [{ kind: 'drop', stream: TICKERS }],
  }),
  at({
    id: 'one-symbol',
    what: 'trades of one of two symbols come no more',
    expect: ['MarketPrismDataStale'],
    faults: [{ kind: 'drop', stream: 'ethusdt@aggTrade' }],
  }),
  at({
    id: 'fewer',
    what: 'three of four tickers do not come',
    expect: ['MarketPrismMessageRateDropped'],
    faults: [{ kind: 'drop', stream: TICKERS, probability: 0.75 }],
  }),
  at({
    id: 'corrupt',
    what: 'bytes of every second frame are wrong',
    expect: ['MarketPrismHighErrorRate'],
    faults: [{ kind: 'corrupt', probability: 0.5, bytes: 60 }],
  }),
  at({
    id: 'truncated',
    what: 'the end of every second frame is missing',
    expect: ['MarketPrismHighErrorRate'],
    faults: [{ kind: 'truncate', probability: 0.5 }],
  }),
  {
    id: 'sequence-gap',
    subject: 'collector',
    area: 'exchange',
    what: 'changes of a book reach nobody',
    expect: ['MarketPrismDataGap'],
    begin: ({ exchange }) => {
      exchange.faults.add({ kind: 'sequence_gap', of: 'orderbook', count: 30 })
      return () => {}
    },
  },
  {
    id: 'sequence-gaps',
    subject: 'collector',
    area: 'exchange',
    what: 'changes of a book reach nobody, every 20 s',
    expect: ['MarketPrismGapRateHigh'],
    begin: repeated(20_000, { kind: 'sequence_gap', of: 'orderbook', count: 30 }),
  },
  {
    id: 'trade-ids',
    subject: 'collector',
    area: 'exchange',
    what: 'trades that nobody gets, not by REST either',
    expect: ['MarketPrismDataGap'],
    begin: ({ exchange }) => {
      exchange.faults.add({ kind: 'sequence_gap', of: 'trade', count: 7 })
      return () => {}
    },
  },
  {
    id: 'renumbered',
    subject: 'collector',
    area: 'exchange',
    what: 'the exchange numbers its trades from the beginning',
    expect: ['MarketPrismDataGap'],
    begin: ({ exchange }) => {
      exchange.faults.add({ kind: 'sequence_restart', of: 'trade' })
      return () => {}
    },
  },
  {
    id: 'close-storm',
    subject: 'collector',
    area: 'exchange',
    what: 'the exchange closes all sockets every 15 s, and we wait longer and longer before the next',
    expect: ['MarketPrismAllExchangesDisconnected', 'MarketPrismFrequentReconnects'],
    begin: repeated(15_000, CUT),
  },
  {
    id: 'close-often',
    subject: 'collector',
    area: 'exchange',
    what: 'the exchange closes all sockets every 65 s',
    expect: ['MarketPrismFrequentReconnects'],
    begin: repeated(65_000, CUT),
  },
  at({
    id: 'too-many',
    what: 'sockets are closed, and new ones are answered with 429',
    expect: ['MarketPrismAllExchangesDisconnected'],
    faults: [{ kind: 'refuse', status: 429 }, CUT],
  }),
  at({
    id: 'region',
    what: 'sockets are closed, and everything is answered with 451: not for this region',
    expect: ['MarketPrismAllExchangesDisconnected'],
    faults: [{ kind: 'refuse', status: 451 }, { kind: 'rest', status: 451 }, CUT],
  }),
  at({
    id: 'rest-banned',
    what: 'REST answers 418 and bans the address for ten minutes, when a book needs a snapshot',
    expect: ['MarketPrismRequestsBlocked'],
    faults: [
      { kind: 'rest', status: 418, retryAfterSeconds: 600 },
      { kind: 'sequence_gap', of: 'orderbook', count: 30 },
    ],
  }),
  at({
    id: 'rest-limited',
    what: 'REST answers 429 for five minutes, when a book needs a snapshot',
    expect: ['MarketPrismRequestsBlocked'],
    faults: [
      { kind: 'rest', status: 429, retryAfterSeconds: 300 },
      { kind: 'sequence_gap', of: 'orderbook', count: 30 },
    ],
  }),
  at({
    id: 'no-snapshots',
    what: 'REST hangs, when a book needs a snapshot',
    expect: ['MarketPrismOrderBookOutOfSync'],
    faults: [
      { kind: 'rest', path: '*depth*', hang: true },
      { kind: 'sequence_gap', of: 'orderbook', count: 30 },
    ],
  }),
  at({
    id: 'clock-of-venue',
    what: 'the clock of the exchange is a minute ahead',
    expect: ['MarketPrismErrorRateUnusual'],
    faults: [{ kind: 'clock_skew', ms: 60_000 }],
  }),
  at({
    id: 'duplicates',
    what: 'every second frame comes twice: nothing is wrong',
    expect: [],
    faults: [{ kind: 'duplicate', probability: 0.5 }],
  }),
  at({
    id: 'late',
    what: 'trades come three seconds late: nothing is lost',
    expect: [],
    faults: [{ kind: 'delay', ms: 3_000, stream: TRADES }],
  }),
  {
    id: 'planned',
    subject: 'collector',
    area: 'exchange',
    what: 'the exchange closes a socket once, in order: nothing is wrong but a gap in books, which is said',
    expect: ['MarketPrismDataGap'],
    begin: ({ exchange }) => {
      exchange.faults.add({ kind: 'close', code: 1001, stream: BOOKS })
      return () => {}
    },
  },
]

export const networkFaults: readonly CollectorFault[] = [
  {
    id: 'way-cut',
    subject: 'collector',
    area: 'network',
    what: 'the way to the exchange is cut: connections break, new ones are refused',
    expect: ['MarketPrismAllExchangesDisconnected'],
    world: ISOLATED,
    begin: ({ toExchange }) => (toExchange.cut(), () => toExchange.pass()),
  },
  {
    id: 'way-hole',
    subject: 'collector',
    area: 'network',
    what: 'nothing passes on the way to the exchange, and nothing breaks',
    expect: ['MarketPrismAllExchangesDisconnected'],
    world: ISOLATED,
    begin: ({ toExchange }) => (toExchange.hole(), () => toExchange.pass()),
  },
  {
    id: 'nats-cut',
    subject: 'collector',
    area: 'network',
    what: 'the way to NATS is cut',
    expect: ['MarketPrismNATSDisconnected'],
    world: ISOLATED,
    begin: ({ toNats }) => (toNats.cut(), () => toNats.pass()),
  },
  {
    id: 'nats-hole',
    subject: 'collector',
    area: 'network',
    what: 'nothing passes on the way to NATS, and nothing breaks',
    expect: ['MarketPrismNATSDisconnected'],
    world: ISOLATED,
    begin: ({ toNats }) => (toNats.hole(), () => toNats.pass()),
  },
  {
    id: 'nats-slow',
    subject: 'collector',
    area: 'network',
    what: 'everything takes 400 ms longer to NATS and back',
    expect: ['MarketPrismHighProcessingLatency'],
    world: ISOLATED,
    begin: ({ toNats }) => (toNats.slow(400), () => toNats.pass()),
  },
]
