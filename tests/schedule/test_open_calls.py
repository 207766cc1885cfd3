"""Single calls: no worker waits for its next one where they are short, and none waits behind a long one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from weft._model.chunk import Chunk
from weft._model.outcome import Lost, Returned
from weft._schedule.call_future import CallFuture
from weft._schedule.open_calls import MOST_AHEAD, ONE_AHEAD, WARY, OpenCalls

MANY = 400


class Workers:
    """Two of them, and what each has: a crew, and what sends it calls ahead."""

    width = 2

    def __init__(self) -> None:
        self.held: list[list[int]] = [[], []]

    def send(self, given: Any) -> None:
        chunks = [given] if isinstance(given, Chunk) else given
        min(self.held, key=len).extend(chunk.number for chunk in chunks)

    def room(self, depth: int) -> int:
        return depth - min(map(len, self.held))

    @property
    def spare(self) -> int:
        return sum(not held for held in self.held)


def open_calls(workers: Workers) -> tuple[OpenCalls, list[CallFuture]]:
    """Many calls, two of which have begun."""
    idle: Any = SimpleNamespace(attend=lambda: None, notice=lambda: None)
    calls = OpenCalls(workers, 3, lambda: None, workers)  # type: ignore[arg-type]
    futures = [
        calls.add(lambda chunk: CallFuture(idle, chunk), Chunk(calls.number(), 0, (n,)), waits=False)
        for n in range(MANY)
    ]
    return calls, futures


def answer(calls: OpenCalls, workers: Workers, seconds: float) -> None:
    """The worker that has most is through with its first call, which took so long."""
    number = max(workers.held, key=len).pop(0)
    calls.absorb([Returned(number, [None], "w", seconds)])
    calls.send()


def test_nothing_is_sent_ahead_before_anything_is_known() -> None:
    workers = Workers()
    open_calls(workers)
    assert list(map(len, workers.held)) == [1, 1]


def test_tiny_calls_go_in_bunches() -> None:
    workers = Workers()
    calls, _ = open_calls(workers)
    answer(calls, workers, 1e-6)
    assert sum(map(len, workers.held)) > MOST_AHEAD / 2


def test_one_call_waits_behind_a_short_one() -> None:
    """Or its worker would wait for the caller after each."""
    workers = Workers()
    calls, _ = open_calls(workers)
    for _ in range(20):
        answer(calls, workers, ONE_AHEAD / 4)
    assert list(map(len, workers.held)) == [2, 2]


def test_none_waits_behind_a_long_one() -> None:
    workers = Workers()
    calls, _ = open_calls(workers)
    for _ in range(20):
        answer(calls, workers, 2 * ONE_AHEAD)
    assert list(map(len, workers.held)) == [1, 1]


def test_a_few_long_calls_among_short_ones_change_nothing() -> None:
    """One in twenty that takes forty times as long: what waits behind it is taken back where a worker idles."""
    workers = Workers()
    calls, _ = open_calls(workers)
    for n in range(1, 100):
        answer(calls, workers, 0.040 if n % 20 == 0 else 0.001)
        if n > 5:
            assert list(map(len, workers.held)) == [2, 2]


def test_after_one_was_held_up_none_waits_for_a_while() -> None:
    """Calls that wait for others do so again and again."""
    workers = Workers()
    calls, _ = open_calls(workers)
    for _ in range(20):
        answer(calls, workers, 0.001)
    held_up = workers.held[0].pop()
    calls.absorb([Lost(held_up, "w", "its worker was in another call", begun=False)])
    for _ in range(WARY - 1):
        answer(calls, workers, 0.001)
    assert list(map(len, workers.held)) == [1, 1]
    for _ in range(2):
        answer(calls, workers, 0.001)
    assert list(map(len, workers.held)) == [2, 2]


def test_what_was_taken_up_is_settled_by_whoever_settles() -> None:
    """Who only gives out what waits leaves the futures as they are."""
    workers = Workers()
    calls, futures = open_calls(workers)
    number = workers.held[0].pop(0)
    assert calls.take_up([Returned(number, ["value"], "w", 0.001)])
    assert sum(map(len, workers.held)) > 2
    assert not futures[0].done()
    [(future, value, error)] = calls.resolved
    assert (future, value, error) == (futures[0], "value", None)
    assert calls.take_up([])  # nobody has, yet


def test_one_that_was_sent_ahead_and_is_answered_can_not_be_cancelled() -> None:
    """Nor is it anything but done when somebody tries, wherever its result is on its way."""
    workers = Workers()
    calls, futures = open_calls(workers)
    answer(calls, workers, 0.00001)
    sent = next(future for future in futures if future.ahead)
    for held in workers.held:
        if sent.chunk.number in held:
            held.remove(sent.chunk.number)
    calls.absorb([Returned(sent.chunk.number, ["value"], "w", 0.00001)])
    calls.keep_back(sent)
    assert sent.running()
    while calls.resolved:
        future, value, error = calls.resolved.popleft()
        future.settle(value, error)
    calls.keep_back(sent)
    assert sent.result() == "value"
