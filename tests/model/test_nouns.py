"""The nouns: frozen, and never looking at the values they carry."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
from types import ModuleType
from typing import Any, NoReturn

import pytest

import weft.abc
import weft.testing
from weft import errors
from weft._model import chunk, event, options, outcome, plan, storm
from weft._model.chunk import Chunk
from weft._model.outcome import Arrival, Began, Failure, Fault, Returned, append_joined
from weft._model.protocols import Crew


class Hostile:
    def refuse(self, *args: object) -> NoReturn:
        raise AssertionError("somebody looked at a value")

    __eq__ = __ne__ = __lt__ = __bool__ = __len__ = __hash__ = __iter__ = __repr__ = __str__ = refuse


def nouns() -> list[type]:
    modules: list[ModuleType] = [chunk, event, options, outcome, plan, storm]
    found = [each for module in modules for each in vars(module).values() if inspect.isclass(each)]
    return [each for each in dict.fromkeys(found) if dataclasses.is_dataclass(each)]


@pytest.mark.parametrize("noun", nouns(), ids=lambda noun: noun.__name__)
def test_nouns_are_frozen_slotted_and_equal_only_to_themselves(noun: Any) -> None:
    """What is passed between rooms must not change on the way; to compare it would run the user's code."""
    parameters = noun.__dataclass_params__
    assert (parameters.frozen, parameters.eq) == (True, False)
    assert "__slots__" in vars(noun)


def test_nouns_carry_hostile_values() -> None:
    """Made, compared, hashed and put into sets without a look at the cargo."""
    hostile = Hostile()
    carriers = [
        Chunk(1, 0, [hostile]),
        Returned(1, [hostile], "w", 0.0),
        Failure(0, hostile, ValueError("x"), 1, "w"),
        Fault(ValueError(hostile), "w"),
    ]
    assert len(set(carriers)) == 4
    assert carriers[0] != carriers[1]
    assert "Failure of item 0: ValueError: x" in repr(carriers[2])


def test_a_failure_shows_in_one_line() -> None:
    """It stands among results and is printed with them."""
    assert repr(Failure(3, "x", KeyError("k"), 1, "w")) == "<Failure of item 3: KeyError: 'k'>"
    assert repr(Failure(3, "x", OSError("k"), 4, "w")) == "<Failure of item 3 after 4 attempts: OSError: k>"


def raisable() -> list[BaseException]:
    return [
        errors.UnknownOption("a", "b", ["b", "c"]),
        errors.UnknownOption("a", None, ["b", "c"]),
        errors.BadOption("rate", 0, "a number"),
        errors.KindUnavailable("no"),
        errors.MissingPackage("x", "numpy", "numpy"),
        errors.NotSendable("function f", ".lock", "lock", "no"),
        errors.TaskTimeout(3, 1.5),
        errors.TaskTimeout(3, 1.5, stopped=False),
        errors.WorkerDied("w1", "SIGKILL", 3, 2),
        errors.WorkerTraceback("w1", "text"),
    ]


@pytest.mark.parametrize("error", raisable(), ids=lambda error: type(error).__name__)
def test_our_own_errors_survive_pickling(error: BaseException) -> None:
    """A worker may raise them, and a run may be inside another run's worker."""
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_every_error_is_in_the_tree_and_caught_by_the_base() -> None:
    """``except weft.WeftError`` catches what is weft's own; the standard base, whoever knows nothing of weft."""
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert name in (errors.__doc__ or "")
        # The one is a cause and never raised, the other is the standard library's own where that has it.
        assert kind in {errors.WorkerTraceback, errors.ShutDown} or issubclass(kind, errors.WeftError)


def test_the_side_doors_open_on_what_they_promise() -> None:
    """Extending weft and testing with it needs no private name."""
    assert sorted(weft.abc.__all__) == list(weft.abc.__all__)
    for name in weft.abc.__all__:
        assert hasattr(weft.abc, name)
    crew: Crew = weft.testing.ScriptedCrew(str)
    assert crew.width == 1


def part(first: int, values: list[Any], *, chunk: int = 1, more: bool = True, **figures: Any) -> Returned:
    return Returned(chunk, values, "w", more=more, first=first, **({"seconds": 1.0} | figures))


def test_parts_that_arrive_together_are_one() -> None:
    """Each arrival is work for the caller, however few values it brings."""
    arrivals: list[Arrival] = []
    append_joined(arrivals, part(10, [1, 2], cpu=0.5, nbytes=8, began=3.0, ended=4.0, delay=0.1))
    append_joined(arrivals, part(12, [3, 4], cpu=0.25, nbytes=9, began=4.0, ended=5.0, delay=0.2))
    append_joined(arrivals, part(14, [5, 6], cpu=0.25, nbytes=7, began=5.0, ended=6.0, more=False))
    [whole] = arrivals
    assert isinstance(whole, Returned)
    assert (whole.first, whole.values, whole.more) == (10, [1, 2, 3, 4, 5, 6], False)
    assert (whole.seconds, whole.cpu, whole.nbytes) == (3.0, 1.0, 9)
    assert (whole.began, whole.ended, whole.delay) == (3.0, 6.0, pytest.approx(0.3))


@pytest.mark.parametrize(
    "later",
    [
        part(13, [3, 4]),
        part(12, [3, 4], chunk=2),
        part(12, [3, None], faults={1: Fault(ValueError(), "w")}),
        part(12, [3]),
        Began(1),
    ],
    ids=["one is missing in between", "of another chunk", "with an error", "a single item, which has its time", "news"],
)
def test_other_arrivals_stay_by_themselves(later: Arrival) -> None:
    first = part(10, [1, 2])
    arrivals: list[Arrival] = [first]
    append_joined(arrivals, later)
    assert arrivals == [first, later]
