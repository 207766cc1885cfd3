"""5,000 requests of 200 ms each, 1,000 at a time, to a server on this machine.

weft.map(on="async", max_workers=1000) with an `async def`, under `async for` and from code that is not async,
against asyncio by hand: a task for each request, a semaphore and gather. Goal at most 1.1 ×. Beside them, the
leanest way by hand: 1,000 tasks that take the next number from one iterator.

The client is raw asyncio streams over connections that are used again, as HTTP clients do (`--fresh`: a new one
for each request); the server is another process, an asyncio protocol that answers with the number it was asked
for after 200 ms. No client can be faster than the floor: five waves of 200 ms.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from _side_by_side import fastest, goal, machine, measure, parser, ratio, show

import weft

DESCRIPTORS = 65_536  # as many as this, or as the hard limit allows


# ── the server ────────────────────────────────────────────────────────────────────────────────────────────


class Answer(asyncio.Protocol):
    """Answers `GET /N` with N, *delay* seconds later."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._asked = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while b"\r\n\r\n" in self._asked:
            head, _, self._asked = self._asked.partition(b"\r\n\r\n")
            number = head.split(b" ", 2)[1].removeprefix(b"/")
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(number), number)
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, answer)


def serve(delay: float, tell: Connection) -> None:
    """Serve for ever; tell which port."""
    allow_descriptors()

    async def live() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Answer(delay), "127.0.0.1", 0, backlog=8192)
        tell.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(live())


def allow_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


# ── the client ────────────────────────────────────────────────────────────────────────────────────────────


class Client:
    """Fetches numbers; keeps its connections for the next request, if it may."""

    def __init__(self, port: int, *, fresh: bool) -> None:
        self._port, self._fresh = port, fresh
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def fetch(self, number: int) -> int:
        if self._free:
            connection = self._free.pop()
        else:
            self._loop = asyncio.get_running_loop()
            connection = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = connection
        writer.write(b"GET /%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % number)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.rpartition(b"Content-Length: ")[2])
        body = await reader.readexactly(length)
        if self._fresh:
            writer.transport.abort()
        else:
            self._free.append(connection)
        return int(body)

    def close(self) -> None:
        """Close all connections, in the loop that they belong to."""
        connections, self._free = self._free, []
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(abort, connections)


def abort(connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    for _, writer in connections:
        writer.transport.abort()


# ── the ways ──────────────────────────────────────────────────────────────────────────────────────────────


async def by_semaphore(client: Client, items: range, at_once: int) -> list[int]:
    semaphore = asyncio.Semaphore(at_once)

    async def one(number: int) -> int:
        async with semaphore:
            return await client.fetch(number)

    results = await asyncio.gather(*[one(number) for number in items])
    client.close()
    return results


async def by_workers(client: Client, items: range, at_once: int) -> list[int]:
    results: dict[int, int] = {}
    numbers = iter(items)

    async def worker() -> None:
        for number in numbers:
            results[number] = await client.fetch(number)

    await asyncio.gather(*[worker() for _ in range(at_once)])
    client.close()
    return [results[number] for number in items]


async def by_weft(client: Client, items: range, at_once: int) -> list[int]:
    run = weft.map(client.fetch, items, on="async", max_workers=at_once, progress=False)
    results = [number async for number in run]
    client.close()
    return results


def by_weft_from_sync(client: Client, items: range, at_once: int) -> list[int]:
    results = list(weft.map(client.fetch, items, on="async", max_workers=at_once, progress=False))
    client.close()
    return results


def main() -> None:
    arguments = parser(__doc__, rounds=7)
    arguments.add_argument("--requests", type=int, default=5_000)
    arguments.add_argument("--at-once", type=int, default=1_000)
    arguments.add_argument("--delay", type=float, default=0.2, help="seconds (default: %(default)s)")
    arguments.add_argument("--fresh", action="store_true", help="a new connection for each request")
    asked = arguments.parse_args()
    allow_descriptors()
    kept = "a new connection each" if asked.fresh else "connections kept"
    print(
        f"{machine()}; {asked.requests:,} requests of {asked.delay * 1e3:g} ms, "
        f"{asked.at_once:,} at a time, {kept}, {asked.rounds} rounds"
    )

    fork = multiprocessing.get_context("fork")
    hear, tell = fork.Pipe(duplex=False)
    server = fork.Process(target=serve, args=(asked.delay, tell), daemon=True)
    server.start()
    port, items = hear.recv(), range(asked.requests)

    def client() -> Client:
        return Client(port, fresh=asked.fresh)

    runs: dict[str, Callable[[], Any]] = {
        "by hand, semaphore": lambda: asyncio.run(by_semaphore(client(), items, asked.at_once)),
        "by hand, workers": lambda: asyncio.run(by_workers(client(), items, asked.at_once)),
        "weft, async for": lambda: asyncio.run(by_weft(client(), items, asked.at_once)),
        "weft, from sync code": lambda: by_weft_from_sync(client(), items, asked.at_once),
    }
    times = measure(runs, asked.rounds, lambda result: result == list(items))
    server.terminate()
    server.join()

    peer = "by hand, semaphore"
    times["floor: nothing but waiting"] = [asked.delay * -(-asked.requests // asked.at_once)]
    show("Side by side", times, peer=peer)
    print(f"\nfastest by hand: {fastest(times, list(runs)[:2])}")
    goal(f"async for / {peer}", ratio(times, "weft, async for", peer), 1.1)
    goal(f"from sync code / {peer}", ratio(times, "weft, from sync code", peer), 1.1)


if __name__ == "__main__":
    main()
