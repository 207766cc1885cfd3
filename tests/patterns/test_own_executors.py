"""weft's own executors: what they promise beyond the standard library's, whose own tests are in tests/cpython."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, CancelledError, ThreadPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from concurrent.futures.thread import BrokenThreadPool
from pathlib import Path
from typing import Any

import pytest

import weft
import weft.multiprocessing
from weft.errors import InitializerFailed

EXECUTORS = {"thread": weft.ThreadExecutor, "process": weft.ProcessExecutor, "async": weft.AsyncExecutor}
VARIABLE = contextvars.ContextVar("VARIABLE", default=0)
STATE = []


@pytest.fixture(params=EXECUTORS)
def executor(request):
    with EXECUTORS[request.param](2) as made:
        yield made


def square(n):
    return n * n


async def square_later(n):
    await asyncio.sleep(0.001)
    return n * n


def fail_at_three(n):
    if n == 3:
        raise LookupError("three")
    return n


def put_in_place(value):
    STATE[:] = [value]


def in_place(_=None):
    return STATE[0] if STATE else None


def die_once(path):
    """Die in the first call there is of it, anywhere."""
    if not os.path.exists(path):
        open(path, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def die(n):
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


@pytest.mark.parametrize("fn", [square, square_later, lambda n: n * n])
def test_every_executor_takes_every_function(executor, fn):
    """Plain, coroutine or lambda: one by one and all at once."""
    assert executor.submit(fn, 7).result(30) == 49
    assert list(executor.map(fn, range(50))) == [n * n for n in range(50)]


def test_results_are_had_in_every_way(executor):
    """By whoever waits for one, by the standard library's functions, by a callback, and in an event loop."""
    heard = threading.Event()
    futures = [executor.submit(square, n) for n in range(20)]
    futures[-1].add_done_callback(lambda _: heard.set())
    assert wait(futures[:5], timeout=30, return_when=FIRST_COMPLETED).done
    assert sorted(future.result() for future in as_completed(futures, 30)) == [n * n for n in range(20)]
    assert heard.wait(30)

    async def loops():
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(executor, square, n) for n in range(20)))

    assert asyncio.run(loops()) == [n * n for n in range(20)]


def test_a_run_of_weft_goes_by_an_executor_of_weft(executor):
    run = weft.map(fail_at_three, range(20), on=executor, on_error="keep")
    results = run.results()
    assert [result for result in results if not isinstance(result, weft.Failure)] == [n for n in range(20) if n != 3]
    assert results[3].index == 3


def test_an_error_comes_in_its_place_and_ends_the_iteration(executor):
    """What came before it has been had; it says where it was raised."""
    results = executor.map(fail_at_three, range(1000))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError, match="three") as raised:
        next(results)
    assert "in fail_at_three" in "".join(traceback.format_exception(raised.value))
    assert list(results) == []


def test_an_endless_input_is_read_as_results_are_taken(executor):
    """With a buffersize; without one all is read at once, as in the standard library."""
    read = itertools.count()
    results = executor.map(square, read, buffersize=4)
    assert [next(results) for _ in range(100)] == [n * n for n in range(100)]
    assert next(read) <= 100 + 4 + 1
    results.close()


def test_results_that_nobody_wants_any_more_hold_nothing_up(executor):
    """Neither the executor's end nor the workers."""
    results = executor.map(square, itertools.count(), buffersize=2)
    next(results)
    del results
    gc.collect()
    assert executor.submit(square, 3).result(30) == 9


def test_what_was_submitted_goes_on_after_the_end(executor):
    """Shutdown takes nothing new, and what there is comes to its end; a map as well."""
    results = executor.map(square, range(2000))
    future = executor.submit(square, 5)
    executor.shutdown(wait=False)
    assert future.result(30) == 25
    assert list(results) == [n * n for n in range(2000)]
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(square, 1)


def test_what_has_not_begun_can_be_cancelled_at_the_end():
    gate = threading.Event()
    with weft.ThreadExecutor(1) as executor:
        begun = executor.submit(gate.wait, 30)
        waiting = [executor.submit(square, n) for n in range(10)]
        results = executor.map(square, range(10))
        executor.shutdown(wait=False, cancel_futures=True)
        gate.set()
        assert begun.result(30)
        assert all(future.cancelled() for future in waiting)
        with pytest.raises(CancelledError):
            next(results)


