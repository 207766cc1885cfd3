"""Worklists: visits that find more to visit; everything is visited, and then it ends by itself."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import weft
import weft.testing

KINDS = ["serial", "thread", "process", "async", "auto", "futures"]
DEADLINE = 20.0  # seconds for what should take a tenth: a machine may be busy


@pytest.fixture(params=KINDS)
def kind(request):
    if request.param != "futures":
        yield request.param
        return
    with ThreadPoolExecutor(2) as pool:
        yield pool


def halves(item, more):
    """A binary tree: (from, to) is split until nothing is left to split."""
    start, end = item
    if end - start > 1:
        middle = (start + end) // 2
        more((start, middle))
        more((middle, end))
        return 0
    return end - start


def collatz(n, more):
    """Many ways to the same numbers."""
    more(n // 2 if n % 2 == 0 else 3 * n + 1)
    return n


def identity(n):
    return n


async def halves_later(item, more):
    await asyncio.sleep(0)
    return halves(item, more)


def test_it_visits_everything_and_ends(kind):
    """Divide and conquer: the leaves are what was there at first."""
    results = weft.worklist(halves, [(0, 300)], on=kind).results()
    assert sum(results) == 300
    assert len(results) == 2 * 300 - 1


def test_under_async_for_too(kind):
    async def main():
        return [result async for result in weft.worklist(halves, [(0, 50)], on=kind)]

    assert sum(asyncio.run(main())) == 50


def test_coroutine_functions():
    assert sum(weft.worklist(halves_later, [(0, 100)])) == 100

    async def main():
        return [result async for result in weft.worklist(halves_later, [(0, 100)])]

    assert sum(asyncio.run(main())) == 100


def test_with_a_key_each_thing_is_visited_once(kind):
    """Else this would go round and round for ever: 4, 2, 1, and 4 again."""
    visited = weft.worklist(collatz, [6, 7, 7], key=identity, on=kind).results()
    assert sorted(visited) == sorted({6, 3, 10, 5, 16, 8, 4, 2, 1, 7, 22, 11, 34, 17, 52, 26, 13, 40, 20})


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    edges=st.dictionaries(st.integers(0, 20), st.lists(st.integers(0, 20), max_size=4)),
    roots=st.lists(st.integers(0, 20), max_size=3),
    on=st.sampled_from(["serial", "thread", "process", "async"]),
    ranked=st.booleans(),
    pressure=st.sampled_from([0, 1, 3, 10_000]),
    buffersize=st.sampled_from([None, 1, 4]),
)
def test_any_graph_is_walked_whole(edges, roots, on, ranked, pressure, buffersize):
    def visit(node, more):
        for other in edges.get(node, ()):
            more(other)
        return node

    reached, waiting = set(roots), list(roots)
    while waiting:
        for other in edges.get(waiting.pop(), ()):
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    priority = (lambda node: -node) if ranked else None
    run = weft.worklist(
        visit, iter(roots), key=identity, priority=priority, pressure=pressure, buffersize=buffersize, on=on
    )
    found = run.results()
    assert sorted(found) == sorted(reached)


def test_nothing_to_begin_with_is_nothing_to_do():
    assert weft.worklist(halves, []).results() == []
    assert weft.worklist(halves, iter(())).results() == []


# ── order ─────────────────────────────────────────────────────────────────────────────────────────────────────


def tree(path, more):
    if len(path) < 3:
        for step in "ab":
            more(path + step)
    return path


def test_without_pressure_the_first_found_goes_first():
    found = weft.worklist(tree, [""], on="serial").results()
    assert found == sorted(found, key=lambda path: (len(path), path))


def test_under_pressure_the_newest_goes_first():
    """Depth-first: from one end of the tree to the other."""
    found = weft.worklist(tree, [""], on="serial", pressure=0, chunksize=1).results()
    assert found == ["", "b", "bb", "bbb", "bba", "ba", "bab", "baa", "a", "ab", "abb", "aba", "aa", "aab", "aaa"]


@pytest.mark.parametrize("ranked", [False, True])
def test_pressure_bounds_what_waits(ranked):
    """Ten children each, nine deep: of the first 20,000 visits as good as all that they find would wait."""
    most = 0

    def visit(depth, more):
        nonlocal most
        for _ in range(10 if depth else 0):
            more(depth - 1)

    run = weft.worklist(visit, [9], on="serial", pressure=100, priority=(lambda depth: -depth) if ranked else None)
    agenda = run._execution._agenda
    with run:
        for _ in itertools.islice(run, 20_000):
            most = max(most, len(agenda))
    assert 100 < most < 100 + 3 * 10 * 10


def test_the_smallest_priority_goes_first():
    def visit(n, more):
        if n == 0:
            for other in (5, 3, 9, 1):
                more(other)
        if n == 3:
            more(4)
        return n

    assert weft.worklist(visit, [0], on="serial", priority=identity, chunksize=1).results() == [0, 1, 3, 4, 5, 9]


def knapsack(state, more):
    """Branch and bound: take the next thing or leave it."""
    taken, weight, value = state
    things = [(12, 4), (2, 2), (1, 1), (1, 2), (4, 10)]
    if taken < len(things):
        heavy, worth = things[taken]
        more((taken + 1, weight, value))
        if weight + heavy <= 15:
            more((taken + 1, weight + heavy, value + worth))
        return 0
    return value


def best_first(state):
    return -state[2]


def test_branch_and_bound(kind):
    """The best of all ends it early, or all are seen."""
    assert max(weft.worklist(knapsack, [(0, 0, 0)], on=kind, priority=best_first)) == 15
    run = weft.worklist(knapsack, [(0, 0, 0)], on=kind, priority=best_first, until=lambda value: value == 15)
    assert run.results()[-1] == 15


# ── stopping ──────────────────────────────────────────────────────────────────────────────────────────────────


def endless(n, more):
    more(2 * n)
    more(2 * n + 1)
    return n


def test_until_says_which_result_is_the_last(kind):
    results = weft.worklist(endless, [1], on=kind, until=lambda n: n >= 100).results()
    assert results[-1] >= 100
    assert all(n < 100 for n in results[:-1])


def test_until_under_async_for():
    async def main():
        return [n async for n in weft.worklist(endless, [1], on="thread", until=lambda n: n >= 100)]

    results = asyncio.run(main())
    assert results[-1] >= 100
    assert all(n < 100 for n in results[:-1])


@pytest.mark.parametrize("way", ["break", "error", "drop", "cancel", "with"])
def test_an_endless_one_may_be_left_at_any_moment(kind, way):
    """See also conftest.py."""
    run = weft.worklist(endless, itertools.count(1), on=kind, pressure=100)
    next(run)
    match way:
        case "break":
            for n in run:
                if n > 50:
                    break
        case "error":
            with pytest.raises(KeyError):
                for _ in run:
                    raise KeyError
        case "cancel":
            run.cancel()
        case "with":
            with run:
                next(run)
    run = None
    gc.collect()


def test_roots_are_read_only_as_far_as_there_is_nothing_else_to_do():
    read = []

    def roots():
        for n in itertools.count():
            read.append(n)
            yield (0, 64)

    with weft.worklist(halves, roots(), on="serial", pressure=64) as run:
        for _ in itertools.islice(run, 127):
            pass
        assert len(read) <= 8


def test_while_the_caller_is_busy_visits_go_on():
    """With what was found so far."""

    def visit(n, more):
        time.sleep(0.001)
        for _ in range(3 if n < 8 else 0):
            more(n + 1)

    with weft.worklist(visit, [0], on="thread", max_workers=2) as run:
        for _ in itertools.islice(run, 60):
            pass
        while run.stats.seconds < 0.05:
            next(run)
        before, ending = run.stats.done, time.monotonic() + DEADLINE
        while run.stats.done < before + 20:
            assert time.monotonic() < ending
            time.sleep(0.005)


# ── failure ───────────────────────────────────────────────────────────────────────────────────────────────────


def fails_at_three(n, more):
    if n < 6:
        more(n + 1)
        more(n + 1)
    if n == 3:
        raise KeyError(n)
    return n


def test_a_failure_ends_it(kind):
    with pytest.raises(KeyError) as caught:
        weft.worklist(fails_at_three, [0], on=kind).results()
    assert "(3)" in caught.value.__notes__[0]


@pytest.mark.parametrize("on_error", ["keep", "skip"])
def test_what_a_failed_visit_found_is_not_visited(kind, on_error):
    """It may be tried again, and would find it again."""
    run = weft.worklist(fails_at_three, [0], on=kind, on_error=on_error)
    results = run.results()
    assert sorted(n for n in results if not isinstance(n, weft.Failure)) == [0, 1, 1, 2, 2, 2, 2]
    assert sum(isinstance(n, weft.Failure) for n in results) == (8 if on_error == "keep" else 0)
    assert [failure.item for failure in run.failures] == [3] * 8


def test_a_visit_that_is_tried_again_counts_once(tmp_path):
    def visit(n, more):
        if n < 30:
            more(n + 1)
        if n % 3 == 0 and not (tmp_path / str(n)).exists():
            (tmp_path / str(n)).touch()
            raise OSError(n)
        return n

    run = weft.worklist(visit, [0], on="thread", retries=1)
    assert sorted(run.results()) == list(range(31))
    assert run.stats.retried == 11


def test_workers_may_die():
    """Everything is visited, and once."""
    with weft.testing.chaos(kill=0.05, slow=0, seed=2) as storm:
        results = weft.worklist(halves, [(0, 100)], on="process", chunksize=4).results()
    assert storm.kills > 0
    assert (sum(results), len(results)) == (100, 199)


def dies(n, more):
    if n == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    if n < 10:
        more(n + 1)
        more(n + 1)
    return n


def test_a_deadly_item_is_one_failure():
    run = weft.worklist(dies, [0], on="process", key=identity, on_error="skip")
    assert sorted(run.results()) == [0, 1, 2, 3, 4]
    assert isinstance(run.failures[0].error, weft.WorkerDied)


def test_roots_that_fail_do_so_after_what_they_gave():
    def roots():
        yield (0, 4)
        raise OSError("gone")

    found = []
    with pytest.raises(OSError, match="gone"):
        found.extend(weft.worklist(halves, roots(), on="thread"))
    assert sum(found) == 4


def test_more_after_the_visit_is_an_error_where_it_is_called():
    """What it was given would be lost."""
    kept = []

    def visit(n, more):
        kept.append(more)

    weft.worklist(visit, [1], on="thread").results()
    with pytest.raises(RuntimeError, match="when its visit was over"):
        kept[0](2)


def test_auto_keeps_here_what_changes_things_here():
    seen = []

    def visit(n, more):
        seen.append(n)
        sum(range(50_000))
        if n < 300:
            more(n + 1)

    weft.worklist(visit, [0]).results()
    assert seen == list(range(301))


def test_mistakes_say_what_was_meant():
    with pytest.raises(weft.UnknownOption, match="ordered"):
        weft.worklist(halves, [], ordered=True)
    with pytest.raises(weft.BadOption, match="differs from run to run"):
        weft.worklist(halves, [], seed=1)
    with pytest.raises(weft.BadOption, match="key must be something to call"):
        weft.worklist(halves, [], key=3)
    with pytest.raises(weft.BadOption, match="pressure must be a whole number"):
        weft.worklist(halves, [], pressure=-1)
    with pytest.raises(TypeError, match="something to call"):
        weft.worklist(3, [])
    with pytest.raises(TypeError, match="must be iterable"):
        weft.worklist(halves, 3)
    with pytest.warns(RuntimeWarning, match="weft.worklist"):
        weft.worklist(halves, [])
