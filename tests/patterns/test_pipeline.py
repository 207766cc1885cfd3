"""Pipelines: what comes out is what a loop would give, on whatever workers; and leaving one leaves nothing running."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import weft
import weft.testing
from weft.abc import Advanced

KINDS = ["serial", "thread", "process", "async", "auto"]
DEADLINE = 20.0  # seconds for what should take a tenth: a machine may be busy


def add(n):
    return n + 1


async def add_later(n):
    await asyncio.sleep(0)
    return n + 1


def upto(n):
    return range(n % 4)


def odd(n):
    return n % 2


def eventually(condition):
    ending = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > ending:
            return False
        time.sleep(0.005)
    return True


def weft_threads():
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(("weft-stage", "weft-source"))}


# ── what comes out ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_items_go_through_all_stages_in_order(kind):
    """Whatever runs them."""
    flow = weft.pipeline(range(100)).map(add, on=kind).flat_map(upto, on=kind).filter(odd, on=kind).batch(3)
    values = [m for n in range(100) for m in upto(n + 1) if m % 2]
    assert list(flow) == [values[at : at + 3] for at in range(0, len(values), 3)]


def test_every_method_does_what_its_name_says():
    seen, done = [], []
    flow = (
        weft.pipeline([(1, 2), (3, 4), (5, 6)])
        .starmap(lambda a, b: a * b)
        .tap(seen.append)
        .filter(lambda n: n > 2)
        .flat_map(lambda n: [n, -n])
        .batch(3)
    )
    assert list(flow) == [[12, -12, 30], [-30]]
    assert seen == [2, 12, 30]
    assert flow.map(sum).each(done.append).run().results() == []
    assert done == [30, -30]


def test_a_pipeline_runs_again_each_time():
    """It is a description; a run is a run."""
    flow = weft.pipeline(range(5)).map(add)
    longer = flow.map(add)
    assert list(flow) == list(flow) == [1, 2, 3, 4, 5]
    assert list(longer) == [2, 3, 4, 5, 6]


def test_one_without_stages_is_its_source():
    assert list(weft.pipeline(iter(range(5)))) == [0, 1, 2, 3, 4]
    assert list(weft.pipeline(range(5)).batch(2)) == [[0, 1], [2, 3], [4]]
    assert list(weft.pipeline([])) == []
    assert list(weft.pipeline([]).map(add).batch(2)) == []


def test_each_stage_has_its_own_workers():
    def where(item):
        info = weft.current_worker()
        return [*item, (info.kind, info.pid == os.getpid())]

    async def where_async(item):
        return where(item)

    with ThreadPoolExecutor(1) as pool:
        flow = (
            weft.pipeline([[]])
            .map(where_async, on="async")
            .map(where, on="process")
            .map(where, on="thread")
            .map(where, on="serial")
            .map(where, on=pool)
        )
        run = flow.run()
        here = os.getpid()
        [found] = run.results()
    assert [kind for kind, _ in found] == ["async", "process", "thread", "serial", "futures"]
    assert here == os.getpid()


def test_unordered_results_come_as_they_are_done():
    released = threading.Event()

    def first_waits(n):
        if n == 0:
            released.wait(DEADLINE)
        return n

    flow = weft.pipeline(range(10), ordered=False).map(first_waits, on="thread", max_workers=2, chunksize=1).map(add)
    with flow.run() as run:
        early = [next(run) for _ in range(9)]
        assert 1 not in early
        released.set()
        assert list(run) == [1]


def chain_of(flow, steps):
    for step, kind in steps:
        flow = {
            "map": lambda flow=flow, kind=kind: flow.map(add, on=kind),
            "flat_map": lambda flow=flow, kind=kind: flow.flat_map(upto, on=kind),
            "filter": lambda flow=flow, kind=kind: flow.filter(odd, on=kind),
            "batch": lambda flow=flow, kind=kind: flow.batch(3).flat_map(list, on=kind),
            "some": lambda flow=flow, kind=kind: flow.map(flaky, on=kind, on_error="skip"),
        }[step]()
    return flow


def reference(items, steps):
    for step, _ in steps:
        items = {
            "map": lambda: [n + 1 for n in items],
            "flat_map": lambda: [m for n in items for m in upto(n)],
            "filter": lambda: [n for n in items if n % 2],
            "batch": lambda: items,
            "some": lambda: [n for n in items if n % 5],
        }[step]()
    return items


def flaky(n):
    if n % 5 == 0:
        raise ValueError(n)
    return n


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["map", "flat_map", "filter", "batch", "some"]), st.sampled_from(KINDS)), max_size=5
    ),
    size=st.integers(0, 200),
    lazy=st.booleans(),
    ordered=st.booleans(),
    buffersize=st.sampled_from([None, 1, 3, 50]),
)
def test_any_pipeline_gives_what_a_loop_gives(steps, size, lazy, ordered, buffersize):
    """Kinds, windows, sources and failures of every sort, against plain Python."""
    source = iter(range(size)) if lazy else range(size)
    found = list(chain_of(weft.pipeline(source, ordered=ordered, buffersize=buffersize), steps))
    expected = reference(list(range(size)), steps)
    if not ordered:
        found, expected = sorted(found), sorted(expected)
    assert found == expected


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.tuples(st.sampled_from(["map", "flat_map", "some"]), st.sampled_from(KINDS)), max_size=3),
    size=st.integers(0, 60),
)
def test_async_for_gives_the_same(steps, size):
    async def main():
        return [value async for value in chain_of(weft.pipeline(iter(range(size))), steps)]

    assert asyncio.run(main()) == reference(list(range(size)), steps)


def test_under_async_for_coroutines_run_in_the_callers_loop():
    """What they share with it (a session, a lock) belongs to one loop."""

    async def main():
        loop = asyncio.get_running_loop()

        async def same_loop(n):
            return asyncio.get_running_loop() is loop

        flow = weft.pipeline(range(10)).map(same_loop).map(bool, on="thread")
        return [value async for value in flow.run()]

    assert asyncio.run(main()) == [True] * 10


# ── gathering in time ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("between", [False, True])
def test_a_batch_does_not_wait_longer_than_its_timeout(between):
    """Also straight behind a source that says nothing for a while, and at the very end."""
    more = threading.Event()

    def source():
        yield from range(3)
        more.wait(DEADLINE)
        yield 3

    flow = weft.pipeline(source())
    if between:
        flow = flow.map(lambda n: n, on="thread")
    with flow.batch(100, timeout=0.02).run() as run:
        first = []
        while len(first) < 3:
            first += next(run)
        assert first == [0, 1, 2]
        more.set()
        assert list(run) == [[3]]


def test_a_result_does_not_wait_for_the_next_item():
    """A source may be one that one waits for."""
    more = threading.Event()

    def source():
        yield 1
        more.wait(DEADLINE)
        yield 2

    with weft.pipeline(source()).map(add, on="thread").map(add, on="process").map(add).run() as run:
        assert next(run) == 4
        assert not more.is_set()
        more.set()
        assert list(run) == [5]


# ── what bounds it ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["thread", "process", "async", "serial"])
def test_a_slow_end_holds_back_the_source(kind):
    """An endless source is read no further than windows and links allow."""
    read = []

    def source():
        for n in itertools.count():
            read.append(n)
            yield n

    flow = weft.pipeline(source(), buffersize=5).map(add, on=kind, max_workers=2).map(abs, on="thread", max_workers=1)
    with flow.run() as run:
        for taken in range(1, 30):
            assert next(run) == taken
            assert len(read) <= taken + 5 + 5 + 2 * 5 + 5
    count = len(read)
    time.sleep(0.05)
    assert len(read) == count, "nobody reads on"


def test_nothing_is_read_before_anybody_asks():
    read = []

    def source():
        read.append(1)
        yield 1

    run = weft.pipeline(source()).map(add).run()
    assert read == []
    assert run.results() == [2]
    assert read == [1]


# ── failure ───────────────────────────────────────────────────────────────────────────────────────────────────


def fails_at(n):
    if n == 7:
        raise KeyError(n)
    return n


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_failure_ends_it_after_the_results_before_and_names_stage_and_item(kind, place):
    flow = weft.pipeline(range(1000))
    for stage in (1, 2, 3):
        flow = flow.map(fails_at if stage == place else abs, on=kind, retries=stage - 1 if stage != place else 0)
    found = []
    run = flow.run()
    with pytest.raises(KeyError) as caught:
        found.extend(run)
    assert found == list(range(7))
    [note] = caught.value.__notes__
    assert "item 7 (7)" in note
    assert "(fails_at)" in note
    [failure] = run.failures
    assert (failure.stage, failure.item) == ("fails_at", 7)
    assert failure.error is caught.value
    assert not weft_threads()


def test_a_failure_is_that_of_the_first_item_in_the_loops_order():
    """A later stage's failure at an earlier item comes first, as in a loop."""

    def late(n):
        if n == 3:
            time.sleep(0.1)
            raise ValueError(n)
        return n

    def early(n):
        if n == 5:
            raise KeyError(n)
        return n

    run = weft.pipeline(range(100)).map(early, on="thread").map(late, on="process").run()
    found = []
    with pytest.raises(ValueError):
        found.extend(run)
    assert found == [0, 1, 2]


