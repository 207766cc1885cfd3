"""What was measured side by side and what it says, as tables: no clock is needed for that."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from weft._choose.advice import Advice, Trial, expected, goes_on, knee, ladder, recommended


def trial(kind: str, workers: int, rate: float, **more: Any) -> Trial:
    return Trial(kind, workers, int(rate * 10), 10.0, more.pop("expected", rate), **more)


def advice(*trials: Trial, **more: Any) -> Advice:
    known = {
        "name": "parse", "cost": 0.01, "share": 0.98, "total": 10_000, "starts": {}, "left_out": {}, "gil": True,
    }  # fmt: skip
    return Advice(trials=(trial("serial", 1, 100), *trials), **{**known, **more})


THREADS = [
    trial("thread", n, rate) for n, rate in ((2, 199), (4, 380), (8, 700), (16, 1_150), (32, 1_250), (64, 1_240))
]


def test_the_knee_is_the_fewest_workers_that_come_near_the_best() -> None:
    assert knee(THREADS).workers == 16
    assert knee(THREADS[:1]).workers == 2


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({"thread": 103, "process": 190}, "process"),
        ({"thread": 180, "process": 190}, "thread"),
        ({"thread": 108, "process": 112}, "serial"),
        ({"thread": 60, "process": 40}, "serial"),
        ({"thread": 900, "process": 195}, "thread"),
        ({"async": 5_000}, "async"),
    ],
)
def test_the_quickest_is_recommended_if_it_is_worth_it_and_what_shares_memory_if_it_comes_near(
    rates: dict[str, float], best: str
) -> None:
    plain = trial("serial", 1, 100)
    knees = {"serial": plain, **{kind: trial(kind, 2, rate) for kind, rate in rates.items()}}
    assert recommended(knees, plain).kind == best


def test_what_begins_when_a_plain_loop_is_through_is_not_recommended() -> None:
    """However quick it is then: three items are done before the first worker is there."""
    quick = trial("process", 2, 190)
    few = advice(quick, total=3, starts={"process": 0.1})
    assert few.best is few.plain
    assert few.headline == "a plain loop: it has done all 3 items in 30 ms, processes ×2 in 116 ms"
    assert "about 30 ms" in str(few)
    many = advice(quick, total=300, starts={"process": 0.1})
    assert many.best is quick
    assert advice(quick, total=None, starts={"process": 0.1}).best is quick


@pytest.mark.parametrize(
    ("kind", "workers", "share", "gil", "rate"),
    [
        ("serial", 1, 1.0, True, 100),
        ("thread", 8, 1.0, True, 100),
        ("thread", 8, 1.0, False, 200),
        ("thread", 8, 0.0, True, 800),
        ("thread", 64, 0.1, True, 1_000),
        ("process", 8, 1.0, True, 200),
        ("process", 2, 0.5, True, 200),
        ("process", 8, 0.5, True, 400),
        ("async", 100, 0.0, True, 10_000),
    ],
)
def test_what_one_would_expect(kind: str, workers: int, share: float, gil: bool, rate: float) -> None:
    assert expected(kind, workers, 0.01, share, 2, gil=gil) == pytest.approx(rate)


def test_more_are_tried_as_long_as_that_helps() -> None:
    assert goes_on([])
    assert goes_on(THREADS[:5])
    assert not goes_on([trial("thread", n, 100) for n in (2, 4, 8)])
    assert goes_on([trial("thread", n, rate) for n, rate in ((2, 100), (4, 90), (8, 120))])
    assert ladder("process", 16) == [2, 8, 16, 32, 64]
    assert ladder("process", 1) == [2, 4, 8]


def test_it_says_what_and_why_and_why_not_the_others() -> None:
    said = str(advice(trial("thread", 2, 101), trial("process", 2, 190), starts={"process": 0.05}))
    assert said.startswith("processes ×2: 190 items a second, 1.9 times a plain loop\n")
    assert "threads: 1 times at most: the function computes 98% of its time, and threads take turns" in said
    assert "all 10,000 items: about 53 s so, 100 s in a plain loop" in said
    assert said.endswith('weft.map(parse, items, on="process", max_workers=2)')


def test_nothing_is_recommended_where_nothing_helps() -> None:
    said = str(advice(trial("thread", 2, 101)))
    assert said.startswith("a plain loop: nothing that was tried is 1.15 times as fast as its 100 items a second")
    assert said.endswith('weft.map(parse, items, on="serial")')


def test_what_the_sample_has_done_is_said() -> None:
    said = str(advice(left_out={"process": "it appends"}, changes="it calls .append() of the global 'seen'"))
    assert "not tried: process, as it appends" in said
    assert "the global 'seen': the calls that were made for this have done that too" in said


def test_it_is_data_too() -> None:
    data = json.loads(json.dumps(advice(*THREADS, left_out={"process": "it has a lock"}).to_dict()))
    assert data["recommended"]["kind"] == "thread"
    assert data["recommended"]["workers"] == 16
    assert [each["workers"] for each in data["kinds"] if each["knee"]] == [1, 16]
    assert data["kinds"][1] == {
        "kind": "thread", "workers": 2, "predicted": 199, "measured": 199, "times": 1.99, "items": 1990, "failed": 0,
        "knee": False,
    }  # fmt: skip
    assert data["left_out"] == {"process": "it has a lock"}


@pytest.mark.parametrize(
    "made",
    [
        advice(*THREADS, trial("process", 2, 195), name="<parse & co>"),
        advice(),
        advice(trial("thread", 2, 1e-3), trial("thread", 4, 3e7)),
        advice(*(trial("async", n, 50.0 * n) for n in (5, 20, 1000))),
        advice(Trial("thread", 2, 1, 0.0, float("inf"))),
        advice(trial("thread", 2, 100, failed=3)),
    ],
    ids=["usual", "plain", "far apart", "coroutines", "no time", "failures"],
)
def test_the_page_is_one_file_whose_picture_is_well_formed(made: Advice, tmp_path: Path) -> None:
    path = tmp_path / "advice.html"
    made.plot(str(path))
    page = path.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=|@import|url\(", page)
    assert "<parse & co>" not in page
    picture = ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    numbers = [
        float(node.get(name))
        for node in picture.iter()
        for name in ("x", "y", "cx", "cy", "x1", "y2")
        if node.get(name)
    ]  # type: ignore[arg-type]
    assert all(0 <= number <= 900 for number in numbers)


def test_the_knee_is_marked() -> None:
    from weft._choose.advice_page import page

    assert "knee: 16" in page(advice(*THREADS))
