"""Functions that wait: for files, servers, databases, other programs."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ._computing import spin


def sleep(milliseconds: float) -> float:
    time.sleep(milliseconds / 1000)
    return milliseconds


def write_and_read(job: tuple[str, int]) -> int:
    """A file of 64 KiB, written and read back."""
    folder, n = job
    path = Path(folder, f"page-{n % 64}-{os.getpid()}-{time.monotonic_ns()}")
    path.write_bytes(b"x" * 65_536)
    size = len(path.read_bytes())
    path.unlink()
    return size


def small_files(job: tuple[str, int]) -> int:
    """Twenty files, made and deleted."""
    folder, n = job
    inside = Path(tempfile.mkdtemp(dir=folder, prefix=f"{n}-"))
    for each in range(20):
        (inside / str(each)).write_text(str(each))
    total = sum(int(path.read_text()) for path in inside.iterdir())
    for path in inside.iterdir():
        path.unlink()
    inside.rmdir()
    return total


def synced(job: tuple[str, int]) -> int:
    """A small file, pressed on to the disk."""
    folder, n = job
    descriptor, path = tempfile.mkstemp(dir=folder)
    os.write(descriptor, b"y" * 4096)
    os.fsync(descriptor)
    os.close(descriptor)
    os.unlink(path)
    return n


def walked(folder: str) -> int:
    """What a folder has in it, with sizes."""
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            count += entry.stat().st_size >= 0
    return count


def fetched(url: str) -> int:
    """A page, by a new connection."""
    return len(_fetch(url))


def fetched_and_read(url: str) -> int:
    """A page, and some work with it."""
    return len(_fetch(url)) + spin(60_000)


def fetched_and_counted(url: str) -> int:
    """A page of JSON, parsed."""
    text = "[" + _fetch(url).decode().rpartition(", ")[0] + "]"
    return sum(len(each["threads"]) for each in json.loads(text))


def _fetch(url: str) -> bytes:
    address, _, path = url.partition("/")
    connection = http.client.HTTPConnection(address)
    try:
        connection.request("GET", "/" + path)
        return connection.getresponse().read()
    finally:
        connection.close()


async def afetched(url: str) -> int:
    """A page, by a coroutine."""
    address, _, path = url.partition("/")
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return len(answer)


async def acomputed(turns: int) -> int:
    """A coroutine that computes and never waits."""
    return spin(turns)


def asked_sqlite(job: tuple[str, int]) -> tuple[int, int]:
    """A question to a database in a file."""
    path, n = job
    connection = sqlite3.connect(path)
    try:
        query = "select count(*), sum(a) from rows where b % 10 = ? and c like '%9%'"
        count, total = connection.execute(query, (n % 10,)).fetchone()
        return count, total
    finally:
        connection.close()


def filled_sqlite(job: tuple[str, int]) -> int:
    """A small database, made, filled and read."""
    folder, n = job
    descriptor, path = tempfile.mkstemp(dir=folder)
    os.close(descriptor)
    connection = sqlite3.connect(path)
    connection.execute("create table rows (a int, b text)")
    connection.executemany("insert into rows values (?, ?)", ((i, f"row {i + n}") for i in range(500)))
    connection.commit()
    total = connection.execute("select sum(a) from rows").fetchone()[0]
    connection.close()
    os.unlink(path)
    return int(total)


def make_sqlite(path: str) -> str:
    """The database that questions are asked of."""
    connection = sqlite3.connect(path)
    connection.execute("create table rows (a int, b int, c text)")
    rows = ((i, i * 7919 % 1000, f"x{i}") for i in range(15_000))
    connection.executemany("insert into rows values (?, ?, ?)", rows)
    connection.commit()
    connection.close()
    return path


def asked_postgres(job: tuple[str, int]) -> int:
    """A question that the database takes some milliseconds for."""
    import psycopg

    where, n = job
    with psycopg.connect(where) as connection:
        row = connection.execute("select %s + length(pg_sleep(0.004)::text)", (n,)).fetchone()
    return 0 if row is None else int(row[0])


def counted_by_postgres(job: tuple[str, int]) -> int:
    """A question that the database computes for."""
    import psycopg

    where, n = job
    with psycopg.connect(where) as connection:
        row = connection.execute(
            "select count(*) from generate_series(1, 40000) as i where i %% 7 = %s", (n % 7,)
        ).fetchone()
    return 0 if row is None else int(row[0])


def program(seconds: str) -> int:
    """Another program that takes its time."""
    return subprocess.run(["/bin/sleep", seconds], check=False).returncode


def python(text: str) -> str:
    """Another Python, which takes 10 ms to start."""
    return subprocess.run([sys.executable, "-I", "-S", "-c", text], check=False, capture_output=True, text=True).stdout


def printed(n: int) -> int:
    """A line on this program's output."""
    print(f"line {n}")
    return n


def thrown_away(n: int) -> int:
    """Some lines to nowhere, by system calls."""
    with open("/dev/null", "wb", buffering=0) as file:
        file.writelines(b"line\n" for _ in range(20))
    return n