def test_of_fused_functions_the_one_that_failed_is_named():
    run = weft.pipeline(range(10)).map(abs, on="process").map(fails_at, on="process").map(add, on="process").run()
    with pytest.raises(KeyError) as caught:
        run.results()
    assert "(fails_at)" in caught.value.__notes__[0]
    assert run.failures[0].stage == "fails_at"


@pytest.mark.parametrize("kind", KINDS)
def test_kept_failures_go_past_later_stages(kind):
    """They stand where their item would, and no later function is called with them."""
    flow = weft.pipeline(range(10)).map(fails_at, on=kind, on_error="keep").map(add, on=kind).flat_map(twice, on=kind)
    found = list(flow)
    [at] = [place for place, value in enumerate(found) if isinstance(value, weft.Failure)]
    failure = found.pop(at)
    assert at == 14
    assert found == [m for n in range(10) if n != 7 for m in (n + 1, n + 1)]
    assert (failure.stage, failure.item, failure.index) == ("fails_at", 7, 7)
    assert isinstance(failure.error, KeyError)


def twice(n):
    return [n, n]


def test_kept_failures_go_past_batches_and_stages_that_keep_too():
    flow = weft.pipeline(range(10)).map(fails_at, on_error="keep").batch(4).map(len, on_error="keep").map(odd)
    found = list(flow)
    assert [value for value in found if not isinstance(value, weft.Failure)] == [0, 0, 1]
    assert [value.item for value in found if isinstance(value, weft.Failure)] == [7]


