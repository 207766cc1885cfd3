"""Five hundred requests at once with `async def` and `async for`, over plain asyncio streams.

The same call may be iterated without `async` too: `for length in weft.map(fetch, paths)`.
"""

import asyncio

import weft


async def answer(reader, writer):
    """A server's side of one request: a tenth of a second, then the path it was asked for."""
    line = await reader.readline()
    await asyncio.sleep(0.1)
    writer.write(line.split()[1])
    await writer.drain()
    writer.close()


async def main():
    """Start the server, fetch from it."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    port = server.sockets[0].getsockname()[1]

    async def fetch(path):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path}\n".encode())
        body = await reader.read()
        writer.close()
        return body.decode()

    paths = [f"/item/{number}" for number in range(1000)]
    run = weft.map(fetch, paths, max_workers=500)
    bodies = []
    async with server:
        async for body in run:
            bodies.append(body)  # noqa: PERF401  here one would do something with it

    print(f"{len(bodies):,} answers, the last one {bodies[-1]}")
    print(f"{run.explain().headline}; {run.stats.seconds:.1f} s instead of {len(paths) * 0.1:.0f} s one by one")
    assert bodies == paths
    assert run.explain().to_dict()["decisions"][-1]["kind"] == "async"


asyncio.run(main())
