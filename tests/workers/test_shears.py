"""A chunk ends after the item that it is in when its time is over, wherever that is."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import weft
from weft._model.chunk import Call, Chunk
from weft._model.outcome import Returned
from weft._workers.calls import run_chunk
from weft._workers.serial import SerialCrew
from weft._workers.shears import Shears

PATIENCE = 0.25


@pytest.fixture
def shears() -> Iterator[Shears]:
    yield Shears(wary=True)
    for thread in threading.enumerate():
        if thread.name == "weft shears":
            thread.join(10)


def ran(fn: Any, items: Any, shears: Shears, *, patience: float = PATIENCE, hurry: bool = True) -> Returned:
    call = Call(fn, star=False, label="fn", hurry=hurry)
    return run_chunk(call, Chunk(1, 0, items), "w1", kind="ray", patience=patience, shears=shears)


def dear_from(first: int, seconds: float) -> Any:
    def fn(n: int) -> int:
        if n >= first:
            time.sleep(seconds)
        return n

    return fn


@pytest.mark.parametrize("first", [0, 1, 3, 700, 999])
def test_items_that_become_dear_end_their_chunk(shears: Shears, first: int) -> None:
    """Not a sixteenth of it later: sixty-two items of an hour each are two and a half days."""
    returned = ran(dear_from(first, 2 * PATIENCE), range(1000), shears)
    assert returned.values == list(range(first + 1))
    assert not returned.faults


def test_what_is_done_in_time_is_done_whole(shears: Shears) -> None:
    """Many chunks one after the other, each with its own time."""
    for _ in range(50):
        assert ran(dear_from(10_000, 0), range(1000), shears).values == list(range(1000))
    time.sleep(1.5 * PATIENCE)
    assert ran(dear_from(10_000, 0), range(1000), shears).values == list(range(1000))


def test_a_shorter_time_after_a_longer_one_is_kept(shears: Shears) -> None:
    """Though whoever watches sleeps until the other."""
    ran(abs, range(10), shears, patience=60)
    assert ran(dear_from(0, 2 * PATIENCE), range(10), shears).values == [0]
    ran(abs, range(10), shears, patience=PATIENCE)  # or it is watched for another minute
    shears.lay([], 0.0)


def test_a_chunk_of_a_given_size_is_not_cut(shears: Shears) -> None:
    assert ran(dear_from(0, PATIENCE), range(3), shears, hurry=False).values == [0, 1, 2]


def test_a_function_that_raises_stopiteration_is_told_from_a_cut(shears: Shears) -> None:
    """Both end the iteration."""

    def fn(n: int) -> int:
        if n == 7:
            raise StopIteration
        return n

    returned = ran(fn, range(20), shears)
    assert returned.values == [0, 1, 2, 3, 4, 5, 6, None, *range(8, 20)]
    assert list(returned.faults) == [7]


def test_heavy_results_leave_before_they_fill_the_memory(shears: Shears) -> None:
    """What a result weighs nobody knows before there is one."""
    assert len(ran(lambda n: bytes(2**20), range(1000), shears, patience=60).values) == 4
    shears.lay([], 0.0)


def test_where_no_thread_is_to_be_had_nothing_is_cut_and_nothing_lost(
    shears: Shears, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may allow no more of them, or no memory for one."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert ran(dear_from(998, 2 * PATIENCE), range(1000), shears).values == list(range(1000))


def test_the_caller_is_cut_short_in_the_midst_of_a_section() -> None:
    """Somebody else has decided that others take part: sixteen looks at a clock in a chunk may be too few."""
    crew = SerialCrew(Call(time.sleep, star=False, label="sleep"), watched=True)
    crew.send(Chunk(1, 0, [0.02] * 1600))
    threading.Timer(0.1, crew.cut_short).start()
    [returned] = crew.poll(None)
    crew.close()
    assert isinstance(returned, Returned)
    assert 0 < len(returned.values) < 90
    assert not returned.faults


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def test_dear_items_at_the_end_of_many_cheap_ones_are_shared() -> None:
    """They came in one chunk, in one section of it: one worker had them all."""
    cheap, dear = 3000, 12
    pids = weft.map(nap, [0.0] * cheap + [0.05] * dear, on="process", max_workers=2).results()[cheap:]
    assert len(set(pids)) == 2
    assert min(pids.count(pid) for pid in set(pids)) >= 3
