"""The crew of lanes, with crews and a pilot that follow a script."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import weft
from weft._choose.auto import AutoCrew
from weft._model.chunk import Chunk
from weft._model.outcome import Returned
from weft.testing import Fate, ManualClock, ScriptedCrew


class Pilot:
    """Does at each look what it was told to."""

    def __init__(self) -> None:
        self.works, self.due, self.pace = True, 1e6, 0.002
        self.orders: list[Callable[[AutoCrew], None]] = []
        self.log: list[Any] = []
        self.left = self.sparing = self.away = False

    def board(self, crew: AutoCrew) -> None:
        self.crew = crew

    def take(self, chunk: Chunk) -> None:
        self.log.append(("take", chunk.number))

    def ran(self, returned: Returned) -> None:
        self.log.append(("ran", returned.chunk))

    def heard(self, returned: Returned) -> None:
        self.log.append(("heard", returned.chunk))

    def look(self, now: float) -> None:
        if self.orders:
            self.orders.pop(0)(self.crew)

    def leave(self) -> None:
        self.left = True


class House:
    """An auto crew and those it is made of."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.caller = self.crew_of(1, prefetches=False)
        self.caller.follows = False
        self.threads, self.processes = self.crew_of(4), self.crew_of(2)
        self.pilot = Pilot()
        self.auto = AutoCrew(self.caller, self.pilot, self.clock)  # type: ignore[arg-type]
        self.count = 0

    def crew_of(self, width: int, *, prefetches: bool = True) -> ScriptedCrew:
        return ScriptedCrew(
            lambda item: item * 10, lambda chunk: Fate(1.0), width=width, clock=self.clock, prefetches=prefetches
        )

    def change(self, crew: ScriptedCrew | None, *, works: bool = False) -> None:
        def do(auto: AutoCrew) -> None:
            self.pilot.works = works
            auto.change(crew)

        self.pilot.orders.append(do)

    def send(self, *items: int) -> int:
        self.count += 1
        self.auto.send(Chunk(self.count, items[0], list(items)))
        return self.count

    def poll(self, timeout: float | None = None) -> list[Any]:
        returned = [arrival for arrival in self.auto.poll(timeout) if isinstance(arrival, Returned)]
        return [value for arrival in returned for value in arrival.values]


def test_it_begins_as_the_caller() -> None:
    """One chunk at a time, run where it is waited for, while somebody else may drive."""
    house = House()
    assert (house.auto.width, house.auto.prefetches, house.auto.follows, house.auto.lends) == (1, False, False, 0.0)
    house.send(1, 2)
    assert house.auto.lends == 0.002
    assert house.poll() == [10, 20]
    assert house.pilot.log == [("take", 1), ("ran", 1)]
    assert house.auto.lends == 0.0


def test_whoever_collects_for_a_caller_that_is_away_says_so() -> None:
    """The caller alone waits; another thread that asks what is there, while the caller has nothing in hand, follows."""
    house = House()
    house.change(house.threads)
    house.send(1)
    house.poll()
    assert not house.pilot.away
    follower = threading.Thread(target=lambda: house.auto.poll(0))
    follower.start()
    follower.join()
    assert house.pilot.away
    house.auto.poll(0)
    assert not house.pilot.away


def test_who_is_on_trial_gets_no_chunk_that_waits() -> None:
    """Who may have to be given up in a moment has little to finish then."""
    house = House()
    house.change(house.threads)
    house.send(1)
    house.poll()
    house.pilot.sparing = True
    assert not house.auto.prefetches
    house.pilot.sparing = False
    assert house.auto.prefetches


def test_others_take_over_and_nothing_is_run_twice() -> None:
    """Between two chunks."""
    house = House()
    house.change(house.threads)
    house.send(1)
    assert house.poll() == [10]
    assert (house.auto.width, house.auto.prefetches, house.auto.follows) == (4, True, True)
    house.send(2)
    house.send(3)
    assert house.poll() == [20, 30]
    assert [chunk.items for chunk in house.caller.sent] == [[1]]
    assert [chunk.items for chunk in house.threads.sent] == [[2], [3]]
    assert ("heard", 2) in house.pilot.log


def test_who_is_given_up_finishes_what_it_holds_and_is_let_go() -> None:
    """What threads have in hand can't be taken from them; others begin meanwhile."""
    house = House()
    house.change(house.threads)
    house.send(1)
    house.poll()
    house.send(2)
    house.send(3)
    house.change(house.processes)
    house.poll(0)
    assert (house.auto.width, house.auto.held) == (2, 2)  # those in flight take nobody's place
    house.send(4)
    assert not house.threads.closed
    values: list[int] = []
    while len(values) < 3:
        values += house.poll()  # the two kinds are listened to in turns
    assert sorted(values) == [20, 30, 40]
    house.poll(0)
    assert house.threads.closed
    assert house.auto.width == 2


