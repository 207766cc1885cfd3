"""Functions that are little more than their code: taken apart here, put together there, without cloudpickle."""

from __future__ import annotations

import collections
import math
import pickle
import subprocess
import sys
import time
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from weft._transport.plainly import goes_plainly

FACTOR = 3
TABLE = {"a": 1}

PROGRAM = """
import math, sys
from os.path import join
from weft._transport import callables
FACTOR = 3

def triple(n: int, by: "float" = 1.0, *, more=0) -> int:
    'Three times.'
    return helper(n) * FACTOR + more

def helper(n):
    return math.floor(n) if n < 100 else triple(n - 100)

def names():
    return __name__, join("a", "b"), (lambda: FACTOR)()

def count():
    global FACTOR
    FACTOR += 1
    return FACTOR

data = [callables.dump_with_function(fn, fn)[0] for fn in (triple, names, count)]
assert "cloudpickle" not in sys.modules
sys.stdout.write(repr((data, (triple.__doc__, triple.__qualname__))))
"""


def test_it_arrives_as_it_was(tmp_path: Path) -> None:
    """With its defaults, its name, what it uses of its module, and globals of its own."""
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    data, told = eval(done.stdout)
    triple, names, count = map(pickle.loads, data)
    assert (triple(14), triple(114, more=1), triple.__defaults__) == (42, 127, (1.0,))
    assert (triple.__doc__, triple.__qualname__) == told
    assert triple.__annotations__ == {"n": int, "by": "float", "return": int}
    assert (triple.__module__, names()) == ("__main__", ("__main__", "a/b", 3))
    assert (count(), count(), names()[2]) == (4, 5, 3)


def has_a_default(table: dict[str, int] = TABLE) -> None: ...


def has_an_attribute() -> None: ...


has_an_attribute.count = 0  # type: ignore[attr-defined]


def uses_an_object() -> Any:
    return TABLE


def uses_a_package() -> Any:
    return collections.deque


def uses_one_that_does() -> Any:
    return [uses_an_object() for _ in range(3)]


def closes_over(n: int) -> Any:
    return lambda: n


@pytest.mark.parametrize(
    "fn",
    [
        has_a_default, has_an_attribute, uses_an_object, uses_a_package, uses_one_that_does, closes_over(1),
        math.sqrt, collections.deque, [].append,
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_more_than_its_code_is_left_to_others(fn: Any) -> None:
    assert not goes_plainly(fn)


def recurses(n: int) -> int:
    return n if n < 2 else recurses(n - 1) + recurses(n - 2)


@pytest.mark.parametrize("fn", [recurses, lambda n: FACTOR * n, lambda: sleep(time.time() - math.pi)], ids=repr)
def test_what_is_not_is_not(fn: Any) -> None:
    assert goes_plainly(fn)
