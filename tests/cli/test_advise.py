"""``weft advise``: which kind of worker a function wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

QUICK = ("--seconds", "0.4", "--max-workers", "2")


def test_it_is_readable(weft: Callable) -> None:
    said = weft("advise", "work.py:sleeps", "0.002", "0.003", *QUICK)
    assert said.status == 0
    assert "items a second" in said.out
    assert "weft.map(sleeps, items, on=" in said.out
    assert "all 2 items: about" in said.out


def test_it_is_data(weft: Callable) -> None:
    said = weft("advise", "work.py:sleeps", "0.002", "--json", *QUICK)
    data = json.loads(said.out)
    assert data["function"] == "sleeps"
    assert {each["kind"] for each in data["kinds"]} >= {"serial", "thread"}


def test_it_is_drawn(weft: Callable) -> None:
    said = weft("advise", "work.py:upper", "a", "b", "--plot", "advice.html", *QUICK)
    assert said.status == 0
    assert "the plot is in advice.html" in said.err
    assert "<svg" in Path("advice.html").read_text()


def test_what_the_function_prints_is_not_among_the_data(weft_alone: Callable) -> None:
    said = weft_alone("advise", "work.py:says", "a", "--json", *QUICK)
    assert said.status == 0
    assert json.loads(said.out)["function"] == "says"
    assert "said a" in said.err


def test_wrong_use_is_refused(weft: Callable) -> None:
    assert "greater than 0" in weft("advise", "work.py:upper", "a", "--seconds", "0").err
    assert "1 or more" in weft("advise", "work.py:upper", "a", "--max-workers", "0").err
    assert "can't be written" in weft("advise", "work.py:upper", "a", "--plot", "none/advice.html", *QUICK).err
    Path("empty").write_text("")
    said = weft("advise", "work.py:upper", "--lines", "empty", *QUICK)
    assert (said.status, said.out) == (2, "")
    assert "no items" in said.err
