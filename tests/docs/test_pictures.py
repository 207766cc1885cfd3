"""The pictures of the guide are drawn from the events of runs, whatever the workers; the table beside them is true."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

import weft
from weft.abc import Span

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts]
SVG = "{http://www.w3.org/2000/svg}"


def module(path: str) -> ModuleType:
    """A program of the checkout, loaded and not run."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded  # where dataclasses look for it
    spec.loader.exec_module(loaded)
    return loaded


timeline = module("docs/_timeline.py")


def nap(n):
    time.sleep(0.002)
    return n


async def nap_async(n):
    await asyncio.sleep(0.002)
    return n


def record_of(kind: Any, items: int = 20) -> Any:
    record = timeline.Record()
    weft.map(nap_async if kind == "async" else nap, range(items), on=kind, max_workers=3, progress=record).results()
    return record


def bars(picture: str, kind: str) -> list[ElementTree.Element]:
    return [bar for bar in ElementTree.fromstring(picture).iter(f"{SVG}rect") if bar.get("class") == kind]


@pytest.mark.parametrize("kind", ["serial", "thread", "process", "async", "futures"])
def test_a_run_is_drawn_with_a_row_for_each_worker_and_a_bar_for_each_chunk(kind: str) -> None:
    """Within the field, in the kind's colour, by day and by night, and without a script."""
    with ThreadPoolExecutor(3) as pool:
        record = record_of(pool if kind == "futures" else kind)
    picture = timeline.drawn("A run", [("", record)], "where it is from")
    drawn = bars(picture, kind)
    assert len(drawn) == len(record.spans) > 0
    assert len({bar.get("y") for bar in drawn}) == len({span.worker for span in record.spans})
    for bar in drawn:
        left, width = float(bar.get("x", "")), float(bar.get("width", ""))
        assert timeline.LEFT <= left <= left + width <= timeline.RIGHT + 1
    assert "<script" not in picture
    assert "prefers-color-scheme: dark" in picture


def test_a_pipeline_is_drawn_stage_by_stage() -> None:
    record = timeline.Record()
    flow = weft.pipeline(range(12)).map(nap, on="thread", max_workers=2).map(str, on="process", max_workers=1)
    flow.run(progress=record).results()
    assert [group.stage for group in timeline.groups(record)] == ["nap", "str"]
    words = [text.text for text in ElementTree.fromstring(timeline.drawn("", [("", record)], "")).iter(f"{SVG}text")]
    assert words.index("nap") < words.index("thread 1") < words.index("str") < words.index("process 1")


def test_of_very_many_workers_some_are_drawn() -> None:
    """A picture of five hundred rows shows nothing."""
    spans = [Span(f"weft-coroutine-{n}", n, 1, 0.0, 1.0) for n in range(500)]
    picture = timeline.drawn("", [("", timeline.Record(seconds=1.0, spans=spans))], "")
    assert len(bars(picture, "async")) <= timeline.MOST
    assert "500 coroutines" in picture


def test_several_runs_have_one_scale_of_time() -> None:
    """Side by side, or it would mislead: the same bar is the same time."""
    runs = [("short", timeline.Record(seconds=1.0, spans=[Span("weft-thread-1", 0, 1, 0.0, 1.0)]))]
    runs.append(("long", timeline.Record(seconds=4.0, spans=[Span("weft-thread-2", 0, 1, 0.0, 4.0)])))
    short, long = bars(timeline.drawn("", runs, ""), "thread")
    assert float(long.get("width", "")) == pytest.approx(4 * float(short.get("width", "")), rel=0.02)


def test_every_picture_can_be_drawn_again_and_is_shown() -> None:
    """One that nobody can draw again, or that no page shows, is out of date one day."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        pictures = module("docs/_pictures.py").PICTURES
    finally:
        sys.path.remove(str(ROOT / "docs"))
    assert {path.stem for path in (ROOT / "docs" / "patterns").glob("*.svg")} == set(pictures)
    assert all((ROOT / "examples" / picture.program).exists() for picture in pictures.values())
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {name for name in pictures if re.search(rf"\]\(\S*{name}\.svg\)", text)} == set(pictures)


def test_the_table_of_properties_says_what_is_measured() -> None:
    """As far as no clock is needed: what is a matter of time is another on a busy machine."""
    properties = module("bench/properties.py")
    page = (ROOT / "docs" / "patterns" / "threads-processes-asyncio.md").read_text(encoding="utf-8")
    for row in properties.facts():
        assert properties.table([row], figures=False).splitlines()[-1] in page
