"""What a function could change that its caller wants to see: as a table."""

# ruff: noqa: PLW0603  it is about functions that do what one should not

from __future__ import annotations

import collections
import functools
import io
import json
import math
import operator
import re
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # bench has the functions that change things
from bench.choose import mutating

import weft
from weft._choose.effects import effects_of, reach
from weft._choose.witness import Witness

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


config: dict[str, Any] = {"depth": 2, "names": ["a"]}
lock = threading.Lock()
filled = None


def reads_a_global_dict(item: int) -> Any:
    return config["depth"] + item, [name * 2 for name in config["names"]], dict(config), sorted(config)


def copies_before_it_changes(item: dict[str, int]) -> Any:
    mine = dict(item)
    mine["n"] = 1
    other = item.copy()
    other.update(mine)
    rows = list(config["names"])
    rows.append("b")
    return mine, other, rows


def binds_its_argument_anew(item: Any) -> Any:
    item = sorted(item)
    item.append(1)
    return item


def counts_words(item: str) -> Any:
    counts = collections.Counter(item.split())
    counts["all"] += 1
    groups = collections.defaultdict(list)
    for word in counts:
        groups[len(word)].append(word)
    return counts.most_common(3), {size: len(found) for size, found in groups.items()}


class Tree:
    def __init__(self) -> None:
        self.left: Any = None
        self.names: list[str] = []

    def put(self, name: str) -> None:
        self.names.append(name)
        self.left = Tree() if self.left is None else self.left


def builds_objects(item: str) -> int:
    tree = Tree()
    tree.put(item)
    tree.left.put(item)
    return len(tree.names)


@functools.cache
def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def uses_a_cache(item: int) -> int:
    return fibonacci(item)


def parses(item: str) -> Any:
    return json.loads(json.dumps({"item": item}))


def fills_a_text(item: str) -> str:
    text = io.StringIO()
    print(item, file=text)
    text.write(item)
    return text.getvalue()


def prints(item: str) -> None:
    print(item)
    sys.stdout.write(item)


def yields(item: int) -> Any:
    def each() -> Any:
        yield from range(item)

    return sum(each()), max(n for n in each())


def fills_once(item: int) -> int:
    global filled
    if filled is None:
        filled = {"table": [1, 2, 3]}
    return filled["table"][0] + item


def uses_a_lock(item: int) -> int:
    with lock:
        return item


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
        json.loads,
        Session.made,
        Session.told,
        Session,
        lambda item: item,
        lambda item: config,
        around(5)["reads"],
        around([])["reads"],
        around(square)["reads"],
        reads_an_empty_cell(),
        partial(pow, 2),
        partial(square, item=3),
        partial(square, []),
        operator.itemgetter(0),
        reads_a_global_dict,
        copies_before_it_changes,
        binds_its_argument_anew,
        counts_words,
        builds_objects,
        uses_a_cache,
        fibonacci,
        parses,
        fills_a_text,
        prints,
        yields,
        uses_tuple_of_list,
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
        (deletes, "deletes the global 'count'"),
        (assigns_inside, "assigns to the global 'count'"),
        (appends, "calls .append() of the global 'seen'"),
        (appends_inside, "calls .append() of the global 'seen'"),
        (counts_on_a_class, "assigns to an attribute of the global 'Figures'"),
        (sets_on_a_class, "assigns to an attribute of the global 'Figures'"),
        (deletes_from_a_class, "deletes an attribute of the global 'Figures'"),
        (sets_on_a_module, "assigns to an attribute of the module 'math'"),
        (around(5)["rebinds"], "assigns to 'cell' of the function around it"),
        (around(5)["rebinds_inside"], "assigns to 'cell' of the function around it"),
        (seen.append, "calls .append() of its list"),
        (partial(appends, 1), "calls .append() of the global 'seen'"),
        (uses_a_lock, "uses the global 'lock', a lock"),
        (fills_once, "assigns to the global 'filled'"),
    ],
    ids=lambda given: getattr(given, "__name__", "") or repr(given)[:30],
)
def test_what_could_be_missed_is_named(fn: Callable[..., Any], why: str) -> None:
    """An appended item or a counted one that stays behind in another process is a bug that nobody sees."""
    found = reach(fn)
    assert found is not None
    assert why in found


