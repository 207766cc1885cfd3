"""Objects and classes: attributes, methods, properties, and what is called on entering."""

# ruff: noqa: PYI034  they are written as people write them

from __future__ import annotations

from typing import Any

from ._cases import busy, case, numbers


class Meter:
    """Counts."""

    everywhere = 0
    kept: list[int] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.n = 0
        self._last = 0

    def add(self, item: int) -> int:
        busy()
        self.n += item
        return item

    def add_by_super(self, item: int) -> int:
        return self._add(item)

    def _add(self, item: int) -> int:
        return self.add(item)

    @property
    def last(self) -> int:
        self._last += 1
        return self._last

    @classmethod
    def add_everywhere(cls, item: int) -> int:
        busy()
        cls.everywhere += item
        return item

    def keep(self, item: int) -> None:
        self.kept.append(item)

    def __call__(self, item: int) -> int:
        return self.add(item)

    def __contains__(self, item: int) -> bool:
        self.n += 1
        return False

    def __enter__(self) -> Meter:
        self.n += 1
        return self

    def __exit__(self, *ending: object) -> None:
        pass


class Finer(Meter):
    """Counts, by the class above it."""

    def add(self, item: int) -> int:
        return super().add(item)


meter = Meter()


@case
def is_a_method_that_changes_its_object() -> Any:
    mine = Meter()
    return mine.add, numbers(), lambda: mine.n


@case
def is_a_method_that_calls_another() -> Any:
    mine = Meter()
    return mine.add_by_super, numbers(), lambda: mine.n


@case
def is_a_method_of_a_class_below() -> Any:
    mine = Finer()
    return mine.add, numbers(), lambda: mine.n


@case
def is_an_object_that_is_called() -> Any:
    mine = Meter()
    return mine, numbers(), lambda: mine.n


@case
def changes_a_class_attribute() -> Any:
    Meter.everywhere = 0
    return Meter.add_everywhere, numbers(), lambda: Meter.everywhere


@case
def changes_the_class_of_an_object_it_makes() -> Any:
    Meter.everywhere = 0

    def fn(item: int) -> int:
        busy()
        type(Meter()).everywhere += item
        return item

    return fn, numbers(), lambda: Meter.everywhere


@case
def keeps_in_a_class_by_an_object_it_makes() -> Any:
    Meter.kept.clear()

    def fn(item: int) -> int:
        busy()
        Meter().keep(item)
        return item

    return fn, numbers(), lambda: list(Meter.kept)


@case
def reads_a_property_that_counts() -> Any:
    meter.__init__()  # type: ignore[misc]

    def fn(item: int) -> int:
        busy()
        return meter.last

    return fn, numbers(), lambda: meter._last


@case
def looks_into_something_that_counts() -> Any:
    meter.__init__()  # type: ignore[misc]

    def fn(item: int) -> bool:
        busy()
        return item in meter

    return fn, numbers(), lambda: meter.n


@case
def enters_something_that_counts() -> Any:
    meter.__init__()  # type: ignore[misc]

    def fn(item: int) -> int:
        busy()
        with meter:
            return item

    return fn, numbers(), lambda: meter.n
