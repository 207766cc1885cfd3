"""One call at a time: `weft.submit` starts it somewhere else and gives back a standard future."""

import asyncio
import os
from concurrent.futures import as_completed

import weft


def digits(power):
    """How many decimal digits 3**power has."""
    number, found = 3**power, 0
    while number:
        number, found = number // 10**100, found + 1
    return power, found


async def tick(seconds):
    """A coroutine is as welcome as a function."""
    await asyncio.sleep(seconds)
    return f"slept {seconds} s"


powers = [20_000, 30_000, 10_000]
futures = [weft.submit(digits, power, on="process") for power in powers]
sleep = weft.submit(tick, 0.1)
for future in as_completed(futures):
    power, hundreds = future.result()
    print(f"3**{power} is {hundreds} hundreds of digits long")
print(sleep.result())


def count_leaves(depth):
    """A call may wait for others, however few the workers are."""
    if depth == 0:
        return 1
    left, right = (weft.submit(count_leaves, depth - 1, on="thread") for _ in range(2))
    return left.result() + right.result()


print("leaves:", count_leaves(7))
assert count_leaves(7) == 128

here, there = os.getpid(), weft.submit(os.getpid, on="process").result()
print("in another process:", here != there)
assert here != there
assert sorted(future.result()[0] for future in futures) == sorted(powers)
