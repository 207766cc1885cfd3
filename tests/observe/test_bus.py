"""Telling everybody, whatever they do with it."""

from __future__ import annotations

import logging

import pytest

from weft._model.event import Advanced, Event, Stats
from weft._observe.bus import Bus

EVENT = Advanced(Stats())


def test_everybody_is_told_everything_in_order() -> None:
    """The order in which things happened is half of what they mean."""
    told: list[tuple[str, Event]] = []
    bus = Bus([lambda event: told.append(("a", event)), lambda event: told.append(("b", event))])
    bus(EVENT)
    bus(EVENT)
    assert told == [("a", EVENT), ("b", EVENT)] * 2


def test_an_empty_bus_is_false() -> None:
    """Whoever tells asks that first, so that with nobody listening an event costs nothing."""
    assert not Bus([])
    assert Bus([print])


def test_a_broken_observer_is_dropped_and_logged_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """A progress bar on a closed terminal must not end a run of hours."""
    told: list[Event] = []
    broken: list[Event] = []

    def breaks(event: Event) -> None:
        broken.append(event)
        raise OSError("terminal is gone")

    bus = Bus([breaks, told.append])
    with caplog.at_level(logging.ERROR, logger="weft"):
        bus(EVENT)
        bus(EVENT)
    assert (len(broken), len(told)) == (1, 2)
    assert len(caplog.records) == 1
    assert "terminal is gone" in caplog.text
    assert bus


def test_without_its_last_observer_a_bus_is_false() -> None:
    """From then on nobody makes events for it."""

    def breaks(event: Event) -> None:
        raise OSError

    bus = Bus([breaks])
    bus(EVENT)
    assert not bus


def test_ctrl_c_in_an_observer_is_nobodys_fault() -> None:
    """It is for the run and not for the observer that happened to be called."""

    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Bus([interrupted])(EVENT)
