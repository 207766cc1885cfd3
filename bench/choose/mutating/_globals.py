"""Globals that are assigned to, filled, counted in, drawn from."""

# ruff: noqa: PLR1730, PERF102, PLW0108  they are written as people write them

from __future__ import annotations

import array
import bisect
import collections
import heapq
import io
import itertools
import operator
import queue
import random
import threading
import types
from typing import Any

from ._cases import COUNT, busy, case, numbers

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
