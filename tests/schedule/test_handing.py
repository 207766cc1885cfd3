"""Single calls that are handed to workers who settle them themselves."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import pytest

from weft._model.outcome import Arrival
from weft._schedule.handing import Handing


class Hands:
    """A crew that keeps what it is handed until the test does something with it."""

    width = 2
    prefetches = False

    def __init__(self) -> None:
        self.handed: Collection[object] = ()
        self.got: list[Any] = []
        self.name: str | None = None  # of the worker that the test is
        self.places = 0  # that others have for those who wait
        self.closed = threading.Event()
        self._bell: SimpleQueue[None] = SimpleQueue()

    def hand(self, item: Any, promise: Any) -> None:
        self.got.append((item, promise))

    def here(self) -> str | None:
        return self.name

    def make(self, item: Any, promise: Any, worker: str) -> None:
        if promise.begin():
            promise.settle((item, worker), None)

    def widen(self, by: int) -> None:
        self.places += by

    def poll(self, timeout: float | None) -> Sequence[Arrival]:
        self._bell.get(timeout=timeout)
        return []

    def wake(self) -> None:
        self._bell.put(None)

    def close(self) -> None:
        self.closed.set()


@contextmanager
def handing() -> Iterator[tuple[Handing, Hands]]:
    crew = Hands()
    dispatcher = Handing(crew, "test-handing", idle=None)  # type: ignore[arg-type]  # as much of a crew as is asked for
    try:
        yield dispatcher, crew
    finally:
        dispatcher.stop(RuntimeError("the test is over"))
        dispatcher.join()


def test_a_call_is_handed_over_at_once_and_settled_by_who_has_it() -> None:
    """No thread lies between: neither to give it out nor to read its answer."""
    with handing() as (dispatcher, crew):
        future = dispatcher.submit("call")
        [(item, promise)] = crew.got
        assert (item, promise, list(crew.handed)) == ("call", future, [future])
        assert promise.begin()
        promise.settle(7, None)
        assert future is not None
        assert future.result(0) == 7
        assert not crew.handed


def test_it_ends_only_when_all_that_was_handed_over_is_done() -> None:
    """A call that somebody still has is owed, though nobody reads an answer for it."""
    with handing() as (dispatcher, crew):
        dispatcher.submit("call")
        dispatcher.shut()
        assert dispatcher.submit("late") is None
        assert not crew.closed.wait(0.05)
        [(_, promise)] = crew.got
        promise.begin()
        promise.settle(None, ValueError("no"))
        dispatcher.join()
        assert crew.closed.is_set()


def test_what_has_not_begun_can_be_cancelled_and_what_has_can_not() -> None:
    with handing() as (dispatcher, crew):
        first, second = dispatcher.submit(1), dispatcher.submit(2)
        assert first is not None
        assert second is not None
        assert crew.got[0][1].begin()
        dispatcher.cancel()
        assert second.cancelled()
        assert not first.done()
        assert not crew.got[1][1].begin()


def test_those_who_wait_are_told_when_the_workers_are_let_go_of() -> None:
    with handing() as (dispatcher, crew):
        waits = dispatcher.submit(1)
        assert waits is not None
        assert crew.got[0][1].begin()
        dispatcher.stop(RuntimeError("stopped"))
        with pytest.raises(RuntimeError, match="stopped"):
            waits.result(5)


def test_a_call_that_was_given_up_is_dropped_though_it_runs() -> None:
    with handing() as (dispatcher, crew):
        runs = dispatcher.submit(1)
        assert runs is not None
        assert crew.got[0][1].begin()
        dispatcher.abort()
        dispatcher.join()
        with pytest.raises(CancelledError):
            runs.result(0)


def test_a_worker_that_is_unfit_breaks_all_of_it() -> None:
    """What its initializer raised is what the others come to as well."""
    with handing() as (dispatcher, crew):
        one, other = dispatcher.submit(1), dispatcher.submit(2)
        assert one is not None
        assert other is not None
        error = ValueError("unfit")
        crew.got[0][1].refuse(error)
        assert dispatcher.broken is error
        assert one.exception(5) is error
        assert other.exception(5) is error
        assert dispatcher.submit(3) is None


# ── workers that wait ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_worker_makes_the_call_that_it_waits_for_and_nobody_else_does() -> None:
    with handing() as (dispatcher, crew):
        first, second = dispatcher.submit("first"), dispatcher.submit("second")
        assert first is not None
        assert second is not None
        crew.name = "worker"
        assert (first.result(), second.exception()) == (("first", "worker"), None)
        [(_, promise), _] = crew.got
        assert not promise.begin(), "whoever finds it in the queue goes on"
        assert list(crew.handed) == []
        assert crew.places == 0


def test_a_call_that_somebody_has_begun_is_waited_for() -> None:
    with handing() as (dispatcher, crew):
        future = dispatcher.submit("call")
        assert future is not None
        [(_, promise)] = crew.got
        assert promise.begin()
        assert not promise.begin()
        assert list(crew.handed) == [future], "it is not done because somebody asked twice"
        crew.name = "worker"
        threading.Timer(0.05, promise.settle, ("value", None)).start()
        assert future.result() == "value"


def test_a_worker_that_waits_for_anything_else_leaves_its_place_meanwhile() -> None:
    with handing() as (dispatcher, crew):
        crew.name = "worker"
        promise = dispatcher.promise()
        seen: list[int] = []

        def keep() -> None:
            seen.append(crew.places)
            dispatcher.keep(promise)

        threading.Timer(0.1, keep).start()
        promise.result(30)
        assert seen == [1]
        assert crew.places == 0
