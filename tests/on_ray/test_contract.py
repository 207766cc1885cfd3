"""The contract of tests/contract, word for word, on Ray.

Whatever there takes the parameter ``kind``, or ``asked``, is run with what is said in conftest.py. What is left out is
listed by name, with the reason.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

CONTRACT = Path(__file__).parents[1] / "contract"

LEFT_OUT = {
    # Ray's object store may not be written to, by anybody: large results are read-only there, as Ray's own are.
    # tests/on_ray/test_data.py says what holds instead.
    "test_a_result_may_be_written_to": "large results are read-only views of the object store",
    "test_arrays_in_and_out_kept": "the same, as it asks whether they may be written to",
    "test_arrays_that_are_alike_are_each_its_own": "the same, as it writes into them",
    "test_data_frames_and_tables": "the same, as it writes into one",
    # Ray's worker processes are Ray's, and what they do when a function forks them.
    "test_a_death_is_noticed_though_something_lives_on_that_the_worker_has_forked": "Ray does not notice it",
    "test_a_copy_of_a_worker_is_no_worker": "a copy goes on as Ray's worker",
}

# What of the crashes' matrix is run here: each death costs Ray half a second and more.
WAYS = {"exception", "sys.exit"}


def adapted(test: Any) -> Any | None:
    """The test without what it says of the kinds it is for; nothing if they are all of another sort than Ray."""
    marks = []
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "usefixtures" and "start_method" in mark.args:
            return None
        if mark.name == "parametrize" and mark.args[0] == "kind":
            if "process" not in mark.args[1]:
                return None
            continue
        marks.append(mark)
    copy = types.FunctionType(test.__code__, test.__globals__, test.__name__, test.__defaults__, test.__closure__)
    copy.__dict__.update(test.__dict__)
    copy.__kwdefaults__, copy.__annotations__ = test.__kwdefaults__, test.__annotations__
    copy.pytestmark = [narrowed(mark) for mark in marks]
    return copy


def narrowed(mark: Any) -> Any:
    """Of the ways to die, those that nobody dies of."""
    if mark.name != "parametrize" or mark.args[0] not in {"way", ("stage", "way")}:
        return mark
    chosen = [case for case in mark.args[1] if (case if isinstance(case, str) else case.values[-1]) in WAYS]
    return pytest.mark.parametrize(mark.args[0], chosen).mark if chosen else mark


def is_fixture(thing: Any) -> bool:
    return type(thing).__name__ == "FixtureFunctionDefinition" or hasattr(thing, "_pytestfixturefunction")


def found() -> Iterator[tuple[str, Any]]:
    for path in sorted(CONTRACT.glob("test_*.py")):
        for name, thing in vars(import_module(f"tests.contract.{path.stem}")).items():
            if isinstance(thing, types.FunctionType) and name.startswith("test_"):
                if name in LEFT_OUT or not {"kind", "asked"} & set(inspect.signature(thing).parameters):
                    continue
                if (test := adapted(thing)) is not None:
                    yield name, test
            elif is_fixture(thing) and name != "asked":
                yield name, thing


for _name, _test in found():
    assert _name not in globals(), f"two tests of the contract are called {_name}"
    globals()[_name] = _test


def test_what_is_left_out_is_there() -> None:
    """A name that is gone from the contract is gone from the list."""
    text = "".join(path.read_text() for path in CONTRACT.glob("test_*.py"))
    assert [name for name in LEFT_OUT if f"def {name}(" not in text] == []
