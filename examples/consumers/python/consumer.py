#!/usr/bin/env python3
"""Takes trades and follows order books, by the rule of docs/messages.md.

    python3 consumer.py FOLDER                            what the file sink wrote
    python3 consumer.py - < messages.ndjson               messages, one a line
    python3 consumer.py nats://127.0.0.1:4222 MARKET_DATA  a JetStream stream, live (needs: pip install nats-py)

Prints the best bid and offer of each book and the last trade of each symbol; with --books whole books, as JSON.
Python 3.9 or newer; nothing but the standard library unless it reads from NATS.
"""

import asyncio
import gzip
import json
import re
import sys
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path

IDS_MAX = 10_000


def later(a, b):
    """Whether a is known to be after b; a time that the venue did not send is neither before nor later."""
    return a is not None and b is not None and a > b


class Book:
    """One order book. Believe it only while in_sync is true."""

    def __init__(self):
        self.bids = {}  # price -> size, both Decimal: 1.5 and 1.50 are one price
        self.asks = {}
        self.in_sync = False
        self.last = None  # sequence of the last message taken
        self.ts = None  # its time, or a later stamp of the same
        self.snapshot_ts = None

    def take(self, m):
        """The consumer's whole rule."""
        ts, seq = m.get("ts"), m["seq"]
        if later(self.snapshot_ts, ts):
            return  # older than the snapshot last taken
        if m["kind"] == "snapshot":
            if self.last is None or seq > self.last or later(ts, self.ts):
                self.bids, self.asks = {}, {}
                self.apply(m)
                self.snapshot_ts, self.in_sync = ts, True
        elif self.last is None:
            return  # nothing to apply it to yet
        elif seq <= self.last:
            if not later(ts, self.ts):
                return  # known
            if later(m.get("prev_ts"), self.ts):
                self.in_sync = False  # the venue began its numbering anew
            else:
                self.ts = ts  # what is known, stamped by another connection of the venue
        elif m["prev_seq"] <= self.last and not later(m.get("prev_ts"), self.ts):
            self.apply(m)
            self.in_sync = True
        else:
            self.in_sync = False  # until a snapshot comes, or a delta of a publisher that is behind

    def apply(self, m):
        for side, levels in ((self.bids, m["bids"]), (self.asks, m["asks"])):
            for price, size, *_ in levels:  # a third figure is the venue's own, e.g. contracts
                price, size = Decimal(price), Decimal(size)
                if size == 0:
                    side.pop(price, None)
                else:
                    side[price] = size
        self.last, self.ts = m["seq"], m.get("ts")

    def best(self):
        bid = max(self.bids, default=None)
        ask = min(self.asks, default=None)
        return bid, ask


class Consumer:
    """Books, trades and gaps by symbol."""

    def __init__(self):
        self.books = {}
        self.trades = {}  # name -> (count, last price)
        self.ids = {}  # name -> ids of the latest trades: two publishers, or a repeat, give the same id

    def take(self, m):
        name = f"{m['exchange']} {m['market']} {m['symbol']}"
        if m["type"] == "orderbook":
            self.books.setdefault(name, Book()).take(m)
        elif m["type"] == "trade":
            ids = self.ids.setdefault(name, OrderedDict())
            if m["id"] in ids:
                return name
            ids[m["id"]] = True
            if len(ids) > IDS_MAX:
                ids.popitem(last=False)
            count, _ = self.trades.get(name, (0, None))
            self.trades[name] = (count + 1, m["price"])
        elif m["type"] == "gap":
            print(f"gap {name}: {m['of']} between {m['from']} and {m['to']} µs: {m['reason']}", file=sys.stderr)
        return name

    def lines(self):
        for name, book in sorted(self.books.items()):
            bid, ask = book.best()
            state = "in sync" if book.in_sync else "NOT in sync"
            yield f"{name}: bid {bid} ask {ask}, seq {book.last}, {state}"
        for name, (count, price) in sorted(self.trades.items()):
            yield f"{name}: {count} trades, last at {price}"

    def json(self):
        def levels(side, reverse):
            return [[plain(p), plain(s)] for p, s in sorted(side.items(), reverse=reverse)]

        return {
            name: {
                "inSync": book.in_sync,
                "last": book.last,
                "bids": levels(book.bids, True),
                "asks": levels(book.asks, False),
            }
            for name, book in sorted(self.books.items())
        }


def plain(number):
    """A Decimal in digits, without zeros at the end and never with an exponent."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


PART = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d(?:-\d\d)?)(?:\.(\d+))?\.ndjson(\.gz|\.zst)?$")


def messages_of_folder(folder):
    """Every message under {type}/{exchange}/{market}/{symbol}/, each folder's files in the order of writing."""
    for directory in sorted(p for p in Path(folder).glob("*/*/*/*") if p.is_dir()):
        parts = [(m[1], int(m[2] or 0), path) for path in directory.iterdir() if (m := PART.match(path.name))]
        for _, _, path in sorted(parts):
            yield from messages_of_lines(open_part(path))


def open_part(path):
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    if path.suffix == ".zst":
        from compression import zstd  # Python 3.14; before that: zstd -d

        return zstd.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def messages_of_lines(lines):
    """A last line without a line break is torn, as is a compressed file without its end: the writer is still at it."""
    with lines:
        try:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)
        except EOFError:
            return


async def follow(url, stream, consumer):
    import nats
    from nats.js.api import ConsumerConfig, DeliverPolicy

    connection = await nats.connect(url)
    subscription = await connection.jetstream().subscribe(
        ">", stream=stream, ordered_consumer=True, config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    )
    shown = {}
    async for message in subscription.messages:
        name = consumer.take(json.loads(message.data))
        book = consumer.books.get(name)
        if book is None or shown.get(name) == (book.in_sync, *book.best()):
            continue
        bid, ask = book.best()
        shown[name] = (book.in_sync, bid, ask)
        print(name, "bid", bid, "ask", ask, "" if book.in_sync else "NOT in sync", flush=True)


def main(args):
    whole = "--books" in args
    args = [a for a in args if a != "--books"]
    consumer = Consumer()
    if len(args) == 2 and args[0].startswith(("nats://", "tls://")):
        asyncio.run(follow(args[0], args[1], consumer))
    elif len(args) == 1:
        for message in messages_of_lines(sys.stdin) if args[0] == "-" else messages_of_folder(args[0]):
            consumer.take(message)
        if whole:
            print(json.dumps(consumer.json()))
        else:
            print("\n".join(consumer.lines()))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
