"""A program that forks itself, as web servers do: the copy has no threads, and its parent's workers are not its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

PROGRAM = """\
import os, signal, time, weft
from weft.multiprocessing import Pool, ThreadPool
def square(n): return n * n
def nap(n): time.sleep(0.01); return n
def in_a_copy(do):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # rather than wait for ever
        try: do()
        except BaseException as error: print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, status
"""


@pytest.mark.parametrize(
    ("pool", "use"),
    [
        ("weft.ProcessExecutor(2)", "[pool.submit(square, 3).result(), *pool.map(square, range(3))]"),
        ("weft.ThreadExecutor(2)", "[pool.submit(square, 3).result(), *pool.map(square, range(3))]"),
        ("weft.AsyncExecutor(2)", "[pool.submit(square, 3).result(), *pool.map(square, range(3))]"),
        ("Pool(2)", "[pool.apply(square, (3,)), *pool.map(square, range(3))]"),
        ("ThreadPool(2)", "[pool.apply(square, (3,)), *pool.imap(square, range(3))]"),
    ],
)
def test_an_executor_that_has_worked_works_in_a_copy_too(start: Callable, pool: str, use: str) -> None:
    """On workers of the copy's own; the parent's go on for the parent."""
    program = f"{PROGRAM}with {pool} as pool:\n    for do in (lambda f: f(), in_a_copy, in_a_copy, lambda f: f()):\n"
    ended = start(f"{program}        do(lambda: print({use}, flush=True))\n").end(30)
    assert ended.out == "[9, 0, 1, 4]\n" * 4


@pytest.mark.parametrize("on", ["auto", "serial", "thread", "process", "async"])
def test_a_run_that_has_begun_is_its_own_processs(start: Callable, on: str) -> None:
    """A copy that goes on with it would wait for workers that answer elsewhere; it is told, and may ask for another."""
    ended = start(
        f"""{PROGRAM}
run = weft.map(nap, range(60), on={on!r})
later = weft.map(nap, range(60), on={on!r})
first = [next(run) for _ in range(3)]
in_a_copy(lambda: list(run))
in_a_copy(lambda: print(sum(later)))
assert [*first, *run] == list(range(60))
assert sum(later) == sum(range(60))
"""
    ).end(30)
    refused, total = ended.out.splitlines()
    assert refused.startswith("RuntimeError: this run is that of process ")
    assert total == str(sum(range(60)))


def test_results_that_arrive_as_the_program_is_being_forked_stay_as_they_are_in_the_copy(start: Callable) -> None:
    """Another thread may take them when weft has heard of the fork, and there is no copy yet: so does this hook."""
    pytest.importorskip("numpy")
    ended = start(
        """
import os
from itertools import islice
late = []
def take():
    late.extend(islice(run, 40))
os.register_at_fork(before=take)  # before weft's own, so called after that
import numpy as np, weft
def make(n): return np.full(20_000, float(n))
run = iter(weft.map(make, range(400), on="process"))
assert next(run)[0] == 0
ours, theirs = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(theirs)
    os.read(ours, 1)  # until the parent has let go and taken more
    print([n for n, a in enumerate(late, 1) if set(a.tolist()) != {n}], flush=True)
    os._exit(0)
late.clear()
assert sum(int(a[0]) for a in run) == sum(range(41, 400))
os.close(theirs)
os.waitpid(pid, 0)
"""
    ).end()
    assert ended.out == "[]\n"
