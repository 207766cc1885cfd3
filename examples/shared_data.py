"""Shared data: processes fill one histogram; one of them is killed in the middle, with the lock in its hands."""

import os
import signal
from pathlib import Path

import numpy as np

import weft

histogram = weft.share(np.zeros(50, dtype="int64"), writable=True)
samples = weft.share(np.random.default_rng(3).normal(size=2_000_000))
counted, killed, lock = weft.Counter(), weft.Counter(), weft.Lock()


def count(part):
    """Add a part of the samples to the histogram; the first to do so is killed while it has the lock."""
    mine, _ = np.histogram(samples[part], bins=50, range=(-6, 6))
    with lock:
        if part.start == 0 and not killed.value:
            killed.add()
            os.kill(os.getpid(), signal.SIGKILL)
        histogram[:] += mine
    counted.add(part.stop - part.start)


before = set(Path("/dev/shm").iterdir())
parts = [slice(at, at + 100_000) for at in range(0, 2_000_000, 100_000)]
weft.map(count, parts, on="process", max_workers=2).results()
assert histogram.sum() == counted.value == len(samples)
left = [path.name for path in set(Path("/dev/shm").iterdir()) - before if "weft" in path.name] or "nothing"
print(f"{counted.value:,} numbers counted, {killed.value} killed: {left} is left in /dev/shm")
