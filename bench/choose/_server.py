"""A server on this machine that is as slow as it is asked to be, and PostgreSQL where it can be had.

The server is a process of its own, so that answering takes nothing from the process that asks:
``/MILLISECONDS/BYTES`` answers so late with so much; ``/cap/MILLISECONDS/BYTES`` serves four at a time.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

AT_ONCE: Final = 4
TEXT: Final = b'{"name": "warp", "threads": [1, 2, 3]}, '


@contextmanager
def serving() -> Iterator[str]:
    """The server's address, while it runs."""
    command = [sys.executable, "-m", "bench.choose._server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as server:
        assert server.stdout is not None
        try:
            yield f"127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.terminate()


async def _serve() -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, IndexError):
            while await _answer_one(reader, writer, gate):
                pass
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


async def _answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Semaphore) -> bool:
    request = await reader.readuntil(b"\r\n\r\n")
    *capped, late, size = request.split()[1].decode().strip("/").split("/")
    if capped:
        async with gate:
            await asyncio.sleep(float(late) / 1000)
    else:
        await asyncio.sleep(float(late) / 1000)
    body = (TEXT * (int(size) // len(TEXT) + 1))[: int(size)]
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    await writer.drain()
    return False


# ── PostgreSQL ────────────────────────────────────────────────────────────────────────────────────────────


class NoDatabase(Exception):
    """There is no PostgreSQL here, and the message says what is missing."""


@contextmanager
def database() -> Iterator[str]:
    """The connection string of a PostgreSQL of our own in a temporary folder, while it runs.

    Raises:
        NoDatabase: It can't be had; ``bench/choose/setup.sh`` installs what is missing.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise NoDatabase("psycopg is not installed") from None
    programs = _programs()
    folder = tempfile.mkdtemp(prefix="weft-bench-pg-")
    try:
        as_user = _as_user(folder)
        _run([*as_user, programs["initdb"], "-D", f"{folder}/data", "-U", "bench", "-A", "trust", "--no-sync"])
        port = _free_port()
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        control = [*as_user, programs["pg_ctl"], "-D", f"{folder}/data", "-w"]
        _run([*control, "-l", f"{folder}/log", "-o", settings, "start"])
        try:
            yield f"host=127.0.0.1 port={port} user=bench dbname=postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> dict[str, str]:
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, newest)])
    found = {name: shutil.which(name, path=path) for name in ("initdb", "pg_ctl")}
    missing = [name for name, place in found.items() if place is None]
    if missing:
        raise NoDatabase(f"{' and '.join(missing)} of PostgreSQL can't be found")
    return {name: place for name, place in found.items() if place is not None}


def _as_user(folder: str) -> list[str]:
    """PostgreSQL refuses to be root: then it is the user that its package has made."""
    if os.getuid() != 0:
        return []
    try:
        shutil.chown(folder, "postgres")
    except LookupError:
        raise NoDatabase("we are root and there is no user postgres") from None
    return ["runuser", "-u", "postgres", "--"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL)
    if done.returncode:
        raise NoDatabase(f"{Path(command[-1]).name}: {done.stderr.strip() or done.stdout.strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve())
