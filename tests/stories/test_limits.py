"""Where the system allows little: what can be done is done, and what can't says what there is too little of."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")

HEAD = """\
import errno, gc, os, resource, weft
from weft.errors import LimitReached
from weft.multiprocessing import Pool
from weft._workers.kinds import stop_idle_workers
def square(n): return n * n
def put(channel): channel.put(7)
def echo(end): end.send(end.recv())
def size(data): return len(data)
class Sum:
    def __init__(self): self.n = 0
    def add(self, n): self.n += n; return self.n
def descriptors(): return len(os.listdir("/proc/self/fd")) - 1
"""

BLOCKS = {
    "a run": "assert sum(weft.map(square, range(100), on='process', max_workers=2)) == 328350",
    "calls": "assert [weft.submit(square, n, on='process').result(20) for n in range(3)] == [0, 1, 4]",
    "an executor": "with weft.ProcessExecutor(2) as them: assert sum(them.map(square, range(100))) == 328350",
    "many calls": (
        "with weft.ProcessExecutor(2) as them: assert [f.result(20) for f in [them.submit(square, 3)] * 9] == [9] * 9"
    ),
    "a pool": "with Pool(2) as them: assert sum(them.map(square, range(100))) == 328350",
    "an actor": "with weft.Actor(Sum) as it: assert it.add(3).result(20) == 3",
    "a channel": "it = weft.Channel(); weft.submit(put, it, on='process').result(20); assert it.get(timeout=20) == 7",
    "a pipe": (
        "here, there = weft.Pipe(); here.send(8); weft.submit(echo, there, on='process').result(20); "
        "assert here.recv() == 8"
    ),
    "shared bytes": (
        "it = weft.share(bytes(10**6)); "
        "assert weft.map(lambda n: len(it), range(3), on='process').results() == [10**6] * 3"
    ),
    "a counter": "it = weft.Counter(); weft.map(it.add, range(4), on='process').results(); assert it.value == 6",
    "large items": "assert weft.map(size, [bytes(10**6)] * 3, on='process').results() == [10**6] * 3",
    "a pipeline": "assert weft.pipeline(range(9)).map(square, on='process').map(abs).run().results()[-1] == 64",
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_where_few_files_may_be_open_it_works_or_says_so_and_works_again_afterwards(
    start: Callable, block: str
) -> None:
    """However many are left: nothing hangs, nothing stays open, and what was refused once is not refused for ever.

    A channel that was packed for a process that then could not be started waits for that process.
    """
    waits = "weft.Channel" in block or "weft.Pipe" in block
    start(
        HEAD
        + f"""
def attempt():
    {block}
attempt()  # what it imports is there
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
refused = grown = 0
for room in (0, 2, 5, 9, 14, 20):
    stop_idle_workers()
    before = descriptors()
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + room, hard))
    try:
        attempt()
    except LimitReached as error:
        refused += 1
        assert error.errno == errno.EMFILE and "no open file is left for" in str(error), error
        assert f"{{before + room}}" in str(error) and "ulimit -n" in str(error), error
        del error
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    stop_idle_workers()
    gc.collect()  # what is only waiting for that is not left open
    grown = grown + (descriptors() > before)
assert grown < 4 or {waits}, "something stays open each time"
assert refused, "that was never too few"
attempt()
"""
    ).end(60)


@pytest.mark.parametrize("block", ["a run", "an executor", "an actor", "large items", "a pipeline"])
def test_what_can_go_without_memory_of_its_own_does_where_files_may_not_be_large(start: Callable, block: str) -> None:
    """Memory without a name is a file to the system: large items go another way then."""
    start(
        HEAD
        + f"""
resource.setrlimit(resource.RLIMIT_FSIZE, (100 * 1024, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
{BLOCKS[block]}
"""
    ).end()


@pytest.mark.parametrize("block", ["a channel", "a pipe", "shared bytes", "a counter"])
def test_what_can_not_says_so(start: Callable, block: str) -> None:
    """And not, as once, that there is something in a channel that can't be pickled."""
    start(
        HEAD
        + f"""
resource.setrlimit(resource.RLIMIT_FSIZE, (100 * 1024, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    {BLOCKS[block]}
except LimitReached as error:
    assert error.errno == errno.EFBIG and "102,400 bytes" in str(error) and "ulimit -f" in str(error), error
else:
    raise AssertionError("it was not refused")
"""
    ).end()
