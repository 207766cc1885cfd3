"""What earlier runs learned is a prior: it is looked for once, compared with what is seen, followed and checked."""

from __future__ import annotations

from typing import Any

import pytest

from weft._choose.machine import Machine
from weft._choose.memory import Learned
from weft._choose.past import ANEW, STALE, Past
from weft._choose.record import Record
from weft._choose.signals import Offer, Signals
from weft._model.noun import replace

KNOWN = Learned("process", 2, 0.004, 0.98, 0.97, items=500, runs=3)
SEEN = Signals(0.004, 1.0, 1.0, alone=0.004)
PROCESSES, CALLER, THREADS = Offer("process", 2, 480.0), Offer("serial", 1, 250.0), Offer("thread", 20, 900.0)


class House:
    """Remembers one thing."""

    machine = Machine(2, 2, 2, None, gil=True)
    remembers = True

    def __init__(self, known: Learned | None = None) -> None:
        self.known, self.asked, self.noted = known, 0, []  # type: ignore[var-annotated]

    def recall(self) -> Learned | None:
        self.asked += 1
        return self.known

    def note(self, learned: Learned) -> None:
        self.noted.append(learned)


def past(known: Learned | None = None) -> tuple[Past, House, Record]:
    house, record = House(known), Record()
    return Past(house, record), house, record  # type: ignore[arg-type]


def test_it_is_looked_for_once_in_a_run() -> None:
    """To open a file has its price, and what was there at first is what the run began with."""
    mine, house, record = past(KNOWN)
    assert mine.recall() is KNOWN
    assert mine.recall() is None
    assert (house.asked, record.recalled) == (1, KNOWN)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"runs": ANEW}, "now and then"),
        ({"age": 2 * STALE}, "now and then"),
        ({"runs": 1, "lost": frozenset({"process"})}, "that processes don't help"),
    ],
)
def test_what_could_be_wrong_for_long_is_measured_anew(change: dict[str, Any], why: str) -> None:
    """What got better is not noticed otherwise, and one run on a busy machine is no proof."""
    mine, _, record = past(replace(KNOWN, **change))
    assert mine.recall() is None
    assert why in record.checked


@pytest.mark.parametrize(
    ("known", "in_hand", "share", "like"),
    [
        (0.004, 0.0, 0.9, True),
        (0.0, 0.002, 0.0, True),  # it is not done: nobody can tell yet
        (0.013, 0.0, 1.0, False),
        (0.001, 0.0, 1.0, False),
        (0.0, 0.020, 1.0, False),
        (0.004, 0.0, 0.1, False),
    ],
)
def test_other_items_are_other_work(known: float, in_hand: float, share: float, like: bool) -> None:
    """The function is the same, and yet they take longer, or wait: then it is decided by what is seen."""
    mine, _, record = past(KNOWN)
    assert mine.is_like(KNOWN, known, in_hand, share) is like
    assert record.checked.startswith("followed" if like else "not followed: an item ")


def test_a_run_that_ends_as_it_began_is_kept() -> None:
    mine, house, _ = past()
    mine.decided(PROCESSES, SEEN)
    mine.measured("process", 2, 481.0)
    mine.keep(300, 1.0)
    [learned] = house.noted
    assert (learned.kind, learned.workers, learned.rate, learned.items) == ("process", 2, 481.0, 300)
    assert (learned.cost, learned.share, learned.lost) == (0.004, 1.0, frozenset())


def test_what_did_not_help_is_kept_too() -> None:
    """The next run need not try it."""
    mine, house, _ = past()
    mine.decided(PROCESSES, SEEN)
    mine.lost("process")
    mine.decided(CALLER, SEEN)
    mine.keep(300, 1.0)
    assert (house.noted[0].kind, house.noted[0].lost) == ("serial", {"process"})


def test_a_kind_that_helps_after_all_is_not_among_the_lost() -> None:
    mine, house, _ = past()
    mine.lost("process")  # in an earlier run
    mine.decided(CALLER, SEEN)
    mine.decided(PROCESSES, SEEN)
    mine.keep(300, 1.0)
    assert (house.noted[0].kind, house.noted[0].lost) == ("process", frozenset())


def test_of_work_that_changes_its_beginning_is_kept() -> None:
    """The next run begins where this one began."""
    mine, house, _ = past()
    mine.decided(THREADS, Signals(0.01, 0.0, 0.0, alone=0.01))
    mine.decided(PROCESSES, Signals(0.01, 1.0, 1.0, alone=0.01))
    mine.lost("process")
    mine.measured("process", 2, 150.0)
    mine.keep(300, 1.0)
    assert (house.noted[0].kind, house.noted[0].workers, house.noted[0].lost) == ("thread", 20, frozenset())


def test_a_guess_gives_way_to_what_was_measured() -> None:
    """It was decided while the first item was running: how long it takes was not known."""
    mine, house, _ = past()
    mine.decided(THREADS, Signals(0.003, 0.0, 0.0))
    mine.learn(0.05, 0.2)
    mine.keep(300, 1.0)
    assert (house.noted[0].cost, house.noted[0].share, house.noted[0].held) == (0.05, 0.2, 0.2)


@pytest.mark.parametrize(("done", "seconds"), [(0, 1.0), (100, 0.002)])
def test_runs_that_are_over_at_once_are_not_worth_it(done: int, seconds: float) -> None:
    mine, house, _ = past()
    mine.decided(CALLER, SEEN)
    mine.keep(done, seconds)
    assert house.noted == []


@pytest.mark.parametrize(("then", "said"), [(PROCESSES, "confirmed by"), (CALLER, "not confirmed")])
def test_to_decide_the_same_again_is_to_confirm_it(then: Offer, said: str) -> None:
    mine, _, record = past(KNOWN)
    mine.follow()
    mine.decided(PROCESSES, SEEN)
    mine.decided(then, SEEN)
    assert said in record.checked