def test_the_reason_says_where() -> None:
    """Who reads it wants to go there."""
    line = appends.__code__.co_firstlineno + 1
    what = f"it calls .append() of the global 'seen' (test_effects.py:{line})"
    assert reach(appends) == f"{what}, which another process would not do here"
    line = uses_a_lock.__code__.co_firstlineno + 1
    what = f"it uses the global 'lock', a lock (test_effects.py:{line})"
    assert reach(uses_a_lock) == f"{what}, which no other process can have"


@pytest.mark.parametrize("name", mutating.CASES)
def test_no_change_is_missed(name: str) -> None:
    """Three items run here, as *auto* has it; then it must be clear that the function stays."""
    fn, items, _ = mutating.CASES[name]()
    witness = Witness(fn, items[0])
    for item in items[:3]:
        fn(item)
    assert reach(fn, items[0]) or witness.changed()


@pytest.mark.parametrize("name", mutating.CASES)
def test_every_change_is_seen_in_the_code(name: str) -> None:
    """All of them could be read, without the comparison of before and after."""
    fn, items, _ = mutating.CASES[name]()
    assert effects_of(fn, items[0]).verdict == "changes"


def test_what_is_made_when_first_needed_is_settled_once_it_is_there() -> None:
    """A table that is loaded by the first item is the same in a loop and here, wherever the others run."""
    globals().update(filled=None)
    assert reach(fills_once, 1)
    witness = Witness(fills_once, 1)
    fills_once(1)
    assert reach(fills_once, 1) is None
    assert witness.changed() is None


def test_what_reading_the_code_misses_shows_afterwards() -> None:
    """Code written in C may change what it is given."""
    mine: list[int] = []

    def fn(item: int, put: Any = functools.partial(operator.iconcat, mine)) -> None:
        put([item])

    witness = Witness(fn, 1)
    assert witness.changed() is None
    mine.append(1)
    assert "default" in (witness.changed() or "")


def test_an_item_that_was_changed_shows() -> None:
    item = [1, 2]
    witness = Witness(square, item)
    item.append(3)
    assert (witness.changed() or "").startswith("the first items changed its first item")


def test_a_look_at_much_is_bounded() -> None:
    """A run must not wait for a look at a million objects."""
    from weft._choose import witness

    class Counted:
        __slots__ = ("n",)

        def __init__(self, n: int) -> None:
            self.n = n

    mine = [[Counted(n) for n in range(1_000)] for _ in range(1_000)]

    def fn(item: int) -> Any:
        return mine

    left = [witness.MOST]
    witness._print(mine, 0, left, set())
    deeper = witness.DEEPEST * 2 * witness.EACH  # on the way back up, what is left of each container
    assert witness.MOST - left[0] <= witness.MOST + deeper
    assert Witness(fn, 1).changed() is None


def test_pure_is_believed() -> None:
    """It is declared because it can't be measured."""

    @weft.pure
    def fn(item: int) -> None:
        seen.append(item)

    assert effects_of(fn).verdict == "declared"
    assert reach(fn) is None
    assert reach(partial(fn, 1)) is None
    fn(1)
    assert seen.pop() == 1


@pytest.mark.parametrize("declare", [weft.pure, weft.thread_unsafe])
def test_what_takes_no_mark_is_refused_with_a_remedy(declare: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="decorate a function of your own"):
        declare(len)


def test_a_file_is_never_sent_whatever_pickle_says(tmp_path: Path) -> None:
    """Cloudpickle sends an open file as its content: reads of it would start anew."""
    path = tmp_path / "lines"
    path.write_text("a\nb\n")
    with path.open() as file:

        def fn(item: int) -> str:
            return file.readline()

        assert effects_of(fn, 1).verdict == "unsendable"