def test_the_caller_works_beside_others_if_it_is_to() -> None:
    """One chunk for it, the others for them."""
    house = House()
    house.change(house.processes, works=True)
    house.send(1)
    house.poll()
    assert house.auto.width == 3
    for n in range(2, 5):
        house.send(n)
    assert [chunk.items for chunk in house.caller.sent] == [[1], [2]]
    assert [chunk.items for chunk in house.processes.sent] == [[3], [4]]
    assert house.poll() == [20]  # its own
    assert sorted(house.poll(0)) == [30, 40]  # and what was there when it was done


def test_a_poll_that_does_not_wait_runs_nothing() -> None:
    """It is a follower's: the caller may be in the middle of its chunk."""
    house = House()
    house.send(1)
    assert house.poll(0) == []
    assert house.poll() == [10]


def test_back_to_the_caller_alone() -> None:
    """It was the best choice after all, or is to be looked at again."""
    house = House()
    house.change(house.threads)
    house.send(1)
    house.poll()
    house.change(None, works=True)
    house.poll(0)
    assert house.auto.width == 1
    house.send(2)
    assert house.poll() == [20]
    assert [chunk.items for chunk in house.caller.sent] == [[1], [2]]


def test_a_chunk_is_given_up_where_it_is() -> None:
    """Whoever has it is told."""
    house = House()
    house.change(house.threads)
    house.send(1)
    house.poll()
    number = house.send(2)
    assert house.auto.kill(number) is not None
    assert house.threads.killed == [number]
    assert house.caller.killed == []


def test_waking_and_closing_are_for_all() -> None:
    """Nobody is forgotten, whoever works now."""
    house = House()
    house.change(house.threads)
    house.send(1)
    house.poll()
    house.send(2)
    house.change(house.processes)
    house.poll(0)
    house.auto.wake()
    assert house.poll() == []
    house.auto.close()
    assert house.pilot.left
    assert house.caller.closed
    assert house.threads.closed
    assert house.processes.closed


def test_an_event_loop_gets_the_same() -> None:
    """``async for`` goes where ``for`` does."""

    async def run() -> None:
        house = House()
        house.change(house.threads)
        house.send(1)
        await house.auto.apoll(None)
        house.send(2)
        arrivals = await house.auto.apoll(None)
        assert [arrival.values for arrival in arrivals if isinstance(arrival, Returned)] == [[20]]
        assert await house.auto.apoll(0) == []
        await house.auto.aclose()
        assert house.threads.closed

    asyncio.run(run())


def test_an_event_loop_that_only_looks_hears_what_others_have_sent() -> None:
    """A consumer that awaits between results looks without waiting: what that look finds is not lost."""

    async def run() -> None:
        house = House()
        house.change(house.processes)
        house.send(1)
        await house.auto.apoll(None)
        house.send(2)
        house.clock.advance(1.0)
        arrivals = await house.auto.apoll(0)
        assert [arrival.values for arrival in arrivals if isinstance(arrival, Returned)] == [[20]]
        assert house.pilot.log[-1] == ("heard", 2)
        await house.auto.aclose()

    asyncio.run(run())


def test_what_others_have_sent_is_left_to_whoever_drives_while_the_caller_works() -> None:
    """Two that hear them at once may tell of one chunk's parts in the wrong order, and an item has another's result."""
    house = House()
    house.change(house.threads, works=True)
    house.send(1)
    assert house.poll() == [10]
    house.send(2)  # the caller's
    house.send(3)  # another's
    house.clock.advance(2.0)
    assert house.auto.lends
    assert house.poll() == [20]
    assert house.poll(0) == [30]


def records(n: int) -> list[dict[str, Any]]:
    """A millisecond of work, and results that come in parts."""
    return [{"id": n, "name": f"user {i}", "tags": ["a", "b"], "score": i / (n + 1)} for i in range(600)]


def test_each_item_has_its_own_result_when_others_take_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller works until they are there, a follower drives meanwhile, and both hear of parts of chunks."""
    monkeypatch.setenv("WEFT_CACHE", "off")
    for _ in range(5):
        results = weft.map(records, range(600)).results()
        assert [result[0]["id"] for result in results] == list(range(600))
