"""weft.pure and weft.thread_unsafe, and what auto does with a function that changes something, on real workers."""

from __future__ import annotations

import copy
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import weft

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench.choose import mutating

kept: list[int] = []


class Notes:
    def __init__(self) -> None:
        self.seen: list[int] = []


notes = Notes()


def busy() -> None:
    ending = time.thread_time() + 0.004
    while time.thread_time() < ending:
        pass


def appends(item: int) -> int:
    busy()
    kept.append(item)
    return item


def appends_to_a_part_of_a_copy(item: int) -> int:
    """Reading its code misses that; the first items show it."""
    busy()
    copy.copy(notes).seen.append(item)
    return item


def where(item: int) -> tuple[int, str]:
    time.sleep(0.004)
    return os.getpid(), threading.current_thread().name


def test_auto_may_send_what_was_declared_pure() -> None:
    """It appends to a list that nobody reads: here what it did elsewhere is not seen, as was declared."""
    kept.clear()
    pure = weft.pure(partial(appends))
    run = weft.map(pure, range(150))
    assert run.results() == list(range(150))
    if run.explain().decisions[-1].plan.kind == "process":
        assert len(kept) < 150


@pytest.mark.parametrize("fn", [appends, appends_to_a_part_of_a_copy])
def test_auto_keeps_what_changes_something(fn: Callable[[int], int]) -> None:
    """All that it appended is there, whether that could be read in its code or shows in what it reaches."""
    kept.clear()
    notes.seen.clear()
    assert weft.map(fn, range(120)).results() == list(range(120))
    assert len(kept) + len(notes.seen) == 120


@pytest.mark.parametrize(
    "name",
    [
        "assigns_to_a_global", "assigns_to_a_nonlocal", "keeps_in_a_default", "changes_a_class_attribute",
        "is_a_method_that_changes_its_object", "sets_an_attribute_of_a_module", "adds_a_field_to_its_items",
        "calls_something_that_calls_something_that_does",
    ],
)  # fmt: skip
def test_nothing_is_lost(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each sort; bench/choose/lost.py has them all."""
    monkeypatch.setattr(mutating, "STEPS", [60_000])
    fn, items, look = mutating.CASES[name]()
    for item in items:
        fn(item)
    wanted = look()
    fn, items, look = mutating.CASES[name]()
    weft.map(fn, items).results()
    assert look() == wanted


def slowly(item: int) -> int:
    time.sleep(0.004)
    return item


def test_auto_gives_no_threads_to_what_adds_up() -> None:
    """It waits between reading the total and writing it: threads would lose most of it."""
    total = 0

    def fn(item: int) -> int:
        nonlocal total
        total += slowly(item)
        return item

    run = weft.map(fn, range(80))
    assert run.results() == list(range(80))
    assert total == sum(range(80))
    assert "total" in run.explain().headline


def test_auto_gives_threads_to_what_waits_and_only_appends() -> None:
    """That is one step, and all of it is there."""
    kept.clear()

    def fn(item: int) -> int:
        kept.append(slowly(item))
        return item

    run = weft.map(fn, range(120))
    assert run.results() == list(range(120))
    assert sorted(kept) == list(range(120))
    assert run.explain().decisions[-1].plan.kind == "thread"


def test_auto_never_gives_threads_what_was_declared_not_to_bear_them() -> None:
    """It waits, so that threads would be the choice; it goes to processes, or stays."""
    fn = weft.thread_unsafe(partial(where))
    run = weft.map(fn, range(120))
    threads = {name for pid, name in run.results() if pid == os.getpid()}
    assert threads <= {threading.main_thread().name}
    assert run.explain().decisions[-1].plan.kind in {"process", "serial"}
    assert "thread_unsafe" in run.explain().headline


def test_it_stays_with_the_caller_where_it_can_not_be_sent() -> None:
    held = threading.Lock()

    @weft.thread_unsafe
    def fn(item: int) -> Any:
        time.sleep(0.004)
        with held:
            return threading.current_thread()

    run = weft.map(fn, range(60))
    assert set(run.results()) == {threading.main_thread()}


def test_to_say_threads_is_to_have_threads() -> None:
    """``on=`` does what it is told."""
    fn = weft.thread_unsafe(partial(where))
    names = {name for _, name in weft.map(fn, range(20), on="thread", max_workers=2).results()}
    assert threading.main_thread().name not in names


def test_the_function_itself_comes_back() -> None:
    assert weft.pure(appends) is appends
    del appends.__weft_pure__  # type: ignore[attr-defined]
