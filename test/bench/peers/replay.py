"""Runs recorded Binance sessions through cryptofeed, for the benchmarks.

It sets a feed up as cryptofeed's own `playback` does (raw_data_collection.py of 2.4.1: recorded REST answers in place of
requests, then every recorded frame through the feed's message handler), with two differences, both in its favour: lines
are split before the clock starts, and the REST snapshots are taken before the first frame and outside the clock, so that
only frames are timed.

    replay.py FEED START HTTP WS

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

    def __init__(self, name, start, http, ws):
        self.answers = dict(rest_answers(http))
        self.messages = list(frames(ws))
        subscription, symbols = configuration(start)

        async def read(_connection, url, **_):
            return self.answers[url]

        HTTPAsyncConn.read = read
        HTTPSync.read = lambda *_args, **_kwargs: symbols
        self.sink = None
        callbacks = {kind: self.callback(kind) for kind in subscription}
        self.feed = EXCHANGE_MAP[name](candle_closed_only=False, subscription=subscription, callbacks=callbacks)
        self.books = [self.feed.std_symbol_to_exchange_symbol(symbol) for symbol in subscription[L2_BOOK]]
        self.handler = self.feed.connect()[-1][2]

    def callback(self, kind):
        async def take(thing, _received):
            self.sink(kind, thing)
        return take

    async def prime(self):
        """Forgets the books of the last pass and takes the recorded snapshots."""
        self.feed._reset()
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
        books = {symbol: whole(self.feed._l2_book[symbol].book) for symbol in self.feed._l2_book}
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
        'type': 'orderbook', 'symbol': b.symbol, 'seq': b.sequence_number,
        'bids': levels(b.delta['bid']), 'asks': levels(b.delta['ask']), 'ts': microseconds(b.timestamp),
    },
}


def configuration(start):
    """The recorder's subscription, and its answers about instruments, in order."""
    subscription, symbols = None, []
    with open(start, encoding='utf-8') as lines:
        for line in filter(str.strip, lines):
            body = json.loads(line.split(': ', 1)[1].strip())
            if 'configuration' in line[:20]:
                subscription = body
            else:
                symbols.append(body)
    return subscription, symbols[0]


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
                yield received, message


async def main():
    session = Session(*sys.argv[1:])
    for line in sys.stdin:
        command, *words = line.split()
        answer = await (session.passes(int(words[0])) if command == 'pass' else session.events())
        print(plain_json.dumps(answer), flush=True)
    await session.feed.shutdown()


asyncio.run(main())