def test_threads_see_the_context_of_whoever_asked():
    token = VARIABLE.set(5)
    try:
        with weft.ThreadExecutor(2) as executor:
            assert executor.submit(VARIABLE.get).result(30) == 5
            assert list(executor.map(lambda _: VARIABLE.get(), range(3))) == [5, 5, 5]
    finally:
        VARIABLE.reset(token)


def test_threads_take_items_one_by_one():
    """So items that wait for each other do not wait for ever."""
    meeting = threading.Barrier(2)
    with weft.ThreadExecutor(2) as executor:
        assert sorted(executor.map(lambda _: meeting.wait(10), range(2))) == [0, 1]


def test_items_of_threads_wait_behind_no_other_though_many_were_short():
    """The standard library's threads have no chunks: any two items that are next to each other may meet."""
    meeting = threading.Barrier(2)
    with weft.ThreadExecutor(2) as executor:
        met = executor.map(lambda n: n if n < 2000 else meeting.wait(10), range(2100))
        assert sorted(met) == sorted([*range(2000), *[0, 1] * 50])


def test_threads_draw_nothing_more_when_nobody_wants_it():
    begun = []
    with weft.ThreadExecutor(2) as executor:
        results = executor.map(lambda n: begun.append(n) or time.sleep(0.001), range(100_000))
        next(results)
        results.close()
    assert len(begun) < 1000


def test_what_threads_have_begun_at_the_end_is_had():
    """To cancel what waits costs nothing that runs: its result leaves, and then comes the end."""
    gate, begun = threading.Event(), threading.Event()
    with weft.ThreadExecutor(1) as executor:
        results = executor.map(lambda n: begun.set() or (gate.wait(30) and n), range(3))
        assert begun.wait(30)
        executor.shutdown(wait=False, cancel_futures=True)
        gate.set()
        assert next(results) == 0
        with pytest.raises(CancelledError):
            next(results)


def test_an_input_that_comes_late_keeps_no_thread_waiting():
    with weft.ThreadExecutor(2) as executor:
        results = executor.map(square, itertools.count(), buffersize=2)
        assert [next(results) for _ in range(500)] == [n * n for n in range(500)]
        results.close()
        assert executor.submit(square, 3).result(30) == 9


def test_a_call_of_threads_that_is_ended_by_force_is_an_error_and_not_a_wait():
    """Nobody can stop a thread, but nobody needs to wait for it."""
    gate, begun = threading.Event(), threading.Event()
    pool = weft.multiprocessing.ThreadPool(1)
    running, waiting = pool.apply_async(lambda: begun.set() or gate.wait(30)), pool.apply_async(square, (1,))
    assert begun.wait(30)
    pool.terminate()
    for result in (running, waiting):
        with pytest.raises((weft.WeftError, CancelledError)):
            result.get(30)
    gate.set()
    pool.join()


def fail_for_a_reason(n):
    try:
        fail_at_three(n)
    except Exception as reason:
        raise LookupError("that is why") from reason


@pytest.mark.parametrize("ask", ["submit", "map"])
def test_on_threads_an_error_is_as_it_was_raised(ask):
    """With the cause that it was given, and the lines of the function; as the standard library has it."""
    with weft.ThreadExecutor(1) as executor:
        results = executor.map(fail_for_a_reason, [3])
        with pytest.raises(LookupError) as caught:
            executor.submit(fail_for_a_reason, 3).result(30) if ask == "submit" else next(results)
    assert str(caught.value.__cause__) == "three"
    lines = [frame.name for frame in caught.traceback]
    assert lines[-1] == "fail_for_a_reason"
    assert not any("_workers" in str(frame.path) for frame in caught.traceback)


def test_an_error_of_a_call_to_a_process_says_where_it_was_raised():
    with weft.ProcessExecutor(1) as executor:
        error = executor.submit(fail_at_three, 3).exception(30)
    assert isinstance(error.__cause__, weft.errors.WorkerTraceback)
    assert "fail_at_three" in str(error.__cause__)


def test_a_call_that_was_cancelled_is_told_to_those_who_wait():
    gate = threading.Event()
    with weft.ThreadExecutor(1) as executor:
        begun, waiting = executor.submit(gate.wait, 30), executor.submit(square, 2)
        assert waiting.cancel()
        gate.set()
        assert wait([begun, waiting], timeout=30).not_done == set()
        assert waiting.cancelled()


