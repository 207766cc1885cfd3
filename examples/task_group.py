"""Tasks of every kind in one block: none outlives it, and when one fails the others are ended.

When each began and ended is written down: that is what the guide's picture is drawn from.
"""

import asyncio
import hashlib
import itertools
import time

import weft
from weft.abc import Span

BEGAN, notes, number = time.monotonic(), [], itertools.count()


def submit(group, fn, *args, on):
    """Submit a task, and write down from when to when it ran, however it ends."""
    began, first = time.monotonic(), next(number)
    worker = f"{'coroutine' if on == 'async' else on} {first}"

    def ended(_):
        notes.append(Span(worker, first, 1, began - BEGAN, time.monotonic() - began, fn.__name__))

    future = group.submit(fn, *args, on=on)
    future.add_done_callback(ended)
    return future


def digest(rounds):
    """Something to compute."""
    value = b"weft"
    for _ in range(rounds):
        value = hashlib.sha256(value).digest()
    return value.hex()[:8]


async def ask(name):
    """Something to wait for."""
    await asyncio.sleep(0.05)
    return f"{name} is well"


def endless():
    """Something that never ends by itself."""
    while True:
        pass


def fails():
    """Something that goes wrong, a moment later."""
    time.sleep(0.2)
    raise OSError("the disk is full")


with weft.TaskGroup() as group:
    computed = submit(group, digest, 100_000, on="process")
    asked = [submit(group, ask, name, on="async") for name in ("warp", "weft")]
    counted = submit(group, len, "cloth", on="thread")
print(computed.result(), [future.result() for future in asked], counted.result())

began = time.monotonic()
try:
    with weft.TaskGroup() as group:
        lost = submit(group, endless, on="process")
        submit(group, fails, on="thread")
except OSError as error:
    print(f"{error}, after {time.monotonic() - began:.1f} s")
    for note in error.__notes__:
        print(f"  {note}")
assert lost.cancelled()


async def main():
    """The same in a coroutine: the futures can be awaited."""
    async with weft.TaskGroup() as group:
        print(await group.submit(digest, 10, on="process"), await group.submit(ask, "loom"))


asyncio.run(main())
