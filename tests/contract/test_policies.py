"""Retries, timeouts, rate, cancelling, context, randomness: the same on every kind that can."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import itertools
import threading
import time
from itertools import pairwise

import pytest

import weft
from weft.abc import Advanced

REQUEST = contextvars.ContextVar("REQUEST", default="unset")


@pytest.fixture
def soon(monkeypatch):
    """Retries come after a hundredth of their delay."""
    monkeypatch.setattr("weft._schedule.deadlines.BACKOFF_FIRST", 0.001)


def fails_twice(folder, n):
    marks = len(list(folder.glob(f"{n}-*")))
    (folder / f"{n}-{marks}").touch()
    if marks < 2:
        raise ConnectionError(n)
    return n


def nap(seconds):
    time.sleep(seconds)
    return seconds


async def nap_later(seconds):
    await asyncio.sleep(seconds)
    return seconds


def test_what_fails_is_tried_again(kind, tmp_path, soon):
    """With retries=2 an item may fail twice."""
    run = weft.starmap(fails_twice, [(tmp_path, n) for n in range(4)], on=kind, retries=2)
    assert list(run) == [0, 1, 2, 3]
    assert run.stats.retried == 8


def test_no_item_is_tried_more_often_than_allowed(kind, tmp_path, soon):
    run = weft.starmap(fails_twice, [(tmp_path, n) for n in range(3)], on=kind, retries=1, on_error="keep")
    assert [failure.attempts for failure in run] == [2, 2, 2]
    assert len(list(tmp_path.iterdir())) == 6


def test_the_original_error_is_raised_when_retries_are_used_up(kind, tmp_path, soon):
    with pytest.raises(ConnectionError) as caught:
        list(weft.starmap(fails_twice, [(tmp_path, 0)], on=kind, retries=1))
    assert any("attempt 2" in note for note in caught.value.__notes__)


def test_retries_keep_the_order(kind, soon):
    seen = {}

    def flaky(n):
        return n

    assert list(weft.map(flaky, range(10), on=kind, retries=1)) == list(range(10))
    assert seen == {}


def test_an_item_that_takes_too_long_fails_and_no_other(kind):
    """timeout= is for one item; its neighbours are kept."""
    fn = nap_later if kind == "async" else nap
    run = weft.map(fn, [0, 0.6, 0.01], on=kind, timeout=0.3, on_error="keep", max_workers=2)
    results = run.results()
    assert (results[0], results[2]) == (0, 0.01)
    assert isinstance(results[1], weft.Failure)
    assert isinstance(results[1].error, weft.TaskTimeout)
    assert isinstance(results[1].error, TimeoutError)
    assert "item 1 took longer than timeout=0.3 s" in str(results[1].error)


@pytest.mark.parametrize("kind", ["process", "process by fork", "process by spawn", "async", "auto"], indirect=True)
def test_where_an_item_can_be_stopped_it_is(kind):
    """The run does not wait for what hangs: it is killed or cancelled."""
    fn = nap_later if kind == "async" else nap
    began = time.monotonic()
    run = weft.map(fn, [60, 0], on=kind, timeout=0.2, on_error="keep", max_workers=2)
    failure, zero = run.results()
    assert (zero, failure.error.stopped) == (0, True)
    assert time.monotonic() - began < 30


def test_a_thread_that_hangs_is_left_behind_and_replaced():
    """Said openly: a thread can't be killed; the run goes on without it."""
    gate = threading.Event()
    run = weft.map(
        lambda n: gate.wait(20) if n == 0 else n, range(5), on="thread", timeout=0.1, max_workers=1, on_error="keep"
    )
    results = run.results()
    gate.set()
    assert not results[0].error.stopped
    assert results[1:] == [1, 2, 3, 4]


def test_one_item_after_the_other_that_takes_too_long_holds_nobody_up(kind):
    """Workers that were left behind come back while others are at work in their place."""
    fn = nap_later if kind == "async" else nap
    naps = [0.7, 0.7, 0] * 3
    results = weft.map(fn, naps, on=kind, timeout=0.3, on_error="keep", max_workers=1).results()
    assert [isinstance(result, weft.Failure) for result in results] == [nap > 0 for nap in naps]


