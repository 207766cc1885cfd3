"""What the chooser measures of workers: the caller's accounts, the price of travel, how long processes take to come."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from weft._model.chunk import Call, Chunk
from weft._workers import starting
from weft._workers.delay import SelfWatch, queued
from weft._workers.freight import freight_of
from weft._workers.serial import SerialCrew
from weft._workers.starting import COLD, SERVED, WARM, Starts


def spin(seconds: float) -> None:
    ending = time.thread_time() + seconds
    while time.thread_time() < ending:
        pass


def accounts_in_the_middle(work: Any) -> Any:
    """What another thread sees while a chunk of one item is being run."""
    seen: list[Any] = []
    crew = SerialCrew(Call(lambda _: (work(), seen.append(look())), star=False, label="f"), watched=True)

    def look() -> Any:
        found: list[Any] = []
        looker = threading.Thread(target=lambda: found.append(crew.glance()))
        looker.start()
        looker.join()
        return found[0]

    crew.send(Chunk(1, 0, [None]))
    crew.poll(None)
    return seen[0], crew.glance()


def test_work_that_computes_is_seen_to_compute_before_it_is_done() -> None:
    """An item of ten seconds is judged while it runs."""
    middle, after = accounts_in_the_middle(lambda: spin(0.05))
    assert middle.in_hand > 0
    assert 0.05 <= middle.cpu <= middle.seconds + 0.01
    assert after.in_hand == 0
    assert after.cpu >= middle.cpu


def test_work_that_waits_is_seen_to_wait() -> None:
    """Time passes, and nothing is computed."""
    middle, _ = accounts_in_the_middle(lambda: time.sleep(0.05))
    assert middle.in_hand >= 0.05
    assert middle.cpu < 0.02


def test_accounts_go_on_in_another_thread() -> None:
    """Under ``async for`` every chunk is run in a thread of its own."""
    watch = SelfWatch()

    def work() -> None:
        watch.begin()
        spin(0.01)
        watch.end()

    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    seen = watch.glance()
    assert seen is not None
    assert seen.cpu >= 0.03


def test_who_keeps_no_accounts_has_none() -> None:
    """``on="serial"`` pays for nothing of this."""
    assert SerialCrew(Call(abs, star=False, label="abs")).glance() is None


def test_a_thread_that_is_not_there_has_not_waited() -> None:
    """Nor has any where the system does not tell."""
    assert queued(2**22 + 1) == 0.0
    assert queued(threading.get_native_id()) >= 0.0


def test_what_is_large_is_dear_at_the_end_that_copies_it() -> None:
    """Eight million bytes take a while to write, however little there is to pickle."""
    small, large = freight_of([1], [1]), freight_of([bytes(8_000_000)], [1])
    assert large.nbytes > 8_000_000 > small.nbytes
    assert large.here > 0.0005
    assert freight_of([1], [bytes(8_000_000)]).there > 0.0005


def test_a_batch_is_measured_where_one_is_cheap() -> None:
    """The clock can't tell what a single number costs; sixty-four share the price of a message."""
    found = freight_of(range(1000), [])
    assert found.nbytes < 100
    assert found.here < 0.001


def test_what_can_not_travel_says_so() -> None:
    """It is a reason to stay."""
    with pytest.raises(Exception, match="pickle"):
        freight_of([threading.Lock()], [])


def test_starting_is_learnt_from_how_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apart for nothing there, a server, and warm workers; one bad day is not for ever."""
    there = "cold"
    monkeypatch.setattr(starting, "_what_is_there", lambda workers: there)
    starts = Starts()
    assert starts.expect(2) == COLD
    starts.learn(0.105)
    assert starts.expect(2) == pytest.approx((COLD + 0.105) / 2)
    there = "served"
    assert starts.expect(2) == SERVED
    there = "warm"
    assert starts.expect(2) == WARM
    starts.learn(60.0)
    assert starts.expect(2) < 0.01
