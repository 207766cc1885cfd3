"""Results: every item's, once, in order, no more read than was asked for."""

from __future__ import annotations

import asyncio
import itertools
import operator
import threading
import time
from collections.abc import Iterator

import pytest

import weft


def square(n):
    return n * n


async def square_later(n):
    await asyncio.sleep(0)
    return n * n


def nap(seconds):
    time.sleep(seconds)
    return seconds


def test_results_come_in_input_order(kind):
    """Results leave in the order their items were read."""
    assert list(weft.map(square, range(2000), on=kind)) == [n * n for n in range(2000)]


def test_order_holds_when_early_items_are_slow(kind):
    """A slow item holds back those after it, and only in the output."""
    assert list(weft.map(nap, [0.1, 0, 0, 0.02, 0], on=kind, max_workers=3)) == [0.1, 0, 0, 0.02, 0]


def test_unordered_gives_every_result_once(kind):
    """What comes as it is ready is still everything."""
    assert sorted(weft.map(square, range(500), on=kind, ordered=False)) == [n * n for n in range(500)]


@pytest.mark.parametrize("kind", ["thread", "process", "process by fork", "process by spawn", "async"], indirect=True)
def test_unordered_does_not_wait_for_the_slow(kind):
    """A slow item does not hold back those after it."""
    assert list(weft.map(nap, [1.0, 0.0, 0.001], on=kind, max_workers=2, ordered=False))[-1] == 1.0


def test_an_empty_input_has_no_results(kind):
    assert list(weft.map(square, [], on=kind)) == []


def test_several_iterables_give_an_argument_each_until_the_shortest_ends(kind):
    """As the built-in map does."""
    assert list(weft.map(operator.add, [1, 2, 3], itertools.count(10), on=kind)) == [11, 13, 15]


def test_starmap_spreads_each_item(kind):
    assert list(weft.starmap(divmod, [(7, 2), (9, 4)], on=kind)) == [(3, 1), (2, 1)]


def test_coroutine_functions_run_on_every_kind(kind):
    """An async def is a function like any other; its results are values, not coroutines."""
    assert list(weft.map(square_later, range(20), on=kind)) == [n * n for n in range(20)]


def test_a_lambda_with_a_closure_runs_on_every_kind(kind):
    """Nothing needs to be importable."""
    offset = 5
    assert list(weft.map(lambda n: n + offset, range(5), on=kind)) == [5, 6, 7, 8, 9]


def test_results_is_the_list_and_stays_it(kind):
    run = weft.map(square, range(10), on=kind)
    assert run.results() == [n * n for n in range(10)]
    assert run.results() is run.results()


def test_next_takes_one_at_a_time(kind):
    with weft.map(square, range(5), on=kind) as run:
        assert iter(run) is run
        assert [next(run), next(run)] == [0, 1]


def test_the_values_of_a_user_are_never_looked_at(kind):
    """None, falsy, unhashable, exceptions and odd types are values like any other."""
    odd = [None, False, [], {}, ValueError("a value"), StopIteration(1), float("nan"), NotImplemented, b"\0", "\0"]
    back = list(weft.map(operator.attrgetter("value"), map(Box, odd), on=kind))
    assert [repr(value) for value in back] == [repr(value) for value in odd]


class Box:
    def __init__(self, value):
        self.value = value


def test_an_endless_input_is_read_only_as_far_as_needed(kind):
    """Laziness: the input of a run may never end."""
    read = []

    def endless() -> Iterator[int]:
        for n in itertools.count():
            read.append(n)
            yield n

    run = weft.map(square, endless(), on=kind)
    assert list(itertools.islice(run, 100)) == [n * n for n in range(100)]
    run.cancel()
    assert len(read) < (5_000_000 if kind == "ray" else 200_000)  # some 60 bytes each: its window is 256 MiB of them


@pytest.mark.parametrize("buffersize", [1, 2, 7])
@pytest.mark.parametrize("ordered", [True, False])
def test_no_more_than_buffersize_is_read_ahead(kind, buffersize, ordered):
    """At most buffersize items are read whose results have not been taken."""
    taken, worst = 0, 0

    def counted() -> Iterator[int]:
        nonlocal worst
        for n in range(60):
            worst = max(worst, n + 1 - taken)
            yield n

    for _ in weft.map(square, counted(), on=kind, buffersize=buffersize, ordered=ordered):
        taken += 1
    assert taken == 60
    # The last result that was handed out counts as taken only when the next is asked for.
    assert worst <= buffersize + 1


def test_chunksize_is_how_many_travel_together(kind):
    """Explicit chunks give the same results."""
    assert list(weft.map(square, range(100), on=kind, chunksize=7)) == [n * n for n in range(100)]


