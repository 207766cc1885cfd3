"""Tasks of every kind in one block: none outlives it, and when one fails the others are ended."""

import asyncio
import hashlib
import time

import weft


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
    computed = group.submit(digest, 100_000, on="process")
    asked = [group.submit(ask, name, on="async") for name in ("warp", "weft")]
    counted = group.submit(len, "cloth", on="thread")
print(computed.result(), [future.result() for future in asked], counted.result())

began = time.monotonic()
try:
    with weft.TaskGroup() as group:
        lost = group.submit(endless, on="process")
        group.submit(fails, on="thread")
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
