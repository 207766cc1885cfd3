"""Whole programs in bad weather: their workers die and their calls are late, and what they promised holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

HEAD = """\
import asyncio, os, pathlib, random, time, weft
from weft.testing import chaos
"""


@pytest.mark.parametrize("ordered", [True, False])
def test_a_program_that_writes_files_and_retries_writes_each_of_them_whole(start: Callable, ordered: bool) -> None:
    """A file that appears by being renamed is there or not there, however often its worker died."""
    start(
        HEAD
        + f"""
done, tried = pathlib.Path("done"), pathlib.Path("tried")
done.mkdir(); tried.mkdir()
def convert(n):
    mark = tried / str(n)
    if n % 7 == 0 and not mark.exists():
        mark.touch()
        raise OSError("the disk is busy")
    draft = done / f"{{n}}.{{os.getpid()}}.draft"
    draft.write_text(f"{{n}}\\n" * 1000)
    draft.rename(done / f"{{n}}.txt")
    return n
with chaos(kill=0.05, slow=0.05, delay=0.005, seed=1) as storm:
    run = weft.map(convert, range(200), on="process", max_workers=2, ordered={ordered}, retries=2)
    found = run.results()
assert (found if {ordered} else sorted(found)) == list(range(200))
assert run.failures == [] and 0 < run.stats.retried <= 29  # an error may be lost with its worker
assert storm.kills > 5 and storm.delays > 5, (storm.kills, storm.delays)
written = {{path.name: path.read_text() for path in done.glob("*.txt")}}
assert written == {{f"{{n}}.txt": f"{{n}}\\n" * 1000 for n in range(200)}}
"""
    ).end(40)


def test_a_program_whose_function_must_not_run_twice_is_found_out(start: Callable) -> None:
    """That is what somebody wants to know before it happens by itself."""
    start(
        HEAD
        + """
def book(n):
    with open("ledger", "a") as ledger:
        ledger.write(f"{n}\\n")
def lines():
    path = pathlib.Path("ledger")
    found = path.read_text().split()
    path.unlink()
    return len(found), len(set(found))
weft.map(book, range(300), on="process", max_workers=2).results()
assert lines() == (300, 300)
with chaos(kill=0.05, slow=0, seed=2):
    weft.map(book, range(300), on="process", max_workers=2).results()
booked, different = lines()
assert booked > different == 300
"""
    ).end()


def test_a_program_that_lives_with_failures_has_each_of_its_own_and_no_other(start: Callable) -> None:
    """Deaths that are forgiven leave no mark on who fails for reasons of their own, nor on their neighbours."""
    start(
        HEAD
        + """
def invert(n): return 1 / (n % 10)
for on_error, count in ("keep", 300), ("skip", 270):
    with chaos(kill=0.02, slow=0.02, delay=0.005, seed=3) as storm:
        run = weft.map(invert, range(300), on="process", max_workers=2, on_error=on_error)
        found = run.results()
    assert storm.kills > 0
    fine = [value for value in found if not isinstance(value, weft.Failure)]
    assert fine == [1 / (n % 10) for n in range(300) if n % 10]
    assert [failure.index for failure in run.failures] == list(range(0, 300, 10))
    assert all(type(failure.error) is ZeroDivisionError for failure in run.failures)
    assert len(found) == count
"""
    ).end()


def test_a_program_that_submits_calls_and_maps_in_threads_meanwhile(start: Callable) -> None:
    """Everything in the block is hit, and everything has its result."""
    start(
        HEAD
        + """
from concurrent.futures import as_completed
from threading import Thread
found = {}
def work(n):
    time.sleep(0.001)
    return n
async def fetch(n):
    await asyncio.sleep(0.001)
    return n
def use(on):
    found[on] = weft.map(fetch if on == "async" else work, range(200), on=on, max_workers=2).results()
with chaos(kill=0.02, slow=0.1, delay=0.005, seed=4) as storm:
    threads = [Thread(target=use, args=(on,)) for on in ("thread", "process", "async")]
    for thread in threads: thread.start()
    futures = [weft.submit(work, n, on="process") for n in range(100)]
    assert sorted(future.result() for future in as_completed(futures)) == list(range(100))
    for thread in threads: thread.join()
assert found == {on: list(range(200)) for on in ("thread", "process", "async")}
assert storm.kills > 0 and storm.delays > 30, (storm.kills, storm.delays)
assert weft.map(work, range(3), on="process").results() == [0, 1, 2]
"""
    ).end(40)


def test_a_program_whose_data_is_large_has_it_whole_and_leaves_no_memory_behind(start: Callable) -> None:
    """What a dead worker held of the memory that is shared is found and let go; workers that retire are no matter."""
    start(
        HEAD
        + """
def flip(block): return block[::-1]
blocks = [bytes([n]) * 300_000 + bytes([255 - n]) for n in range(60)]
for more in {}, {"max_tasks_per_child": 10}:
    with chaos(kill=0.1, slow=0.05, delay=0.005, seed=7) as storm:
        found = weft.map(flip, blocks, on="process", max_workers=2, **more).results()
    assert found == [flip(block) for block in blocks]
    assert storm.kills > 0
"""
    ).end(40)  # conftest.py looks at /dev/shm
