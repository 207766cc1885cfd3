"""Channels: one queue for threads, coroutines and processes, which any of them can be handed."""

from __future__ import annotations

import asyncio
import copy
import gc
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import weft
from weft.errors import ChannelBroken, ItemLost

METHODS = ["fork", "forkserver", "spawn"]
PROMPTLY = 8.0  # seconds: "at once" on a busy machine, "never" for a sleep of a minute


def produce(channel, items):
    for item in items:
        channel.put(item)
    return len(items)


def consume(channel):
    return list(channel)


def relay(source, drain):
    for item in source:
        drain.put(item)
        source.task_done()


async def consume_later(channel):
    return [item async for item in channel]


class Number(int):
    """One of somebody's own."""


def shared():
    """A channel as it is once other processes have it."""
    channel = weft.Channel()
    pickle.loads(pickle.dumps(channel))
    return channel


# ── like queue.Queue ──────────────────────────────────────────────────────────────────────────────────────


def test_iteration_ends_with_shutdown_and_nothing_else():
    """Any value may be an item: there is no sentinel."""
    channel = weft.Channel()
    for item in (None, StopIteration, b"", 0):
        channel.put(item)
    channel.shutdown()
    assert list(channel) == [None, StopIteration, b"", 0]
    assert channel.is_shutdown


@pytest.mark.skipif(not hasattr(queue, "ShutDown"), reason="the standard library has none")
def test_the_error_is_the_standard_librarys_where_it_has_one():
    """Whoever catches queue.ShutDown catches it."""
    assert weft.ShutDown is queue.ShutDown


def test_a_channel_that_is_handed_on_keeps_what_is_in_it_and_what_is_not_done():
    """It becomes another kind of thing inside, and nobody can tell."""
    channel = weft.Channel(maxsize=3)
    channel.put("taken")
    channel.get()
    channel.put("a")
    channel.put("b")
    before = channel.qsize(), channel.unfinished_tasks, channel.full()
    other = pickle.loads(pickle.dumps(channel))
    assert (channel.qsize(), channel.unfinished_tasks, channel.full()) == before == (2, 3, False)
    assert other.get() == "a"
    other.put("c")
    assert [channel.get(), channel.get()] == ["b", "c"]
    for _ in range(4):
        other.task_done()
    with pytest.raises(ValueError, match="too many times"):
        channel.task_done()
    channel.join()


def test_threads_that_wait_go_on_waiting_when_it_is_handed_on():
    """Somebody waits, and then the channel is packed for a process: the waiting one gets what comes from there."""
    empty, full = weft.Channel(), weft.Channel(1)
    full.put(0)
    with ThreadPoolExecutor(2) as threads:
        got = threads.submit(empty.get, timeout=60)
        put = threads.submit(full.put, 1, timeout=60)
        time.sleep(0.05)
        there, here = (pickle.loads(pickle.dumps(channel)) for channel in (empty, full))
        there.put("found")
        assert here.get() == 0
        assert got.result(PROMPTLY) == "found"
        put.result(PROMPTLY)
        assert here.get() == 1


def test_a_copy_is_the_same_channel():
    """Like a copy of a lock or of a file: what it is of is one."""
    channel = weft.Channel()
    copy.copy(channel).put(1)
    assert channel.get() == 1


def test_a_subclass_with_an_order_of_its_own_stays_in_its_process():
    """As it is told, and not as a queue that suddenly has another order."""

    class Stack(weft.Channel):
        def _get(self):
            return self.queue.pop()

    stack = Stack()
    stack.put(1)
    stack.put(2)
    assert stack.get() == 2
    with pytest.raises(TypeError, match="a Stack stays in its process"):
        pickle.dumps(stack)


def test_an_item_that_cannot_travel_is_refused_when_it_is_put():
    """And not later, in a thread that nobody looks at."""
    channel = shared()
    with pytest.raises(weft.NotSendable, match="the item can't be sent"):
        channel.put(threading.Lock())
    assert channel.empty()


