"""weft.advise as a user would call it: short, on real workers."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import pytest

import weft

SHORT = 0.6  # seconds


def wait(item: int) -> int:
    time.sleep(0.004)
    return item


def spin(item: int) -> int:
    return sum(range(2_000)) + item


seen: list[int] = []


def keep(item: int) -> int:
    time.sleep(0.001)
    seen.append(item)
    return item


async def later(item: int) -> int:
    await asyncio.sleep(0.002)
    return item


def test_what_waits_is_given_to_threads() -> None:
    advice = weft.advise(wait, range(1_000), seconds=SHORT)
    assert advice.best.kind == "thread"
    assert advice.best.workers > 2
    assert advice.best.rate > 3 * advice.plain.rate
    assert advice.total == 1_000
    assert "max_workers=" in advice.call


def test_every_kind_that_is_safe_is_measured() -> None:
    advice = weft.advise(spin, range(10_000), seconds=SHORT)
    assert {trial.kind for trial in advice.trials} == {"serial", "thread", "process"}
    assert advice.left_out["async"] == "it is not a coroutine function"
    assert advice.starts["process"] >= 0
    assert all(trial.items > 0 for trial in advice.trials)


def test_what_changes_something_here_is_not_tried_elsewhere() -> None:
    advice = weft.advise(keep, range(1_000), seconds=SHORT)
    assert {trial.kind for trial in advice.trials} == {"serial", "thread"}
    assert ".append() of the global 'seen'" in advice.left_out["process"]
    assert "seen" in str(advice.changes)


def test_what_threads_must_not_share_is_not_given_to_them() -> None:
    @weft.thread_unsafe
    def fn(item: int) -> int:
        assert threading.current_thread() is threading.main_thread()
        return item

    advice = weft.advise(fn, range(1_000), seconds=SHORT)
    assert {trial.kind for trial in advice.trials} == {"serial", "process"}
    assert not any(trial.failed for trial in advice.trials)
    assert advice.left_out["thread"] == "it was declared thread_unsafe"


def test_coroutine_functions_are_measured_as_such() -> None:
    advice = weft.advise(later, range(1_000), seconds=SHORT)
    assert {trial.kind for trial in advice.trials} == {"async"}
    assert advice.plain.workers == 1
    assert advice.best.rate > 2 * advice.plain.rate


def test_an_endless_input_is_read_as_far_as_it_is_needed() -> None:
    count = itertools.count()
    advice = weft.advise(wait, count, seconds=SHORT)
    assert advice.total is None
    assert next(count) < 10_000


def test_the_work_is_not_finished() -> None:
    """A hundred thousand items of 4 ms would take minutes."""
    began = time.monotonic()
    weft.advise(wait, range(100_000), seconds=SHORT, max_workers=4)
    assert time.monotonic() - began < 30


def test_several_inputs_and_a_bound_of_workers() -> None:
    advice = weft.advise(pow, range(1, 100), range(1, 50), seconds=SHORT, max_workers=2)
    assert advice.total == 49
    assert {trial.workers for trial in advice.trials} <= {1, 2}


def test_items_that_fail_are_counted_and_a_first_one_is_raised() -> None:
    def fn(item: int) -> float:
        return 1 / (item % 5 - 2)

    advice = weft.advise(fn, range(100), seconds=SHORT, max_workers=2)
    assert any(trial.failed for trial in advice.trials)
    with pytest.raises(ZeroDivisionError):
        weft.advise(lambda item: 1 / 0, range(10), seconds=SHORT)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: weft.advise(wait, []), ValueError, "no items to measure with"),
        (lambda: weft.advise(wait), TypeError, "at least one iterable"),
        (lambda: weft.advise(3, [1]), TypeError, "something to call"),  # type: ignore[arg-type]
        (lambda: weft.advise(wait, [1], seconds=0), ValueError, "greater than 0"),
        (lambda: weft.advise(wait, [1], max_workers=0), weft.BadOption, "1 or more"),
    ],
)
def test_wrong_use_says_what_is_wrong(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
