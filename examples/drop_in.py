"""A program written for multiprocessing.Pool, with one import changed: it counts primes, with a counter all share.

No main guard, a lambda where the original takes none, and a worker that dies in the middle.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from pathlib import Path

from weft.multiprocessing import Pool  # was: from multiprocessing import Pool


def begin(counter):
    global found  # noqa: PLW0603  as such programs are written
    found = counter


def count(numbers):
    primes = sum(n > 1 and all(n % d for d in range(2, int(n**0.5) + 1)) for n in numbers)
    with found.get_lock():
        found.value += primes
    return primes


def die_the_first_time(marker):
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done by the next worker"


counter = multiprocessing.get_context("spawn").Value("i", 0)
blocks = [range(start, start + 1000) for start in range(0, 20_000, 1000)]

with Pool(2, initializer=begin, initargs=(counter,)) as pool:
    for block, primes in zip(blocks, pool.imap(count, blocks), strict=True):
        if block.start % 5000 == 0:
            print(f"{primes:4} primes from {block.start:,} on")
    print(f"{counter.value:,} altogether")
    print(pool.map(lambda n: n * n, range(5)))
    with tempfile.TemporaryDirectory() as folder:
        print(pool.apply_async(die_the_first_time, (f"{folder}/marker",)).get(timeout=30))
