"""While its caller is busy a run goes on: with what was read, within the window, in order, on every kind but one."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
import weakref

import pytest

import weft

WINDOW = 50
ENOUGH = 40  # of it; what two workers may hold without a follower is a quarter of that
DEADLINE = 20.0  # seconds for what should take a tenth: a machine may be busy
STANDS = 1.0  # seconds without anything done, on a busy machine
STILL_STANDS = 0.03  # once it has stood for so long
LIMIT = 2.0  # seconds that an item of 5 ms surely does not take, even there

# Every kind of worker that is not the caller; workers that are forks of the caller go on only with it.
FOLLOWED = ["thread", "process", "process by spawn", "async", "auto", "futures"]
followed = pytest.mark.parametrize("kind", FOLLOWED, indirect=True)


def nap(n):
    time.sleep(0.002)
    return n


async def nap_later(n):
    await asyncio.sleep(0.002)
    return n


def function(kind):
    return nap_later if kind == "async" else nap


def eventually(condition):
    ending = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > ending:
            return False
        time.sleep(0.005)
    return True


def by_itself(run):
    """Whether auto has not found anybody else yet."""
    return "caller" in str(run.explain().headline)


class Wanted:
    """Whether auto wants its caller back, to look at it again: then nobody works but it.

    It says so, or nothing is done for so long that it must be so. A look takes some items, so that it may be so often.
    """

    def __init__(self, run, kind):
        self._run, self._kind = run, kind
        self._done, self._since, self._patience = -1, 0.0, STANDS

    def __bool__(self):
        if self._run.stats.done != self._done:
            self._done, self._since = self._run.stats.done, time.monotonic()
        stands = time.monotonic() - self._since > self._patience
        if stands:
            self._patience = STILL_STANDS
        return self._kind == "auto" and (stands or by_itself(self._run))


def settled(run, seconds=0.15):
    """Take results until the run is one that is followed; how many that were."""
    taken = 0
    while run.stats.seconds < seconds or by_itself(run):
        assert next(run) == taken
        taken += 1
    return taken


def busy(run, taken, kind):
    """Take no results until others have done enough; how many were taken.

    On a busy machine auto may have second thoughts, and want to look at the caller again: then that is back.
    """
    ending, wanted = time.monotonic() + DEADLINE, Wanted(run, kind)
    while run.stats.done - taken < ENOUGH:
        assert time.monotonic() < ending, f"{run.stats}, {taken} taken\n{run.explain()}"
        if wanted:
            assert next(run) == taken
            taken += 1
        else:
            time.sleep(0.005)
    return taken


@followed
def test_work_goes_on_while_the_caller_is_busy(kind):
    """Until the window is full, and no further; then everything is there, in order."""
    with weft.map(function(kind), range(10**6), on=kind, max_workers=2, buffersize=WINDOW) as run:
        taken = busy(run, settled(run), kind)
        time.sleep(0.05)
        assert run.stats.done - taken <= WINDOW
        assert list(itertools.islice(run, 2 * WINDOW)) == list(range(taken, taken + 2 * WINDOW))


@followed
def test_work_goes_on_while_an_async_caller_waits_for_something_else(kind):
    """The event loop it runs in looks after the run."""

    async def main():
        async with weft.map(function(kind), range(10**6), on=kind, max_workers=2, buffersize=WINDOW) as run:
            taken = 0
            async for value in run:
                assert value == taken
                taken += 1
                if run.stats.seconds > 0.15 and not by_itself(run):
                    break
            ending, wanted = time.monotonic() + DEADLINE, Wanted(run, kind)
            while run.stats.done - taken < ENOUGH:
                assert time.monotonic() < ending, f"{run.stats}, {taken} taken\n{run.explain()}"
                if wanted:  # as above
                    assert await anext(run) == taken
                    taken += 1
                else:
                    await asyncio.sleep(0.005)
            assert run.stats.done - taken <= WINDOW

    asyncio.run(main())


@followed
def test_input_and_observers_stay_in_the_thread_that_iterates(kind):
    """Others may collect results, but what the user wrote is not called by them; nor is the input read ahead."""
    read, told = set(), set()
    count = 0

    def items():
        nonlocal count
        for n in itertools.count():
            read.add(threading.get_ident())
            count += 1
            yield n

    def observer(event):
        told.add(threading.get_ident())

    with weft.map(function(kind), items(), on=kind, max_workers=2, buffersize=WINDOW, progress=observer) as run:
        taken = settled(run)
        for _ in range(5):
            before = count
            time.sleep(0.03)
            assert count == before
            assert before <= taken + WINDOW
            taken += len(list(itertools.islice(run, 7)))
    assert read == told == {threading.get_ident()}


def first_hangs(n):
    time.sleep(60 if n == 50 else 0.005)
    return n


async def first_hangs_later(n):
    await asyncio.sleep(60 if n == 50 else 0.005)
    return n


@pytest.mark.parametrize("kind", ["process", "process by spawn", "async"], indirect=True)
def test_a_hang_is_ended_while_the_caller_is_busy(kind):
    """Its deadline does not wait for anybody."""
    fn = first_hangs_later if kind == "async" else first_hangs
    with weft.map(fn, range(60), on=kind, max_workers=2, timeout=LIMIT, on_error="keep") as run:
        settled(run, 0.05)
        assert eventually(lambda: run.stats.failed == 1)
        assert isinstance(run.failures[0].error, weft.TaskTimeout)
        assert eventually(lambda: run.stats.done == 59)


def fails_once(folder, n):
    time.sleep(0.002)
    if n % 10 == 0 and not (folder / str(n)).exists():
        (folder / str(n)).touch()
        raise ConnectionError(n)
    return n


@pytest.mark.parametrize("kind", ["process", "process by spawn", "thread"], indirect=True)
def test_a_retry_comes_due_while_the_caller_is_busy(kind, tmp_path):
    """All sixty are done though nobody asks for them."""
    inputs = [(tmp_path, n) for n in range(60)]
    with weft.starmap(fails_once, inputs, on=kind, max_workers=2, retries=1, ordered=False) as run:
        while run.stats.seconds < 0.03:
            next(run)
        assert eventually(lambda: run.stats.done == 60)
        assert run.stats.retried == 6


@pytest.mark.parametrize("way", ["break", "error", "drop", "cycle", "cancel", "cancel from elsewhere"])
@pytest.mark.parametrize("kind", ["process", "process by fork", "process by spawn", "thread", "async"], indirect=True)
def test_a_run_may_be_left_at_any_moment(kind, way):
    """Whatever the follower is at; nothing is left behind, see conftest.py."""
    for pause in (0, 0.004, 0.006, 0.011):
        run = weft.map(function(kind), itertools.count(), on=kind, max_workers=2)
        settled(run, 0.03)
        time.sleep(pause)
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
                del run
                gc.collect()
            case "cancel":
                run.cancel()
            case "cancel from elsewhere":
                thread = threading.Thread(target=run.cancel)
                thread.start()
                thread.join()
                list(run)
        run = None


class Sweeps:
    """A result whose arrival collects garbage."""

    def __setstate__(self, state):
        if threading.current_thread().name == "weft-follower":
            gc.collect()

    def __getstate__(self):
        return 1


def sweeps(n):
    time.sleep(0.002)
    return Sweeps()


@pytest.mark.parametrize("start_method", ["forkserver", "spawn"], indirect=True)
@pytest.mark.usefixtures("start_method")
def test_a_run_that_its_own_follower_finds_to_be_garbage_ends():
    """In the middle of a step, in the thread that takes it."""
    run = weft.map(sweeps, range(10**6), on="process", max_workers=2)
    while run.stats.seconds < 0.05:
        next(run)
    run.itself, gone = run, weakref.ref(run)
    gc.disable()
    try:
        del run
        assert eventually(lambda: gone() is None)
    finally:
        gc.enable()


class Awkward:
    """A result that can't be unpickled but where the caller is."""

    def __getstate__(self):
        return 1

    def __setstate__(self, state):
        if threading.current_thread().name == "weft-follower":
            raise RuntimeError("not here")


def awkward(n):
    time.sleep(0.002)
    return Awkward()


@pytest.mark.parametrize("start_method", ["forkserver", "spawn"], indirect=True)
@pytest.mark.usefixtures("start_method")
def test_a_result_that_refuses_to_arrive_is_an_error_of_its_item():
    """Not of the thread that reads it."""
    with weft.map(awkward, range(1000), on="process", max_workers=2, on_error="keep") as run:
        while run.stats.seconds < 0.05:
            next(run)
        assert eventually(lambda: run.stats.failed)
        assert isinstance(run.failures[0].error, weft.NotSendable)
