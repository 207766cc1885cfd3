"""What may be asked, and what is said of what may not."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from weft._model import options
from weft._model.asked import Asked
from weft._model.options import ELSEWHERE, Options, nbytes
from weft.errors import BadOption, OptionError, UnknownOption


class Foreign:
    def submit(self, *args: Any) -> Any: ...


POOL = ThreadPoolExecutor(1)  # starts no thread before it is used


def test_options_are_declared_once_for_types_and_for_the_runtime() -> None:
    """A type checker and the program must give the same answer."""
    names = set(Options.__dataclass_fields__)
    assert set(Asked.__annotations__) == names == set(options._CHECKS)


def test_nothing_asked_is_the_defaults() -> None:
    """And the defaults pass their own checks."""
    assert Options.of({}).ordered
    defaults = Options()
    assert Options.of({name: getattr(defaults, name) for name in Options.__dataclass_fields__})


@pytest.mark.parametrize(
    "asked",
    [
        {"on": "thread"},
        {"on": POOL},
        {"on": Foreign()},
        {"max_workers": 1},
        {"ordered": False},
        {"timeout": 0.001},
        {"timeout": float("inf")},
        {"timeout": "5x median"},
        {"memory_limit": 1},
        {"memory_limit": 2**62 - 1},
        {"memory_limit": "2 GiB"},
        {"memory_limit": "1.5gb"},
        {"max_tasks_per_child": 1},
        {"timeout": " 2.5 × median"},
        {"retries": 0},
        {"on_error": "skip"},
        {"rate": 10},
        {"chunksize": 10**9},
        {"buffersize": 1},
        {"seed": 0},
        {"progress": print},
        {"progress": False},
        {"start_method": "spawn"},
        {"on": "process", "start_method": "fork"},
        {"on": "process", "mp_context": multiprocessing.get_context("spawn")},
        {"name": ""},
    ],
    ids=str,
)
def test_what_can_be_is_accepted_as_it_is(asked: dict[str, Any]) -> None:
    """Nothing is converted behind anybody's back."""
    checked = Options.of(asked)
    for name, value in asked.items():
        assert getattr(checked, name) is value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("on", "threads"),
        ("on", None),
        ("on", ["threads"]),
        ("on", ["auto", "thread"]),
        ("on", ()),
        ("on", [[]]),
        ("on", 4),
        ("max_workers", 0),
        ("max_workers", -1),
        ("max_workers", 2.0),
        ("max_workers", True),
        ("max_workers", "4"),
        ("ordered", None),
        ("ordered", 1),
        ("timeout", 0),
        ("timeout", -1.0),
        ("timeout", float("nan")),
        ("timeout", "5"),
        ("timeout", "median"),
        ("memory_limit", 0),
        ("memory_limit", "much"),
        ("memory_limit", "0 MB"),
        ("memory_limit", 2**62),
        ("memory_limit", "9999999999 GiB"),
        ("max_tasks_per_child", 0),
        ("timeout", "0x median"),
        ("timeout", "-1x median"),
        ("timeout", True),
        ("retries", None),
        ("retries", -1),
        ("retries", 1.5),
        ("on_error", "ignore"),
        ("on_error", None),
        ("on_error", ["skip"]),
        ("rate", 0),
        ("rate", float("nan")),
        ("chunksize", 0),
        ("buffersize", 0),
        ("seed", -1),
        ("seed", "a"),
        ("progress", 1),
        ("progress", "yes"),
        ("start_method", "thread"),
        ("start_method", 1),
        ("mp_context", "spawn"),
        ("mp_context", object()),
        ("name", 5),
    ],
)
def test_what_can_not_be_is_refused_by_name(name: str, value: Any) -> None:
    """Before anything runs, as a ValueError that says what was wrong with which keyword, and what would be right."""
    with pytest.raises(BadOption, match=f"^{name} must be ") as caught:
        Options.of({name: value})
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, OptionError)
    assert (caught.value.name, caught.value.value) == (name, value)


@pytest.mark.parametrize("on", ["thread", "serial", "async", POOL])
@pytest.mark.parametrize("name", ["start_method", "mp_context"])
def test_a_start_method_is_refused_where_no_process_is_started(on: Any, name: str) -> None:
    """It would be without effect, and whoever wrote it thinks otherwise."""
    value = {"start_method": "spawn", "mp_context": multiprocessing.get_context("spawn")}[name]
    with pytest.raises(BadOption, match=f"^{name} must be left out, as on=") as caught:
        Options.of({"on": on, name: value})
    assert caught.value.name == name


def test_a_start_method_is_said_once() -> None:
    """By name or by context."""
    context = multiprocessing.get_context("spawn")
    assert Options.of({"mp_context": context}).started_by == Options.of({"start_method": "spawn"}).started_by == "spawn"
    with pytest.raises(BadOption, match="left out where start_method is given"):
        Options.of({"mp_context": context, "start_method": "fork"})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *ELSEWHERE.items(),
        ("chunk_size", "chunksize"),
        ("retry", "retries"),
        ("time_out", "timeout"),
        ("max_worker", "max_workers"),
    ],
)
def test_a_keyword_that_does_not_exist_names_the_one_that_was_meant(name: str, meant: str) -> None:
    """Nobody knows the names of all libraries by heart."""
    with pytest.raises(UnknownOption, match=f"did you mean '{meant}'") as caught:
        Options.of({name: 1})
    assert isinstance(caught.value, TypeError)
    assert meant in Options.__dataclass_fields__


def test_a_keyword_that_is_like_no_other_gets_the_list() -> None:
    """Better than a guess."""
    with pytest.raises(UnknownOption, match="there are: buffersize, chunksize"):
        Options.of({"zzz": 1})


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ("1 KiB", 1024),
        ("2k", 2048),
        ("3 kB", 3000),
        ("1.5 GiB", 3 << 29),
        ("2GB", 2 * 10**9),
        ("7 b", 7),
        (9, 9),
        (None, None),
    ],
)
def test_sizes_are_in_bytes(size: int | str | None, found: int | None) -> None:
    """Powers of 1000 with a B, powers of 1024 with iB or the letter alone, as elsewhere."""
    assert nbytes(size) == found


@pytest.mark.parametrize("asked", [{"memory_limit": "1 GiB"}, {"max_tasks_per_child": 3}])
@pytest.mark.parametrize("on", ["thread", "async", "serial"])
def test_what_only_processes_can_keep_is_refused_elsewhere(asked: dict[str, Any], on: str) -> None:
    with pytest.raises(BadOption, match="starts no processes"):
        Options.of({"on": on, **asked})
