"""Ways to change something that are easily overlooked, and harmless ones that look like it."""

# ruff: noqa: RUF012, C416, C417, C408, PLC3002, F841  written as people write

from __future__ import annotations

import ast
import copy
import csv
import dataclasses
import decimal
import enum
import functools
import hashlib
import heapq
import io
import itertools
import json
import logging
import operator
import os
import random
import re
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from weft._choose.effects import effects_of, reach
from weft._choose.witness import Witness

seen: list[Any] = []
table: dict[Any, Any] = {"q": 0}
settings = {"depth": 2}
words = ["x", "y"]
stopped = {"the"}
numbers = np.arange(1000.0)
rounds = itertools.cycle([1, 2])
log = logging.getLogger("weft.test")
pattern = re.compile("a+")


class Model:
    """Reads what it holds."""

    def __init__(self) -> None:
        self.weights = [1.0, 2.0]

    def __call__(self, item: float) -> float:
        return self.predict(item)

    def predict(self, item: float) -> float:
        return sum(weight * item for weight in self.weights)


class Node:
    """Is changed, by who makes it."""

    __slots__ = ("left", "value")

    def __init__(self, value: int) -> None:
        self.left: Node | None = None
        self.value = value

    def put(self, value: int) -> None:
        node = self
        while node.left is not None:
            node = node.left
        node.left = Node(value)

    def walk(self) -> Any:
        yield self.value
        if self.left is not None:
            yield from self.left.walk()


