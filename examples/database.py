"""A pool of database connections: each worker opens one when it begins, and all its queries use it.

SQLite comes with Python. Where the environment tells of a PostgreSQL (PGHOST and the rest, as for psql) and psycopg is
installed, the same is done there.
"""

import os
import sqlite3
import tempfile
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import weft

SHOPS, SALES = 40, 50_000
STATE = {}  # in each worker, its own


def open_sqlite(path):
    """What each worker does first: a connection of its own, which can only read."""
    STATE["connection"] = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    STATE["query"] = "select count(*), sum(cents) from sales where shop = ?"


def open_postgresql():
    """The same; who and where is in the environment."""
    import psycopg

    STATE["connection"] = psycopg.connect(autocommit=True)
    STATE["query"] = "select count(*), sum(n) from generate_series(1, 50000) n where n % 40 = %s"


def turnover(shop):
    """How often a shop has sold something, for how much; on this worker's connection."""
    return STATE["connection"].execute(STATE["query"], (shop,)).fetchone()


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "sales.sqlite"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("create table sales (shop integer, cents integer)")
        base.executemany("insert into sales values (?, ?)", ((n * n % SHOPS, n % 997) for n in range(SALES)))

    with weft.ProcessExecutor(2, initializer=open_sqlite, initargs=(path,)) as pool:
        found = weft.map(turnover, range(SHOPS), on=pool).results()
        best = max(range(SHOPS), key=lambda shop: found[shop][1] or 0)
        print(
            f"SQLite: {sum(sales for sales, _ in found):,} sales; shop {best} sold most, for {found[best][1]:,} cents"
        )
    assert sum(sales for sales, _ in found) == SALES

if find_spec("psycopg") is None or "PGHOST" not in os.environ:
    print("PostgreSQL: none that this program knows of")
else:
    with weft.ProcessExecutor(2, initializer=open_postgresql) as pool:
        found = weft.map(turnover, range(SHOPS), on=pool).results()
    print(f"PostgreSQL: {sum(count for count, _ in found):,} numbers")
