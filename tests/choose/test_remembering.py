"""A run begins where the last one ended: real runs, with a memory of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import weft
from weft._choose import memory
from weft._choose.memory import Learned, Memory


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path))


def nap(n: int) -> int:
    time.sleep(0.005)
    return n


async def anap(n: int) -> int:
    import asyncio

    await asyncio.sleep(0.005)
    return n


def remembered(run: weft.Run[int]) -> dict[str, object] | None:
    run.results()
    found: dict[str, object] | None = run.explain().to_dict()["remembered"]
    return found


@pytest.mark.parametrize(("fn", "kind", "count"), [(nap, "thread", 300), (anap, "async", 2_000)])
def test_the_second_run_knows_what_the_first_learned(fn: object, kind: str, count: int) -> None:
    """And says so."""
    assert remembered(weft.map(fn, range(count))) is None  # type: ignore[arg-type]
    run = weft.map(fn, range(count))  # type: ignore[arg-type]
    found = remembered(run)
    assert found is not None
    assert (found["kind"], found["runs"]) == (kind, 1)
    assert str(found["checked"]).startswith("followed")
    assert "remembered of an earlier run, the last just now: " in str(run.explain())


def test_a_run_that_is_over_at_once_looks_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs a run of a millisecond nothing."""

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Memory, "here", never)
    assert weft.map(abs, range(1_000)).results() == list(range(1_000))
    assert list(tmp_path.iterdir()) == []


def test_the_word_off_turns_it_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_CACHE", "off")
    for _ in range(2):
        assert remembered(weft.map(nap, range(200))) is None
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_memory_is_noticed_and_corrected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that an item computes for a second: what is seen now counts, and is what is remembered then."""
    monkeypatch.setattr(Memory, "recall", lambda *_: Learned("process", 2, 1.0, 1.0, 1.0, rate=2.0, items=9, runs=5))
    run = weft.map(nap, range(300))
    found = remembered(run)
    assert found is not None
    assert run.explain().decisions[-1].plan.kind == "thread"
    assert not str(found["checked"]).startswith("followed, and confirmed")
    monkeypatch.undo()
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path))
    again = remembered(weft.map(nap, range(300)))
    assert again is not None
    assert again["kind"] == "thread"


def test_what_was_asked_for_is_remembered_apart() -> None:
    """Two workers were right where no more were wanted; that says nothing of runs that may have more."""
    remembered(weft.map(nap, range(60), max_workers=2))
    assert remembered(weft.map(nap, range(60), max_workers=2)) is not None
    assert remembered(weft.map(nap, range(60))) is None


def test_it_is_the_next_process_that_remembers(tmp_path: Path) -> None:
    """The file is all that is left of the first one, and there is nothing of the user's in it."""
    script = tmp_path / "script.py"
    script.write_text(
        "import time, weft\n"
        "def secretly(word):\n"
        "    time.sleep(0.005)\n"
        "    return word\n"
        "run = weft.map(secretly, ['password'] * 200)\n"
        "run.results()\n"
        "print((run.explain().to_dict()['remembered'] or {}).get('runs', 0))\n"
    )
    environment = {**os.environ, "WEFT_CACHE": str(tmp_path / "cache")}
    told = [
        subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, check=True, text=True)
        for _ in range(3)
    ]
    assert [each.stdout.split()[-1] for each in told] == ["0", "1", "2"]
    [table] = (tmp_path / "cache").iterdir()
    assert table.name == f"auto-{memory.VERSION}.table"
    data = table.read_bytes()
    assert not any(word in data for word in (b"password", b"secretly", b"script"))