@pytest.mark.usefixtures("start_method")
def test_a_timeout_is_retried_like_any_failure(soon):
    run = weft.map(nap, [5], on="process", timeout=0.1, retries=1, on_error="keep")
    assert run.results()[0].attempts == 2


def test_rate_limits_starts_across_all_workers(kind):
    """20 starts at 100 a second take 0.19 s at least."""
    began = time.monotonic()
    assert list(weft.map(abs, range(20), on=kind, rate=100)) == list(range(20))
    assert time.monotonic() - began >= 0.17


def test_leaving_the_loop_cancels_the_rest(kind):
    """What has not begun never does."""
    touched = []

    def touch(n):
        touched.append(n)
        time.sleep(0.001)
        return n

    for value in weft.map(touch, itertools.count(), on=kind, max_workers=2):
        if value == 5:
            break
    if kind != "process":
        before = len(touched)
        threading.Event().wait(0.05)
        assert len(touched) <= before + 2  # those that were in a worker's hands


def test_leaving_a_with_block_cancels_the_rest(kind):
    with weft.map(nap, itertools.repeat(0.001), on=kind) as run:
        assert next(run) == 0.001
    assert list(run)[10_000:] == []


def test_dropping_a_run_cancels_the_rest(kind):
    run = weft.map(nap, itertools.repeat(0.001), on=kind)
    next(run)
    del run
    gc.collect()  # nothing_left_behind looks at the rest


@pytest.mark.parametrize("kind", ["process", "process by fork", "process by spawn", "async"], indirect=True)
def test_leaving_stops_what_is_in_the_middle(kind):
    """An item of a minute does not keep the caller, nor a worker."""
    fn = nap_later if kind == "async" else nap
    began = time.monotonic()
    for value in weft.map(fn, [0, 60, 60], on=kind, max_workers=3):
        assert value == 0
        break
    assert time.monotonic() - began < 30


def test_cancel_from_another_thread_ends_the_iteration(kind):
    """cancel() may be called by anybody."""
    run = weft.map(nap, itertools.repeat(0.002), on=kind, max_workers=2)
    seen = 0
    for _ in run:
        seen += 1
        if seen == 3:
            canceller = threading.Thread(target=run.cancel)
            canceller.start()
    canceller.join()
    assert seen >= 3


def test_cancelling_twice_or_after_the_end_is_harmless(kind):
    run = weft.map(abs, range(3), on=kind)
    assert run.results() == [0, 1, 2]
    run.cancel()
    run.cancel()


def test_cancelling_the_task_that_iterates_cancels_the_run(kind):
    """Structured: an async caller that is cancelled takes its run with it."""

    async def caller():
        fn = nap_later if kind == "async" else nap
        async for _ in weft.map(fn, itertools.repeat(0.005), on=kind):
            pass

    async def main():
        task = asyncio.create_task(caller())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["serial", "thread", "async", "auto"])
def test_context_variables_reach_workers_that_share_memory(kind):
    """As if the function had been called here."""
    token = REQUEST.set("r-17")
    try:
        assert list(weft.map(lambda _: REQUEST.get(), range(3), on=kind)) == ["r-17"] * 3
    finally:
        REQUEST.reset(token)


def draw(n):
    return (n, *weft.rng().integers(0, 10**9, 3).tolist(), float(weft.rng().random()))


async def draw_later(n):
    await asyncio.sleep(0)
    return draw(n)


@pytest.mark.with_numpy
@pytest.mark.parametrize("fn", [draw, draw_later])
def test_seeded_numbers_depend_on_seed_and_index_only(kind, fn):
    """The same whatever the kind, the number of workers and the size of chunks."""
    expected = [draw_of(7, n) for n in range(40)]
    assert list(weft.map(fn, range(40), on=kind, seed=7, max_workers=3)) == expected
    assert list(weft.map(fn, range(40), on=kind, seed=7, chunksize=9)) == expected
    assert list(weft.map(fn, range(40), on=kind, seed=8)) != expected


def draw_of(seed, index):
    """What NumPy itself gives for the documented construction."""
    from numpy.random import SeedSequence, default_rng

    stream = default_rng(SeedSequence(seed, spawn_key=(index,)))
    return (index, *stream.integers(0, 10**9, 3).tolist(), float(stream.random()))