def test_asyncio_takes_threads_for_its_default():
    async def main():
        asyncio.get_running_loop().set_default_executor(weft.ThreadExecutor(1))
        return await asyncio.to_thread(threading.current_thread)

    assert asyncio.run(main()).name.startswith("ThreadExecutor")


def test_a_future_may_be_waited_for_inside_a_call():
    with weft.ThreadExecutor(2) as executor:
        assert executor.submit(lambda: executor.submit(square, 4).result(30) + 1).result(30) == 17


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_an_initializer_is_called_in_each_worker_first(method):
    """Whatever it sets is there for the calls, also where it travels by value; locks and queues may go with it."""
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    with weft.ProcessExecutor(2, context, put_in_place, (queue,)) as executor:
        executor.submit(lambda: in_place().put("hello")).result(30)
        assert queue.get(timeout=30) == "hello"
    queue.close()
    queue.join_thread()


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_run_finds_what_the_executors_initializer_has_set(method):
    """A connection that each worker has opened is there for weft.map too, whose function goes by value."""
    with weft.ProcessExecutor(2, initializer=put_in_place, initargs=("open",), start_method=method) as executor:
        assert weft.map(in_place, range(50), on=executor).results() == ["open"] * 50
        assert weft.map(lambda n: in_place(n) + "!", range(5), on=executor).results() == ["open!"] * 5


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_an_initializer_that_fails_breaks_the_executor(kind, caplog):
    """Nobody waits in vain, and everybody is told why."""
    with EXECUTORS[kind](2, initializer=int, initargs=("no number",)) as executor:
        with pytest.raises(InitializerFailed, match="no number"):  # of the first, or of a later submit
            [future.result(30) for future in [executor.submit(square, n) for n in range(10)]]
        with pytest.raises(InitializerFailed):
            executor.submit(square, 1)
        with pytest.raises(InitializerFailed):
            list(executor.map(square, range(3)))


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_whoever_expects_the_standard_librarys_broken_pool_gets_it(kind):
    """When a worker dies, and when an initializer fails; also after the error has travelled."""
    broken = {"thread": BrokenThreadPool, "process": BrokenProcessPool}[kind]
    with EXECUTORS[kind](1, initializer=int, initargs=("no number",)) as executor:
        with pytest.raises(broken) as failed:
            executor.submit(square, 1).result(30)
        assert isinstance(failed.value, InitializerFailed)
    if kind == "process":
        with weft.ProcessExecutor(1) as executor:
            with pytest.raises(broken) as died:
                executor.submit(os._exit, 3).result(30)
            assert executor.submit(square, 3).result(30) == 9, "nothing is broken by it"
        assert isinstance(died.value, weft.WorkerDied)
        for error in (failed.value, died.value):
            again = pickle.loads(pickle.dumps(error))
            assert (type(again), vars(again), str(again)) == (type(error), vars(error), str(error))