class Grim(Exception):
    """An error that can't be pickled."""

    def __init__(self, thing):
        self.thing = threading.Lock()

    def __reduce__(self):
        raise TypeError("no")


def test_a_kept_failure_need_not_be_sendable():
    def grim(n):
        raise Grim(n)

    found = list(weft.pipeline(range(3)).map(grim, on="thread", on_error="keep").map(add, on="process"))
    assert [type(failure.error) for failure in found] == [Grim] * 3


def test_the_sources_own_error_comes_after_what_it_gave():
    def source():
        yield 1
        yield 2
        raise OSError("gone")

    found = []
    with pytest.raises(OSError, match="gone"):
        found.extend(weft.pipeline(source()).map(add, on="thread").map(add, on="process"))
    assert found == [3, 4]


def test_retries_and_timeouts_are_each_stages_own(tmp_path):
    def once(n):
        mark = tmp_path / str(n)
        if not mark.exists():
            mark.touch()
            raise OSError(n)
        return n

    def hangs(n):
        time.sleep(60 if n == 2 else 0)
        return n

    run = (
        weft.pipeline(range(4))
        .map(once, on="thread", retries=1)
        .map(hangs, on="process", timeout=0.3, on_error="skip")
        .map(add, on="thread")
        .run()
    )
    assert run.results() == [1, 2, 4]
    assert run.stats.retried == 4
    [failure] = run.failures
    assert isinstance(failure.error, weft.TaskTimeout)
    assert failure.stage == "hangs"


