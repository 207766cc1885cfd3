"""The same two pieces of work on threads, on processes and on coroutines: one computes, the other waits."""

import asyncio
import time

import weft


def compute(number):
    """Some 15 ms of Python."""
    return sum(n * n for n in range(150_000 + number))


def wait(number):
    """10 ms of waiting, as for a disk or a network."""
    time.sleep(0.01)
    return number


async def wait_async(number):
    """The same, for an event loop."""
    await asyncio.sleep(0.01)
    return number


def tell(words, run, plain):
    """How it did beside a plain loop."""
    run.results()
    print(f"{words:<28}{run.stats.seconds * 1e3:5.0f} ms, {plain.stats.seconds / run.stats.seconds:4.1f} times a loop")


weft.map(abs, range(100), on="process", max_workers=2).results()  # the processes are started once, and stay

loop = weft.map(compute, range(40), on="serial")
tell("computing, a loop", loop, loop)
tell("computing, two threads", weft.map(compute, range(40), on="thread", max_workers=2), loop)
tell("computing, two processes", weft.map(compute, range(40), on="process", max_workers=2), loop)

loop = weft.map(wait, range(60), on="serial")
tell("waiting, a loop", loop, loop)
tell("waiting, ten threads", weft.map(wait, range(60), on="thread", max_workers=10), loop)
tell("waiting, two processes", weft.map(wait, range(60), on="process", max_workers=2), loop)
tell("waiting, sixty coroutines", weft.map(wait_async, range(60), max_workers=60), loop)
