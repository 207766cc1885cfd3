"""Crashes: whatever happens to one item, wherever on its way, costs that item and no other.

A matrix: the stage at which trouble comes × the way it comes × how workers are started. What carries the trouble
is made of local classes and built-in functions, so that a new worker has no test module to import.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any, Final

import pytest

import weft
from weft._schedule.verdicts import DEATHS_FORGIVEN
from weft.errors import NotSendable

ITEMS: Final = 8
AT: Final = 3  # the item with trouble

# How workers are started: what weft.map is told. A line for each.
STARTS: Final[dict[str, dict[str, Any]]] = {
    "the default start": {},
    "fork": {"start_method": "fork"},
    "spawn": {"start_method": "spawn"},
}

# What is run where trouble is wanted, and as what a worker is said to have died of it; None where it lives on.
WAYS: Final[dict[str, tuple[str, str | None]]] = {
    "exception": ("raise ValueError('refused')", None),
    "sys.exit": ("raise SystemExit(4)", None),
    "os._exit": ("import os; os._exit(3)", "exit status 3"),
    "SIGSEGV": ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    "SIGKILL": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
}
EVERY: Final = tuple(WAYS)
# At these stages the user's code runs in the caller's own process, and what kills there kills the caller.
LIVING: Final = tuple(way for way, (_, status) in WAYS.items() if status is None)

Case = tuple[Callable[[Any], Any], list[Any]]  # a function, and items for it


def trouble_when_packed(code: str) -> Any:
    """A value that runs *code* in the process that pickles it."""

    class Refuses:
        def __reduce__(self) -> Any:
            exec(code)

    return Refuses()


def trouble_when_unpacked(code: str) -> Any:
    """A value that runs *code* in the process that unpickles it."""

    class Explodes:
        def __reduce__(self) -> Any:
            return exec, (code,)

        def __call__(self, item: Any) -> Any:
            return item

    return Explodes()


def packing_the_item(code: str) -> Case:
    return (lambda item: item), with_trouble(trouble_when_packed(code))


def unpacking_the_item(code: str) -> Case:
    return (lambda item: item), with_trouble(trouble_when_unpacked(code))


def in_the_call(code: str) -> Case:
    at = AT

    def fn(item: int) -> int:
        if item == at:
            exec(code)
        return item

    return fn, list(range(ITEMS))


def packing_the_result(code: str) -> Case:
    at, make = AT, trouble_when_packed
    return (lambda item: make(code) if item == at else item), list(range(ITEMS))


def unpacking_the_result(code: str) -> Case:
    at, make = AT, trouble_when_unpacked
    return (lambda item: make(code) if item == at else item), list(range(ITEMS))


def with_trouble(value: Any) -> list[Any]:
    return [*range(AT), value, *range(AT + 1, ITEMS)]


STAGES: Final[dict[str, tuple[Callable[[str], Case], tuple[str, ...]]]] = {
    "packing the item": (packing_the_item, LIVING),
    "unpacking the item": (unpacking_the_item, EVERY),
    "in the call": (in_the_call, EVERY),
    "packing the result": (packing_the_result, EVERY),
    "unpacking the result": (unpacking_the_result, LIVING),
}
MATRIX: Final = [pytest.param(stage, way, id=f"{stage}-{way}") for stage, (_, ways) in STAGES.items() for way in ways]


@pytest.fixture(params=STARTS)
def asked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What is asked of every run here."""
    return {"on": "process", "max_workers": 2, **STARTS[request.param]}


def told(error: BaseException) -> str:
    """All that somebody who sees the error printed can read."""
    return "".join(traceback.format_exception(error))


def expect(failure: Any, way: str, index: int = AT) -> None:
    """It is this item's failure, and says how it came to that."""
    assert isinstance(failure, weft.Failure)
    assert failure.index == index
    assert f"item {index}" in told(failure.error)
    status = WAYS[way][1]
    if status is None:
        assert not isinstance(failure.error, weft.WorkerDied)
        assert failure.attempts == 1
        return
    died = failure.error
    assert isinstance(died, weft.WorkerDied)
    assert (died.index, died.status) == (index, status)
    assert died.attempts == failure.attempts == DEATHS_FORGIVEN + 1


# ── the matrix ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("stage", "way"), MATRIX)
def test_trouble_costs_its_item_and_no_other(stage: str, way: str, asked: dict[str, Any]) -> None:
    """The others' results are all there and right; the item that died has been given to three workers."""
    make, _ = STAGES[stage]
    fn, items = make(WAYS[way][0])
    results = weft.map(fn, items, on_error="keep", **asked).results()
    expect(results.pop(AT), way)
    assert results == [item for item in range(ITEMS) if item != AT]


