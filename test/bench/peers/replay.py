"""Runs recorded sessions through cryptofeed, for the benchmarks.

It sets a feed up as cryptofeed's own `playback` does (raw_data_collection.py of 2.4.1: recorded REST answers in place of
requests, then every recorded frame through the feed's message handler), with differences that are all in its favour:
lines are split before the clock starts, acknowledgements are left out, and what a subscription resets and the REST
snapshots, where there are any, are taken before the first frame and outside the clock, so that only data frames are timed.

    replay.py FEED START [HTTP] WS

Reads commands from standard input, one a line, and answers each with one line of JSON:
    pass N   plays the session N times  -> {"frames": …, "events": …, "seconds": CPU seconds}
    events   plays it once              -> {"frames": [[event, …] for each frame], "books": {symbol: {bids, asks}}}
"""
import asyncio
import sys
import time
from collections import defaultdict
from decimal import Decimal

from yapic import json
import json as plain_json

from cryptofeed.connection import HTTPAsyncConn, HTTPSync
from cryptofeed.defines import CANDLES, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import EXCHANGE_MAP


class Session:
    """One recorded session and the feed that it is played through."""

    def __init__(self, name, start, *rest):
        *http, ws = rest
        self.answers = dict(answer for file in http for answer in rest_answers(file))
        self.messages = list(frames(ws))
        subscription, symbols = configuration(start)
        answers = iter(symbols)

        async def read(_connection, url, **_):
            return self.answers[url]

        HTTPAsyncConn.read = read
        HTTPSync.read = lambda *_args, **_kwargs: next(answers)
        self.sink = None
        callbacks = {kind: self.callback(kind) for kind in subscription}
        # Deribit's wants a login for these streams before it goes anywhere, which it never does here.
        config = {name.lower(): {'key_id': 'none', 'key_secret': 'none'}}
        self.feed = EXCHANGE_MAP[name](
            candle_closed_only=False, subscription=subscription, callbacks=callbacks, config=config)
        self.books = [self.feed.std_symbol_to_exchange_symbol(symbol) for symbol in subscription[L2_BOOK]]
        self.handler = self.feed.connect()[-1][2]
        # Feeds name it each in their own way.
        self.reset = getattr(self.feed, '_reset', None) or getattr(self.feed, f'_{type(self.feed).__name__}__reset')

    def callback(self, kind):
        async def take(thing, _received):
            self.sink(kind, thing)
        return take

    async def prime(self):
        """Forgets the books of the last pass and takes the recorded snapshots."""
        self.reset()
        if self.answers:
            for symbol in self.books:
                await self.feed._snapshot(symbol)

    async def passes(self, count):
        counts = defaultdict(int)

        def sink(kind, _thing):
            counts[kind] += 1

        self.sink = lambda _kind, _thing: None
        seconds = 0
        for _ in range(count):
            await self.prime()
            self.sink = sink
            handler = self.handler
            begin = time.process_time()
            for received, message in self.messages:
                await handler(message, None, received)
            seconds += time.process_time() - begin
            self.sink = lambda _kind, _thing: None
        return {'frames': count * len(self.messages), 'events': sum(counts.values()), 'seconds': seconds}

    async def events(self):
        self.sink = lambda _kind, _thing: None
        await self.prime()
        out = []
        for received, message in self.messages:
            taken = []
            self.sink = lambda kind, thing: taken.append(EVENTS[kind](thing))
            await self.handler(message, None, received)
            out.append(taken)
        held = self.feed._l2_book
        books = {self.feed.std_symbol_to_exchange_symbol(symbol): whole(held[symbol].book) for symbol in held}
        return {'frames': out, 'books': books}


def plain(number):
    return format(number, 'f')


def microseconds(seconds):
    return round(float(seconds) * 1_000_000)


def whole(book):
    return {side: [[plain(price), plain(getattr(book, side)[price])] for price in getattr(book, side)] for side in ('bids', 'asks')}


def levels(changes):
    return [[plain(price), plain(size)] for price, size in changes]


EVENTS = {
    TRADES: lambda t: {
        'type': 'trade', 'symbol': t.symbol, 'id': t.id, 'price': plain(t.price), 'size': plain(t.amount),
        'side': t.side, 'ts': microseconds(t.timestamp),
    },
    TICKER: lambda t: {
        'type': 'ticker', 'symbol': t.symbol, 'bid': plain(t.bid), 'ask': plain(t.ask), 'ts': microseconds(t.timestamp),
    },
    CANDLES: lambda c: {
        'type': 'kline', 'symbol': c.symbol, 'interval': c.interval, 'open_time': microseconds(c.start),
        'close_time': microseconds(c.stop), 'count': c.trades, 'open': plain(c.open), 'high': plain(c.high),
        'low': plain(c.low), 'close': plain(c.close), 'volume': plain(c.volume), 'closed': c.closed,
        'ts': microseconds(c.timestamp),
    },
    L2_BOOK: lambda b: {
        'type': 'orderbook', 'symbol': b.symbol, 'seq': b.sequence_number, 'ts': microseconds(b.timestamp),
        **({'kind': 'snapshot', **whole(b.book)} if b.delta is None else
           {'kind': 'delta', 'bids': levels(b.delta['bid']), 'asks': levels(b.delta['ask'])}),
    },
}


def configuration(start):
    """The recorder's subscription, and its answers about instruments, in the order in which they were asked for."""
    subscription, symbols = None, []
    with open(start, encoding='utf-8') as lines:
        for line in filter(str.strip, lines):
            body = json.loads(line.split(': ', 1)[1].strip())
            if 'configuration' in line[:20]:
                subscription = body
            else:
                symbols.append(body)
    return subscription, symbols


def rest_answers(http):
    with open(http, encoding='utf-8') as lines:
        for line in lines:
            if line.startswith('http'):
                url, rest = line.split(' -> ')
                yield url, rest.split(': ', 1)[1]


def frames(ws):
    with open(ws, encoding='utf-8') as lines:
        for line in lines:
            if line != '\n' and not line.startswith('wss') and not line.startswith('http'):
                received, message = line.split(': ', 1)
                if '"data":' in message:
                    yield received, message


async def main():
    session = Session(*sys.argv[1:])
    for line in sys.stdin:
        command, *words = line.split()
        answer = await (session.passes(int(words[0])) if command == 'pass' else session.events())
        print(plain_json.dumps(answer), flush=True)
    await session.feed.shutdown()


asyncio.run(main())