def test_nobody_imports_the_standard_librarys_pool_of_processes_for_its_error():
    """It takes as long as weft itself. Whoever imports it later gets it from then on, by the same class as before."""
    program = """
import os, pickle, sys
import weft
from weft.errors import MemoryExceeded

before = weft.WorkerDied("a", "SIGKILL", 1, item=2)
assert "concurrent.futures.process" not in sys.modules
from concurrent.futures.process import BrokenProcessPool
after, fat = pickle.loads(pickle.dumps(before)), MemoryExceeded("a", 2**20, 1)
assert isinstance(after, BrokenProcessPool) and after.item == 2
assert isinstance(fat, BrokenProcessPool) and isinstance(fat, MemoryExceeded)
assert type(after) is type(before) is weft.WorkerDied and type(fat) is MemoryExceeded
assert not issubclass(weft.errors.WeftError, BrokenProcessPool)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_an_initializer_that_can_not_be_sent_says_so():
    executor = weft.ProcessExecutor(1, initializer=print, initargs=(threading.Lock(),))
    with pytest.raises(weft.NotSendable, match="initializer"), executor:
        executor.submit(square, 1)


def test_workers_with_an_initializer_are_nobody_elses():
    """What it has done is not found by others, and it finds nothing of theirs."""
    with weft.ProcessExecutor(1, initializer=put_in_place, initargs=("mine",)) as executor:
        first = executor.submit(os.getpid).result(30)
    assert first not in set(weft.map(lambda _: os.getpid(), range(20), on="process"))
    assert set(weft.map(in_place, range(4), on="process")) == {None}


def test_a_death_breaks_nothing(tmp_path):
    """The call is given to another process; the others do not notice."""
    with weft.ProcessExecutor(2) as executor:
        others = [executor.submit(square, n) for n in range(20)]
        assert executor.submit(die_once, str(tmp_path / "died")).result(30) == "alive"
        assert [future.result(30) for future in others] == [n * n for n in range(20)]
        with pytest.raises(weft.WorkerDied):
            executor.submit(die, 3).result(30)
        assert executor.submit(square, 2).result(30) == 4


def test_a_death_costs_its_own_item_alone():
    """In a map, too: what comes before it is had, and it is known which it was."""
    with weft.ProcessExecutor(2) as executor:
        results = executor.map(die, range(100))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(weft.WorkerDied) as died:
            next(results)
        assert died.value.index == 3


def test_a_process_is_replaced_after_so_many_calls():
    with weft.ProcessExecutor(1, max_tasks_per_child=2) as executor:
        pids = [executor.submit(os.getpid).result(30) for _ in range(6)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4] == pids[5]


def test_a_process_that_needs_too_much_memory_costs_its_call():
    with weft.ProcessExecutor(1, memory_limit="200 MiB") as executor:
        with pytest.raises(weft.errors.MemoryExceeded):
            executor.submit(lambda: len(bytearray(2**30))).result(60)
        assert executor.submit(square, 2).result(30) == 4


def test_processes_can_be_ended_by_force():
    with weft.ProcessExecutor(1) as executor:
        future = executor.submit(time.sleep, 1000)
        executor.terminate_workers()
        with pytest.raises(weft.WeftError, match="by force"):
            future.result(30)


def test_an_executor_that_is_dropped_ends_by_itself():
    executor = weft.ThreadExecutor(2)
    future = executor.submit(square, 3)
    del executor
    assert future.result(30) == 9


def test_large_values_go_both_ways():
    """A function that carries much travels once for each worker, and not with every chunk."""
    np = pytest.importorskip("numpy")
    table = np.arange(1_000_000)
    with weft.ProcessExecutor(2) as executor:
        assert list(executor.map(lambda n: int(table[n]), range(0, 1_000_000, 100_000))) == list(
            range(0, 1_000_000, 100_000)
        )
        assert (executor.submit(lambda: table * 2).result(30) == table * 2).all()


def test_many_threads_use_one_executor_at_once():
    with weft.ProcessExecutor(2) as executor, ThreadPoolExecutor(8) as callers:

        def call(caller):
            futures = [executor.submit(square, n) for n in range(50)]
            return [future.result(60) for future in futures] + list(executor.map(square, range(500)))

        expected = [n * n for n in range(50)] + [n * n for n in range(500)]
        assert all(results == expected for results in callers.map(call, range(16)))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: weft.ThreadExecutor(0), "greater than 0"),
        (lambda: weft.ProcessExecutor(1, initializer=3), "callable"),
        (lambda: weft.ProcessExecutor(1, max_tasks_per_child=0), ">= 1"),
        (lambda: weft.ProcessExecutor(1, max_tasks_per_child=1, start_method="fork"), "incompatible"),
        (lambda: weft.ProcessExecutor(1, start_method="frok"), "start_method must be"),
        (lambda: weft.ProcessExecutor(1).map(square, [1], chunksize=0), "chunksize must be"),
        (lambda: weft.ThreadExecutor(1).map(square, [1], buffersize=0), "buffersize must be"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(make, error):
    with pytest.raises((ValueError, TypeError), match=error):
        make()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_nobody_computes_while_nothing_is_asked():
    """An executor that is kept sleeps."""
    with weft.ProcessExecutor(1) as executor:
        executor.submit(square, 1).result(30)
        [follower] = [thread for thread in threading.enumerate() if thread.name.startswith("ProcessExecutor")]
        deadline = time.monotonic() + 10
        while not executor._held._dispatcher._parked:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        status = Path(f"/proc/self/task/{follower.native_id}/status")

        def switched():
            return [line for line in status.read_text().splitlines() if "ctxt" in line]

        before = switched()
        time.sleep(0.1)
        assert switched() == before


def test_plain_functions_in_an_async_executor_share_threads() -> None:
    """One call after the other costs no new thread each time; what it gives is awaited if it can be."""
    with weft.AsyncExecutor(4) as executor:
        names = {executor.submit(threading.get_ident).result() for _ in range(20)}
        assert len(names) < 20
        assert threading.get_ident() not in names
        assert executor.submit(functools.partial(_told, 3)).result() == 4
        assert executor.submit(_seems_plain, 3).result() == 4
        assert isinstance(executor.submit(int, "x").exception(), ValueError)


async def _told(n: int) -> int:
    return n + 1


def _seems_plain(n: int) -> object:
    return _told(n)


def test_a_callback_that_exits_does_not_take_the_worker_with_it():
    """Else its thread would be gone without anybody's knowledge, and the executor would wait for it for ever."""
    with weft.ThreadExecutor(1) as executor:
        begin = threading.Event()
        future = executor.submit(begin.wait, 30)
        future.add_done_callback(lambda _: sys.exit(3))
        begin.set()
        assert future.result(30)
        assert executor.submit(abs, -1).result(30) == 1


