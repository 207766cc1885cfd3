"""Links between stages: bounded, in order, and nobody sleeps through what comes."""

from __future__ import annotations

import threading

import pytest

from weft._schedule.link import Gather, Leave, Link, Spread, Spring
from weft._schedule.reading import Stock
from weft.testing import ManualClock


class Driver:
    """Whoever reads; notes when it is woken or stopped."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def rouse(self) -> None:
        self.told.append("rouse")

    def stop(self) -> None:
        self.told.append("stop")


def served(link: Link) -> Driver:
    driver = Driver()
    link.serve(driver)
    return driver


def test_what_is_put_is_read_in_order() -> None:
    link = Link()
    link.put([1, 2, 3])
    assert list(link.read(2).items) == [1, 2]
    link.end()
    portion = link.read(5)
    assert (list(portion.items), portion.ended) == ([3], True)


def test_it_is_dry_only_for_a_reader_that_has_asked() -> None:
    """One that waits has said what it waits for: else nobody might bring it."""
    link = Link()
    assert not link.dry
    assert not link.read(1).items
    assert link.dry
    link.put([1])
    assert not link.dry
    assert list(link.read(1).items) == [1]
    assert not link.dry, "it got all that it wanted, and may want more"
    link.read(1)
    assert link.dry
    link.end()
    assert not link.dry


def test_its_reader_is_woken_once_for_much() -> None:
    link = Link()
    driver = served(link)
    link.put([1])
    thread = threading.Thread(target=link.put, args=([2],))
    thread.start()
    while not link.is_full():
        pass
    assert driver.told == ["rouse"]
    link.read(5)
    link.end()
    assert driver.told == ["rouse", "rouse"]
    thread.join(10)


def test_whoever_is_gone_is_not_woken() -> None:
    """What it waited on is closed, and its descriptor may be another's."""
    link = Link()
    driver = served(link)
    link.close()
    assert not link.put([1])
    link.end()
    link.halt()
    assert driver.told == []


def test_one_that_comes_after_the_stop_is_stopped() -> None:
    link = Link()
    link.halt()
    assert served(link).told == ["stop"]
    assert link.read(3).ended
    assert Stock([1, 2], ManualClock()).read(1).items == [1]


@pytest.mark.parametrize("way", ["read", "close", "halt"])
def test_whoever_fills_it_waits_for_room(way: str) -> None:
    """Two releases are in it at most."""
    link = Link()
    assert link.put([1, 2])
    assert not link.is_full()
    more: list[bool] = []
    thread = threading.Thread(target=lambda: more.append(link.put([3, 4])))
    thread.start()
    while not link.is_full():
        pass
    if way == "read":
        link.read(2)
    else:
        getattr(link, way)()
    thread.join(10)
    assert more == [way == "read"]


def test_an_error_comes_after_what_was_there() -> None:
    link = Link()
    link.put([1])
    trouble = KeyError()
    link.end(trouble)
    assert link.read(1).error is trouble


def test_lists_are_gathered_and_time_is_kept() -> None:
    clock = ManualClock()
    link = Link([Gather(3, 1.0, clock, None)], clock)
    driver = served(link)
    link.read(1)
    link.put([1, 2])
    assert driver.told == ["rouse"], "its reader has to look at the clock now"
    assert link.dry
    assert link.due(clock()) == 1.0
    clock.advance(0.5)
    link.put([3, 4])
    assert list(link.read(2).items) == [[1, 2, 3]]
    assert link.due(clock()) == 1.0
    clock.advance(1.0)
    assert not link.dry
    assert list(link.read(2).items) == [[4]]
    assert link.due(clock()) is None
    link.put([5])
    link.end()
    assert list(link.read(2).items) == [[5]]


def test_what_goes_past_is_neither_gathered_nor_spread() -> None:
    gather, spread = Gather(2, None, ManualClock(), str.isalpha), Spread(str.isalpha)
    assert gather.push(["1", "a", "2", "3"]) == ["a", ["1", "2"]]
    assert gather.flush(ended=True) == [["3"]]
    assert spread.push(["ab", "12"]) == ["ab", "1", "2"]
    assert Leave("a").push(["b", "c"]) == ["b", "c"]


def test_a_source_is_read_no_further_than_asked() -> None:
    """And what it gives is there at once."""
    read: list[int] = []

    def source():  # type: ignore[no-untyped-def]
        for n in range(100):
            read.append(n)
            yield n

    spring = Spring(source())
    driver = served(spring)
    thread = threading.Thread(target=spring.run)
    thread.start()
    taken = 0
    for wanted in (1, 3, 10):
        end = taken + wanted
        while taken < end:
            taken += len(spring.read(end - taken).items)
        assert len(read) == end
    assert "rouse" in driver.told
    spring.halt()
    thread.join(10)
    assert not thread.is_alive()
    assert len(read) == 14
