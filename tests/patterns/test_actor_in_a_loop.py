"""weft.Actor(…, on="async"): an object in an event loop, one coroutine after the other; and how it ends."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import weft


class Diary:
    def __init__(self, *lines):
        self.lines, self.inside = list(lines), 0

    async def write(self, line):
        assert not self.inside, "two at once"
        self.inside = 1
        await asyncio.sleep(0.001)
        self.lines.append(line)
        self.inside = 0
        return len(self.lines)

    async def sleep(self, seconds):
        try:
            await asyncio.sleep(seconds)
        finally:
            self.lines.append("awake")

    async def give_up(self):
        raise asyncio.CancelledError

    async def where(self):
        return threading.current_thread().name

    def read(self):
        return list(self.lines)


async def opened(*lines):
    await asyncio.sleep(0.001)
    return Diary(*lines)


def write_from_elsewhere(diary, first):
    return [diary.write(first + each).result(30) for each in range(5)]


def test_calls_wait_for_each_other_and_nothing_else_does():
    """Each caller's own are in order; the loop goes on with other things."""

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with weft.Actor(Diary, "begin", on="async") as diary:
            elsewhere = [weft.submit(write_from_elsewhere, diary, 100 * n, on=kind) for n, kind in enumerate(FROM, 1)]
            assert await asyncio.gather(*(diary.write(n) for n in range(10)))
            assert await diary.where() == threading.current_thread().name
            for each in elsewhere:
                await each
            lines = await diary.read()
            for first in (0, 100, 200):
                own = [line for line in lines[1:] if first <= line < first + 100]
                assert own == sorted(own)
                assert len(own) == (5 if first else 10)
        ticking.cancel()
        return ticks

    assert asyncio.run(main()) > 10


FROM = ("process", "thread")


def test_without_a_loop_of_ones_own_it_lives_in_wefts():
    """Any number of them in one thread."""
    diaries = [weft.Actor(Diary, n, on="async") for n in range(20)]
    assert {diary.where().result() for diary in diaries} == {"weft-loop"}
    assert [diary.read().result() for diary in diaries] == [[n] for n in range(20)]
    for diary in diaries:
        diary.close()
        with pytest.raises(RuntimeError, match="has been closed"):
            diary.read()


def test_it_may_be_made_by_a_coroutine():
    """Whoever opens a connection awaits it."""
    with weft.Actor(opened, "Monday", on="async") as diary:
        assert diary.read().result() == ["Monday"]


def test_whoever_gives_up_ends_the_coroutine_and_not_the_actor():
    """A timeout is of no use if what takes too long goes on and keeps all others waiting."""

    async def main():
        async with weft.Actor(Diary, on="async") as diary:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(diary.sleep(60), 0.02)
            late = diary.write("late")
            assert late.cancel()  # it has not begun
            assert await diary.read() == ["awake"]
            with pytest.raises(asyncio.CancelledError):
                await diary.give_up()
            assert await diary.write("on") == 2

    asyncio.run(main())


def test_who_would_wait_for_himself_is_told_so():
    async def main():
        async with weft.Actor(Diary, on="async") as diary:
            with pytest.raises(RuntimeError, match="await it"):
                diary.write(1).result()
            with pytest.raises(RuntimeError, match="await it"):
                diary.write(1).exception()
            done = diary.read()
            await done
            assert done.result() == [1, 1]

    asyncio.run(main())


def test_at_the_end_of_the_block_all_is_done_that_it_was_sent():
    """In its own loop by `async with`; `with` can't wait there, and loses nothing as long as the loop goes on."""

    async def main():
        async with weft.Actor(Diary, on="async") as diary:
            last = [diary.write(n) for n in range(5)][-1]
        assert last.result() == 5
        with weft.Actor(Diary, on="async") as diary:
            last = [diary.write(n) for n in range(5)][-1]
        assert not last.done()
        return await last

    assert asyncio.run(main()) == 5


@pytest.mark.parametrize("on", ["process", "thread"])
def test_actors_of_other_kinds_are_waited_for_without_blocking_the_loop(on):
    async def main():
        async with weft.Actor(Slow, on=on) as slow:
            last = slow.nap(0.1)
            asyncio.get_running_loop().call_soon(gone_on.append, True)
        assert last.done()

    gone_on = []
    asyncio.run(main())
    assert gone_on


class Slow:
    def nap(self, seconds):
        time.sleep(seconds)


def test_the_end_of_its_loop_is_its_death():
    """Nobody waits for ever, in this process or another."""

    async def main():
        diary = weft.Actor(Diary, on="async")
        await diary.write(1)
        return diary, diary.sleep(60), diary.write(2)

    diary, *left = asyncio.run(main())
    for future in (*left, diary.read()):
        with pytest.raises(weft.WorkerDied, match="its event loop has ended"):
            future.result(10)
    with pytest.raises(weft.WorkerDied):
        weft.submit(write_from_elsewhere, diary, 1, on="process").result(30)
    diary.close()


def test_killed_it_fails_what_it_was_sent():
    diary = weft.Actor(Diary, on="async")
    first, second = diary.sleep(60), diary.write(1)
    diary.kill()
    for future in (first, second):
        with pytest.raises(weft.WorkerDied, match="it was killed"):
            future.result(10)
    with pytest.raises(RuntimeError, match="has been closed"):
        diary.read()


def test_callers_in_processes_that_die_cost_nobody_anything(started_writer):
    diary, process = started_writer
    process.kill()
    process.join()
    before = len(diary.read().result(10))
    assert diary.write("still here").result(10) >= before


@pytest.fixture
def started_writer():
    import multiprocessing

    with weft.Actor(Diary, on="async") as diary:
        process = multiprocessing.get_context("fork").Process(target=write_for_ever, args=(diary,))
        process.start()
        while not diary.read().result(10):
            time.sleep(0.002)
        yield diary, process
        process.close()


def write_for_ever(diary):
    while True:
        diary.write("again").result(10)
