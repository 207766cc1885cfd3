"""Runs on "auto" with real workers: what is decided, and that nothing of it shows in the results."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import weft


def spin(seconds: float) -> float:
    ending = time.thread_time() + seconds
    while time.thread_time() < ending:
        pass
    return seconds


def where(item: Any) -> str:
    """The kind of worker that runs an item of a third of a second."""
    time.sleep(0.3)
    info = weft.current_worker()
    assert info is not None
    return info.kind


def test_a_single_long_item_is_judged_while_it_runs() -> None:
    """The others begin on threads long before the caller's is done."""
    run = weft.map(where, range(6))
    assert run.results() == ["serial", *["thread"] * 5]
    assert run.stats.seconds < 5 * 0.3


def test_an_async_caller_has_its_long_item_judged_too() -> None:
    """In its event loop."""

    async def main() -> list[str]:
        return [kind async for kind in weft.map(where, range(6))]

    assert asyncio.run(main()) == ["serial", *["thread"] * 5]


def test_work_that_computes_goes_to_processes() -> None:
    """The caller goes on until they are there; every item is run once."""
    run = weft.map(spin, [0.01] * 150, max_workers=2)
    assert run.results() == [0.01] * 150
    explained = run.explain().to_dict()
    assert "process" in {made["kind"] for made in explained["decisions"]}
    assert explained["work"]["computes"] > 0.3
    assert {row["kind"] for row in explained["kinds"]} >= {"serial", "thread", "process"}


def test_coroutines_climb() -> None:
    """A thousand that wait are out at once, or nearly."""
    inside = most = 0

    async def nap(n: int) -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.2)
        inside -= 1
        return n

    assert weft.map(nap, range(1000)).results() == list(range(1000))
    assert most > 300


@pytest.mark.parametrize("on", [("thread", "process"), ["serial", "thread"]])
def test_the_choice_can_be_narrowed(on: Any) -> None:
    """Nothing else is used, but the caller for the first items."""
    run = weft.map(where, range(4), on=on)
    assert set(run.results()) <= {"serial", "thread"}


def test_one_of_several_kinds_takes_a_single_call() -> None:
    """It can't be measured; what suits it is taken, if it was asked for."""
    assert weft.submit(where, 1, on=("thread", "process")).result() == "thread"
    assert weft.submit(where, 1, on=("process",)).result() == "process"


def test_a_run_that_is_left_while_the_caller_works_ends() -> None:
    """Nobody who was started for it stays."""
    with weft.map(where, range(100)) as run:
        assert next(run) == "serial"
    assert not [thread for thread in threading.enumerate() if thread.name == "weft-heartbeat"]


def test_errors_come_in_order_whoever_raised_them() -> None:
    """Results before the first failure are given out, on whatever worker they came to be."""

    def refuses_7(n: int) -> int:
        time.sleep(0.02)
        if n == 7:
            raise ValueError(n)
        return n

    run = weft.map(refuses_7, range(50))
    taken = []
    with pytest.raises(ValueError, match="7"):
        for value in run:
            taken.append(value)
    assert taken == list(range(7))


def test_cancelling_from_another_thread_ends_it() -> None:
    """While the caller is in an item of its own, too."""
    run = weft.map(where, range(1000))
    threading.Timer(0.1, run.cancel).start()
    assert len(list(run)) < 1000


def test_an_event_loop_may_look_between_two_results() -> None:
    """Whoever awaits something of its own for each result gets every result once, also from processes."""
    spun = [0.002] * 400

    async def main() -> list[float]:
        seen = []
        async with weft.map(spin, spun, max_workers=2) as run:
            async for seconds in run:
                seen.append(seconds)
                if len(seen) % 7 == 0:
                    await asyncio.sleep(0.0015)
        assert "process" in {made["kind"] for made in run.explain().to_dict()["decisions"]}
        assert run.stats.lost == 0
        return seen

    assert asyncio.run(main()) == spun
