"""Workers of a Ray cluster that die, hang or are out of memory: it costs the item that did it, and others a retry."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import weft
from weft._schedule.verdicts import DEATHS_FORGIVEN

ITEMS, AT = 8, 3


def killer(way: str, mark: Path | None = None) -> Any:
    """A function that ends its worker at one item; only once if there is a place for its *mark*."""
    at, path = AT, None if mark is None else str(mark)

    def fn(item: int) -> int:
        import ctypes

        if item == at and (path is None or not os.path.exists(path)):
            if path is not None:
                open(path, "w").close()
            match way:
                case "SIGKILL":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "SIGSEGV":
                    ctypes.string_at(0)
                case _:
                    os._exit(3)
        return item

    return fn


@pytest.mark.parametrize("chunksize", [1, None, ITEMS])
def test_a_death_costs_its_item_and_no_other(chunksize: int | None) -> None:
    """Whatever travelled with it."""
    run = weft.map(killer("SIGKILL"), range(ITEMS), on="ray", max_workers=2, on_error="keep", chunksize=chunksize)
    results = run.results()
    failure = results.pop(AT)
    assert results == [item for item in range(ITEMS) if item != AT]
    assert isinstance(failure.error, weft.WorkerDied)
    assert (failure.index, failure.attempts, failure.error.index) == (AT, DEATHS_FORGIVEN + 1, AT)
    assert "Ray" in str(failure.error)


@pytest.mark.parametrize("way", ["os._exit", "SIGSEGV"])
def test_an_item_that_kills_once_costs_nothing(way: str, tmp_path: Path) -> None:
    run = weft.map(killer(way, tmp_path / "mark"), range(ITEMS), on="ray", max_workers=2)
    assert run.results() == list(range(ITEMS))
    assert run.stats.lost >= 1


def test_one_killer_among_thousands_of_tiny_items_is_found_in_few_deaths(tmp_path: Path) -> None:
    """A chunk that has ended its worker is cut into pieces, and not sent item by item."""
    deaths = str(tmp_path)

    def fn(item: int) -> int:
        if item == 15_000:
            open(os.path.join(deaths, str(os.getpid())), "w").close()
            os._exit(3)
        return item

    run = weft.map(fn, range(20_000), on="ray", max_workers=2, on_error="skip")
    results = run.results()
    assert (len(results), sum(results)) == (19_999, sum(range(20_000)) - 15_000)
    assert len(os.listdir(deaths)) <= 3 + DEATHS_FORGIVEN + 1
    assert run.stats.chunks < 1000


def test_a_call_that_kills_its_worker_fails_alone() -> None:
    """weft.submit: the futures beside it have their results."""
    futures = [weft.submit(killer("SIGKILL"), item, on="ray") for item in range(AT + 2)]
    assert isinstance(futures.pop(AT).exception(60), weft.WorkerDied)
    assert [future.result(60) for future in futures] == [0, 1, 2, 4]


def test_a_hang_is_ended_and_tried_again(tmp_path: Path) -> None:
    """Its worker is killed: what it would have done later never happens."""
    late = str(tmp_path / "late")

    def hang(item: int) -> int:
        this = weft.current_worker()
        if item == 1 and this is not None and this.attempt == 1:
            time.sleep(4)
            open(late, "w").close()
        return item

    began = time.monotonic()
    run = weft.map(hang, range(4), on="ray", max_workers=2, timeout=1, retries=1)
    assert run.results() == [0, 1, 2, 3]
    assert run.stats.retried == 1
    time.sleep(max(0.0, 5 - (time.monotonic() - began)))
    assert not os.path.exists(late)


def test_time_that_a_task_waits_for_a_worker_is_not_the_items() -> None:
    """Both processors are taken for longer than the limit before it begins."""
    slow = weft.map(time.sleep, [1.2, 1.2], on="ray", max_workers=2, ordered=False)
    futures = [weft.submit(time.sleep, 1.2, on="ray") for _ in range(2)]
    time.sleep(0.2)
    assert weft.map(str, range(3), on="ray", timeout=0.8, max_workers=2).results() == ["0", "1", "2"]
    assert [future.result() for future in futures] == [None, None]
    slow.cancel()
