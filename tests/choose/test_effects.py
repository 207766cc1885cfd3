"""What a function could change that its caller wants to see: as a table."""

# ruff: noqa: PLW0603  it is about functions that do what one should not

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from weft._choose.effects import reach

count = 0
seen: list[int] = []
LIMIT = 3
PATTERN = re.compile("a")
PAIR = (1, "a")
MIXED = (1, [])


class Session:
    """As ``requests`` has one: of a module whose name begins like that of regular expressions."""

    def get(self, item: Any) -> Any:
        return item

    @classmethod
    def made(cls, item: Any) -> Any:
        return item

    @staticmethod
    def told(item: Any) -> Any:
        return item

    def __call__(self, item: Any) -> Any:
        return item


Session.__module__ = "requests.sessions"
session = Session()


class Figures:
    n = 0


def square(item: int) -> int:
    return item * item


def uses_constants(item: Any) -> Any:
    return math.sqrt(LIMIT), PATTERN.match("a"), PAIR, square(item), [n + LIMIT for n in range(LIMIT)]


def makes_its_own(item: int) -> Any:
    figures = Figures()
    figures.n = item
    out = []
    out.append(item)

    def inner() -> int:
        nonlocal item
        item += 1
        return item

    return inner(), out


def assigns(item: int) -> None:
    global count
    count += item


def deletes(item: int) -> None:
    global count
    del count


def appends(item: int) -> None:
    seen.append(item)


def uses_session(item: int) -> Any:
    return session.get(item)


def uses_tuple_of_list(item: int) -> Any:
    return MIXED


def appends_inside(item: int) -> Any:
    return [seen.append(n) for n in range(item)]


def assigns_inside(item: int) -> Any:
    def inner() -> None:
        global count
        count += 1

    return inner()


def counts_on_a_class(item: int) -> None:
    Figures.n += item


def sets_on_a_class(item: int) -> None:
    Figures.n = item


def deletes_from_a_class(item: int) -> None:
    del Figures.n


def sets_on_a_module(item: int) -> None:
    math.pi = 3  # type: ignore[misc]


def around(cell: Any) -> dict[str, Callable[..., Any]]:
    def reads(item: Any) -> Any:
        return cell

    def rebinds(item: Any) -> None:
        nonlocal cell
        cell = item

    def rebinds_inside(item: Any) -> None:
        def inner() -> None:
            nonlocal cell
            cell = item

        inner()

    return {"reads": reads, "rebinds": rebinds, "rebinds_inside": rebinds_inside}


def reads_an_empty_cell() -> Callable[..., Any]:
    def reads(item: Any) -> Any:
        return later

    if seen:
        later = 1
    return reads


@pytest.mark.parametrize(
    "fn",
    [
        square,
        uses_constants,
        makes_its_own,
        math.sqrt,
        len,
        int,
        str.upper,
        Session.made,
        Session.told,
        Session,
        lambda item: item,
        around(5)["reads"],
        around(square)["reads"],
        reads_an_empty_cell(),
        partial(pow, 2),
        partial(square, item=3),
    ],
    ids=lambda fn: getattr(fn, "__name__", repr(fn)),
)
def test_nothing_is_seen_that_anybody_could_miss(fn: Callable[..., Any]) -> None:
    """Auto may send these to other processes."""
    assert reach(fn) is None


@pytest.mark.parametrize(
    ("fn", "why"),
    [
        (assigns, "assigns to the global 'count'"),
        (deletes, "assigns to the global 'count'"),
        (assigns_inside, "assigns to the global 'count'"),
        (appends, "can reach the global 'seen', a list"),
        (appends_inside, "can reach the global 'seen', a list"),
        (lambda item: seen, "can reach the global 'seen', a list"),
        (uses_session, "can reach the global 'session', a Session"),
        (uses_tuple_of_list, "can reach the global 'MIXED', a tuple"),
        (counts_on_a_class, "assigns to an attribute of the global 'Figures'"),
        (sets_on_a_class, "assigns to an attribute of the global 'Figures'"),
        (deletes_from_a_class, "assigns to an attribute of the global 'Figures'"),
        (sets_on_a_module, "assigns to an attribute of the global 'math'"),
        (around([])["reads"], "can reach 'cell', a list of the function around it"),
        (around(5)["rebinds"], "assigns to 'cell' of the function around it"),
        (around(5)["rebinds_inside"], "assigns to 'cell' of the function around it"),
        (seen.append, "method of a list"),
        (session.get, "method of a Session"),
        (session, "Session object"),
        (operator.itemgetter(0), "itemgetter object"),
        (partial(square, []), "is given a list"),
        (partial(square, item=session), "is given a Session"),
        (partial(appends, 1), "can reach the global 'seen'"),
    ],
    ids=lambda given: getattr(given, "__name__", "") or repr(given)[:30],
)
def test_what_could_be_missed_is_named(fn: Callable[..., Any], why: str) -> None:
    """An appended item or a counted one that stays behind in another process is a bug that nobody sees."""
    found = reach(fn)
    assert found is not None
    assert why in found