def test_workers_may_die_in_every_stage():
    """Nothing is lost by it, nor twice there."""
    with weft.testing.chaos(kill=0.04, slow=0.02, delay=0.01, seed=3) as storm:
        flow = weft.pipeline(iter(range(120))).map(add, on="process", retries=1).map(abs, on="thread")
        found = list(flow.flat_map(twice, on="process", chunksize=10))
    assert storm.kills > 0
    assert found == [n for n in range(1, 121) for _ in range(2)]


def dies(n):
    if n == 5:
        os.kill(os.getpid(), 9)
    return n


def test_a_deadly_item_is_one_failure_of_its_stage():
    run = weft.pipeline(range(10)).map(dies, on="process", on_error="skip").map(add, on="thread").run()
    assert run.results() == [1, 2, 3, 4, 5, 7, 8, 9, 10]
    [failure] = run.failures
    assert isinstance(failure.error, weft.WorkerDied)
    assert (failure.stage, failure.item) == ("dies", 5)


# ── leaving ───────────────────────────────────────────────────────────────────────────────────────────────────


def busy(n):
    time.sleep(0.001)
    return n


@pytest.mark.parametrize("way", ["break", "error", "drop", "cycle", "cancel", "elsewhere", "with"])
@pytest.mark.parametrize(
    "kinds", [("thread", "process", "async"), ("async", "auto", "thread"), ("process", "serial", "process")]
)
def test_leaving_early_stops_every_stage(kinds, way):
    """Endless source, three stages: nothing of them is left, see also conftest.py."""
    flow = weft.pipeline(itertools.count())
    for kind in kinds:
        flow = flow.map(busy, on=kind)
    for taken in (1, 30):
        run = flow.run()
        assert [next(run) for _ in range(taken)] == list(range(taken))
        match way:
            case "break":
                for _ in run:
                    break
            case "error":
                with pytest.raises(KeyError):
                    for _ in run:
                        raise KeyError
            case "cycle":
                run.itself = run
            case "cancel":
                run.cancel()
            case "elsewhere":
                thread = threading.Thread(target=run.cancel)
                thread.start()
                thread.join()
                list(run)
            case "with":
                with run:
                    next(run)
        run = None
        gc.collect()
        assert eventually(lambda: not weft_threads())
        flow = weft.pipeline(itertools.count())
        for kind in kinds:
            flow = flow.map(busy, on=kind)


def test_leaving_an_async_for_stops_every_stage():
    async def main():
        flow = weft.pipeline(itertools.count()).map(busy, on="thread").map(busy, on="process").map(add_later)
        async with flow.run() as run:
            taken = 0
            async for value in run:
                assert value == taken + 1
                taken += 1
                if taken == 20:
                    break
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("weft-stage")]
        return taken

    assert asyncio.run(main()) == 20
    assert eventually(lambda: not weft_threads())


def test_cancelling_the_task_that_iterates_stops_every_stage():
    async def main():
        flow = weft.pipeline(itertools.count()).map(busy, on="thread").map(add_later).map(add_later, retries=1)

        async def iterate():
            async for _ in flow.run():
                pass

        task = asyncio.create_task(iterate())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("weft-stage")]

    asyncio.run(main())


