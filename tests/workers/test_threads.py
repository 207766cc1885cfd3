"""Threads that start each other, that become more and fewer, and that share a worker process."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

import weft
from weft._model.chunk import Call, Chunk
from weft._model.outcome import Arrival, Returned
from weft._workers import thread
from weft._workers.abreast import run_abreast
from weft._workers.thread import ThreadCrew


def call_of(fn: Any, **how: Any) -> Call:
    return Call(fn, star=False, label="f", **how)


def collect(crew: ThreadCrew, count: int) -> list[Any]:
    values: list[Any] = []
    while len(values) < count:
        values += [value for arrival in crew.poll(10) if isinstance(arrival, Returned) for value in arrival.values]
    return values


class Gate:
    """Counts who is inside; nobody leaves before it is opened."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.changed = threading.Condition()
        self.open = False

    def __call__(self, item: Any) -> Any:
        with self.changed:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: self.open, 20)
            self.inside -= 1
        return item

    def wait_for(self, inside: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.inside >= inside, 20)

    def let_go(self) -> None:
        with self.changed:
            self.open = True
            self.changed.notify_all()


def test_as_many_threads_as_wanted_start_each_other() -> None:
    """Whoever sends waits for one of them, not for a hundred."""
    gate = Gate()
    crew = ThreadCrew(call_of(gate), 100)
    for n in range(100):
        crew.send(Chunk(n + 1, n, [n]))
    gate.wait_for(100)
    gate.let_go()
    assert sorted(collect(crew, 100)) == list(range(100))
    crew.close()


def test_more_threads_begin_when_there_may_be_more() -> None:
    """With the next chunk that is sent."""
    gate = Gate()
    crew = ThreadCrew(call_of(gate), 2)
    for n in range(2):
        crew.send(Chunk(n + 1, n, [n]))
    gate.wait_for(2)
    crew.resize(5)
    for n in range(2, 5):
        crew.send(Chunk(n + 1, n, [n]))
    gate.wait_for(5)
    gate.let_go()
    assert sorted(collect(crew, 5)) == list(range(5))
    crew.close()


def test_fewer_threads_go_on_when_there_may_be_fewer() -> None:
    """Those that are too many end; no chunk is lost by it."""
    crew = ThreadCrew(call_of(lambda n: (time.sleep(0.01), n)[1]), 10)
    for n in range(10):
        crew.send(Chunk(n + 1, n, [n]))
    collect(crew, 10)
    crew.resize(2)

    def ending() -> int:
        with crew._counting:
            return len(crew._threads)

    deadline = time.monotonic() + 20
    while ending() > 2:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    for n in range(10, 30):
        crew.send(Chunk(n + 1, n, [n]))
    assert sorted(collect(crew, 20)) == list(range(10, 30))
    assert ending() == 2
    crew.resize(4)
    for n in range(30, 40):
        crew.send(Chunk(n + 1, n, [n]))
    assert sorted(collect(crew, 10)) == list(range(30, 40))
    assert ending() <= 4
    crew.close()


def test_items_abreast_are_run_at_once_and_answered_in_order() -> None:
    """Several of them wait at the same time; what comes back is as if one after the other."""
    gate = threading.Barrier(4, timeout=20)

    def meet(n: int) -> int:
        gate.wait()
        return n * 10

    returned = run_abreast(call_of(meet, threads=4), Chunk(1, 5, list(range(8))), "w")
    assert returned.values == [n * 10 for n in range(8)]
    assert returned.faults == {}


def test_what_ran_abreast_took_from_its_beginning_to_its_end() -> None:
    """And not what the calls took together: that is the workers' time, this is what is seen of the clock."""
    began = time.perf_counter()
    returned = run_abreast(call_of(lambda n: time.sleep(0.02), threads=4), Chunk(1, 0, list(range(8))), "w")
    assert began <= returned.began < returned.ended <= time.perf_counter()
    assert returned.seconds >= 8 * 0.02
    assert returned.ended - returned.began < returned.seconds


@pytest.mark.parametrize("halt", [True, False])
def test_an_error_abreast_is_its_items(halt: bool) -> None:
    """Where it ends the run nothing behind it is given back, else everything is."""

    def refuses_3(n: int) -> int:
        if n == 3:
            raise ValueError(n)
        return n

    returned = run_abreast(call_of(refuses_3, halt=halt, threads=2), Chunk(1, 0, list(range(8))), "w")
    assert list(returned.faults) == [3]
    assert returned.values == ([0, 1, 2, None] if halt else [0, 1, 2, None, 4, 5, 6, 7])


def test_a_chunk_abreast_that_takes_too_long_goes_back_unfinished() -> None:
    """What was taken up is finished; the rest was not begun, and is the beginning of nothing else."""
    seen: list[int] = []

    def slow(n: int) -> int:
        seen.append(n)
        time.sleep(0.15)
        return n

    returned = run_abreast(call_of(slow, threads=3), Chunk(1, 0, list(range(30))), "w")
    assert returned.values == sorted(seen) == list(range(len(seen)))
    assert 3 <= len(seen) < 30


def test_threads_that_were_left_behind_and_come_back_do_not_keep_others_from_starting() -> None:
    """Their chunks are another's by then, and not counted a second time."""
    gates = [threading.Event() for _ in range(3)]

    def work(item: int) -> int:
        if item < len(gates):
            gates[item].wait(20)
        return item

    crew = ThreadCrew(call_of(work), 1)
    for item in range(len(gates)):
        crew.send(Chunk(item + 1, item, [item]))
        while crew.staff[0].chunk != item + 1:  # type: ignore[attr-defined]
            time.sleep(0.001)
        behind = crew.staff[0]
        crew.kill(item + 1)
        gates[item].set()
        behind.join(20)
    crew.send(Chunk(9, 9, [9]))
    assert collect(crew, 1) == [9]
    crew.close()


def test_what_is_finished_of_a_long_chunk_is_there_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where threads compute side by side their chunks are long; nobody is woken for a part, but who looks has it."""
    monkeypatch.setattr(thread, "gil_enabled", lambda: False)
    gate = threading.Event()

    def work(item: int) -> int:
        if item == 5:
            gate.wait(20)
        time.sleep(0.004)
        return item

    crew = ThreadCrew(call_of(work, hurry=False), 1)
    assert crew.keeps
    crew.send(Chunk(1, 0, list(range(8))))
    parts: list[Arrival] = []
    while not parts:
        parts += crew.poll(0)
        time.sleep(0.001)
    gate.set()
    while not isinstance(parts[-1], Returned) or parts[-1].more:
        parts += crew.poll(10)
    crew.close()
    assert len(parts) > 1
    assert [value for part in parts if isinstance(part, Returned) for value in part.values] == list(range(8))


def test_an_error_in_a_long_chunk_costs_that_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "gil_enabled", lambda: False)

    def work(item: int) -> int:
        time.sleep(0.004)
        return 12 // (item % 7 - 3)

    run = weft.map(work, range(50), on="thread", max_workers=2, chunksize=25, on_error="keep")
    results = [result if isinstance(result, int) else type(result.error) for result in run]
    assert results == [ZeroDivisionError if item % 7 == 3 else 12 // (item % 7 - 3) for item in range(50)]
