"""What is around a function: its closure, its defaults, its own attributes, a partial's parts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ._cases import busy, case, numbers


@case
def assigns_to_a_nonlocal() -> Any:
    count = 0

    def fn(item: int) -> int:
        nonlocal count
        busy()
        count += 1
        return item

    return fn, numbers(), lambda: count


@case
def assigns_to_a_nonlocal_from_further_inside() -> Any:
    count = 0

    def fn(item: int) -> int:
        def bump() -> None:
            nonlocal count
            count += busy() + 1

        bump()
        return item

    return fn, numbers(), lambda: count


@case
def appends_to_a_closure() -> Any:
    mine: list[int] = []

    def fn(item: int) -> int:
        busy()
        mine.append(item)
        return item

    return fn, numbers(), lambda: list(mine)


@case
def calls_a_method_that_was_taken_before() -> Any:
    mine: list[int] = []
    put = mine.append

    def fn(item: int) -> int:
        busy()
        put(item)
        return item

    return fn, numbers(), lambda: list(mine)


@case
def counts_calls_in_a_decorator() -> Any:
    calls = {"n": 0}

    def counted(fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def inner(*args: Any, **kwargs: Any) -> Any:
            calls["n"] += 1
            return fn(*args, **kwargs)

        return inner

    @counted
    def fn(item: int) -> int:
        return busy() + item

    return fn, numbers(), lambda: calls["n"]


@case
def keeps_in_a_default() -> Any:
    def fn(item: int, kept: list[int] = []) -> int:  # noqa: B006
        busy()
        kept.append(item)
        return item

    return fn, numbers(), lambda: list(fn.__defaults__[0])  # type: ignore[index]


@case
def keeps_in_an_attribute_of_itself() -> Any:
    def fn(item: int) -> int:
        busy()
        fn.calls += 1  # type: ignore[attr-defined]
        return item

    fn.calls = 0  # type: ignore[attr-defined]
    return fn, numbers(), lambda: fn.calls  # type: ignore[attr-defined]


@case
def is_a_partial_of_something_that_changes() -> Any:
    mine: list[int] = []

    def put(where: list[int], item: int) -> int:
        busy()
        where.append(item)
        return item

    return functools.partial(put, mine), numbers(), lambda: list(mine)