def test_a_channel_with_such_an_item_in_it_cannot_be_handed_on():
    """It stays as it is, with what is in it."""
    channel = weft.Channel()
    channel.put(threading.Lock())
    with pytest.raises(weft.NotSendable):
        pickle.dumps(channel)
    assert channel.qsize() == 1
    assert channel.get() is not None


def test_an_item_that_cannot_be_unpacked_fails_its_get_and_no_other():
    """It is gone, and the next is there."""
    channel = shared()
    channel.put(Unpackable())
    channel.put("next")
    with pytest.raises(RuntimeError, match="not here"):
        channel.get()
    assert channel.get() == "next"


class Unpackable:
    def __reduce__(self):
        return refuse, ()


def refuse():
    raise RuntimeError("not here")


def test_items_of_the_program_itself_and_functions_travel():
    """What weft sends to workers can be put into channels."""
    channel = shared()
    channel.put(lambda x: x + 1)
    assert channel.get()(1) == 2


# ── coroutines ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "shared"])
def test_coroutines_and_threads_share_one(elsewhere):
    """A thread produces, coroutines consume, and the other way round; nobody blocks the loop."""
    down, up = weft.Channel(2), weft.Channel(2)
    if elsewhere:
        pickle.loads(pickle.dumps((down, up)))

    async def main():
        async def double():
            async for n in down:
                await up.aput(2 * n)

        async with asyncio.timeout(60):
            await asyncio.gather(*(double() for _ in range(3)))
        up.shutdown()

    with ThreadPoolExecutor(2) as threads:
        threads.submit(lambda: (produce(down, range(200)), down.shutdown()))
        found = threads.submit(consume, up)
        asyncio.run(main())
    assert sorted(found.result()) == [2 * n for n in range(200)]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "shared"])
def test_a_coroutine_that_is_cancelled_has_taken_nothing(elsewhere):
    """Not even at the moment at which it was woken: then another is."""

    async def main():
        channel = weft.Channel()
        if elsewhere:
            channel._share()
        for _ in range(50):
            first, second = (asyncio.create_task(channel.aget()) for _ in range(2))
            await asyncio.sleep(0)
            channel.put("item")
            first.cancel()
            async with asyncio.timeout(PROMPTLY):
                outcome = await asyncio.gather(first, return_exceptions=True)
                if outcome == ["item"]:
                    second.cancel()
                else:
                    assert await second == "item"

    asyncio.run(main())


def test_the_loop_lives_while_items_are_always_there():
    """A channel that is never empty must not starve everything else."""

    async def main():
        channel = weft.Channel()
        produce(channel, range(200_000))
        channel.shutdown()
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        async for _ in channel:
            pass
        ticking.cancel()
        assert ticks > 3

    asyncio.run(main())


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["thread", "process", "async"])
def test_any_kind_of_worker_can_be_handed_one(kind):
    """As an ordinary argument, in both directions."""
    down, up = weft.Channel(10), weft.Channel(10)
    with weft.TaskGroup() as group:
        consumer = group.submit(consume_later if kind == "async" else consume, up, on=kind)
        middle = group.submit(relay, down, up, on="process")
        producer = group.submit(produce, down, list(range(100)), on="thread" if kind == "async" else kind)
        assert producer.result(60) == 100
        down.shutdown()
        middle.result(60)
        up.shutdown()
    assert consumer.result() == list(range(100))
    down.join()


def test_the_workers_of_a_map_share_one():
    """In a closure, as it is found there."""
    found = weft.Channel()
    weft.map(lambda n: found.put(n * n), range(20), on="process", max_workers=2).results()
    assert sorted(found.get_nowait() for _ in range(20)) == [n * n for n in range(20)]
    assert found.empty()


@pytest.mark.parametrize("method", METHODS)
def test_the_standard_librarys_processes_can_be_handed_one(method):
    """As an argument of a process, by each start method; it is not inherited, it is passed."""
    context = multiprocessing.get_context(method)
    down, up = weft.Channel(5), weft.Channel()
    started = [context.Process(target=relay, args=(down, up)) for _ in range(2)]
    for process in started:
        process.start()
    produce(down, range(50))
    down.shutdown()
    down.join()
    for process in started:
        process.join(60)
        assert process.exitcode == 0
    assert sorted(up.get_nowait() for _ in range(50)) == list(range(50))


