"""The crew that begins as the caller and becomes another, with crews that follow a script."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from weft._choose.auto import AutoCrew
from weft._choose.choose import PROBE, Probe
from weft._model.chunk import Chunk
from weft._model.outcome import Returned
from weft._model.plan import Plan
from weft.testing import Fate, ManualClock, ScriptedCrew

THREADS = Plan("thread", 4, "it waits")
STAY = Plan("serial", 1, "it computes")


class House:
    """An auto crew and those it is made of; *plans* are what is decided, one after the other."""

    def __init__(self, *plans: Plan | None, total: int | None = 100, seconds: float = PROBE) -> None:
        self.clock = ManualClock()
        self.caller = self.crew_of(1, seconds)
        self.later = self.crew_of(4, seconds)
        self.plans = list(plans)
        self.asked: list[tuple[Probe, tuple[Any, Any]]] = []
        self.made: list[Plan] = []
        self.auto = AutoCrew(self.caller, self.decide, self.make, total)
        self.count = 0

    def crew_of(self, width: int, seconds: float) -> ScriptedCrew:
        crew = ScriptedCrew(lambda item: item * 10, lambda chunk: Fate(seconds), width=width, clock=self.clock)
        crew.prefetches = width > 1
        return crew

    def decide(self, probe: Probe, sample: tuple[Any, Any]) -> Plan | None:
        self.asked.append((probe, sample))
        return self.plans.pop(0)

    def make(self, plan: Plan) -> ScriptedCrew:
        self.made.append(plan)
        return self.later

    def send(self, *items: int) -> None:
        self.count += 1
        self.auto.send(Chunk(self.count, items[0], list(items)))

    def step(self, *items: int) -> list[Any]:
        self.send(*items)
        return self.auto_poll()

    def auto_poll(self) -> list[Any]:
        return [value for arrival in self.auto.poll(None) if isinstance(arrival, Returned) for value in arrival.values]


def test_the_first_items_run_in_the_caller_and_the_rest_elsewhere() -> None:
    """Nothing is run twice, and nothing is asked before there is something to see."""
    house = House(THREADS, seconds=PROBE / 2)
    assert house.step(1) == [10]
    assert house.asked == []
    assert (house.auto.width, house.auto.prefetches) == (1, False)
    assert house.step(2, 3) == [20, 30]
    assert house.made == [THREADS]
    assert (house.auto.width, house.auto.prefetches) == (4, True)
    assert house.caller.closed
    assert house.step(4) == [40]
    assert [chunk.items for chunk in house.caller.sent] == [[1], [2, 3]]
    assert [chunk.items for chunk in house.later.sent] == [[4]]


def test_it_is_told_what_was_seen_with_an_item_and_a_result() -> None:
    """The sample shows whether the data can travel; what is left, whether it is worth it."""
    house = House(THREADS)
    house.step(7, 8)
    [(probe, sample)] = house.asked
    assert (probe.items, probe.seconds, probe.cpu, probe.left) == (2, PROBE, 0.0, 98)
    assert sample == (7, 80)


@pytest.mark.parametrize(("total", "left"), [(None, None), (1, 0)])
def test_what_is_left_is_not_known_or_not_negative(total: int | None, left: int | None) -> None:
    """An input may give more than it said."""
    house = House(THREADS, total=total)
    house.step(7, 8)
    assert house.asked[0][0].left == left


def test_while_nothing_is_decided_it_is_asked_ever_more_rarely() -> None:
    """Deciding pickles a sample and reads code: it must cost little however long it stays open."""
    house = House(None, None, None, None, None, None)
    for n in range(20):
        house.step(n)
    seen = [round(probe.seconds / PROBE) for probe, _ in house.asked]
    assert seen == [1, 2, 4, 8, 16]


def test_to_stay_is_a_decision_too() -> None:
    """The caller goes on, nobody is asked again and nothing is started."""
    house = House(STAY)
    for n in range(3):
        house.step(n)
    assert len(house.asked) == 1
    assert not house.caller.closed
    assert house.made == []


def test_only_one_decision_is_made_of_results_that_come_together() -> None:
    """A second one would leave the first one's workers behind, running."""
    house = House(THREADS)
    house.caller.width = 2
    house.send(1)
    house.send(2)
    assert house.auto_poll() == [10, 20]
    assert len(house.asked) == 1


def test_everything_else_goes_to_whoever_works_now() -> None:
    """Killing, waking, closing."""
    house = House(THREADS)
    house.step(1)
    house.send(2)
    house.auto.kill(2)
    assert house.later.killed == [2]
    house.auto.wake()
    assert house.auto.poll(None) == []
    house.auto.close()
    assert house.later.closed


def test_an_event_loop_gets_the_same() -> None:
    """``async for`` decides as ``for`` does."""

    async def run() -> None:
        house = House(THREADS)
        house.send(1)
        await house.auto.apoll(None)
        assert house.made == [THREADS]
        await house.auto.aclose()
        assert house.later.closed

    asyncio.run(run())
