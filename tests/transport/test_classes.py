"""Classes that no other process can import go by value; the original is at home, and stays as it is."""

from __future__ import annotations

import enum
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from weft._transport import classes
from weft._transport.codec import dumps_by_value, loads


def made() -> type[Any]:
    class Counted:
        count = 0

    Counted.__module__ = "__main__"  # so that nobody can import it
    return Counted


def test_the_original_is_not_overwritten_by_what_a_worker_has_of_it() -> None:
    """A result is an instance, and brings its class along as it was when the worker got it."""
    kind = made()
    sent = dumps_by_value(kind())
    kind.count = 5
    assert type(loads(sent)) is kind
    assert kind.count == 5


def test_a_copy_is_renewed_each_time_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook classes change between two calls."""
    kind = made()
    dumps_by_value(kind)
    monkeypatch.setattr(classes.os, "getpid", lambda: -1)  # another process, to which it is nobody's original
    kind.count = 7
    sent = dumps_by_value(kind)
    kind.count = 1
    assert loads(sent).count == 7


def test_reading_back_what_was_sent_changes_nothing_of_a_named_tuple_or_an_enum() -> None:
    """Their attributes would be others, though equal: whoever looks whether something changed would be alarmed."""

    class Pair(NamedTuple):
        one: int

    class Colour(enum.Enum):
        RED = 1

    for kind in (Pair, Colour):
        kind.__module__ = "__main__"
        before = {name: id(value) for name, value in vars(kind).items()}
        assert loads(dumps_by_value(kind)) is kind
        assert {name: id(value) for name, value in vars(kind).items()} == before


SCRIPT = """
from typing import NamedTuple
import weft

class Summary(NamedTuple):
    size: int
    seen = 0

class Counted:
    count = 0

def alike(n):
    return Counted()

def work(n):
    total = 0
    for k in range(60_000):
        total += k % 7
    return Summary(total), Counted()

run = weft.map(work, range(300))
list(run)
told = str(run.explain())
assert "changed" not in told, told

run = iter(weft.map(alike, range(400), on="process", chunksize=2))
next(run)
Counted.count = 11
list(run)
assert Counted.count == 11
"""


def test_a_scripts_own_classes_are_no_reason_to_stay(tmp_path: Any) -> None:
    """Weighing a result's way home is no change of its class; and what is set here meanwhile is not undone."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    subprocess.run([sys.executable, str(path)], check=True, timeout=60)
