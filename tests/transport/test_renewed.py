"""What the standard library wraps around functions: made again where it arrives."""

from __future__ import annotations

import fnmatch
import functools
import subprocess
import sys
import threading
from pathlib import Path
from weakref import WeakSet, WeakValueDictionary

import pytest

from weft._transport.codec import dumps_by_value, loads

# As a user has them: all in a script, which no other process can import.
SCRIPT = """\
import functools, threading, weakref, weft

@functools.cache
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)

@functools.lru_cache(maxsize=3, typed=True)
def limited(n): return n, limited.cache_parameters()

def calls_one(n): return fib(n + 50)

class Circle:
    def __init__(self, n): self.n = n
    @functools.cached_property
    def area(self): return 3 * self.n
    @functools.lru_cache
    def grown(self, by): return self.area + by

def of_a_class(n): return Circle(n).area + Circle(n).grown(1)

@functools.singledispatch
def kind(value): return "thing"

@kind.register
def _(value: int): return "number"

local = threading.local()
local.here = True

def own(n):
    local.n = n
    return local.n, hasattr(local, "here")

seen = weakref.WeakSet()
def watched(n): return len(seen)
"""


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        ("fib", [0, 1, 1, 2]),
        ("limited", [(n, {"maxsize": 3, "typed": True}) for n in range(4)]),
        ("calls_one", [12586269025, 20365011074, 32951280099, 53316291173]),
        ("functools.partial(fib)", [0, 1, 1, 2]),
        ("of_a_class", [1, 7, 13, 19]),
        ("Circle(5).grown", [15, 16, 17, 18]),
        ("kind", ["number"] * 4),
        ("own", [(n, False) for n in range(4)]),
        ("watched", [0] * 4),
    ],
)
def test_what_a_script_defines_runs_in_a_process(tmp_path: Path, fn: str, expected: list[object]) -> None:
    """A cache, a thread's namespace, a function for each type: nobody has to know that pickle refuses them."""
    (tmp_path / "script.py").write_text(f"{SCRIPT}\nprint(weft.map({fn}, range(4), on='process').results())")
    words = [sys.executable, "script.py"]
    told = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (told.stdout, told.stderr) == (f"{expected}\n", "")


def test_what_can_be_imported_goes_by_its_name() -> None:
    """A cached function of a library is the library's own over there, with its cache."""
    translated = fnmatch._compile_pattern  # type: ignore[attr-defined]
    assert loads(dumps_by_value((lambda: 0, translated)))[1] is translated


def test_a_cache_arrives_empty_with_its_attributes() -> None:
    twice = functools.lru_cache(maxsize=5)(lambda n: 2 * n)
    twice.unit = "m"
    twice(3)
    copy = loads(dumps_by_value(twice))
    assert (copy.unit, copy.cache_info().currsize, copy.cache_parameters()) == ("m", 0, twice.cache_parameters())
    assert copy(4) == 8


def test_weak_mappings_keep_what_somebody_else_holds() -> None:
    """The same rule as here: an entry lives as long as its value does."""

    class Thing:
        pass

    thing = Thing()
    mapping, members, kept = loads(dumps_by_value((WeakValueDictionary(a=thing), WeakSet([thing]), thing)))
    assert mapping["a"] is kept
    assert list(members) == [kept]
    alone = loads(dumps_by_value((WeakValueDictionary(a=thing), threading.local())))[0]
    assert len(alone) == 0