@pytest.mark.parametrize("way", EVERY)
def test_a_function_that_cannot_be_loaded_fails_every_item(way: str, asked: dict[str, Any]) -> None:
    """It is nobody's fault in particular: each item says so, and the run comes to its end."""
    fn = trouble_when_unpacked(WAYS[way][0])
    results = weft.map(fn, range(2), on_error="keep", **asked).results()
    for index, failure in enumerate(results):
        expect(failure, way, index)
    assert len(results) == 2


@pytest.mark.parametrize(("stage", "way"), MATRIX)
def test_trouble_in_a_large_chunk_costs_its_item_and_no_other(stage: str, way: str, asked: dict[str, Any]) -> None:
    """A chunk that dies is run again item by item, and who was innocent is not charged."""
    make, _ = STAGES[stage]
    fn, items = make(WAYS[way][0])
    results = weft.map(fn, items, on_error="keep", chunksize=ITEMS, **asked).results()
    expect(results.pop(AT), way)
    assert results == [item for item in range(ITEMS) if item != AT]


@pytest.mark.parametrize("way", EVERY)
def test_by_default_trouble_is_raised_after_the_results_before_it(way: str, asked: dict[str, Any]) -> None:
    """In order, as a plain loop would have it."""
    fn, items = in_the_call(WAYS[way][0])
    seen = []
    with pytest.raises((ValueError, SystemExit, weft.WorkerDied)) as caught:
        for value in weft.map(fn, items, **asked):
            seen.append(value)
    assert seen == list(range(AT))
    assert f"item {AT}" in told(caught.value)


@pytest.mark.usefixtures("start_method")
@pytest.mark.parametrize("way", EVERY)
def test_a_single_call_fails_alone(way: str) -> None:
    """weft.submit: the futures beside it have their results."""
    fn, items = in_the_call(WAYS[way][0])
    futures = [weft.submit(fn, item, on="process") for item in items]
    error = futures.pop(AT).exception(60)
    assert [future.result(60) for future in futures] == [item for item in range(ITEMS) if item != AT]
    status = WAYS[way][1]
    if status is None:
        assert isinstance(error, ValueError | SystemExit)
    else:
        assert isinstance(error, weft.WorkerDied)
        assert (error.status, error.attempts) == (status, DEATHS_FORGIVEN + 1)


def test_an_item_that_kills_once_costs_nothing(asked: dict[str, Any], tmp_path: Any) -> None:
    """Two deaths are forgiven whatever `retries` says: its result is there all the same."""
    at, mark = AT, str(tmp_path / "mark")

    def fn(item: int) -> int:
        import os
        import signal

        if item == at and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    run = weft.map(fn, range(ITEMS), **asked)
    assert run.results() == list(range(ITEMS))
    assert run.failures == []


# ── exceptions that travel badly ──────────────────────────────────────────────────────────────────────────


def raising(make: Callable[[], BaseException]) -> Callable[[int], int]:
    at = AT

    def fn(item: int) -> int:
        if item == at:
            raise make()
        return item

    return fn


def takes_other_arguments() -> BaseException:
    class Odd(Exception):
        def __init__(self, code: int, *, detail: str) -> None:
            super().__init__(f"code {code}: {detail}")
            self.code, self.detail = code, detail

    return Odd(7, detail="the tide")


def holds_a_lock() -> BaseException:
    import threading

    error = OSError("the tide")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    return error


def refuses_to_be_pickled() -> BaseException:
    class Shy(Exception):
        def __reduce__(self) -> Any:
            raise TypeError("not me")

    return Shy("the tide")


def refuses_to_be_unpickled() -> BaseException:
    class Sly(Exception):
        def __reduce__(self) -> Any:
            return exec, ("raise TypeError('not here')",)

    return Sly("the tide")


def exits_when_pickled() -> BaseException:
    class Rude(Exception):
        def __reduce__(self) -> Any:
            raise SystemExit(4)

    return Rude("the tide")


def group_with_other_arguments() -> BaseException:
    class Many(ExceptionGroup[Exception]):
        def __new__(cls, text: str) -> Any:
            return super().__new__(cls, text, [KeyError(text)])

        def __init__(self, text: str) -> None:
            self.text = text

    return Many("the tide")


BAD_TRAVELLERS: Final = [
    group_with_other_arguments,
    takes_other_arguments,
    holds_a_lock,
    refuses_to_be_pickled,
    refuses_to_be_unpickled,
    exits_when_pickled,
]


@pytest.mark.parametrize("make", BAD_TRAVELLERS, ids=lambda make: make.__name__)
def test_an_exception_that_travels_badly_is_still_told(make: Any, asked: dict[str, Any]) -> None:
    """Its type, or at least its type's name, and what it said; never a worker that died of it."""
    results = weft.map(raising(make), range(ITEMS), on_error="keep", **asked).results()
    failure = results.pop(AT)
    expect(failure, "exception")
    assert type(make()).__name__ in told(failure.error)
    assert "the tide" in str(failure.error)
    assert results == [item for item in range(ITEMS) if item != AT]


