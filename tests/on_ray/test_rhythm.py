"""How many chunks a run has on Ray, where each has a price; and that none holds results back for long."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import weft
from weft._choose.lately import LATELY

TINY = range(20_000)


@pytest.fixture(autouse=True)
def nothing_known(cluster: Any) -> None:
    """What other tests called is forgotten."""
    LATELY.forget()


def square(x: int) -> int:
    return x * x


def nap(seconds: float) -> float:
    if seconds:
        time.sleep(seconds)
    return seconds


def chunks_of(fn: Any, items: Any) -> int:
    run = weft.map(fn, items, on="ray")
    assert run.results() == [fn(item) for item in items]
    return run.stats.chunks


def test_tiny_items_take_two_ways_and_later_one() -> None:
    """A few to see, and then all of them; another run of the same function begins with what the last has seen."""
    assert chunks_of(square, TINY) <= 8
    assert min(chunks_of(square, TINY) for _ in range(4)) <= 2


def test_so_they_do_on_an_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it is given more single calls at once than it has workers."""
    with weft.RayExecutor() as executor:
        assert list(executor.map(square, TINY)) == [x * x for x in TINY]
        sent: list[int] = []
        send = executor._held.crew.send
        monkeypatch.setattr(executor._held.crew, "send", lambda chunk: (sent.append(len(chunk.items)), send(chunk)))
        for _ in range(4):
            assert list(executor.map(square, TINY)) == [x * x for x in TINY]
    assert len(sent) < 4 * 4


def test_what_has_become_dear_does_not_hold_results_back() -> None:
    """What was true of the last run is checked in this one: a worker is at most in one item when its time is over."""
    assert chunks_of(nap, [0.0] * 2000) < 10
    assert min(chunks_of(nap, [0.0] * 2000) for _ in range(4)) <= 2
    began = time.monotonic()
    run = iter(weft.map(nap, [0.1] * 130, on="ray"))
    assert next(run) == 0.1
    assert time.monotonic() - began < 3  # of 6.5
    del run


def test_a_slow_item_among_few_holds_up_no_other() -> None:
    """However cheap others were that were many."""
    chunks_of(nap, [0.0] * 2000)
    run = weft.map(nap, [1.0, 0.0, 0.001], on="ray", max_workers=2, ordered=False)
    assert list(run)[-1] == 1.0


def test_heavy_items_are_not_sent_together_to_see() -> None:
    items = [np.full(2**17, n, np.float64) for n in range(130)]
    run = weft.map(lambda array: float(array[0]), items, on="ray")
    assert run.results() == [float(n) for n in range(130)]
    assert run.stats.chunks >= 130 // 4


def test_heavy_results_come_back_a_few_at_a_time() -> None:
    """What they weigh is known when the first is there."""
    run = weft.map(lambda n: bytes(2**19), range(256), on="ray")
    assert [len(result) for result in run] == [2**19] * 256
    assert run.stats.chunks >= 256 * 2**19 // (8 * 2**20)
