"""A pipeline: fetch with coroutines, parse in processes, store in one thread, and see which stage is the bottleneck."""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import weft


class Links(HTMLParser):
    """Collects where a page leads."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        """Take note of a link."""
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href"]


async def fetch(number):
    """A page of a site that takes 10 ms to answer."""
    await asyncio.sleep(0.01)
    if number == 13:
        raise ConnectionError("page 13 is gone")
    return number, "".join(f'<p>text <a href="/page/{number * n % 400}">link</a></p>' for n in range(50))


def links(number, page):
    """Where page *number* leads."""
    parser = Links()
    parser.feed(page)
    return [(number, link) for link in parser.found]


def another(link):
    """Whether a link leads to another page."""
    return link[1] != f"/page/{link[0]}"


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "links.sqlite"
    with closing(sqlite3.connect(path)) as base:
        base.execute("create table links (page, target)")

    def insert(rows):
        """Store many links at once."""
        with closing(sqlite3.connect(path)) as base, base:
            base.executemany("insert into links values (?, ?)", rows)

    flow = (
        weft.pipeline(range(400), name="crawl")
        .map(fetch, on="async", max_workers=50, on_error="skip")
        .starmap(links, on="process")
        .flat_map(list, on="thread")
        .filter(another, on="thread")
        .batch(1000)
        .each(insert, on="thread", max_workers=1)
    )
    with flow.run() as run:
        run.results()
        print(run.explain())
    with closing(sqlite3.connect(path)) as base:
        [(count,)] = base.execute("select count(*) from links")

print(f"{count:,} links stored; left out: {run.failures}")
expected = sum(number * n % 400 != number for number in range(400) if number != 13 for n in range(50))
assert count == expected
[failure] = run.failures
assert (failure.stage, failure.item) == ("fetch", 13)