@pytest.mark.parametrize("method", METHODS)
def test_and_their_executors_for_each_call(method):
    """Which multiprocessing.Queue can't be: its workers are there already."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        pool.submit(abs, 1).result()
        channel = weft.Channel()
        counts = [pool.submit(produce, channel, list(range(10))) for _ in range(3)]
        assert [count.result(60) for count in counts] == [10] * 3
    assert channel.qsize() == 30


def test_a_process_can_hand_on_what_it_was_handed():
    """To its own children, and in a channel, to anybody."""
    letters, answers = weft.Channel(), weft.Channel()
    letters.put(answers)
    weft.submit(answer_inside, letters, on="process").result(60)
    assert answers.get(timeout=PROMPTLY) == "from a grandchild"


def answer_inside(letters):
    answers = letters.get()
    weft.submit(answers.put, "from a grandchild", on="process").result(60)


def test_large_items_travel_through_shared_memory():
    """An array is there and back as it was, and what it lies in is given back."""
    down, up = weft.Channel(2), weft.Channel(2)
    done = weft.submit(relay, down, up, on="process")
    for n in range(20):
        array = np.full(300_000, n)
        down.put((n, array))
        number, same = up.get(timeout=60)
        assert number == n
        assert (same == array).all()
    blob = os.urandom(3_000_000)
    down.put(blob)
    assert up.get(timeout=60) == blob
    down.put("x" * 3_000_000)
    assert len(up.get(timeout=60)) == 3_000_000
    down.shutdown()
    done.result(60)
    arena = down._shared.store.cargo._arena
    assert arena.size < 32 * 2**20  # twenty of 2.4 MB were put: blocks are used again


@pytest.mark.parametrize(
    "item",
    [0, -1, 2**62, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**40, True, None, 1.5, Number(7), "x" * 50, b"\0" * 60]
    + [kind(range(256)) * many for kind in (bytes, bytearray) for many in (1, 256, 5000)],
    ids=lambda item: f"{type(item).__name__}-{str(item)[:10]!r}",
)
def test_an_item_comes_out_as_what_it_was(item):
    """Of the same type and the same value, whichever way it goes: alone, or with others before and after it."""
    channel = shared()
    for _ in range(3):
        for each in (1, item, "after"):
            channel.put(each)
    for _ in range(3):
        assert channel.get() == 1
        found = channel.get()
        assert type(found) is type(item)
        assert found == item
        assert channel.get() == "after"


def test_what_one_thread_gives_back_is_not_what_another_has_not_got_yet():
    """Or the writer would write over an item that is still to be taken again if its taker dies."""
    channel = shared()
    cargo = channel._shared.store.cargo
    channel.put(bytes(100_000))
    channel.put(bytes(100_000))
    lane = channel._shared.store.lanes[0]
    claim = lane.claim()
    data, kind, _ = lane.take(claim)
    cargo.unpack(data, kind)  # and has not struck it out
    thread = threading.Thread(target=channel.get)
    thread.start()
    thread.join()
    cargo._arena._sweep()
    assert len(cargo._arena._lent) == 1
    lane.strike_out(claim)
    cargo.settle()
    cargo._arena._sweep()
    assert not cargo._arena._lent


def test_arrays_stay_when_the_channel_is_gone():
    """They lie in its memory, which lives as long as they do."""
    channel = weft.Channel()
    weft.submit(channel.put, np.arange(500_000), on="process").result(60)
    array = channel.get()
    del channel
    gc.collect()
    assert (array == np.arange(500_000)).all()
    del array


def test_more_than_there_is_room_for_goes_on_growing():
    """There is no 64 KB that fill up: a channel without a maximum takes what it is given, before anybody reads."""
    channel = weft.Channel()
    weft.submit(produce, channel, [b"x" * 1000] * 20_000, on="process").result(60)
    assert channel.qsize() == 20_000
    channel.shutdown()
    assert sum(map(len, channel)) == 20_000_000


# ── deaths ────────────────────────────────────────────────────────────────────────────────────────────────


def forever(channel, ready):
    ready.put("ready")
    while True:
        channel.get()


def take_and_die(channel):
    channel.get()
    os.kill(os.getpid(), signal.SIGKILL)


def start(method, target, *args):
    process = multiprocessing.get_context(method).Process(target=target, args=args)
    process.start()
    return process


@pytest.mark.parametrize("method", METHODS)
def test_a_process_that_dies_waiting_takes_nothing_along(method):
    """Nor does it leave a lock locked, or the next wake-up in its grave."""
    channel, ready = weft.Channel(), weft.Channel()
    process = start(method, forever, channel, ready)
    ready.get(timeout=60)
    process.kill()
    process.join()
    channel.put("still here")
    assert channel.get(timeout=PROMPTLY) == "still here"


def test_join_says_that_an_item_went_with_a_process():
    """Instead of waiting for ever for somebody who will never come."""
    channel = weft.Channel()
    channel.put("finished")
    channel.get()
    channel.put("lost")
    process = start("fork", take_and_die, channel)
    process.join()
    channel.task_done()
    with pytest.raises(ItemLost, match="1 item of this channel will never be finished"):
        channel.join()


def test_a_process_that_ends_by_itself_is_not_said_to_have_lost_anything():
    """It may have passed on what it took; join waits for the others as it would for threads."""
    channel = weft.Channel()
    channel.put(1)
    process = start("fork", channel.get)
    process.join()
    threading.Timer(1.2, channel.task_done).start()
    channel.join()


def unpack_and_die():
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    def __reduce__(self):
        return unpack_and_die, ()


def test_an_item_that_a_process_died_taking_is_anothers_and_in_the_end_given_up():
    """One after the other dies of it; then it is reported, and the rest of the channel is fine."""
    channel = weft.Channel()
    channel.put(0)
    channel._share()
    channel.get()
    channel.put(Deadly())
    channel.put("after")
    for _ in range(3):
        process = start("fork", channel.get)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        with pytest.raises(queue.Empty):
            weft.Channel().get_nowait()
        deadline = time.monotonic() + PROMPTLY
        while channel.qsize() != 2 and time.monotonic() < deadline:
            channel._shared.store.board.reap()
        assert channel.qsize() == 2
    with pytest.raises(ItemLost, match="3 processes have died"):
        channel.get()
    assert channel.get() == "after"


def make_and_wait(address):
    channel = weft.Channel()
    channel.put("left")
    address.put(channel)
    signal.pause()


def test_when_the_process_that_made_it_is_gone_the_others_are_told():
    """What was in it can be had; then waiting ends, and so does putting."""
    address = weft.Channel()
    maker = start("fork", make_and_wait, address)
    channel = address.get(timeout=60)
    maker.kill()
    maker.join()
    assert channel.get() == "left"
    with pytest.raises(ChannelBroken, match="is gone"):
        channel.get(timeout=60)
    time.sleep(0.15)
    with pytest.raises(ChannelBroken, match="is gone"):
        channel.put(1)


def test_one_that_arrives_too_late_says_so_when_it_is_used():
    """And not while it is unpacked, where an error would end a pool."""
    address = weft.Channel()
    maker = start("fork", make_and_wait, address)
    channel = address.get(timeout=60)
    packed = pickle.dumps(channel)
    del channel
    gc.collect()
    weft._transport.boards.sweep()
    maker.kill()
    maker.join()
    late = pickle.loads(packed)
    with pytest.raises(ChannelBroken, match="is gone"):
        late.get()


def says_why(channel, answers):
    try:
        channel.get(timeout=PROMPTLY)
    except ChannelBroken as error:
        answers.put(str(error))


def test_a_forked_process_is_told_why_a_channel_did_not_come_along():
    """One with things in it that can't be pickled: it stays as it was for the others."""
    channel, answers = weft.Channel(), weft.Channel()
    channel.put(threading.Lock())
    process = start("fork", says_why, channel, answers)
    assert "could not be shared when that was forked" in answers.get(timeout=60)
    process.join()
    assert channel.qsize() == 1
