"""Functions that change something outside themselves, each in another way: what *auto* must not take elsewhere.

Each case makes a function, its items, and a look at what the function changes. Run all items in a plain loop, look;
run them by ``weft.map``, look: it has to be the same. ``busy`` makes every call long enough for processes to pay.
"""

# ruff: noqa: PLR1730, PERF102, PLW0108, PYI034  they are written as people write them

from __future__ import annotations

import array
import bisect
import collections
import contextlib
import functools
import heapq
import io
import itertools
import operator
import os
import queue
import random
import sys
import threading
import types
from collections.abc import Callable
from dataclasses import dataclass, field
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


# ── globals ───────────────────────────────────────────────────────────────────────────────────────────────

total = 0
seen: list[int] = []
table: dict[Any, Any] = {}
members: set[int] = set()
groups: collections.defaultdict[int, list[int]] = collections.defaultdict(list)
counts: collections.Counter[int] = collections.Counter()
window: collections.deque[int] = collections.deque(maxlen=10)
heap: list[int] = []
row: list[int] = [0] * 8
flags = bytearray(COUNT)
figures = array.array("q", [0] * COUNT)
nested: dict[str, dict[str, list[int]]] = {"a": {"b": []}}
space = types.SimpleNamespace(n=0)
text = io.StringIO()
ticket = itertools.count()
dice = random.Random(1)
variable = threading.local()
lines: queue.Queue[int] = queue.Queue()
last = None
biggest = 0


@case
def assigns_to_a_global() -> Any:
    globals().update(total=0)

    def look() -> int:
        return total

    return _adds_to_total, numbers(), look


def _adds_to_total(item: int) -> int:
    global total  # noqa: PLW0603
    total += item + busy()
    return item


@case
def keeps_the_last_in_a_global() -> Any:
    globals().update(last=None)
    return _keeps_last, numbers(), lambda: last


def _keeps_last(item: int) -> int:
    global last  # noqa: PLW0603
    busy()
    last = item
    return item


@case
def keeps_the_biggest_in_a_global() -> Any:
    globals().update(biggest=0)
    return _keeps_biggest, numbers(), lambda: biggest


def _keeps_biggest(item: int) -> int:
    global biggest  # noqa: PLW0603
    busy()
    if item > biggest:
        biggest = item
    return item


@case
def deletes_and_sets_by_globals() -> Any:
    globals().update(total=0)

    def fn(item: int) -> int:
        busy()
        globals()["total"] = globals()["total"] + item
        return item

    return fn, numbers(), lambda: total


@case
def appends_to_a_global_list() -> Any:
    seen.clear()

    def fn(item: int) -> int:
        busy()
        seen.append(item)
        return item

    return fn, numbers(), lambda: list(seen)


@case
def appends_by_another_name() -> Any:
    seen.clear()

    def fn(item: int) -> int:
        busy()
        mine = seen
        put = mine.append
        put(item)
        return item

    return fn, numbers(), lambda: list(seen)


@case
def appends_in_a_comprehension() -> Any:
    seen.clear()

    def fn(item: int) -> int:
        busy()
        [seen.append(n) for n in range(2)]
        return item

    return fn, numbers(), lambda: len(seen)


@case
def extends_in_place() -> Any:
    seen.clear()

    def fn(item: int) -> int:
        busy()
        mine = seen
        mine += [item]
        return item

    return fn, numbers(), lambda: list(seen)


@case
def fills_a_global_dict() -> Any:
    table.clear()
    return _fills_table, numbers(), lambda: dict(table)


def _fills_table(item: int) -> int:
    table[item] = busy()
    return item


@case
def remembers_in_a_dict() -> Any:
    table.clear()

    def fn(item: int) -> int:
        if item % 7 not in table:
            table[item % 7] = busy()
        busy()
        return table[item % 7]

    return fn, numbers(), lambda: dict(table)


@case
def sets_defaults_in_a_dict() -> Any:
    table.clear()

    def fn(item: int) -> int:
        busy()
        table.setdefault(item % 5, []).append(item)
        return item

    return fn, numbers(), lambda: {key: list(value) for key, value in table.items()}


