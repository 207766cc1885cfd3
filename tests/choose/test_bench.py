"""The workloads that the chooser is measured with: that they run, and that their figures are figured right."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench.choose.__main__ import Bout
from bench.choose._figures import Measured, finalists, geometric, is_far_off, neighbours, pairs, predictions, totals
from bench.choose._report import report
from bench.choose._sets import HELD_OUT, SETS, TUNING, Place
from bench.choose._stage import missing, stage
from bench.choose._why import Case, case_of, why

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
    each = Measured("a", "", {"auto": [1.0], "thread ×8": [2.0]}, {"serial": 5.0}, explained=data, items=300)
    assert sorted(pairs(each)) == [("serial", 30.0, 60.0), ("thread ×8", 120.0, 150.0)]
    assert is_far_off(10, 21)
    assert not is_far_off(10, 19)


SPUN = Case("process", 2, 100, 400.0, 1.0, busy=0.9, cpu=0.9, item=0.005, plain=0.005, computes=1.0, held=1.0)
THREADS = Case("thread", 8, 100, 400.0, 1.0, busy=7.9, cpu=0.1, item=0.01, plain=0.01)


@pytest.mark.parametrize(
    ("case", "because"),
    [
        (replace(SPUN, item=0.001, plain=0.005), "took 1 ms, and on the average one takes 5 ms"),
        (replace(SPUN, predicted=25.0, item=0.04, plain=0.01), "took 40 ms, and on the average"),
        (replace(THREADS, busy=7.9), "its items wait for each other at something that is no processor (a lock"),
        (replace(THREADS, cpu=0.98, held=0.9), "take turns at the GIL, and compute 0.98 processors' worth"),
        (replace(THREADS, cpu=1.9), "all 2 processors are busy"),
        (replace(SPUN, busy=1.9, cpu=1.9, native=0.9), "a library's own threads keep 1.9 processors busy already"),
        (replace(SPUN, busy=1.9, cpu=0.5), "computes 26% of it, as other programs had the processors"),
        (replace(SPUN, busy=0.2), "90% of the time: items and results take longer on their way"),
        (replace(SPUN, seconds=0.02, items=4, predicted=900.0, busy=0.009), "its start and its end are most"),
        (replace(SPUN, items=7, predicted=30.0, busy=0.4), "with 7 items for 2 workers the last ones are waited for"),
        (replace(SPUN, items=9_000, predicted=50_000.0, busy=0.3, item=0.0, plain=3e-5), "less than to hand it over"),
        (replace(THREADS, items=300, predicted=1e3, busy=3.0), "to be given something, by a caller that is busy"),
        (replace(SPUN, predicted=40.0, busy=0.2), "what it needs is warm there, or the caller was disturbed"),
        (replace(SPUN, busy=0.0, cpu=0.0), "nobody counted"),
        (replace(SPUN, busy=1.2, predicted=260.0, plain=0.011), "took 5 ms, and on the average"),
        (
            replace(THREADS, items=500, busy=5.0, predicted=1_050.0),
            "nothing that was recorded says so: an item takes 10",
        ),
    ],
)
def test_where_a_prediction_is_far_off_it_says_why(case: Case, because: str) -> None:
    """By what the runs recorded: what was looked at, how long items took there, what the workers did meanwhile."""
    assert is_far_off(case.predicted, case.measured)
    assert because in why(case)


def test_a_case_is_made_of_what_a_workload_recorded() -> None:
    data = {
        "items": 100, "plain": 0.5, "runs": {"process ×2, 8 threads each": {"busy": 3.0, "cpu": 0.2}},
        "explained": {"work": {"item": 0.004, "native": 0.1, "holds_gil": 0.2, "computes": 0.3}},
    }  # fmt: skip
    case = case_of("process ×2, 8 threads each", 900.0, 0.4, data, 2)
    assert (case.kind, case.workers, case.busy, case.cpu) == ("process", 16, 3.0, 0.2)
    assert (case.item, case.plain, case.native, case.held, case.computes) == (0.004, 0.005, 0.1, 0.2, 0.3)
    assert case_of("serial", 1.0, 1.0, {**data, "plain": None}, 2).plain == 0.0


def test_the_report_says_what_was_missed_and_draws_it(tmp_path: Path) -> None:
    each = measured("slow <one>", 0.9, serial=0.3)
    each.explained = {"kinds": [{"kind": "serial", "predicted": 1.0}], "work": {"item": 1.0}}
    each.items = 60
    data = {
        "set": "tuning", "machine": "two processors", "rounds": 5, "cold": False, "seconds": 3.0,
        "workloads": [each.to_dict()], "skipped": {"asked": "no PostgreSQL (it was not asked for)"},
    }  # fmt: skip
    text = report(json.loads(json.dumps(data)), tmp_path)
    assert "worst: 3.00, slow <one> (at most 1.35): MISSED" in text
    assert "Skipped: asked, no PostgreSQL" in text
    assert "slow <one>, serial: predicted 1 items a second, measured 200: the items that it was" in text
    picture = (tmp_path / "choose-tuning.svg").read_text()
    assert "slow &lt;one&gt;" in picture
    assert "<circle" in picture
    import xml.etree.ElementTree as ET

    ET.fromstring(picture)
