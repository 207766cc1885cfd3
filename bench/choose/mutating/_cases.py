"""How a case is written down, and what each of its calls does beside changing something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

Look: TypeAlias = Callable[[], Any]
Case: TypeAlias = Callable[[], tuple[Callable[[Any], Any], list[Any], Look]]

CASES: Final[dict[str, Case]] = {}
COUNT: Final = 60  # items
STEPS: Final = [0]  # turns of a loop that computes, in each call


def busy() -> int:
    """Compute for a while."""
    total = 0
    for turn in range(STEPS[0]):
        total += turn & 3
    return total


def case(make: Case) -> Case:
    """Enter a case under its name."""
    CASES[make.__name__] = make
    return make


def numbers() -> list[int]:
    return list(range(COUNT))
