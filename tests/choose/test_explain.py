"""Why these workers: words for people, data for programs."""

from __future__ import annotations

import json

import pytest

from weft._choose.explain import Explanation
from weft._choose.memory import Learned
from weft._choose.record import Record
from weft._choose.signals import Offer, Signals
from weft._model.event import Stats
from weft._model.plan import Decision, Plan

SAID = {"auto": "the caller itself", "serial": "the caller itself", "thread": "threads ×{}", "process": "processes ×{}"}
FIRST = Decision(0.0, Plan("auto", 0, "the first items are run by the caller itself"))
THREADS = Decision(0.0123, Plan("thread", 12, "it mostly waits"))
STATS = Stats(done=1000, failed=2, seconds=2.0, busy=8.0, cpu=0.1)


@pytest.mark.parametrize(
    ("decisions", "headline"),
    [
        ((), "nothing has been run yet"),
        ((FIRST,), "the caller itself: so far there was not enough work for anything else to be worth its start"),
        ((FIRST, THREADS), "threads ×12: it mostly waits"),
        ((Decision(0.0, Plan("serial", 1, "asked for")),), "the caller itself: asked for"),
    ],
)
def test_the_headline_is_the_decision_in_force(decisions: tuple[Decision, ...], headline: str) -> None:
    """One line that answers the question."""
    assert Explanation(decisions, Stats(), SAID).headline == headline


def test_the_words_tell_what_was_decided_when_and_what_came_of_it() -> None:
    """The whole of it, as ``print(run.explain())`` shows it."""
    assert str(Explanation((FIRST, THREADS), STATS, SAID)).splitlines() == [
        "threads ×12: it mostly waits",
        "decided:",
        "  after 0.000 s  the caller itself: the first items are run by the caller itself",
        "  after 0.012 s  threads ×12: it mostly waits",
        "1,000 items in 2 s, 2 failed; a plain loop would have taken about 8 s (4×)",
    ]


def test_as_data_it_is_json() -> None:
    """For dashboards and tests."""
    data = json.loads(json.dumps(Explanation((FIRST, THREADS), STATS, SAID).to_dict()))
    assert [made["kind"] for made in data["decisions"]] == ["auto", "thread"]
    assert data["stats"]["done"] == 1000
    assert data["plain_loop"] == 8.0


def test_the_table_tells_what_was_promised_and_measured_and_why_not() -> None:
    """Per kind; what was measured of others than were promised has its line as well."""
    record = Record()
    record.table = (
        (Offer("serial", 1, 100.0), "the rest would take 10 s instead of 5.03 s"),
        (Offer("process", 2, 200.0), ""),
    )
    record.signals = Signals(0.01, 1.0, 1.0, seconds=0.02)
    record.measure("serial", 1, 99.0)
    record.measure("thread", 4, 1234.5)
    record.price = 0.0021
    found = Explanation((FIRST, THREADS), STATS, SAID, record)
    assert str(found).splitlines()[4:] == [
        "  items a second     predicted   measured",
        "  the caller itself        100         99  the rest would take 10 s instead of 5.03 s",
        "  processes ×2             200          –",
        "  threads ×4                 –      1,234",
        "1,000 items in 2 s, 2 failed; a plain loop would have taken about 8 s (4×); deciding took 2.1 ms",
    ]
    data = json.loads(json.dumps(found.to_dict()))
    assert data["kinds"][1] == {
        "kind": "process", "workers": 2, "threads": 1, "predicted": 200.0, "measured": None, "why_not": "",
    }  # fmt: skip
    assert data["work"]["holds_gil"] == 1.0
    assert data["deciding"] == 0.0021
    assert found.line == "threads ×12"


def test_several_threads_in_each_process_are_said() -> None:
    """Processes ×2, 14 threads each."""
    plan = Plan("process", 2, "it waits and computes", threads=14)
    assert Explanation((Decision(0.0, plan),), Stats(), SAID).line == "processes ×2, 14 threads each"


@pytest.mark.parametrize(("age", "ago"), [(3.0, "just now"), (4_000.0, "67 minutes ago"), (200_000.0, "2 days ago")])
def test_what_was_remembered_is_told(age: float, ago: str) -> None:
    """In words and as data, and whether it was right."""
    record = Record()
    record.recalled, record.checked = Learned("process", 2, 0.004, runs=3, age=age), "followed, and confirmed"
    told = Explanation((FIRST, THREADS), STATS, SAID, record)
    assert f"remembered of 3 earlier runs, the last {ago}: processes ×2; followed, and confirmed" in str(told)
    assert told.to_dict()["remembered"]["runs"] == 3
    json.dumps(told.to_dict())


def test_a_plain_loop_is_told_of_all_that_was_decided() -> None:
    """Threads that were given up had the GIL to wait for as well; and processes know how many processors there are."""
    stats = Stats(done=9, seconds=2.0, busy=8.0, cpu=7.0)
    processes = Decision(1.0, Plan("process", 8, "", cpus=2))
    assert Explanation((FIRST, processes), stats, SAID).plain_loop == 4.0
    assert Explanation((FIRST, THREADS, processes), stats, SAID).plain_loop is None
    assert Explanation((Decision(1.0, Plan("process", 2, "", threads=3)),), stats, SAID).plain_loop is None
    record = Record()
    record.alone = 0.001
    assert Explanation((FIRST, THREADS), STATS, SAID, record).plain_loop is None
