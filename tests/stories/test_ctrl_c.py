"""Ctrl-C in a block that would wait: workers are ended with what they are in the midst of, and the program goes."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

# Besides what the programs of these stories begin with.
MORE = """\
from weft.multiprocessing import Pool, ThreadPool
class Slow:
    def sleeps(self, n): sleeps(n)
    async def waits(self, n): await waits(n)
"""

BLOCKS = {
    "an executor": "with weft.ProcessExecutor(2) as them: [them.submit(computes, n) for n in range(9)][0].result()",
    "its map": "with weft.ProcessExecutor(2) as them: list(them.map(computes, range(9)))",
    "a run on it": "with weft.ProcessExecutor(2) as them: weft.map(computes, range(9), on=them).results()",
    "no block": "them = weft.ProcessExecutor(2); them.submit(computes, 0).result()",
    "of threads": "with weft.ThreadExecutor(2) as them: [them.submit(sleeps, n) for n in range(9)][0].result()",
    "map of threads": "with weft.ThreadExecutor(2) as them: list(them.map(sleeps, range(9)))",
    "of coroutines": "with weft.AsyncExecutor(2) as them: [them.submit(waits, n) for n in range(9)][0].result()",
    "a pool": "with Pool(2) as them: list(them.imap(computes, range(9)))",
    "of threads too": "with ThreadPool(2) as them: list(them.imap_unordered(sleeps, range(9)))",
    "an actor": "with weft.Actor(Slow) as it: it.sleeps(0).result()",
    "that nobody closes": "it = weft.Actor(Slow); it.sleeps(0).result()",
    "in a thread": "with weft.Actor(Slow, on='thread') as it: it.sleeps(0).result()",
    "that nobody closes either": "it = weft.Actor(Slow, on='thread'); it.sleeps(0).result()",
    "in a loop": "with weft.Actor(Slow, on='async') as it: it.waits(0).result()",
}

COROUTINES = {
    "a process": "async with weft.Actor(Slow) as it: await it.sleeps(0)",
    "a thread": "async with weft.Actor(Slow, on='thread') as it: await it.sleeps(0)",
    "a loop": "async with weft.Actor(Slow, on='async') as it: await it.waits(0)",
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_a_block_that_waits_at_its_end_does_not_after_ctrl_c(start: Callable, slow: str, block: str) -> None:
    """Workers do not hear it, so nobody else would end what they are in the midst of."""
    program = start(slow + MORE + block)
    program.wait_for("began")
    program.interrupt()
    ended = program.end(8.0, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert ended.err.count("Traceback") == 1, ended.err
    assert ended.err.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("block", COROUTINES.values(), ids=COROUTINES)
def test_nor_does_one_in_a_coroutine(start: Callable, slow: str, block: str) -> None:
    program = start(f"{slow}{MORE}async def main():\n    {block}\nasyncio.run(main())")
    program.wait_for("began")
    program.interrupt()
    ended = program.end(8.0, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert ended.err.rstrip().endswith("KeyboardInterrupt")
