"""Modules, and what the whole process has."""

# ruff: noqa: PLW0108  they are written as people write them

from __future__ import annotations

import os
import random
import sys
from typing import Any

from ._cases import busy, case, numbers

total = 0


@case
def sets_an_attribute_of_a_module() -> Any:
    here = sys.modules[__name__]
    here.total = 0  # type: ignore[attr-defined]

    def fn(item: int) -> int:
        busy()
        here.total += item  # type: ignore[attr-defined]
        return item

    return fn, numbers(), lambda: total


@case
def sets_the_environment() -> Any:
    os.environ["WEFT_BENCH_LAST"] = ""

    def fn(item: int) -> int:
        busy()
        os.environ["WEFT_BENCH_LAST"] = str(item)
        return item

    return fn, numbers(), lambda: os.environ["WEFT_BENCH_LAST"]


@case
def appends_to_the_path() -> Any:
    sys.path[:] = [entry for entry in sys.path if not entry.startswith("/nowhere/")]

    def fn(item: int) -> int:
        busy()
        sys.path.append(f"/nowhere/{item}")
        return item

    return fn, numbers(), lambda: sum(entry.startswith("/nowhere/") for entry in sys.path)


@case
def seeds_the_random_numbers() -> Any:
    def fn(item: int) -> float:
        busy()
        random.seed(item)
        return random.random()

    return fn, numbers(), lambda: random.getstate()