def test_a_source_that_is_stuck_keeps_nobody():
    """It can't be stopped: it is left behind, and ends when it comes free."""
    inside, stuck = threading.Event(), threading.Event()

    def source():
        yield 1
        inside.set()
        stuck.wait(DEADLINE)
        yield 2

    found = []
    run = weft.pipeline(source()).map(add, on="thread").map(add).run()
    thread = threading.Thread(target=found.extend, args=(run,))
    thread.start()
    assert inside.wait(DEADLINE)
    run.cancel()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert found in ([], [3])
    assert weft_threads() == {"weft-source"}
    stuck.set()
    assert eventually(lambda: not weft_threads())


def test_one_that_is_dropped_unused_warns():
    with pytest.warns(RuntimeWarning, match="the pipeline add → abs was never iterated"):
        weft.pipeline([1]).map(add).map(abs).run()


# ── fusing ────────────────────────────────────────────────────────────────────────────────────────────────────


def stages_in(flow):
    with flow.run() as run:
        list(run)
        return [stage["name"].partition(", ")[2] for stage in run.explain().to_dict()["stages"]]


@pytest.mark.parametrize("kind", ["process", "thread", "serial"])
def test_neighbours_on_the_same_kind_are_one_stage(kind):
    flow = weft.pipeline([1, 2]).map(add, on=kind).filter(odd, on=kind).flat_map(twice, on=kind).map(abs, on=kind)
    assert stages_in(flow) == ["add + odd + twice", "abs"], "what a flat_map finds goes to many"


def test_fused_coroutines_are_as_many_as_both():
    flow = weft.pipeline([1]).map(add_later, on="async").map(add_later, on="async")
    run = flow.run()
    assert run.results() == [3]
    assert run.explain().to_dict()["stages"][0]["decisions"][0]["workers"] == 200


@pytest.mark.parametrize(
    "asked",
    [{"max_workers": 2}, {"retries": 1}, {"timeout": 5}, {"rate": 1000}, {"chunksize": 2}, {"on_error": "skip"}],
    ids=str,
)
def test_nothing_is_fused_where_something_would_be_lost(asked):
    flow = weft.pipeline([1, 2]).map(add, on="thread").map(abs, on="thread", **asked)
    assert stages_in(flow) == ["add", "abs"]
    flow = weft.pipeline([1, 2]).map(add, on="thread", **asked).map(abs, on="thread")
    assert stages_in(flow) == ["add", "abs"]


def test_auto_and_other_kinds_are_not_fused():
    assert stages_in(weft.pipeline([1]).map(add).map(abs)) == ["add", "abs"]
    assert stages_in(weft.pipeline([1]).map(add, on="thread").map(abs, on="serial")) == ["add", "abs"]
    assert stages_in(weft.pipeline([1]).map(add, on="thread").batch(1).map(len, on="thread")) == ["add", "len"]
    assert stages_in(weft.pipeline([1]).map(add_later, on="thread").map(abs, on="thread")) == ["add_later", "abs"]


# ── knowing ───────────────────────────────────────────────────────────────────────────────────────────────────


def slow(n):
    time.sleep(0.01)
    return n


@pytest.mark.parametrize("where", [0, 1, 2, 3, 4])
def test_explain_names_the_bottleneck(where):
    """Be it the source, a stage or whoever takes the results."""

    def source():
        for n in range(40):
            yield slow(n) if where == 0 else n

    flow = weft.pipeline(source())
    for place in (1, 2, 3):
        flow = flow.map(slow if where == place else abs, on="thread", max_workers=1, name=f"part {place}")
    with flow.run() as run:
        for n in run:
            if where == 4:
                slow(n)
        story = run.explain()
    names = ["the source", "stage 1, part 1", "stage 2, part 2", "stage 3, part 3", "the caller"]
    assert story.bottleneck.name == names[where]
    assert story.headline.startswith(f"the bottleneck is {names[where]}")
    assert story.ahead > 1
    assert story.to_dict()["bottleneck"] == names[where]
    assert str(story).splitlines()[-1].startswith("40 items out in ")