def test_a_group_has_its_members_all_the_same(asked: dict[str, Any]) -> None:
    """So that ``except*`` finds them, however badly they travel."""
    makers = [takes_other_arguments, holds_a_lock, refuses_to_be_unpickled]

    def fn(item: int) -> int:
        raise ExceptionGroup("outer", [ValueError(item), ExceptionGroup("inner", [make() for make in makers])])

    [failure] = weft.map(fn, [7], on_error="keep", **asked).results()
    group = failure.error
    assert type(group) is ExceptionGroup
    plain, inner = group.exceptions
    assert (type(plain), plain.args) == (ValueError, (7,))
    assert [type(member).__name__ for member in inner.exceptions] == ["Odd", "OSError", "Sly"]
    assert [member for member in inner.exceptions if "the tide" not in str(member)] == []
    assert inner.exceptions[0].code == 7


# ── values that can't travel name the part that can't ─────────────────────────────────────────────────────


def a_lock() -> Any:
    import threading

    return threading.Lock()


def a_generator() -> Any:
    return (n for n in range(3))


def a_file() -> Any:
    import os

    return open(os.devnull, "rb")


def held(value: Any) -> Any:
    """Somewhere inside of something else."""
    return {"settings": ["fine", {"of": value}]}


PARTS: Final = {a_lock: "lock", a_generator: "generator", a_file: "BufferedReader"}
PATH: Final = "['settings'][1]['of']"


@pytest.mark.parametrize("make", PARTS, ids=lambda make: make.__name__)
def test_an_item_that_cannot_travel_names_the_part(make: Any, asked: dict[str, Any]) -> None:
    """The path to it reads like code."""
    value = make()
    try:
        items = with_trouble(held(value))
        results = weft.map(lambda item: item, items, on_error="keep", **asked).results()
    finally:
        if hasattr(value, "close"):
            value.close()
    expect_refusal(results, PARTS[make], "item 3")


@pytest.mark.parametrize("make", PARTS, ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_result_that_cannot_travel_names_the_part(make: Any, asked: dict[str, Any]) -> None:
    """So somebody knows what to leave out of it."""
    at, wrap = AT, held
    results = weft.map(
        lambda item: wrap(make()) if item == at else item, range(ITEMS), on_error="keep", **asked
    ).results()
    expect_refusal(results, PARTS[make], "result of item 3")


def test_a_function_that_cannot_travel_names_the_part(asked: dict[str, Any]) -> None:
    """Before anything has run."""
    lock = threading.Lock()

    def fn(item: int) -> int:
        with lock:
            return item

    with pytest.raises(NotSendable, match="closure variable 'lock'"):
        weft.map(fn, range(ITEMS), **asked).results()


def expect_refusal(results: list[Any], culprit: str, what: str) -> None:
    failure = results.pop(AT)
    expect(failure, "exception")
    error = failure.error
    assert isinstance(error, NotSendable)
    assert (error.what, error.path) == (what, PATH)
    assert culprit in error.culprit
    assert results == [item for item in range(ITEMS) if item != AT]


def test_a_death_is_noticed_though_something_lives_on_that_the_worker_has_forked(
    asked: dict[str, Any], tmp_path: Any
) -> None:
    """A helper has all that the worker had open, and must not be taken for it."""
    at, over = AT, tmp_path / "over"

    def fn(item: int) -> int:
        import os
        import signal
        import time

        if item == at:
            if os.fork() == 0:
                for _ in range(1000):  # as long as the run, and not for ever
                    time.sleep(0.1)
                    if over.exists():
                        break
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    run = weft.map(fn, range(ITEMS), on_error="keep", **asked)
    try:
        results = run.results()
    finally:
        over.touch()
    assert [found if isinstance(found, int) else at for found in results] == list(range(ITEMS))
    [failure] = run.failures
    assert isinstance(failure.error, weft.WorkerDied)


@pytest.mark.parametrize("way", ["returns", "raises", "exits"])
def test_a_copy_of_a_worker_is_no_worker(asked: dict[str, Any], way: str, tmp_path: Any) -> None:
    """A function that forks and forgets to end the copy: that one ends when it is back, and says nothing for both."""
    at, mark = AT, str(tmp_path / "status")

    def fn(item: int) -> int:
        import os

        if item == at:
            pid = os.fork()
            if pid == 0 and way == "raises":
                raise ValueError("in the copy")
            if pid == 0 and way == "exits":
                raise SystemExit(7)
            if pid:
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with open(mark, "w") as file:
                    file.write(str(status))
        return item

    for _ in range(3):
        assert weft.map(fn, range(ITEMS), **asked).results() == list(range(ITEMS))
        assert (tmp_path / "status").read_text() == {"returns": "0", "raises": "1", "exits": "7"}[way]
    future = weft.submit(fn, at, on="process")
    assert future.result(60) == at
