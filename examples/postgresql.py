"""A pool of connections to a PostgreSQL: as many threads as connections, each query on the one of its thread.

Where PostgreSQL and psycopg are installed, this starts a server of its own, in a folder that is gone afterwards.
"""

import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import weft

SHOPS, SALES, CONNECTIONS = 40, 50_000, 4
LOCAL = threading.local()  # in each thread, its own


def connect(where):
    """What each worker does first."""
    import psycopg

    LOCAL.connection = psycopg.connect(where, autocommit=True)


def turnover(shop):
    """How often a shop has sold something, for how much; on this worker's connection."""
    query = "select count(*), sum(cents), pg_backend_pid() from sales where shop = %s"
    return LOCAL.connection.execute(query, (shop,)).fetchone()


def programs():
    """The folder with PostgreSQL's programs; None where there are none."""
    found = shutil.which("pg_ctl") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")), None)
    return found and Path(found).resolve().parent


@contextmanager
def server(bin):
    """A server that listens in a folder and nowhere else; where it is."""
    user = "nobody" if os.getuid() == 0 else None  # it refuses to be run by root
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"

        def run(program, *words):
            subprocess.run(
                [bin / program, "-D", data, *words], check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder
            )

        run("initdb", "--no-sync", "-A", "trust", "-U", "weaver")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "start", "-w", "-o", options, "-l", f"{folder}/log")
        try:
            yield f"host={folder} user=weaver dbname=postgres"
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")


def main():
    """Start the server, fill it, ask it."""
    import psycopg

    with server(programs()) as where:
        with psycopg.connect(where) as base:
            numbers = f"generate_series(1, {SALES}) n"
            base.execute(f"create table sales as select n % {SHOPS} as shop, n % 997 as cents from {numbers}")
        with weft.ThreadExecutor(CONNECTIONS, initializer=connect, initargs=(where,)) as pool:
            found = weft.map(turnover, range(SHOPS), on=pool).results()
    used = len({pid for _, _, pid in found})
    print(f"{sum(sales for sales, _, _ in found):,} sales, asked for over {used} connections")
    assert used <= CONNECTIONS
    assert sum(sales for sales, _, _ in found) == SALES


if programs() is None or find_spec("psycopg") is None:
    print("PostgreSQL, or psycopg, is not installed here")
else:
    main()