def test_before_it_runs_there_is_nothing_to_explain():
    run = weft.pipeline([1]).map(add).run()
    assert str(run.explain()) == "nothing has been run yet"
    assert "not begun" in repr(run)
    run.results()
    assert "1 of 1 done" in repr(run)


def test_observers_hear_of_the_whole():
    heard = []
    run = weft.pipeline(range(50)).map(fails_at, on="thread", on_error="skip").map(add, on="process")
    run.run(progress=heard.append).results()
    kinds = [type(event).__name__ for event in heard]
    assert kinds[0] == "Started"
    assert kinds[-1] == "Ended"
    assert kinds.count("Failed") == 1
    assert kinds.count("Started") == kinds.count("Ended") == 1
    assert heard[0].total == 50
    assert heard[-1].stats.done == 49
    spans = [span for event in heard if isinstance(event, Advanced) for span in event.spans]
    assert {span.stage for span in spans} == {"fails_at", "add"}
    assert sum(span.items for span in spans) == 50 + 49
    assert all(0 <= span.began <= span.began + span.seconds <= heard[-1].stats.seconds for span in spans)


def test_auto_keeps_here_what_changes_things_here():
    """Also where weft has a function of its own around it."""
    seen = set()

    def is_new(n):
        time.process_time()
        total = sum(range(20_000))
        if n % 10 in seen or not total:
            return False
        seen.add(n % 10)
        return True

    run = weft.pipeline(range(500)).filter(is_new).tap(seen.add).run()
    assert run.results() == list(range(10))
    assert seen == set(range(10))


# ── mistakes ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_mistakes_say_what_was_meant():
    flow = weft.pipeline([1])
    with pytest.raises(weft.UnknownOption, match=r"weft.pipeline\(source, ordered"):
        flow.map(add, ordered=False)
    with pytest.raises(weft.UnknownOption, match="max_workers"):
        flow.map(add, workers=3)
    with pytest.raises(TypeError, match="something to call"):
        flow.map(3)
    with pytest.raises(TypeError, match="must be iterable"):
        weft.pipeline(3)
    with pytest.raises(TypeError, match="nothing goes on after each"):
        flow.each(add).map(add)
    for n in (0, -1, 1.5, None, True):
        with pytest.raises(weft.BadOption, match="batch must be a whole number"):
            flow.batch(n)
    with pytest.raises(weft.BadOption, match="timeout"):
        flow.batch(3, timeout=0)


@pytest.mark.parametrize("kinds", [("thread", "thread"), ("process", "thread"), ("async", "process")])
def test_a_slow_last_stage_holds_back_the_source_without_a_number(kinds):
    """However little the items cost before it: they are read in proportion to what it takes."""
    read = []

    def source():
        for n in itertools.count():
            read.append(n)
            yield n

    def last(n):
        time.sleep(0.005)
        return n

    first, second = kinds
    flow = weft.pipeline(source()).map(add_later if first == "async" else add, on=first, max_workers=2)
    flow = flow.map(add, on=second, max_workers=2).map(last, on="thread", max_workers=1)
    with flow.run() as run:
        results = iter(run)
        assert [next(results) for _ in range(100)] == list(range(2, 102))
        assert len(read) < 5000


def test_a_stage_that_takes_much_is_given_much():
    """What is quick on both sides goes in large pieces: 100,000 items in far fewer than as many chunks."""
    run = weft.pipeline(range(100_000)).map(add, on="thread", max_workers=2).map(add, on="process", max_workers=2).run()
    assert run.results() == list(range(2, 100_002))
    assert run.stats.chunks < 5000
