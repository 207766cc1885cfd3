"""A pool of database connections: each worker opens one when it begins, and all its queries use it.

This is SQLite, which comes with Python; postgresql.py does the same with a server.
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import weft

SHOPS, SALES = 40, 50_000
STATE = {}  # in each worker, its own


def connect(path):
    """What each worker does first: a connection of its own, which can only read."""
    STATE["connection"] = sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def turnover(shop):
    """How often a shop has sold something, for how much; on this worker's connection."""
    query = "select count(*), sum(cents) from sales where shop = ?"
    return STATE["connection"].execute(query, (shop,)).fetchone()


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "sales.sqlite"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("create table sales (shop integer, cents integer)")
        base.executemany("insert into sales values (?, ?)", ((n * n % 89 % SHOPS, n % 997) for n in range(SALES)))

    with weft.ProcessExecutor(2, initializer=connect, initargs=(path,)) as pool:
        found = weft.map(turnover, range(SHOPS), on=pool).results()

best = max(range(SHOPS), key=lambda shop: found[shop][1] or 0)
print(f"{sum(sales for sales, _ in found):,} sales; shop {best} sold most, for {found[best][1] / 100:,.2f}")
assert sum(sales for sales, _ in found) == SALES
