"""What a look at the caller's items says, on a quiet machine and on a busy one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from weft._choose.memory import Learned
from weft._choose.probe import AGAIN, Probe
from weft._choose.signals import Signals
from weft._model.measured import Glance
from weft._model.outcome import Returned

START = Glance(0.0, 0.0, 0.0, 0.0)


class Pulse:
    """Has heard so much."""

    cpu = 0.0

    def __init__(self, held: float, beats: int, *, sure: bool = True) -> None:
        self.held, self.beats, self._sure = held, beats, sure

    def sure(self, *, waits: bool) -> bool:
        return self._sure

    def hurry(self) -> None: ...

    def end(self) -> None: ...


def probe(held: float = 1.0, beats: int = 6, **more: float) -> Probe:
    def listen(works: Callable[[], bool]) -> Pulse:
        return Pulse(held, beats)

    return Probe(START, listen, gil=True, **more)


def test_nobody_waits_who_is_ready_to_compute() -> None:
    """The caller has computed nothing for 5 ms and yet wants to: it is a processor that it waits for."""
    assert probe().signals(Glance(0.005, 0.0, 0.0, 0.005, ready=True), 0, 9, crowded=False) is None
    seen = probe().signals(Glance(0.005, 0.0, 0.0, 0.005), 0, 9, crowded=False)
    assert seen is not None
    assert seen.share == 0.0


def test_a_few_beats_of_a_busy_machine_are_not_enough() -> None:
    """One beat says nothing of who holds the GIL, where the caller had a processor now and then only."""
    busy = Glance(0.02, 0.02, 0.0, 0.0, delay=0.04)
    assert probe(beats=1).signals(busy, 1, 9, crowded=False) is None
    assert probe(beats=3).signals(busy, 1, 9, crowded=False) is not None
    assert probe(beats=1).signals(Glance(0.02, 0.02, 0.0, 0.0), 1, 9, crowded=False) is not None


def test_who_holds_the_gil_on_a_busy_machine_computes() -> None:
    """The caller waits for a thread that has the GIL and no processor, and seems to do nothing."""
    seen = probe(held=0.7).signals(Glance(0.02, 0.008, 0.0, 0.0, delay=0.02), 1, 9, crowded=False)
    assert seen is not None
    assert seen.share == 0.7
    quiet = probe(held=0.7).signals(Glance(0.02, 0.008, 0.0, 0.0), 1, 9, crowded=False)
    assert quiet is not None
    assert quiet.share == 0.4


def test_a_second_look_takes_longer() -> None:
    """Others have just been given up, and what they hold comes back meanwhile."""
    short = Glance(0.005, 0.0, 0.0, 0.005)
    assert probe(least=AGAIN).signals(short, 0, 9, crowded=False) is None
    assert probe(least=AGAIN).signals(Glance(0.012, 0.0, 0.0, 0.012), 0, 9, crowded=False) is not None


def test_what_was_learned_is_put_in_the_place_of_a_look() -> None:
    """But for what is known already: how long an item takes, and what is left."""
    learned = Learned("process", 2, 0.004, 0.9, 0.8, 0.1, items=500)
    mine = probe()
    assert mine.first(Glance(0.002, 0.002, 0.0, 0.002)) == (0.0, 0.002, 1.0)
    seen = mine.as_learned(Glance(0.002, 0.002, 0.0, 0.002), learned, 1, 99)
    assert (seen.item, seen.share, seen.held, seen.native, seen.left) == (0.004, 0.9, 0.8, 0.1, 99)
    mine.note(Returned(1, [None], "the caller", 0.003), lambda: None)
    seen = mine.as_learned(Glance(0.003, 0.003, 0.0, 0.0), learned, 1, None)
    assert (seen.item, seen.done) == (0.003, 499)


@pytest.mark.parametrize("others", [0.0, 0.18])
def test_what_the_first_item_waited_for_a_processor_is_not_taken_off_the_others(others: float) -> None:
    """It was in hand for 30 ms and had a processor for 10 of them, whether the nine *others* waited as well or not."""
    mine = probe()
    mine.note(Returned(1, [None], "the caller", 0.03), lambda: Glance(0.01, 0.01, 0.0, 0.0, delay=0.02))
    mine.note(Returned(2, [None] * 9, "the caller", 0.09 + others), lambda: None)
    seen = mine.signals(Glance(0.1, 0.1, 0.0, 0.0, delay=0.02 + others), 10, 90, crowded=False)
    assert seen is not None
    assert round(seen.item, 6) == 0.01


def looked(ready: int, looks: int, *, cpu: float, delay: float, seconds: float = 0.1) -> Signals | None:
    """What is said after so many *looks*, at which the caller was *ready* so often."""
    mine, found = probe(least=seconds), None
    for look in range(1, looks + 1):
        part = look / looks * seconds
        was = look * ready // looks > (look - 1) * ready // looks
        glance = Glance(part, part * cpu, 0.0, part, delay=part * delay, ready=was)
        found = mine.signals(glance, 0, 99, crowded=False)
    return found


@pytest.mark.parametrize("delay", [0.5, 1.0, 4.0])
def test_who_gets_on_whenever_somebody_looks_computes_whatever_its_clocks_say(delay: float) -> None:
    """On a busy machine it waits for a thread that has the GIL and no processor; it is not sent to threads for that."""
    seen = looked(48, 50, cpu=0.05, delay=delay, seconds=0.2)
    assert seen is not None
    assert seen.share > 0.7


@pytest.mark.parametrize("delay", [0.0, 0.5, 1.0, 4.0])
def test_who_waits_does_so_on_a_busy_machine_too(delay: float) -> None:
    """Of its time it is ready as long as it has no processor, and a little longer, in which it computes."""
    ready = round(50 * (delay + 0.05) / (1 + delay))
    seen = looked(ready, 50, cpu=0.05, delay=delay, seconds=0.2)
    assert seen is not None
    assert seen.share < 0.3


def test_where_few_looks_were_had_more_are_waited_for() -> None:
    """Half of ten: that may be either."""
    assert looked(7, 10, cpu=0.05, delay=1.0) is None
    assert looked(0, 10, cpu=0.05, delay=0.0) is not None  # on a quiet machine its clocks are right
    unseen = Glance(0.06, 0.001, 0.0, 0.0, delay=0.03)
    assert probe().signals(unseen, 9, 99, crowded=False) is not None  # nobody can look, as its items are so short


def test_who_was_ready_when_somebody_looked_is_looked_at_again() -> None:
    """It had the processor whenever it had the GIL, and the GIL hardly ever."""
    mine = probe()
    assert mine.signals(Glance(0.02, 0.0, 0.0, 0.02, ready=True), 0, 99, crowded=False) is None
    assert mine.signals(Glance(0.04, 0.001, 0.0, 0.04), 0, 99, crowded=False) is None
    for look in range(3, 9):
        seen = mine.signals(Glance(0.02 * look, 0.001, 0.0, 0.02 * look, ready=True), 0, 99, crowded=False)
    assert seen is not None
    assert seen.share > 0.5


def test_work_that_lets_go_of_the_gil_is_not_looked_at_to_tell_waiting_from_computing() -> None:
    """Threads may have it either way. Files that were synced were looked at for 150 ms."""
    half = Glance(0.02, 0.009, 0.0, 0.005, delay=0.005, ready=True)
    seen = probe(held=0.0).signals(half, 9, 99, crowded=False)
    assert seen is None  # nobody listens yet
    mine = probe(held=0.0)
    assert mine.signals(Glance(0.005, 0.004, 0.0, 0.0), 2, 99, crowded=False) is not None
    assert mine.signals(half, 9, 99, crowded=False) is not None
    holds = probe(held=0.5)
    assert holds.signals(Glance(0.005, 0.004, 0.0, 0.0), 2, 99, crowded=False) is not None
    assert holds.signals(half, 9, 99, crowded=False) is None


def test_a_guess_takes_two_items_that_compute_alone() -> None:
    """What is guessed is that the function holds the GIL."""
    done = Returned(1, [None, None], "the caller", 0.004)
    mine = probe()
    guess = partial(mine.guess, done=2, left=98, own=0.0)
    assert guess(Glance(0.004, 0.004, 0.0, 0.0)) is None
    mine.note(done, lambda: None)
    seen = guess(Glance(0.004, 0.004, 0.0, 0.0))
    assert seen is not None
    assert (seen.share, seen.held, seen.native) == (1.0, 1.0, 0.0)
    assert guess(Glance(0.004, 0.002, 0.0, 0.0)) is None
    beside = Glance(0.004, 0.004, 0.003, 0.0)
    assert guess(beside) is None  # a library is parallel already
    assert guess(beside, own=0.003) is not None  # it was the look itself
