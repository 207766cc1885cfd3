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


# Ctrl-C again and again, at moments that nobody chose: a timer of the system has it come, whatever is being done. It
# comes again where Python has kept it to itself, as it does in the midst of a garbage collection.
AGAIN = """\
import random, signal, weft
from operator import neg
from weft.multiprocessing import Pool, ThreadPool
signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
random.seed({seed})
class Sums:
    def __init__(self): self.sum = 0
    def add(self, n):
        self.sum += n
        return self.sum
class Negates:
    async def negate(self, n): return -n
def burst(submit): return [future.result(20) for future in [submit(n) for n in range(200)]]
def all_of(negated): assert list(negated) == [-n for n in range(200)]
def work():
    {work}
def again_and_again():
    while True: work()
if __name__ == "__main__":
    {begin}
    work()
    interrupted = 0
    for _ in range(60):
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0002, 0.02), 0.3)
            again_and_again()
        except KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, 0)
            interrupted += 1
        work()
    {end}
    print(interrupted)
"""

SHUT = "them.shutdown()"
HELD = {
    "an executor": ("them = weft.ProcessExecutor(2)", "all_of(burst(lambda n: them.submit(neg, n)))", SHUT),
    "its map": ("them = weft.ProcessExecutor(2)", "all_of(them.map(neg, range(200)))", SHUT),
    "of threads": ("them = weft.ThreadExecutor(2)", "all_of(burst(lambda n: them.submit(neg, n)))", SHUT),
    "map of threads": ("them = weft.ThreadExecutor(2)", "all_of(them.map(neg, range(200)))", SHUT),
    "of coroutines": ("them = weft.AsyncExecutor(2)", "all_of(burst(lambda n: them.submit(neg, n)))", SHUT),
    "map of coroutines": ("them = weft.AsyncExecutor(2)", "all_of(them.map(neg, range(200)))", SHUT),
    "single calls": ("", "all_of(burst(lambda n: weft.submit(neg, n, on='process')))", ""),
    "a pool": ("them = Pool(2)", "all_of(them.imap(neg, range(200)))", "them.close(); them.join()"),
    "of threads too": ("them = ThreadPool(2)", "all_of(them.map(neg, range(200)))", "them.close(); them.join()"),
    "an actor": (
        "it = weft.Actor(Sums)",
        "base = it.add(0).result(20); assert burst(lambda _: it.add(1)) == list(range(base + 1, base + 201))",
        "it.close()",
    ),
    "in a thread": (
        "it = weft.Actor(Sums, on='thread')",
        "base = it.add(0).result(20); assert burst(lambda _: it.add(1)) == list(range(base + 1, base + 201))",
        "it.close()",
    ),
    "in a loop": ("it = weft.Actor(Negates, on='async')", "all_of(burst(it.negate))", "it.close()"),
    "a run": ("", "all_of(weft.map(neg, range(200)).results())", ""),
    "on processes": ("", "all_of(weft.map(neg, range(200), on='process').results())", ""),
    "on an executor": ("them = weft.ProcessExecutor(2)", "all_of(weft.map(neg, range(200), on=them).results())", SHUT),
    "a pipeline": ("", "all_of(weft.pipeline(range(200)).map(neg, on='thread').map(int, on='process'))", ""),
}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_who_goes_on_after_ctrl_c_has_lost_nothing(start: Callable, held: tuple[str, str, str]) -> None:
    """Nobody waits in vain for a later call, nor at the end, whatever was in whose hands at that moment."""
    begin, work, end = held
    program = start(AGAIN.format(seed=11, begin=begin or "pass", work=work, end=end or "pass"))
    ended = program.end(60.0, clean=False)
    assert (ended.status, ended.out) == (0, "60\n"), ended.err