@pytest.mark.parametrize("raised", [SystemExit, GeneratorExit])
def test_a_callback_that_exits_ends_nobody_elses_call(raised: type, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads the answers, a caller or a thread that nobody sees: it is said, and all others are answered."""

    def leave(_: object) -> None:
        raise raised("for good")

    with weft.ProcessExecutor(2) as executor:
        futures = [executor.submit(abs, -n) for n in range(50)]
        for future in futures:
            future.add_done_callback(leave)
        assert [future.result(30) for future in futures] == list(range(50))
        assert executor.submit(abs, -1).result(30) == 1
    assert caplog.text.count(f"{raised.__name__}: for good") == 50


def nap(n: int) -> int:
    time.sleep(0.05)
    return n


def test_who_waits_for_a_result_may_hold_what_its_callback_wants() -> None:
    """As with the standard library's, whose callbacks are called by a thread of its own."""
    lock, called = threading.Lock(), []

    def call_back(future: Any) -> None:
        with lock:
            called.append((future, threading.current_thread()))

    with weft.ProcessExecutor(2) as workers:
        futures = [workers.submit(nap, n) for n in range(6)]
        for future in futures:
            future.add_done_callback(call_back)
        with lock:
            assert [future.result(30) for future in futures] == list(range(6))
    assert {future for future, _ in called} == set(futures)
    assert threading.current_thread() not in {thread for _, thread in called}


def test_a_slow_callback_of_one_call_does_not_hold_up_who_waits_for_another() -> None:
    """His time is up when it is up, and what has come is had."""
    over = threading.Event()
    with weft.ProcessExecutor(2) as workers:
        first, second = workers.submit(nap, 1), workers.submit(nap, 2)
        first.add_done_callback(lambda _: over.wait(30))
        assert first.result(30) == 1
        assert second.result(30) == 2
        over.set()


@pytest.mark.parametrize("chunksize", [1.5, 0, -1])
def test_a_chunksize_that_can_not_be_is_refused_and_nothing_waits_for_it(chunksize: Any) -> None:
    """What was not begun has no end that shutdown() would wait for."""
    with weft.ProcessExecutor(2) as workers, pytest.raises(ValueError, match="chunksize must be a whole number >= 1"):
        workers.map(abs, range(5), chunksize=chunksize)
    with weft.ThreadExecutor(2) as workers:  # where there are no chunks nobody looks at it, as in the original
        assert list(workers.map(abs, range(5), chunksize=chunksize)) == list(range(5))


def test_numbers_of_others_are_numbers() -> None:
    """NumPy's of 8 bits overflow in what is reckoned with them."""
    np = pytest.importorskip("numpy")
    with weft.ProcessExecutor(np.int8(2)) as workers:
        assert list(workers.map(abs, range(1000), chunksize=np.int8(100))) == list(range(1000))
    run = weft.map(abs, range(1000), on="thread", max_workers=np.int8(2), chunksize=np.int8(100), retries=np.uint8(1))
    assert run.results() == list(range(1000))
    assert weft.map(abs, range(3), on="process", timeout=np.float32(60)).results() == [0, 1, 2]


def test_a_subclass_with_a_submit_of_its_own_has_it_in_map_too() -> None:
    """Who counts calls, or takes a context along, does so there."""

    class Counting(weft.ThreadExecutor):
        calls = 0

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return super().submit(fn, *args, **kwargs)

    with Counting(2) as workers:
        assert list(workers.map(pow, range(5), [2] * 5)) == [0, 1, 4, 9, 16]
        assert workers.calls == 5
