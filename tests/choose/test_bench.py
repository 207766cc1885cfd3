"""The workloads that the chooser is measured with: that they run, and that their figures are figured right."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench.choose.__main__ import Bout
from bench.choose._figures import Measured, finalists, geometric, is_far_off, neighbours, pairs, predictions, totals
from bench.choose._report import report
from bench.choose._sets import HELD_OUT, SETS, TUNING, Place
from bench.choose._stage import missing, stage

WORKLOADS = {f"{which}: {name}": (name, each) for which, known in SETS.items() for name, each in known.items()}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with stage(postgres=False) as (made, _):
        yield made


def test_there_are_enough_of_them_and_none_is_in_both_sets() -> None:
    """What is tuned with says nothing about itself."""
    assert len(TUNING) + len(HELD_OUT) >= 60
    assert not set(TUNING) & set(HELD_OUT)
    assert min(len(TUNING), len(HELD_OUT)) >= 30


@pytest.mark.parametrize("which", WORKLOADS)
def test_every_workload_gives_the_same_wherever_it_runs(which: str, place: Place) -> None:
    """A figure of a wrong result is none; the bout itself compares them."""
    name, workload = WORKLOADS[which]
    lacks = missing(workload, place)
    if lacks is not None:
        pytest.skip(f"no {lacks}")
    bout = Bout(name, workload, place, few=3)
    here = "async ×3" if workload.awaits else "serial"
    there = "async ×2" if workload.awaits else "thread ×2"
    for candidate in (here, there, "auto", *(() if workload.awaits or workload.stays else ("process ×2",))):
        assert bout.time(candidate) > 0


def test_a_wrong_result_is_noticed(place: Place) -> None:
    bout = Bout("links", TUNING["links"], place, few=2)
    bout.time("serial")
    bout.items = bout.items[:1] * 2 if bout.items[0] != bout.items[1] else bout.items
    bout.fn = lambda page: 0
    with pytest.raises(AssertionError, match="wrong results"):
        bout.time("serial")


def test_what_auto_said_is_kept_and_not_what_another_did(place: Place) -> None:
    """The last to run is seldom auto."""
    made = Bout("square_few", TUNING["square_few"], place).run(2)
    assert made.explained["decisions"][0]["kind"] == "auto"
    assert len(made.chose) == 2
    assert set(made.times) >= {"auto"}


def measured(name: str, auto: float, **others: float) -> Measured:
    times = {"auto": [auto, auto * 2, auto / 2], **{key: [value] * 3 for key, value in others.items()}}
    return Measured(name, "made up", times)


def test_regret_is_how_many_times_as_long_as_the_best_by_hand() -> None:
    each = measured("a", 0.3, serial=0.6, thread=0.2)
    assert each.best == "thread"
    assert each.regret == pytest.approx(1.5)
    assert each.slower == pytest.approx(0.5)


def test_totals_are_of_what_takes_long_enough() -> None:
    """A regret of microseconds is noise."""
    known = [
        measured("a", 0.2, serial=0.1),
        measured("b", 0.8, serial=0.1),
        measured("short", 0.04, serial=0.001),
        measured("c", 0.1, serial=0.1),
    ]
    known[0].stays = "it only looks so"
    sums = totals(known)
    assert sums.counted == 3
    assert sums.mean == pytest.approx(16 ** (1 / 3))
    assert sums.worst == ("b", pytest.approx(8.0))
    assert sums.slower == {"a": pytest.approx(2.0), "b": pytest.approx(8.0)}
    assert sums.alarms == (1, 4)
    assert geometric([]) == 1.0


def test_only_what_is_near_the_best_is_run_again_and_always_the_plain_loop_if_it_is_bearable() -> None:
    screened = {"serial": 1.0, "thread ×2": 0.5, "thread ×8": 0.3, "process ×2": 0.4, "thread ×32": 0.9}
    assert finalists(screened) == ["thread ×8", "process ×2", "serial"]
    assert finalists({**screened, "serial": 9.0}) == ["thread ×8", "process ×2"]
    assert neighbours("thread ×8", screened) == ["thread ×4", "thread ×16"]
    assert neighbours("ThreadPoolExecutor()", screened) == []
    assert neighbours("serial", screened) == []


def test_predictions_are_found_wherever_they_are() -> None:
    data = {
        "kinds": [
            {"kind": "thread", "workers": 8, "predicted": 120.0, "measured": None},
            {"kind": "serial", "workers": 1, "predicted": {"rate": 30}},
            {"kind": "process", "workers": 2, "threads": 1, "predicted": None},
            {"kind": "process", "workers": 2, "threads": 8, "predicted": 90.0},
        ],
        "decisions": [{"kind": "thread", "reason": "it waits"}],
    }
    assert predictions(data) == {"thread ×8": 120.0, "serial": 30.0, "process ×2, 8 threads each": 90.0}
    each = Measured("a", "", {"auto": [1.0], "thread ×8": [2.0]}, {"serial": 5.0}, explained=data)
    assert sorted(pairs(each, 300)) == [("serial", 30.0, 60.0), ("thread ×8", 120.0, 150.0)]
    assert is_far_off(10, 21)
    assert not is_far_off(10, 19)


def test_the_report_says_what_was_missed_and_draws_it(tmp_path: Path) -> None:
    each = measured("slow <one>", 0.9, serial=0.3)
    each.explained = {"kinds": [{"kind": "serial", "predicted": 1.0}]}
    data = {
        "set": "tuning", "machine": "two processors", "rounds": 5, "cold": False, "seconds": 3.0,
        "workloads": [{**each.to_dict(), "items": 60}], "skipped": {"asked": "no PostgreSQL (it was not asked for)"},
    }  # fmt: skip
    text = report(json.loads(json.dumps(data)), tmp_path)
    assert "worst: 3.00, slow <one> (at most 1.35): MISSED" in text
    assert "Skipped: asked, no PostgreSQL" in text
    assert "slow <one>, serial: predicted 1 items a second, measured 200" in text
    picture = (tmp_path / "choose-tuning.svg").read_text()
    assert "slow &lt;one&gt;" in picture
    assert "<circle" in picture
    import xml.etree.ElementTree as ET

    ET.fromstring(picture)
