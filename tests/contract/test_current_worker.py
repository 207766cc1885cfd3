"""What code in a worker can ask: who runs it, and which item it has in hand; on every kind."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextvars import copy_context

import pytest

import weft
from weft.abc import WorkerInfo

KINDS = {"auto": {"serial", "thread", "process"}}


def told(_item):
    return weft.current_worker()


async def told_later(_item):
    await asyncio.sleep(0)
    return weft.current_worker()


def test_every_item_is_told_its_own_index_and_item(kind, name):
    """However many travel together: the index is the place in the input, on whichever worker."""
    found = weft.map(told, range(100, 1600), on=kind, max_workers=2).results()
    assert [(info.index, info.item) for info in found] == [(n, n + 100) for n in range(1500)]
    assert {info.kind for info in found} <= KINDS.get(name, {name})
    assert {info.attempt for info in found} == {1}
    assert all(info.name and info.pid for info in found)


@pytest.mark.parametrize(
    "kind", ["serial", "thread", "process", "process by fork", "process by spawn", "async"], indirect=True
)
def test_coroutines_are_told_theirs_while_others_run(kind):
    found = weft.map(told_later, range(100, 400), on=kind).results()
    assert [(info.index, info.item) for info in found] == [(n, n + 100) for n in range(300)]


def test_the_process_is_the_one_it_is_in(kind, name):
    [info] = weft.map(told, "x", on=kind).results()
    assert (info.pid == os.getpid()) is (name not in {"process", "ray"})


def test_processes_are_started_as_the_contract_says(start_method, monkeypatch):
    """Of a server, or of this process, and then as a copy of it or not. This is what the contract stands on."""
    monkeypatch.setattr(sys, "weft_was_here", True, raising=False)
    tell = lambda _: (os.getppid() == here, hasattr(sys, "weft_was_here"))
    here = os.getpid()
    expected = {"forkserver": (False, False), "spawn": (True, False), "fork": (True, True)}
    assert weft.map(tell, [0], on="process", max_workers=1, max_tasks_per_child=1).results() == [expected[start_method]]


def test_several_arguments_are_one_item(kind):
    assert weft.starmap(lambda a, b: weft.current_worker().item, [(1, 2)], on=kind).results() == [(1, 2)]


def test_outside_any_worker_there_is_none(kind):
    """Before, between the results, and after."""
    assert weft.current_worker() is None
    for _ in weft.map(told, range(3), on=kind):
        assert weft.current_worker() is None
    assert weft.current_worker() is None


def test_a_retry_is_told_which_attempt_it_is(kind):
    def third_time_lucky(item):
        info = weft.current_worker()
        if info.attempt < 3:
            raise OSError(info.attempt)
        return info.index, info.item, info.attempt

    found = weft.map(third_time_lucky, "ab", on=kind, retries=2).results()
    assert found == [(0, "a", 3), (1, "b", 3)]


def test_an_item_after_an_error_is_told_its_own_index(kind):
    def odd(n):
        if n % 2:
            raise ValueError(n)
        return weft.current_worker().index

    found = weft.map(odd, range(40), on=kind, on_error="skip").results()
    assert found == list(range(0, 40, 2))


@pytest.mark.parametrize("inner", ["serial", "thread", "process", "async"])
def test_a_map_inside_an_item_leaves_the_item_in_hand(kind, inner):
    """The inner run's workers are told theirs; after it, the outer item is in hand again."""

    def nested(item):
        before = weft.current_worker()
        inside = weft.map(told, "xyz", on=inner, max_workers=2).results()
        after = weft.current_worker()
        assert (before.index, before.item) == (after.index, after.item)
        return after.item, [(info.kind, info.index, info.item) for info in inside]

    expected = [(inner, n, item) for n, item in enumerate("xyz")]
    assert weft.map(nested, "ab", on=kind, max_workers=2).results() == [("a", expected), ("b", expected)]


@pytest.mark.parametrize(
    "kind", ["serial", "thread", "process", "process by fork", "process by spawn", "async", "auto"], indirect=True
)
def test_a_submitted_call_is_its_own_only_item(kind):
    for fn in (told, told_later):
        for argument in (7, 8):
            info = weft.submit(fn, argument, on=kind).result()
            assert (info.index, info.item, info.attempt) == (0, (argument,), 1)
            assert kind in {info.kind, "auto"}
    assert weft.current_worker() is None


@pytest.mark.usefixtures("start_method")
def test_the_name_is_the_one_that_failures_tell():
    def fail(_):
        raise ValueError(weft.current_worker().name)

    for on in ("serial", "thread", "process", "async"):
        [failure] = weft.map(fail, "x", on=on, on_error="keep").results()
        assert failure.worker.startswith(str(failure.error))


@pytest.mark.usefixtures("start_method")
def test_threads_that_the_function_starts_are_told_in_its_context():
    def starts(_):
        seen = []
        context = copy_context()
        for target in (lambda: seen.append(told(0)), lambda: seen.append(context.run(told, 0))):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
        return seen

    [(bare, within)] = weft.map(starts, "x", on="process").results()
    assert bare is None
    assert (within.kind, within.item) == ("process", "x")


def test_what_outlives_its_item_is_told_none():
    """A task that goes on after the chunk it was started in has no item in hand, and keeps none alive."""

    async def main():
        contexts = []

        async def leaves_something(item):
            contexts.append(copy_context())

        async for _ in weft.map(leaves_something, "ab"):
            pass
        return [context.run(weft.current_worker) for context in contexts]

    assert asyncio.run(main()) == [None, None]


def test_it_can_be_sent_and_shown():
    info = WorkerInfo("thread", "weft-thread-1", 3, 42, "item", 1)
    assert "weft-thread-1" in repr(info)
    with pytest.raises(AttributeError):
        info.index = 4
