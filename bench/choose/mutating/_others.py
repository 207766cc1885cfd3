"""What is changed by others: callees, callbacks, methods, generators, text that is run."""

from __future__ import annotations

import contextlib
from typing import Any

from ._cases import busy, case, numbers

seen: list[int] = []
table: dict[Any, Any] = {}


def _record(item: int) -> None:
    _remember(item)


def _remember(item: int) -> None:
    table[item] = True


@case
def calls_something_that_calls_something_that_does() -> Any:
    table.clear()

    def fn(item: int) -> int:
        busy()
        _record(item)
        return item

    return fn, numbers(), lambda: dict(table)


@case
def gives_a_callback_that_does() -> Any:
    seen.clear()

    def fn(item: int) -> int:
        busy()
        return sum(1 for _ in map(seen.append, [item]))

    return fn, numbers(), lambda: list(seen)


@case
def sorts_by_a_key_that_does() -> Any:
    seen.clear()

    def key(item: int) -> int:
        seen.append(item)
        return -item

    def fn(item: int) -> list[int]:
        busy()
        return sorted([item, item + 1], key=key)

    return fn, numbers(), lambda: list(seen)


@case
def picks_a_function_from_a_table() -> Any:
    table.clear()
    actions = {"note": _remember}

    def fn(item: int) -> int:
        busy()
        actions["note"](item)
        return item

    return fn, numbers(), lambda: dict(table)


@case
def makes_an_object_whose_method_does() -> Any:
    seen.clear()

    def fn(item: int) -> int:
        class Inner:
            def go(self) -> None:
                seen.append(item)

        busy()
        Inner().go()
        return item

    return fn, numbers(), lambda: list(seen)


@case
def yields_what_it_also_keeps() -> Any:
    seen.clear()

    def each(item: int) -> Any:
        seen.append(item)
        yield item

    def fn(item: int) -> int:
        busy()
        return sum(each(item))

    return fn, numbers(), lambda: list(seen)


@case
def does_it_in_a_with_block() -> Any:
    seen.clear()

    @contextlib.contextmanager
    def noting(item: int) -> Any:
        yield
        seen.append(item)

    def fn(item: int) -> int:
        with noting(item):
            return busy() + item

    return fn, numbers(), lambda: list(seen)


@case
def does_it_when_something_fails() -> Any:
    seen.clear()

    def fn(item: int) -> int:
        busy()
        try:
            return 1 // (item % 2)
        except ZeroDivisionError:
            seen.append(item)
            return 0

    return fn, numbers(), lambda: list(seen)


@case
def runs_text_that_does() -> Any:
    table.clear()

    def fn(item: int) -> int:
        busy()
        exec("table[item] = 1", {"table": table, "item": item})
        return item

    return fn, numbers(), lambda: dict(table)
