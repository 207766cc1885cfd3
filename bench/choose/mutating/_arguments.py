"""The items themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._cases import COUNT, busy, case


@case
def appends_to_its_items() -> Any:
    items: list[list[int]] = [[] for _ in range(COUNT)]

    def fn(item: list[int]) -> int:
        busy()
        item.append(1)
        return len(item)

    return fn, items, lambda: [list(item) for item in items]


@case
def adds_a_field_to_its_items() -> Any:
    items: list[dict[str, Any]] = [{"n": n} for n in range(COUNT)]

    def fn(item: dict[str, Any]) -> dict[str, Any]:
        item["square"] = item["n"] ** 2 + busy()
        return item

    return fn, items, lambda: [dict(item) for item in items]


@case
def sorts_its_items_in_place() -> Any:
    items = [[3, 1, 2] for _ in range(COUNT)]

    def fn(item: list[int]) -> int:
        busy()
        item.sort()
        return item[0]

    return fn, items, lambda: [list(item) for item in items]


@case
def changes_parts_of_its_items() -> Any:
    items = [[[n], [n + 1]] for n in range(COUNT)]

    def fn(item: list[list[int]]) -> int:
        busy()
        for place, part in enumerate(item):
            part[0] += place
        first, *_ = item
        return first[0]

    return fn, items, lambda: [[list(part) for part in item] for item in items]


@dataclass
class Order:
    """Something to be paid."""

    n: int
    paid: bool = False
    notes: list[str] = field(default_factory=list)

    def pay(self) -> None:
        self.paid = True


@case
def calls_a_method_of_its_items_that_changes_them() -> Any:
    items = [Order(n) for n in range(COUNT)]

    def fn(item: Order) -> int:
        busy()
        item.pay()
        return item.n

    return fn, items, lambda: [item.paid for item in items]


@case
def passes_its_items_to_somebody_who_changes_them() -> Any:
    items = [Order(n) for n in range(COUNT)]

    def fn(item: Order) -> int:
        busy()
        _note(item.notes, text=str(item.n))
        return item.n

    return fn, items, lambda: [list(item.notes) for item in items]


def _note(where: list[str], *, text: str) -> None:
    where.append(text)