def test_nothing_runs_before_the_first_result_is_asked_for(kind):
    """A run is lazy, as the built-in map is; one that is forgotten says so."""
    touched = []
    run = weft.map(touched.append, [1, 2, 3], on=kind)
    assert touched == []
    with pytest.warns(RuntimeWarning, match="never iterated"):
        del run


def test_async_for_gives_the_same_results(kind):
    async def collect():
        return [value async for value in weft.map(square, range(300), on=kind)]

    assert asyncio.run(collect()) == [n * n for n in range(300)]


def test_async_for_does_not_block_the_loop(kind, name):
    """While workers work, the event loop goes on."""

    async def both():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticker = asyncio.create_task(tick())
        run = weft.map(nap, [0.15, 0.15], on=kind, max_workers=2)
        assert [value async for value in run] == [0.15, 0.15]
        ticker.cancel()
        return ticks

    assert asyncio.run(both()) >= 3


def test_anext_takes_one_at_a_time(kind):
    async def two():
        async with weft.map(square, range(10), on=kind) as run:
            return [await anext(run), await anext(run)]

    assert asyncio.run(two()) == [0, 1]


def test_a_plain_loop_may_iterate_inside_an_event_loop(kind, name):
    """It blocks the loop, and works."""

    async def collect():
        return list(weft.map(square, range(20), on=kind))

    assert asyncio.run(collect()) == [n * n for n in range(20)]


def test_leaving_an_async_with_block_ends_the_run_at_once(kind):
    """What the block started has ended when it is left, also after a break."""

    async def leave():
        async with weft.map(nap, itertools.repeat(0.001), on=kind, max_workers=2) as run:
            async for _ in run:
                break
        assert [value async for value in run] == []

    asyncio.run(leave())


def test_two_runs_may_be_iterated_in_turns(kind):
    """Runs do not share anything that one could take from the other."""
    first, second = weft.map(square, range(50), on=kind), weft.map(str, range(50), on=kind)
    assert list(zip(first, second, strict=True)) == [(n * n, str(n)) for n in range(50)]


def test_runs_in_several_threads_do_not_disturb_each_other(kind):
    results = {}

    def work(key):
        results[key] = weft.map(square, range(key, key + 200), on=kind).results()

    workers = [threading.Thread(target=work, args=(key,)) for key in (0, 1000, 2000)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == {key: [n * n for n in range(key, key + 200)] for key in (0, 1000, 2000)}


def test_several_threads_share_the_results_of_one_run(kind):
    """Each result goes to one of them, none to nobody."""
    run = weft.map(square, range(400), on=kind, buffersize=40)
    taken = [[], [], []]

    def take(mine):
        for value in run:
            mine.append(value)
            time.sleep(0)

    threads = [threading.Thread(target=take, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(itertools.chain(*taken)) == [n * n for n in range(400)]
    assert all(mine == sorted(mine) for mine in taken)


def test_whoever_asks_for_all_results_gets_them_all(kind):
    """Also if another thread asks at the same time."""
    run = weft.map(nap, [0.001] * 40, on=kind, max_workers=2)
    results = []
    threads = [threading.Thread(target=lambda: results.append(run.results())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [[0.001] * 40] * 2


def test_a_progress_callback_may_cancel_the_run(kind, caplog):
    """That is how one stops at something seen; the results that are there leave, and nobody complains."""
    runs = []

    def enough(event):
        if runs and runs[0].stats.done >= 3:
            runs[0].cancel()

    runs.append(weft.map(nap, [0.002] * 500, on=kind, max_workers=2, chunksize=1, progress=enough))
    results = list(runs[0])
    assert results == [0.002] * len(results)
    assert len(results) < 500
    assert not caplog.records


def test_a_function_that_asks_its_own_run_for_results_is_told_so():
    """In the caller there is nobody else who could produce them; and no result goes missing without a word."""
    runs = []

    def next_of_all(n):
        return next(runs[0])

    runs.append(weft.map(next_of_all, range(3), on="serial", on_error="keep"))
    with pytest.raises(RuntimeError, match="asked for its next result by what it calls itself"):
        list(runs[0])


def test_a_run_inside_a_run_works(kind, name):
    """Nested calls neither dead-lock nor mix."""
    nested = "serial" if name in {"futures", "auto"} else kind

    def inner(n):
        return sum(weft.map(square, range(n), on=nested, max_workers=2))

    assert list(weft.map(inner, range(6), on=kind, max_workers=2)) == [sum(i * i for i in range(n)) for n in range(6)]