class Names(ast.NodeVisitor):
    """Is called back by a library."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_Name(self, node: ast.Name) -> None:
        self.found.append(node.id)
        self.generic_visit(node)


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Order:
    n: int = 0
    notes: list[Any] = dataclasses.field(default_factory=list)


@functools.singledispatch
def show(item: Any) -> str:
    return str(item)


class Register:
    made: dict[int, Any] = {}

    def __init__(self, n: int) -> None:
        Register.made[n] = self


class Meta(type):
    made: list[Any] = []

    def __call__(cls, *args: Any) -> Any:
        Meta.made.append(args)
        return super().__call__(*args)


class WithMeta(metaclass=Meta):
    def __init__(self, item: Any) -> None:
        pass


class Telling:
    def __get__(self, owner: Any, kind: Any = None) -> int:
        seen.append(1)
        return 1


class Told:
    value = Telling()


class Listed:
    made: list[str] = []

    def __init_subclass__(cls) -> None:
        Listed.made.append(cls.__name__)


class Counting:
    def __init__(self) -> None:
        self.n = 0

    def __iter__(self) -> Counting:
        return self

    def __next__(self) -> int:
        self.n += 1
        if self.n % 3 == 0:
            raise StopIteration
        return self.n


class Adding:
    total = 0

    def __add__(self, other: Any) -> Adding:
        Adding.total += 1
        return self


class Events:
    def __init__(self) -> None:
        self.listeners: list[Callable[[Any], Any]] = [seen.append]

    def tell(self, item: Any) -> None:
        for each in self.listeners:
            each(item)


class Chained:
    def __init__(self) -> None:
        self.parts: list[Any] = []

    def add(self, part: Any) -> Chained:
        self.parts.append(part)
        return self


class Proxy:
    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


model, order, counting, adding, events, chained, proxy = (
    Model(), Order(), Counting(), Adding(), Events(), Chained(), Proxy(seen),
)  # fmt: skip


# ── harmless ──────────────────────────────────────────────────────────────────────────────────────────────


def filters_by_a_global_set(item: Any) -> Any:
    return [word for word in str(item).split() if word not in stopped]


def logs(item: Any) -> Any:
    log.debug("item %s", item)
    return settings["depth"]


def asks_a_model(item: Any) -> Any:
    return model.predict(2.0) + model(3.0)


def builds_a_tree(item: Any) -> Any:
    root = Node(1)
    for n in range(5):
        root.put(n)
    return list(root.walk())


def groups(item: Any) -> Any:
    found: dict[int, list[Any]] = {}
    for row in [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": ["b"]}]:
        found.setdefault(row["id"], []).append(row["tags"])  # type: ignore[call-overload]
    return found


def is_called_back(item: Any) -> Any:
    names = Names()
    names.visit(ast.parse("a = 1 + b"))
    return names.found


def uses_enums_and_dispatch(item: Any) -> Any:
    return show(item), Colour(1).name, Colour.RED.value


def replaces_a_field(item: Any) -> Any:
    mine = dataclasses.replace(Order(1), n=5)
    mine.notes.append(1)
    return mine.n


def parses_an_address(item: Any) -> Any:
    parts = urllib.parse.urlparse("http://a/b?c=d")
    return urllib.parse.parse_qs(parts.query), parts._replace(path="x")


def sieves(item: Any) -> Any:
    flags = bytearray([1]) * 50
    flags[4::2] = bytes(len(flags[4::2]))
    return sum(flags)


def solves_on_a_board(item: Any) -> Any:
    board = [[0] * 3 for _ in range(3)]

    def solve(row: int) -> int:
        if row == 3:
            return 1
        total = 0
        for column in range(3):
            board[row][column] = 1
            total += solve(row + 1)
            board[row][column] = 0
        return total

    return solve(0)


def writes_a_table_of_its_own(item: Any) -> Any:
    file = io.StringIO()
    csv.writer(file).writerow([item, 1])
    digest = hashlib.sha256()
    digest.update(file.getvalue().encode())
    return digest.hexdigest()


def folds(item: Any) -> Any:
    heap: list[int] = []
    for n in range(3):
        heapq.heappush(heap, -n)
    return functools.reduce(lambda a, b: a + b, map(lambda v: v * 2, heap)), heapq.heappop(heap)


def draws_from_nobodys_numbers(item: Any) -> Any:
    return random.random(), random.choice(words), np.random.default_rng(1).random()


def works_with_arrays_of_its_own(item: Any) -> Any:
    double = numbers * 2
    double += 1
    mine = numbers.copy()
    mine[0] = 9
    out = np.zeros_like(numbers)
    out[1:] = numbers[:-1]
    out.sort()
    return float(double.sum() + mine.sum() + out.mean())


def takes_from_an_iterator_of_its_own(item: Any) -> Any:
    each = iter(words)
    next(each)
    return list(each), list(itertools.islice(itertools.count(), 3))


def changes_a_deep_copy(item: Any) -> Any:
    mine = copy.deepcopy(table)
    mine["x"] = 1
    return mine, json.loads(json.dumps({"a": 1})).setdefault("b", []).append(1)


def fails_and_notes_it(item: Any) -> Any:
    try:
        return int("no")
    except ValueError as error:
        error.add_note("it is no number")
        return pattern.findall("aa"), decimal.Decimal("1.1") + 1


HARMLESS = [
    filters_by_a_global_set, logs, asks_a_model, builds_a_tree, groups, is_called_back, uses_enums_and_dispatch,
    replaces_a_field, parses_an_address, sieves, solves_on_a_board, writes_a_table_of_its_own, folds,
    draws_from_nobodys_numbers, works_with_arrays_of_its_own, takes_from_an_iterator_of_its_own, changes_a_deep_copy,
    fails_and_notes_it,
]  # fmt: skip


@pytest.mark.parametrize("fn", HARMLESS, ids=lambda fn: fn.__name__)
def test_what_is_harmless_is_not_held_back(fn: Callable[..., Any]) -> None:
    """Nor does it look as if the first items had changed anything."""
    witness = Witness(fn, 1)
    fn(1)
    assert reach(fn, 1, imported=lambda module: False) is None
    assert witness.changed() is None


# ── not harmless ──────────────────────────────────────────────────────────────────────────────────────────

_p = Order


def aliased(item: Any) -> None:
    one = other = seen
    other.append(item)
    del one


def in_a_list(item: Any) -> None:
    [seen][0].append(item)


def in_a_dict(item: Any) -> None:
    dict(k=seen).get("k").append(item)  # type: ignore[union-attr]


def by_unpacking(item: Any) -> None:
    (_, found) = (1, seen)
    found.append(item)


def by_zip(item: Any) -> None:
    for _, found in zip([1], [seen], strict=True):
        found.append(item)


def by_a_field(item: Any) -> None:
    _p(notes=seen).notes.append(item)


def by_partial(item: Any) -> None:
    functools.partial(seen.append, item)()


def by_a_default_of_a_lambda(item: Any) -> None:
    (lambda where=seen: where.append(item))()


def by_the_class_of_the_method(item: Any) -> None:
    list.append(seen, item)


def by_name(item: Any) -> None:
    getattr(seen, "append")(item)


def by_vars(item: Any) -> None:
    vars(order)["n"] = item


def by_dict_of(item: Any) -> None:
    order.__dict__["n"] = item


def past_setattr(item: Any) -> None:
    object.__setattr__(order, "n", item)


def by_making_one(item: Any) -> None:
    Register(item)


def by_a_metaclass(item: Any) -> None:
    WithMeta(item)


def by_a_descriptor(item: Any) -> Any:
    return Told().value


def by_a_subclass(item: Any) -> None:
    class Mine(Listed):
        pass


def by_iterating(item: Any) -> Any:
    return [n for n in counting]


def by_taking(item: Any) -> Any:
    return list(itertools.islice(rounds, 2))


def by_adding(item: Any) -> Any:
    return adding + item


def by_a_listener(item: Any) -> None:
    events.tell(item)


def by_chaining(item: Any) -> None:
    chained.add(item).add(item)


def by_a_proxy(item: Any) -> None:
    proxy.append(item)


def by_a_thread(item: Any) -> None:
    thread = threading.Thread(target=seen.append, args=(item,))
    thread.start()
    thread.join()


def in_a_match(item: Any) -> None:
    match item:
        case 1:
            seen.append(item)


def in_a_finally(item: Any) -> Any:
    try:
        return item
    finally:
        seen.append(item)


def by_a_walrus(item: Any) -> None:
    (found := seen).append(item)


def of_itself(item: Any) -> None:
    of_itself.last = item  # type: ignore[attr-defined]


def by_update(item: Any) -> None:
    found = table
    found |= {item: 1}


def of_an_array(item: Any) -> None:
    numbers[item] += 5.0


def of_a_view(item: Any) -> None:
    part = numbers[10:20]
    part += item


def of_a_reshaped_view(item: Any) -> None:
    numbers.reshape(10, 100)[0] = numbers[5] + 1


def by_out(item: Any) -> None:
    np.add(numbers, 1, out=numbers)


def of_the_environment(item: Any) -> None:
    os.environ.update(WEFT_TEST_ODD="1")


NOT_HARMLESS = [
    aliased, in_a_list, in_a_dict, by_unpacking, by_zip, by_a_field, by_partial, by_a_default_of_a_lambda,
    by_the_class_of_the_method, by_name, by_vars, by_dict_of, past_setattr, by_making_one, by_a_metaclass,
    by_a_descriptor, by_a_subclass, by_iterating, by_taking, by_adding, by_a_listener, by_chaining, by_a_proxy,
    by_a_thread, in_a_match, in_a_finally, by_a_walrus, of_itself, by_update, of_an_array, of_a_view,
    of_a_reshaped_view, by_out, of_the_environment,
]  # fmt: skip


@pytest.mark.parametrize("fn", NOT_HARMLESS, ids=lambda fn: fn.__name__)
def test_what_is_not_is_seen_in_the_code(fn: Callable[..., Any]) -> None:
    """Whoever appends by another way appends all the same."""
    assert effects_of(fn, 1).verdict == "changes"


def by_a_caller_of_methods(item: Any) -> None:
    operator.methodcaller("append", item)(seen)


def of_a_part_of_a_copy(item: Any) -> None:
    copy.copy(order).notes.append(item)


@pytest.mark.parametrize("fn", [by_a_caller_of_methods, of_a_part_of_a_copy], ids=lambda fn: fn.__name__)
def test_what_the_code_does_not_show_the_first_items_do(fn: Callable[..., Any]) -> None:
    """Two that reading misses: they are why both are done."""
    witness = Witness(fn, 1)
    fn(1)
    assert witness.changed() is not None


@pytest.mark.parametrize(
    ("item", "changes"),
    [
        ([1], True),
        ({"a": {}}, True),
        (Order(), True),
        (np.zeros(3), True),
        ("text", False),
        (3, False),
        ((1, 2), False),
    ],
    ids=lambda given: type(given).__name__,
)
def test_whether_an_item_is_changed_in_place_depends_on_what_it_is(item: Any, changes: bool) -> None:
    """``+=`` of a list is a change, of a number none."""

    def fn(given: Any) -> Any:
        if isinstance(given, dict):
            given["a"]["b"] = 1
        elif isinstance(given, Order):
            given.n += 1
        else:
            given += given
        return given

    witness = Witness(fn, item)
    fn(item)
    assert (reach(fn, item) is not None or witness.changed() is not None) == changes