@pytest.mark.with_numpy
def test_a_retry_draws_the_same_numbers(kind, tmp_path, soon):
    """An attempt that failed leaves no trace in the numbers."""

    def flaky(folder, n):
        number = float(weft.rng().random())
        mark = folder / str(n)
        if not mark.exists():
            mark.touch()
            raise OSError(n)
        return number

    expected = [draw_first(5, n) for n in range(4)]
    assert list(weft.starmap(flaky, [(tmp_path, n) for n in range(4)], on=kind, seed=5, retries=1)) == expected


def draw_first(seed, index):
    from numpy.random import SeedSequence, default_rng

    return float(default_rng(SeedSequence(seed, spawn_key=(index,))).random())


@pytest.mark.with_numpy
def test_outside_a_seeded_run_streams_are_new(kind):
    first, second = weft.map(lambda _: float(weft.rng().random()), range(2), on=kind)
    assert first != second


@pytest.mark.with_numpy
def test_a_seeded_run_leaves_no_stream_behind(kind):
    """Neither in a warm worker for the next run, nor in the caller."""
    from numpy.random import SeedSequence, default_rng

    weft.map(lambda _: float(weft.rng().random()), [0], on=kind, seed=7, max_workers=1).results()
    later = weft.map(lambda _: float(weft.rng().random()), range(20), on=kind, max_workers=1).results()
    stream = set(default_rng(SeedSequence(7, spawn_key=(0,))).random(30).tolist())
    assert not stream & {*later, float(weft.rng().random())}


def test_stats_and_explain_tell_what_happened(kind):
    run = weft.map(abs, range(100), on=kind)
    assert run.stats.total == 100
    run.results()
    assert (run.stats.done, run.stats.failed) == (100, 0)
    assert run.stats.seconds > 0
    story = run.explain()
    assert "100 items" in str(story)
    assert str(story).splitlines()[0] == story.headline
    assert story.to_dict()["stats"]["done"] == 100
    assert "100" in repr(run)
    assert "<table>" in run._repr_html_()


def test_events_come_to_a_callable(kind):
    """progress= takes anybody who wants to know."""
    events = []
    assert list(weft.map(abs, range(10), on=kind, progress=events.append)) == list(range(10))
    names = [type(event).__name__ for event in events]
    assert (names[-1], names.count("Started"), names.count("Ended")) == ("Ended", 1, 1)
    assert "Advanced" in names
    assert events[-1].stats.done == 10


def doze(n):
    time.sleep(0.004)
    if n == 7:
        raise ValueError(n)
    return weft.current_worker().name


async def doze_async(n):
    await asyncio.sleep(0.004)
    if n == 7:
        raise ValueError(n)
    return weft.current_worker().name


def test_events_tell_which_worker_had_which_items_when(kind):
    """What somebody draws of a run: each item once, with its worker, within the time that the run took."""
    fn = doze_async if kind == "async" else doze
    spans, advanced = [], []

    def listen(event):
        if isinstance(event, Advanced):
            advanced.append(event.stats.seconds)
            spans.extend((span, event.stats.seconds) for span in event.spans)

    names = weft.map(fn, range(12), on=kind, max_workers=2, on_error="keep", progress=listen).results()
    assert sorted(n for span, _ in spans for n in range(span.first, span.first + span.items)) == [*range(12)]
    for span, told in spans:
        assert span.began >= 0
        assert 0.003 * span.items <= span.seconds <= told - span.began
        for n in {*range(span.first, span.first + span.items)} - {7}:
            assert span.worker.partition(" (pid")[0] == names[n].partition(" (pid")[0]
    for worker in {span.worker for span, _ in spans}:
        own = sorted((span.began, span.began + span.seconds) for span, _ in spans if span.worker == worker)
        assert all(ended <= began for (_, ended), (began, _) in pairwise(own))


def test_a_broken_observer_does_not_break_the_run(kind, caplog):
    def broken(event):
        raise RuntimeError("observer")

    assert list(weft.map(abs, range(10), on=kind, progress=broken)) == list(range(10))
    assert "observer" in caplog.text
