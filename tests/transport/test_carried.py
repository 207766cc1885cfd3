"""Functions that are sent by value again and again: pickled once, and never an old one for a new."""

from __future__ import annotations

import os
from types import FunctionType
from typing import Any

import pytest

import weft
from weft._model.gil import gil_enabled
from weft._transport.carried import Carried, carried

FACTOR = 3
LIST = [1]


def globals_of(**names: Any) -> dict[str, Any]:
    return {"__name__": "__main__", "__builtins__": __builtins__, **names}


def function(source: str, **names: Any) -> tuple[FunctionType, dict[str, Any]]:
    """A function as a script has it, and the script's globals."""
    space = globals_of(**names)
    exec(source, space)
    return space["f"], space


def test_a_function_of_a_script_is_pickled_once() -> None:
    fn, _ = function("def f(n): return abs(n) * FACTOR", FACTOR=3)
    first = carried(fn)
    assert isinstance(first, Carried)
    assert carried(fn) is first


def test_what_workers_can_import_goes_as_it_is() -> None:
    assert carried(len) is len
    assert carried(os.path.join) is os.path.join


@pytest.mark.parametrize(
    "source",
    [
        "def f(n): return LIST[0]",
        "def f(n, seen=LIST): return seen",
        "def f(n, *, seen=3): return seen",
        "def f(n):\n  global COUNT\n  COUNT = n",
        "def g(): return LIST\ndef f(n): return g()",
        "def make(k):\n  def inner(n): return k\n  return inner\nf = make(3)",
        "class C: pass\ndef f(n): return C()",
        "def f(n): return 1\nf.calls = 0",
    ],
)
def test_what_may_change_unseen_is_pickled_each_time(source: str) -> None:
    fn, _ = function(source, LIST=LIST, COUNT=0)
    assert carried(fn) is fn


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("def f(n): return FACTOR", {"FACTOR": 4}),
        ("def g(): return 1\ndef f(n): return g()", {"g": lambda: 2}),
        ("def f(n): return len(n)", {"len": lambda n: 7}),
    ],
)
def test_a_change_of_what_it_refers_to_is_seen(source: str, change: dict[str, Any]) -> None:
    fn, space = function(source, FACTOR=3)
    before = carried(fn)
    assert isinstance(before, Carried)
    space.update(change)
    assert carried(fn) is not before


def test_a_function_that_is_edited_is_sent_anew() -> None:
    fn, _ = function("def f(n): return 1")
    assert weft.submit(fn, 0, on="process").result(30) == 1
    fn.__code__ = (lambda n: 2).__code__
    assert weft.submit(fn, 0, on="process").result(30) == 2


def test_calls_by_value_see_what_the_caller_sees_now() -> None:
    """The same function again and again, with a global of the script that changes in between."""
    fn, space = function("def f(n): return n * FACTOR", FACTOR=1)
    found = []
    for factor in (2, 2, 5):
        space["FACTOR"] = factor
        found.append(weft.submit(fn, 10, on="process").result(30))
    assert found == [20, 20, 50]


def test_a_new_function_in_the_place_of_an_old_one_is_not_taken_for_it() -> None:
    """They are known by their address, and that is used again; here by functions of the same code."""
    code = function("def f(n): return NUMBER")[0].__code__
    places: set[int] = set()
    found, again = [], 0
    for number in range(50):
        fn = FunctionType(code, globals_of(NUMBER=number))
        again += id(fn) in places
        places.add(id(fn))
        found.append(weft.submit(fn, 0, on="process").result(30))
        del fn
    assert found == list(range(50))
    if not again and not gil_enabled():
        pytest.skip("memory that is free is not used again at once")
    assert again, "no address was used twice: this test has shown nothing"


def test_a_function_is_unpickled_once_in_a_worker() -> None:
    """So what it has there, as a cache of its own, lasts from call to call."""
    fn, _ = function("def f(n): return id(f)")
    assert isinstance(carried(fn), Carried)
    with weft.ProcessExecutor(1) as executor:
        assert len({executor.submit(fn, n).result(30) for n in range(5)}) == 1


def test_a_function_that_cannot_be_unpickled_fails_its_call_and_no_other() -> None:
    fn, _ = function("def f(n): return n")
    sent = carried(fn)
    assert isinstance(sent, Carried)
    sent.packed = sent.packed[: len(sent.packed) // 2]
    with pytest.raises(Exception, match=r"truncated|Ran out of input|EOF"):
        weft.submit(fn, 1, on="process").result(30)
    assert weft.submit(abs, -1, on="process").result(30) == 1


def test_functions_that_call_each_other_come_to_an_end() -> None:
    fn, _ = function("def g(n): return f(n - 1) if n else 0\ndef f(n): return g(n)")
    assert isinstance(carried(fn), Carried)
    assert weft.submit(fn, 4, on="process").result(30) == 0
