"""Producers and consumers: threads read files, processes pack them, a coroutine adds up; each at its own pace.

They begin together, at a barrier. Whoever does something writes down when, in a channel: that is what the guide's
picture is drawn from.
"""

import asyncio
import email
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import weft
from weft.abc import Span

FILES = [path for package in (asyncio, email) for path in sorted(Path(package.__file__).parent.rglob("*.py"))]
READERS, PACKERS = 2, 2
BEGAN, notes, begin = time.monotonic(), weft.Channel(), weft.Barrier(READERS + PACKERS)


@contextmanager
def noted(stage, number):
    """Write down who did what, from when on and for how long."""
    began = time.monotonic()
    yield
    notes.put(Span(weft.current_worker().name, number, 1, began - BEGAN, time.monotonic() - began, stage))


def read(paths, texts):
    """A producer: it waits at `put` while the channel is full."""
    begin.wait()
    for number, path in enumerate(paths):
        with noted("read", number):
            text = path.read_bytes()
            time.sleep(0.002)  # as if from far away
        texts.put(text)


def pack(texts, packed):
    """A consumer, and a producer itself; it ends when the channel does."""
    begin.wait()
    for number, text in enumerate(texts):
        with noted("pack", number):
            small = zlib.compress(text * 8, 9)
        packed.put((len(text) * 8, len(small)))


async def add_up(packed):
    """The last consumer, in an event loop."""
    before = after = 0
    async for large, small in packed:
        before, after = before + large, after + small
    return before, after


texts, packed = weft.Channel(maxsize=4), weft.Channel()
with weft.TaskGroup() as group:
    readers = [group.submit(read, FILES[part::READERS], texts, on="thread") for part in range(READERS)]
    packers = [group.submit(pack, texts, packed, on="process") for _ in range(PACKERS)]
    sizes = group.submit(add_up, packed, on="async")
    for reader in readers:
        reader.result()
    texts.shutdown()  # nothing more comes: the packers end when they have had the rest
    for packer in packers:
        packer.result()
    packed.shutdown()
before, after = sizes.result()
print(f"{len(FILES)} files, packed to {after / before:.0%} of their size")

notes.shutdown()
notes = list(notes)
for stage in ("read", "pack"):
    seconds = [span.seconds for span in notes if span.stage == stage]
    print(f"{stage}: {len(seconds)} files, {sum(seconds) / len(seconds) * 1e3:.1f} ms each")
