"""Large data in processes that end, are killed, fork, or have no room: nothing is lost, nothing is left."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from weft._workers import kinds
from weft._workers.supervisor import SUPERVISOR

from .conftest import Program, eventually

np = pytest.importorskip("numpy")

MIB = 2**20


def filled(n: int) -> Any:
    return np.full(2 * MIB, n, np.uint8)


def whole(arrays: list[Any], numbers: Any) -> bool:
    return [(int(a[0]), int(a[-1])) for a in arrays] == [(n, n) for n in numbers]


def memory() -> int:
    """Bytes of shared memory that this process has mapped and looked at and that exist."""
    lines = Path("/proc/self/smaps").read_text().split("\n")
    total, ours = 0, False
    for line in lines:
        if "memfd:weft" in line:
            ours = True
        elif line.startswith("Rss:") and ours:
            total += int(line.split()[1]) * 1024
            ours = False
    return total


def test_results_outlive_their_workers() -> None:
    """A result is the caller's, not the worker's."""
    kept = weft.map(filled, range(20), on="process", max_workers=2).results()
    kinds.stop_idle_workers()
    assert whole(kept, range(20))
    kept[3][:] = 99
    assert whole(kept[3:4], [99])


def test_a_worker_that_is_killed_takes_no_result_with_it() -> None:
    """What it had answered is here; what was in its hands is another's."""
    kept = []
    with weft.map(filled, range(60), on="process", max_workers=2, chunksize=1, retries=3) as run:
        for number, array in enumerate(run):
            kept.append(array)
            if number in {10, 30}:
                for worker in list(SUPERVISOR._leased)[:1]:
                    if pid := worker.pid:  # 0 if it was never born: that would be all of this group
                        os.kill(pid, signal.SIGKILL)
    assert whole(kept, range(60))


def test_memory_of_dead_workers_is_free_but_for_what_is_held() -> None:
    """One small result that is kept for hours must not keep a gigabyte."""
    kinds.stop_idle_workers()
    kept = weft.map(filled, range(30), on="process", max_workers=2).results()
    assert [array.max() for array in kept] == list(range(30))
    assert memory() >= 60 * MIB
    del kept[1:]
    kinds.stop_idle_workers()
    assert memory() <= 3 * MIB
    assert whole(kept, [0])
    del kept
    gc.collect()
    assert memory() == 0


def test_warm_runs_take_no_more_memory() -> None:
    """Blocks are used again."""
    kinds.stop_idle_workers()
    for _ in range(12):
        assert [a.max() for a in weft.map(filled, range(30), on="process", max_workers=2).results()] == list(range(30))
    assert 60 * MIB <= memory() <= 130 * MIB, "60 for one run, whichever of the two workers has made how many"


def test_a_run_that_is_left_gives_back_what_was_on_the_way() -> None:
    """Items that were never taken up, results that were never looked at."""
    kinds.stop_idle_workers()
    sent = [filled(n) for n in range(10)]
    for _ in range(30):
        with weft.map(lambda a: a + 1, sent, on="process", max_workers=2) as run:
            assert next(run)[0] == 1
        del run
    workers = SUPERVISOR.idle
    assert workers
    for worker in workers:
        assert worker.line._outgoing.size <= 40 * MIB
        assert worker.line._incoming.held == 0
    assert memory() <= 200 * MIB


def test_a_fork_of_the_parent_harms_nothing() -> None:
    """It has the results, too, and lets go of them as it likes."""
    kept = weft.map(filled, range(10), on="process", max_workers=2).results()
    pid = os.fork()
    if pid == 0:
        try:
            good = whole(kept, range(10))
            kept.clear()
            gc.collect()
            os._exit(0 if good else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    weft.map(lambda n: filled(n) + 1, range(40), on="process", max_workers=2).results()
    assert whole(kept, range(10))


def test_a_worker_may_keep_its_items() -> None:
    """A cache in the user's function: no later item is written over it."""

    def remember(array: Any) -> list[int]:
        import builtins

        kept = builtins.__dict__.setdefault("kept_items", [])
        kept.append(array)
        return [int(a[0]) * 1000 + int(a[-1]) for a in kept]

    seen = weft.map(remember, [filled(n) for n in range(30)], on="process", max_workers=1).results()
    assert seen[-1] == [n * 1001 for n in range(30)]
    kinds.stop_idle_workers()


CARRY = """
import os, numpy as np, weft

big = np.arange(4_000_000.0)

def pages(_):
    smaps = open("/proc/self/smaps").read().split("\\n")
    at = next(i for i, line in enumerate(smaps) if "memfd:weft" in line and " rw-p " in line)
    found = dict(line.split(":", 1) for line in smaps[at + 1 : at + 12] if ":" in line)
    total = float(big.sum())
    return os.getpid(), total

def spoil(n):
    big[n] = -1.0
    return int((big < 0).sum())

assert {total for _, total in weft.map(pages, range(20), on="process", max_workers=2)} == {float(big.sum())}
assert weft.map(spoil, range(3), on="process", max_workers=1).results() == [1, 2, 3]
assert weft.map(spoil, range(3), on="process", max_workers=1).results() == [1, 2, 3], "a run begins with what was sent"
assert big.min() == 0.0
"""


def test_a_script_s_globals_are_carried_once_and_are_each_workers_own(start: Callable[..., Program]) -> None:
    """They are mapped, not copied, and can be written to all the same."""
    start(CARRY).end()


LIMITED = """
import numpy as np, weft
for mib in (64, 600, 64, 900):
    big = np.ones(mib * 2**17)
    got = weft.map(lambda n: float(big[n:n + 5].sum()), range(20), on="process", max_workers=2, memory_limit="150 MB")
    assert got.results() == [5.0] * 20
"""


def test_what_a_function_carries_is_not_its_workers_own_memory(start: Callable[..., Program]) -> None:
    """It is one copy for all, and a limit is for what each needs beside it."""
    start(LIMITED).end()


CRAMPED = """
import resource, numpy as np, weft
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 1_500_000_000,) * 2)
big = np.arange(1_000_000)
kept = weft.map(lambda n: big[:500_000] * 0 + n, range(20), on="process", max_workers=2).results()
assert [a[-1] for a in kept] == list(range(20))
got = weft.map(lambda a: int(a[-1]), kept, on="process", max_workers=2).results()
assert got == list(range(20)), got
"""


def test_without_addresses_for_arenas_everything_works_all_the_same(start: Callable[..., Program]) -> None:
    """Clusters limit the address space; sparse memory wants a lot of it."""
    start(CRAMPED).end()


KILLED = """
import os, pathlib, signal, numpy as np, weft
def forever(a):
    pathlib.Path(f"began{os.getpid()}").touch()
    import time
    time.sleep(60)
for _ in weft.map(forever, [np.ones(1_000_000) for _ in range(4)], on="process", max_workers=2):
    pass
"""


def test_a_parent_that_is_killed_leaves_no_shared_memory(start: Callable[..., Program]) -> None:
    """There is no name by which it could be found; the fixture that looks after every test looks for one."""
    program = start(KILLED)
    program.wait_for("began", 2)
    program.send(signal.SIGKILL)
    assert eventually(lambda: not program.others())
