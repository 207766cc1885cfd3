"""Task groups: no task outlives the block, the first failure ends the others, on whatever workers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed, wait

import pytest

import weft
import weft.testing

KINDS = ["serial", "thread", "process", "async", "auto"]
if sys.version_info >= (3, 14):
    KINDS.append("interpreter")
PROMPTLY = 8.0  # seconds: "at once" on a busy machine, "never" for a sleep of a minute


def double(n):
    return 2 * n


async def double_later(n):
    await asyncio.sleep(0)
    return 2 * n


def fails(n):
    raise KeyError(n)


def naps(path, seconds):
    path.touch()
    time.sleep(seconds)
    return os.getpid()


async def naps_later(path, seconds, cleaned):
    path.touch()
    try:
        await asyncio.sleep(seconds)
    finally:
        cleaned.append(True)


def wait_until(condition):
    ending = time.monotonic() + PROMPTLY
    while not condition():
        assert time.monotonic() < ending
        time.sleep(0.005)


@pytest.fixture
def promptly():
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 2 * PROMPTLY


@pytest.mark.parametrize("kind", KINDS)
def test_the_block_ends_when_all_tasks_have(kind):
    with weft.TaskGroup() as group:
        futures = [group.submit(double, n, on=kind) for n in range(20)]
    assert all(future.done() for future in futures)
    assert [future.result() for future in futures] == [2 * n for n in range(20)]


@pytest.mark.parametrize("kind", KINDS)
def test_async_with_does_the_same(kind):
    async def main():
        async with weft.TaskGroup() as group:
            futures = [group.submit(double, n, on=kind) for n in range(20)]
            later = group.submit(double_later, 4)
        assert later.result(0) == 8
        return [future.result(0) for future in futures]

    assert asyncio.run(main()) == [2 * n for n in range(20)]


def test_kinds_go_together():
    with ThreadPoolExecutor(1) as pool, weft.TaskGroup() as group:
        futures = [group.submit(double, 3, on=kind) for kind in [*KINDS, pool]] + [group.submit(double_later, 3)]
        assert {future.result() for future in as_completed(futures)} == {6}
        assert len(wait(futures).done) == len(KINDS) + 2


@pytest.mark.parametrize("kind", ["thread", "process", "async"])
def test_all_tasks_run_at_once(kind, tmp_path):
    """They may wait for each other: one that is queued behind another that waits for it would never begin."""
    if kind == "process":
        with weft.TaskGroup() as group:
            pids = [group.submit(naps_until_all, 8, tmp_path, on="process") for _ in range(8)]
        assert len({future.result() for future in pids}) == 8
        return
    count = 60
    if kind == "thread":
        barrier = threading.Barrier(count)
        with weft.TaskGroup() as group:
            for _ in range(count):
                group.submit(barrier.wait, PROMPTLY)
        return
    met = []

    async def meets():
        met.append(1)
        while len(met) < 3 * count:
            await asyncio.sleep(0.001)

    with weft.TaskGroup() as group:
        for _ in range(3 * count):
            group.submit(meets)


def naps_until_all(count, folder):
    """Leave a mark, wait for those of the others."""
    (folder / str(os.getpid())).touch()
    ending = time.monotonic() + PROMPTLY
    while len(list(folder.iterdir())) < count:
        assert time.monotonic() < ending
        time.sleep(0.01)
    return os.getpid()


@pytest.mark.parametrize("kind", ["process", "async"])
def test_the_first_failure_ends_the_others(kind, tmp_path, promptly):
    """A process is killed, a coroutine cancelled; the error says so."""
    cleaned = []
    group = weft.TaskGroup()
    with pytest.raises(KeyError) as caught, group:
        if kind == "process":
            future = group.submit(naps, tmp_path / "began", 60, on="process")
        else:
            future = group.submit(naps_later, tmp_path / "began", 60, cleaned)
        wait_until((tmp_path / "began").exists)
        group.submit(fails, 1, on="thread")
    assert future.cancelled()
    assert group.cancelled
    assert cleaned == [True] * (kind == "async")
    [note] = [note for note in caught.value.__notes__ if "task group" in note]
    assert ("naps (its process was ended)" in note) or ("naps_later (its coroutine was cancelled)" in note)


def test_a_thread_is_waited_for_and_its_result_dropped(tmp_path, promptly):
    """And that is said."""
    ended = []

    def slow():
        (tmp_path / "began").touch()
        while not group.cancelled:
            time.sleep(0.005)
        time.sleep(0.05)
        ended.append(True)
        return 1

    with pytest.raises(KeyError) as caught, weft.TaskGroup() as group:
        future = group.submit(slow, on="thread")
        wait_until((tmp_path / "began").exists)
        group.submit(fails, 1, on="process")
    assert ended == [True], "no task outlives the block"
    assert future.cancelled()
    with pytest.raises(CancelledError):
        future.result(0)
    assert any("slow (a thread can't be stopped: it was waited for" in note for note in caught.value.__notes__)


def test_an_executors_task_is_waited_for_too(promptly):
    ended = []
    began = threading.Event()

    def slow():
        began.set()
        time.sleep(0.1)
        ended.append(True)

    with ThreadPoolExecutor(1) as pool, pytest.raises(KeyError), weft.TaskGroup() as group:
        group.submit(slow, on=pool)
        queued = group.submit(ended.append, False, on=pool)
        assert began.wait(PROMPTLY)
        group.submit(fails, 1)
    assert ended == [True]
    assert queued.cancelled()


def test_several_failures_are_a_group():
    barrier = threading.Barrier(2)

    def fails_with(error):
        barrier.wait(PROMPTLY)
        raise error

    with pytest.raises(ExceptionGroup) as caught, weft.TaskGroup() as group:
        group.submit(fails_with, KeyError(1), on="thread")
        group.submit(fails_with, ValueError(2), on="thread")
    assert sorted(type(error).__name__ for error in caught.value.exceptions) == ["KeyError", "ValueError"]


def test_an_error_of_the_block_ends_all_tasks(tmp_path, promptly):
    with pytest.raises(ZeroDivisionError) as caught, weft.TaskGroup() as group:
        future = group.submit(naps, tmp_path / "began", 60, on="process")
        wait_until((tmp_path / "began").exists)
        1 / 0
    assert future.cancelled()
    assert "naps (its process was ended)" in caught.value.__notes__[0]


def test_a_block_that_asks_for_a_failed_task_raises_it_once():
    with pytest.raises(KeyError), weft.TaskGroup() as group:
        group.submit(fails, 1, on="thread").result()


def test_a_block_that_asks_for_a_cancelled_task_gives_way_to_the_failure(tmp_path, promptly):
    with pytest.raises(KeyError), weft.TaskGroup() as group:
        future = group.submit(naps, tmp_path / "began", 60, on="process")
        wait_until((tmp_path / "began").exists)
        group.submit(fails, 1, on="thread")
        future.result()


def test_after_a_failure_nothing_more_is_begun():
    begun = []
    with pytest.raises(KeyError), weft.TaskGroup() as group:
        group.submit(fails, 1, on="thread")
        wait_until(lambda: group.cancelled)
        while True:
            group.submit(begun.append, 1, on="thread")
    assert begun == []


def test_tasks_may_submit_tasks():
    done = []

    def grow(depth):
        done.append(depth)
        for _ in range(2 if depth else 0):
            group.submit(grow, depth - 1, on="thread")

    with weft.TaskGroup() as group:
        group.submit(grow, 5, on="thread")
    assert sorted(done) == sorted(depth for depth in range(6) for _ in range(2 ** (5 - depth)))


def test_a_worker_that_dies_is_a_failure_like_any():
    def dies():
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(weft.WorkerDied), weft.TaskGroup() as group:
        group.submit(dies, on="process")


def test_workers_may_die():
    with weft.testing.chaos(kill=0.1, seed=5) as storm, weft.TaskGroup() as group:
        futures = [group.submit(double, n, on="process") for n in range(40)]
    assert [future.result() for future in futures] == [2 * n for n in range(40)]
    assert storm.kills > 0


def test_a_group_within_a_group():
    def inner(n):
        with weft.TaskGroup() as group:
            futures = [group.submit(double, n, on=kind) for kind in ("thread", "process")]
        return sum(future.result() for future in futures)

    with weft.TaskGroup() as group:
        futures = [group.submit(inner, n, on=kind) for n in range(3) for kind in ("thread", "process")]
    assert [future.result() for future in futures] == [0, 0, 4, 4, 8, 8]


# ── under async with ──────────────────────────────────────────────────────────────────────────────────────────


def test_coroutines_run_in_the_callers_loop_and_can_be_awaited():
    async def main():
        loop = asyncio.get_running_loop()

        async def same():
            return asyncio.get_running_loop() is loop

        async with weft.TaskGroup() as group:
            assert await group.submit(same)
            assert await group.submit(double, 4, on="process") == 8
            assert await group.submit(double, 4, on="thread") == 8

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["thread", "process", "async"])
def test_a_failure_interrupts_the_block(kind, promptly):
    async def main():
        with pytest.raises(KeyError):
            async with weft.TaskGroup() as group:
                group.submit(fails, 1, on=kind)
                await asyncio.sleep(60)
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)
        return True

    assert asyncio.run(main())


def test_a_failure_ends_the_others_there_too(tmp_path, promptly):
    cleaned = []

    async def main():
        async with weft.TaskGroup() as group:
            group.submit(naps, tmp_path / "process", 60, on="process")
            group.submit(naps_later, tmp_path / "async", 60, cleaned)
            while not ((tmp_path / "process").exists() and (tmp_path / "async").exists()):
                await asyncio.sleep(0.005)
            group.submit(fails, 1, on="thread")

    with pytest.raises(KeyError) as caught:
        asyncio.run(main())
    assert cleaned == [True]
    assert "naps (its process was ended)" in caught.value.__notes__[0]


def test_cancelling_the_block_ends_its_tasks(tmp_path, promptly):
    cleaned = []

    async def block():
        async with weft.TaskGroup() as group:
            group.submit(naps, tmp_path / "process", 60, on="process")
            group.submit(naps_later, tmp_path / "async", 60, cleaned)

    async def main():
        task = asyncio.create_task(block())
        while not ((tmp_path / "process").exists() and (tmp_path / "async").exists()):
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert cleaned == [True]


# ── mistakes ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_used_in_its_block():
    group = weft.TaskGroup()
    with pytest.raises(RuntimeError, match="inside its block"):
        group.submit(double, 1)
    with group:
        pass
    with pytest.raises(RuntimeError, match="inside its block"):
        group.submit(double, 1)
    with weft.TaskGroup() as other:
        with pytest.raises(TypeError, match="something to call"):
            other.submit(3)
        with pytest.raises(weft.BadOption):
            other.submit(double, 1, on="proces")


def test_a_group_does_not_travel():
    with pytest.raises(weft.NotSendable, match="stays where it was made"), weft.TaskGroup() as group:
        group.submit(double, group, on="process")
