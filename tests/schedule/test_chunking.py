"""How many travel together, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from weft._schedule import chunking
from weft._schedule.chunking import LONGEST, NEAR, PART, TARGET, WINDOW_BYTES, Chunking, opening_of
from weft._schedule.policy import Policy

LARGEST = NEAR.largest


def after(
    *measured: tuple[int, float],
    workers: int = 1,
    travels: bool = True,
    alone: bool = False,
    nbytes: float = 0,
    price: float = 0.0,
    paced: bool = False,
    keeps: bool = False,
    **asked: Any,
) -> Chunking:
    """A chunking that has seen chunks of so many items that took so many seconds."""
    sizes = Chunking(Policy(rate=100.0 if paced else None, price=price, **asked))
    sizes.suit(workers, travels=travels, alone=alone, keeps=keeps)
    for items, seconds in measured:
        sizes.learn(items, seconds, nbytes)
    return sizes


@pytest.mark.parametrize(
    ("measured", "asked", "workers", "remaining", "size"),
    [
        ([], {}, 4, None, 1),  # nothing is known: one, to see
        ([(1, TARGET)], {}, 4, None, 1),
        ([(1, TARGET / 4)], {}, 4, None, 4),
        ([(1, TARGET * 100)], {}, 4, None, 1),  # never less than one
        ([(1, 1e-7)], {}, 4, None, 8),  # cheap, but known from one item only
        ([(1, 1e-7), (8, 8e-7)], {}, 4, None, 64),
        ([(4096, 4e-5)], {}, 1, None, LARGEST),
        ([(4096, 0.0)], {}, 1, None, LARGEST),  # the clock did not see it
        ([(100, 1e-3)], {}, 4, 800, 100),  # towards the end, so that all end together
        ([(4096, 4e-5)], {}, 4, 800, 800),  # but not so short that the messages cost more than the work
        ([(100, 1e-3)], {}, 1, 8000, int(TARGET / 1e-5)),  # one worker has nobody to wait for
        ([(4096, 4e-5)], {}, 4, 1, 1),
        ([(4096, 4e-5)], {}, 4, 0, 1),
        ([], {"chunksize": 1000}, 4, None, 1000),  # what was asked for, from the first
        ([], {"chunksize": 100_000}, 4, None, 100_000),
        ([(1, 10.0)], {"chunksize": 7}, 4, 3, 7),  # whatever it costs
        ([], {"chunksize": 1000, "buffersize": 8}, 4, None, 2),  # but the window is the window
        ([], {"chunksize": 1000, "buffersize": 1}, 4, None, 1),
        ([], {"chunksize": 1000, "alone": True}, 4, None, 1),
    ],
)
def test_size(measured: list[tuple[int, float]], asked: Any, workers: int, remaining: int | None, size: int) -> None:
    """A chunk should take TARGET seconds, less towards the end, and grow only as its cost becomes known."""
    assert after(*measured, workers=workers, travels=False, **asked).size(remaining) == size


@pytest.mark.parametrize(
    ("measured", "nbytes", "asked", "workers", "window"),
    [
        ([], 0, {}, 2, 128),
        ([(1, 1.0)], 0, {}, 2, 128),  # slow items: room for one that is slower still
        ([(1, TARGET / 100)], 0, {}, 2, 3200),
        ([(1, 1e-9)], 0, {}, 2, 65_536),
        ([(1, 1e-9)], 0, {}, 10_000, 640_000),
        ([(1, 1e-9)], 0, {"buffersize": 5}, 2, 5),
        ([(1, 1e-9)], WINDOW_BYTES / 100, {}, 2, 100),  # heavy items: as many as fit
        ([(1, 1e-9)], WINDOW_BYTES * 10, {}, 2, 4),  # but something must go on
        ([(1, 1e-9)], 1e300, {}, 2, 4),
        ([], 0, {"chunksize": 1000}, 2, 32_000),
        ([], 0, {"chunksize": 100_000}, 2, 400_000),  # two chunks for each
    ],
)
def test_window(measured: list[tuple[int, float]], nbytes: float, asked: Any, workers: int, window: int) -> None:
    """What is read ahead is bounded by number and, where it is known, by weight."""
    assert after(*measured, workers=workers, nbytes=nbytes, **asked).window == window


@pytest.mark.parametrize(
    ("measured", "asked", "prefetches", "depth"),
    [
        ([], {}, True, 1),
        ([(1, 0.001)], {}, True, 2),
        ([(1, 0.001)], {}, False, 1),
        ([(1, 0.001)], {"alone": True}, True, 1),
        ([(1, chunking.LONG)], {}, True, 1),
        ([(1, 0.001)], {"chunksize": 100}, True, 1),  # a chunk of 0.1 s
        ([(1, 0.001)], {"chunksize": 10}, True, 2),
    ],
)
def test_depth(measured: list[tuple[int, float]], asked: Any, prefetches: bool, depth: int) -> None:
    """A second chunk at the worker hides the round trip; where that is lost in the noise, it only delays."""
    sizes = after(*measured, workers=3, travels=prefetches, **asked)
    assert (sizes.depth, sizes.room) == (depth, 3 * depth)


def test_the_newest_cost_counts_half() -> None:
    """Costs drift; one outlier must not decide."""
    assert after((1, 0.001), (1, 0.003)).size(None) == after((1, 0.002)).size(None)


def test_a_clock_that_never_moves_does_no_harm() -> None:
    """A cost that has been halved a thousand times is still a cost."""
    sizes = after((1, 1e-6), *[(1, 0.0)] * 2000)
    assert sizes.size(None) == 8
    assert sizes.window == 65_536


def test_the_weight_of_items_is_forgotten_slowly() -> None:
    """One heavy chunk narrows the window for a while and not for ever."""
    sizes = after((1, 1e-9), workers=2, nbytes=WINDOW_BYTES)
    assert sizes.window == 4
    for _ in range(200):
        sizes.learn(1, 1e-9, 8)
    assert sizes.window == 65_536


@pytest.mark.parametrize(
    ("nbytes", "size"),
    [(0, int(TARGET / 1e-6)), (1, int(TARGET / 1e-6)), (2**20, 4), (2**20 + 60, 4), (3 * 2**20, 1), (2**30, 1)],
)
def test_heavy_items_travel_in_short_chunks(nbytes: float, size: int) -> None:
    """So that some are on their way while others are worked on."""
    assert after(*[(8192, 8192 * 1e-6)] * 3, nbytes=nbytes).size(None) == size


def test_what_is_heavy_there_and_back_fills_a_chunk_each_way() -> None:
    """On its way an item is without its result; where nobody knows what is which, both are counted."""
    sizes = after((8192, 8192 * 1e-6), nbytes=2**20)
    assert sizes.size(None) == 4
    for _ in range(50):
        sizes.learn(8192, 8192 * 1e-6, 2**20, 2**19)
    assert sizes.size(None) == 8


PRICE = 0.0005


@pytest.mark.parametrize(
    ("measured", "workers", "remaining", "size"),
    [
        ([], 2, None, 1),  # nothing is known: one, to see
        ([(1, 1e-6)], 2, None, 4096),  # they grow fast: each step costs a round trip
        ([(1, 1e-5), (4096, 4096e-7)], 2, None, 500_000),  # what a single call took, being the first, does not count
        ([(4096, 4096e-5)], 2, None, 5000),  # a hundred times the price, so that it is one per cent of the work
        ([(4096, 4096e-5)], 1000, None, 33_554),  # 2 s would be fit for so many workers; the window is 64 Mi items
        ([(4096, 4096e-3)], 1000, None, 2000),  # 2 s: 500 chunks a second, a quarter of the caller's time
        ([(100, 1e-3)], 2, 40_000, 5000),
        ([(100, 1e-3)], 2, 8000, 2000),  # towards the end smaller, so that all end together
        ([(100, 1e-3)], 2, 1800, 900),  # but what takes a worker ten milliseconds is not cut
        ([(100, 1e-3)], 2, 150, 150),  # and not divided if it takes two
    ],
)
def test_where_a_chunk_has_a_price_it_is_worth_it(
    measured: list[tuple[int, float]], workers: int, remaining: int | None, size: int
) -> None:
    """Its caller is idle most of the time, however many workers there are."""
    assert after(*measured, workers=workers, price=PRICE).size(remaining) == size


def test_where_a_chunk_has_a_price_some_always_wait_for_a_worker() -> None:
    """Whichever is free first takes them, so that long ones delay nobody; but not where starts are paced."""
    assert [after((1, 10.0), price=PRICE, paced=paced).depth for paced in (False, True)] == [2, 1]


def test_what_a_caller_keeps_for_many_workers_is_bounded() -> None:
    """A MiB for each worker, and two GiB in all; a quarter of one for few."""
    weighing = {
        workers: after((64, 0.01), workers=workers, nbytes=1024, price=PRICE).window for workers in (2, 1000, 100_000)
    }
    assert weighing[2] == 2 * 16 * 320
    assert weighing[1000] == 1000 * 1024
    assert weighing[100_000] == 2 * 2**20


MS = 0.001


@pytest.mark.parametrize(
    ("seconds", "workers", "size"),
    [
        (0.016, 2, 8),  # of each of two 8 ms
        (2 * TARGET / PART, 2, 8),
        (0.160, 2, 10),  # a part of what each has done
        (0.160, 1, 20),
        (0.400, 2, 25),
        (10.0, 2, int(LONGEST / MS)),
    ],
)
def test_chunks_get_longer_with_the_run(seconds: float, workers: int, size: int) -> None:
    """Where a death takes nothing finished along; elsewhere they stay as short as they were."""
    measured = [(8, 8 * MS)] * round(seconds / (8 * MS))
    longer = after(*measured, workers=workers, keeps=True)
    assert longer.size(None) == size
    assert longer.window >= workers * 4 * size  # so that a slow item at the front stops nobody
    assert after(*measured, workers=workers).size(None) == 8
    assert after(*measured, workers=workers, travels=False, keeps=True).size(None) == 8


def test_longer_chunks_leave_room_in_a_window_that_was_asked_for() -> None:
    """In pieces of a quarter of what each worker may have, and not below what they would be else."""
    measured = [(8, 8 * MS)] * 1000
    assert after(*measured, workers=2, keeps=True, buffersize=100).size(None) == 12
    assert after(*measured, workers=2, keeps=True, buffersize=40).size(None) == 8
    assert after(*measured, workers=2, keeps=True, chunksize=3).size(None) == 3


@pytest.mark.parametrize(
    ("total", "workers", "nbytes", "cost", "items"),
    [
        (20_000, 2, 3, None, 156),  # a sixty-fourth of what there is for each: the first may take for ever
        (100, 2, 3, None, 1),
        (10**9, 2, 3, None, 1024),
        (20_000, 2, 2**20, None, 1),  # what is heavy goes one by one
        (20_000, 2, 2**14, None, 64),
        (20_000, 2, float("inf"), None, 1),  # and so does what can't go at all, which says so then
        (20_000, 2, 3, 1e-7, 20_000),  # known: all of it at once, on one worker if it takes two milliseconds
        (20_000, 2, 3, 3e-7, 10_000),
        (20_000, 2, 3, TARGET / 10, 20),  # or as much as comes back soon, if it is what it was
        (20_000, 2, 3, 3600.0, 1),
        (20_000, 2, 3, 0.0, 20_000),
        (10**9, 2, 3, 1e-9, 65_536),
        (100, 2, 3, 1e-7, 1),  # a few items that may be anything
        (0, 2, 0, None, 1),
    ],
)
def test_where_a_chunk_has_a_price_the_first_ones_have_several_items(
    total: int, workers: int, nbytes: float, cost: float | None, items: int
) -> None:
    """A single item says little of many, and to send it costs as much as to send them all."""
    assert opening_of(total, workers, nbytes, PRICE, cost) == items


def test_the_first_chunks_are_bounded_by_what_was_asked_for() -> None:
    """By a window, and by how many items a worker may run."""
    assert Chunking(Policy(buffersize=100, price=PRICE, opening=5000)).size(None) == 100
    assert Chunking(Policy(price=PRICE, opening=5000, most=7)).size(None) == 7
    assert Chunking(Policy(price=PRICE, opening=5000)).size(None) == 5000


def test_what_is_left_is_divided_once() -> None:
    """Not halved, and halved again, though each of many chunks takes less than it costs."""
    sizes = after((156, 156 * 5e-7), workers=2, price=PRICE)
    assert sizes.size(19_688, out=156) == 9922
    assert sizes.size(9766, out=156 + 9922) == 9766


@pytest.mark.parametrize(("remaining", "size"), [(1000, 36), (40, 10), (27, 9), (12, 6), (3, 2), (1, 1)])
def test_workers_that_run_several_at_once_get_several_to_the_end(remaining: int, size: int) -> None:
    """With fewer they would wait as one; but not all that is left goes to one of two."""
    sizes = Chunking(Policy())
    sizes.suit(2, together=9)
    sizes.learn(1, 0.007, 0)
    assert sizes.size(remaining) == size


def test_what_others_finish_makes_nobodys_chunks_smaller() -> None:
    """Forty threads that were given up have a chunk each: what is left is for the two workers that get any."""
    alone, beside = after((100, 1e-3), workers=2), after((100, 1e-3), workers=2)
    beside.suit(2, held=40)
    assert beside.room == alone.room + 40
    assert [beside.size(left) for left in (10_000, 1_000, 100)] == [alone.size(left) for left in (10_000, 1_000, 100)]