def test_a_global_that_another_function_of_its_module_sets_is_not_as_imported(tmp_path: Path) -> None:
    """A worker imports the module anew: what a call of setup() has put there is not there."""
    (tmp_path / "settings_of_mine.py").write_text(
        "options = {}\n\ndef setup():\n    options['n'] = 1\n\ndef fn(item):\n    return options['n'] + item\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        import settings_of_mine  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(tmp_path))
    settings_of_mine.setup()
    assert effects_of(settings_of_mine.fn, 1).verdict == "differs"
    del sys.modules["settings_of_mine"]


def test_so_much_code_is_followed_and_no_more() -> None:
    """What was not followed may change anything: the function stays, and it is said why."""
    lines = "".join(f"    if item > {n}: total += item * {n}\n" for n in range(5_000))
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(f"def fn(item):\n    total = 0\n{lines}    return total\n", space)
    assert effects_of(space["fn"], 1).verdict == "unseen"


def test_calls_are_followed_so_deep_and_no_deeper() -> None:
    space: dict[str, Any] = {"__name__": "__main__", "seen": []}
    calls = "".join(f"def f{n}(item):\n    return f{n + 1}(item)\n" for n in range(100))
    exec(f"{calls}def f100(item):\n    seen.append(item)\n", space)
    assert effects_of(space["f80"], 1).verdict == "changes"
    assert effects_of(space["f0"], 1).verdict == "unseen"


def test_a_function_that_calls_itself_is_followed_once() -> None:
    def down(item: int) -> int:
        return 0 if item <= 0 else down(item - 1) + other(item)

    def other(item: int) -> int:
        return down(item - 2)

    assert reach(down, 3) is None


def test_what_libraries_keep_to_themselves_is_not_a_change() -> None:
    """A path that has been turned into text once keeps it; a frame keeps the columns that were asked for."""
    import pandas as pd

    def reads_path(item: Path) -> Any:
        return item.parent, str(item), item.exists(), hash(item)

    def reads_frame(item: Any) -> Any:
        return item["a"].sum(), item.groupby("a").b.mean(), item.sort_values("b"), item[item.a > 1]

    def adds_a_column(item: Any) -> Any:
        item["c"] = item.a + 1
        return item

    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    for fn, item in ((reads_path, Path("a", "b")), (reads_frame, frame)):
        witness = Witness(fn, item)
        fn(item)
        assert witness.changed() is None
        assert reach(fn, item) is None
    assert reach(adds_a_column, frame) is not None


ALONE = {
    "assigns_to_a_global", "keeps_the_last_in_a_global", "keeps_the_biggest_in_a_global", "deletes_and_sets_by_globals",
    "counts_in_a_counter", "sets_an_attribute", "sets_an_attribute_by_name", "takes_a_number", "throws_dice",
    "assigns_to_a_nonlocal", "assigns_to_a_nonlocal_from_further_inside", "counts_calls_in_a_decorator",
    "keeps_in_an_attribute_of_itself", "is_a_method_that_changes_its_object", "changes_a_class_attribute",
    "reads_a_property_that_counts", "sets_an_attribute_of_a_module", "sets_the_environment", "appends_to_the_path",
    "seeds_the_random_numbers", "runs_text_that_does",
}  # fmt: skip
TOGETHER = {
    "appends_to_a_global_list", "extends_in_place", "fills_a_global_dict", "remembers_in_a_dict", "adds_to_a_set",
    "sets_defaults_in_a_dict", "pushes_on_a_heap", "appends_deep_inside", "appends_to_a_closure", "keeps_in_a_default",
    "appends_to_its_items", "adds_a_field_to_its_items", "sorts_its_items_in_place", "changes_parts_of_its_items",
    "calls_a_method_of_its_items_that_changes_them", "does_it_in_a_with_block",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ALONE | TOGETHER))
def test_threads_may_append_but_not_count(name: str) -> None:
    """``total += f(x)`` reads, calls and writes: two threads at it lose one of two. What is one step loses nothing."""
    fn, items, _ = mutating.CASES[name]()
    effects = effects_of(fn, items[0])
    assert effects.alone == (name in ALONE)
    assert ("threads would get in each other's way" in (effects.alone_because or "")) == (name in ALONE)


def test_the_worse_of_two_changes_is_the_one_that_counts() -> None:
    """That it appends first makes its counting no safer."""

    def fn(item: int) -> None:
        global count
        seen.append(item)
        count += 1

    assert effects_of(fn, 1).alone
    assert "count" in effects_of(fn, 1).what


def test_who_takes_a_lock_knows_of_threads() -> None:
    def fn(item: int) -> None:
        global count
        with lock:
            count += 1

    effects = effects_of(fn, 1)
    assert (effects.verdict, effects.alone) == ("unsendable", False)


def test_what_is_put_into_a_channel_reaches_everybody_wherever_it_is_put():
    """A channel and a pipe are for that: they keep no function from another process."""
    jobs, (here, _) = weft.Channel(), weft.Pipe()

    def puts(n):
        jobs.put(n)
        here.send(n)

    assert reach(puts) is None
