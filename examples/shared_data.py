"""Shared data: processes fill one histogram; one of them is killed in the middle, with the lock in its hands.

Whoever does something writes down when, in a channel: that is what the guide's picture is drawn from.
"""

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import weft
from weft.abc import Span

histogram = weft.share(np.zeros(50, dtype="int64"), writable=True)
samples = weft.share(np.random.default_rng(3).normal(size=6_000_000))
counted, killed, lock = weft.Counter(), weft.Counter(), weft.Lock()
BEGAN, notes = time.monotonic(), weft.Channel()


@contextmanager
def noted(stage, part):
    """Write down who did what, from when on and for how long."""
    began, number = time.monotonic(), part.start // (part.stop - part.start)
    yield
    notes.put(Span(f"process {os.getpid()}", number, 1, began - BEGAN, time.monotonic() - began, stage))


def count(part):
    """Add a part of the samples to the histogram; the first to do so is killed while it has the lock."""
    with noted("counts", part):
        mine, _ = np.histogram(samples[part], bins=50, range=(-6, 6))
    with lock, noted("has the lock", part):
        if part.start == 0 and not killed.value:
            killed.add()
            os.kill(os.getpid(), signal.SIGKILL)
        histogram[:] += mine
        time.sleep(0.001)  # so that there is something to be seen of it
    counted.add(part.stop - part.start)


before = set(Path("/dev/shm").iterdir())
parts = [slice(at, at + 150_000) for at in range(0, 6_000_000, 150_000)]
weft.map(count, parts, on="process", max_workers=2).results()
assert histogram.sum() == counted.value == len(samples)
left = [path.name for path in set(Path("/dev/shm").iterdir()) - before if "weft" in path.name] or "nothing"
print(f"{counted.value:,} numbers counted, {killed.value} killed: {left} is left in /dev/shm")

notes.shutdown()
notes = list(notes)