@case
def adds_to_a_set() -> Any:
    members.clear()

    def fn(item: int) -> bool:
        busy()
        members.add(item)
        return True

    return fn, numbers(), lambda: set(members)


@case
def grows_a_defaultdict_by_reading() -> Any:
    groups.clear()

    def fn(item: int) -> int:
        busy()
        return len(groups[item])

    return fn, numbers(), lambda: len(groups)


@case
def counts_in_a_counter() -> Any:
    counts.clear()

    def fn(item: int) -> int:
        busy()
        counts[item % 3] += 1
        return item

    return fn, numbers(), lambda: dict(counts)


@case
def rolls_a_deque() -> Any:
    window.clear()

    def fn(item: int) -> int:
        busy()
        window.appendleft(item)
        return item

    return fn, numbers(), lambda: list(window)


@case
def pushes_on_a_heap() -> Any:
    heap.clear()

    def fn(item: int) -> int:
        busy()
        heapq.heappush(heap, -item)
        return item

    return fn, numbers(), lambda: sorted(heap)


@case
def sorts_into_a_list() -> Any:
    heap.clear()

    def fn(item: int) -> int:
        busy()
        bisect.insort(heap, -item)
        return item

    return fn, numbers(), lambda: list(heap)


@case
def assigns_to_a_slice() -> Any:
    row[:] = [0] * 8

    def fn(item: int) -> int:
        busy()
        row[1:3] = [item, item]
        return item

    return fn, numbers(), lambda: list(row)


@case
def sets_bytes() -> Any:
    flags[:] = bytes(COUNT)

    def fn(item: int) -> int:
        busy()
        flags[item] = 1
        return item

    return fn, numbers(), lambda: bytes(flags)


@case
def fills_an_array_through_a_view() -> Any:
    figures[:] = array.array("q", [0] * COUNT)

    def fn(item: int) -> int:
        busy()
        memoryview(figures)[item] = item
        return item

    return fn, numbers(), lambda: list(figures)


@case
def appends_deep_inside() -> Any:
    nested["a"]["b"].clear()

    def fn(item: int) -> int:
        busy()
        for inner in nested.values():
            for _, found in inner.items():
                found.append(item)
        return item

    return fn, numbers(), lambda: list(nested["a"]["b"])


@case
def sets_an_attribute() -> Any:
    space.n = 0

    def fn(item: int) -> int:
        busy()
        space.n += item
        return item

    return fn, numbers(), lambda: space.n


@case
def sets_an_attribute_by_name() -> Any:
    space.n = 0

    def fn(item: int) -> int:
        busy()
        setattr(space, "n", space.n + item)  # noqa: B010
        return item

    return fn, numbers(), lambda: space.n


@case
def sets_an_item_by_operator() -> Any:
    table.clear()

    def fn(item: int) -> int:
        busy()
        operator.setitem(table, item, item)
        return item

    return fn, numbers(), lambda: dict(table)


@case
def writes_to_a_text() -> Any:
    text.seek(0)
    text.truncate()

    def fn(item: int) -> int:
        busy()
        print(item, file=text)
        return item

    return fn, numbers(), lambda: text.getvalue()


@case
def takes_a_number() -> Any:
    globals().update(ticket=itertools.count())

    def fn(item: int) -> int:
        busy()
        return next(ticket)

    return fn, numbers(), lambda: repr(ticket)


@case
def throws_dice() -> Any:
    dice.seed(1)

    def fn(item: int) -> float:
        busy()
        return dice.random()

    return fn, numbers(), lambda: dice.getstate()


# ── what is around it ─────────────────────────────────────────────────────────────────────────────────────


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


# ── objects and classes ───────────────────────────────────────────────────────────────────────────────────


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


# ── modules and the process ───────────────────────────────────────────────────────────────────────────────


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


# ── arguments ─────────────────────────────────────────────────────────────────────────────────────────────


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


# ── by others ─────────────────────────────────────────────────────────────────────────────────────────────


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
