"""weft.multiprocessing: what is promised beyond the standard library's pools, whose own tests are in tests/cpython."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from typing import ClassVar

import pytest

import weft
import weft.multiprocessing
from weft.multiprocessing import Pool, ThreadPool

METHODS = ["fork", "forkserver", "spawn"]
COUNTER = []
STATE = {}
KEPT = multiprocessing.Value("i", 0)  # the standard library keeps the memory that such values come from


@pytest.fixture(params=[Pool, ThreadPool])
def pool(request):
    with request.param(2) as made:
        yield made
    made.join()


def square(n):
    return n * n


def fail_at_three(n):
    if n == 3:
        raise LookupError("three")
    return n


def keep(counter):
    COUNTER[:] = [counter]


def add(n):
    with COUNTER[0].get_lock():
        COUNTER[0].value += n


def die_at_three(n):
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


class Unsendable:
    def __reduce__(self):
        raise RuntimeError("not me")


def test_every_way_to_call(pool):
    """All methods give what the standard library's give."""
    assert pool.apply(pow, (2,), {"exp": 5}) == 32
    assert pool.apply_async(square, (3,)).get(30) == 9
    assert pool.map(square, range(5)) == pool.map_async(square, iter(range(5)), 2).get(30) == [0, 1, 4, 9, 16]
    assert pool.starmap(pow, [(2, 3), (3, 2)]) == pool.starmap_async(pow, [(2, 3), (3, 2)]).get(30) == [8, 9]
    assert list(pool.imap(square, (n for n in range(5)))) == [0, 1, 4, 9, 16]
    assert sorted(pool.imap_unordered(square, range(5), chunksize=2)) == [0, 1, 4, 9, 16]


def test_an_item_that_failed_does_not_end_imap(pool):
    """It raises in its place; the next one goes on."""
    results = pool.imap(fail_at_three, range(6))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError):
        next(results)
    assert list(results) == [4, 5]


def test_map_raises_the_first_error_when_all_are_done(pool):
    with pytest.raises(LookupError, match="three"):
        pool.map(fail_at_three, range(100))


def test_imap_goes_on_while_nobody_takes_results(pool):
    """All of it is done when the pool is closed and joined, and can still be had."""
    results = pool.imap(square, (n for n in range(3000)))
    pool.close()
    pool.join()
    assert list(results) == [n * n for n in range(3000)]


def test_imap_reads_an_endless_input_not_much_faster_than_it_is_worked_on(pool):
    read = []

    def endless():
        while True:
            read.append(None)
            yield len(read)

    results = pool.imap(square, endless())
    assert next(results) == 1
    pool.terminate()
    assert len(read) < 1_000_000


def test_an_input_that_waits_keeps_nobody_waiting(pool):
    """What has been read is worked on while the input waits for more."""
    gate = threading.Event()

    def slow():
        yield 1
        gate.wait(30)
        yield 2

    results = pool.imap(square, slow())
    assert results.next(30) == 1
    with pytest.raises(weft.multiprocessing.TimeoutError):
        results.next(0.01)
    gate.set()
    assert list(results) == [4]


def test_callbacks_are_called_before_a_result_is_ready(pool):
    heard = []
    pool.apply_async(square, (3,), callback=heard.append).wait(30)
    pool.map_async(square, range(3), callback=heard.append).wait(30)
    failed = pool.apply_async(fail_at_three, (3,), error_callback=lambda error: heard.append(str(error)))
    failed.wait(30)
    assert heard == [9, [0, 1, 4], "three"]
    assert not failed.successful()


def test_a_result_that_is_not_there_yet_says_so():
    gate = threading.Event()
    with ThreadPool(1) as pool:
        result = pool.apply_async(gate.wait, (30,))
        assert not result.ready()
        with pytest.raises(ValueError, match="not ready"):
            result.successful()
        with pytest.raises(multiprocessing.TimeoutError):
            result.get(0.01)
        gate.set()
        assert result.get(30)
        assert result.successful()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_shared_by_the_initializer_is_shared(method):
    """The commonest way to give workers a counter or a lock of multiprocessing's."""
    context = multiprocessing.get_context(method)
    counter = context.Value("i", 0)
    with Pool(2, keep, (counter,), context=context) as pool:
        pool.map(add, range(100))
    assert counter.value == sum(range(100))
    pool.join()


def test_a_manager_s_objects_are_plain_arguments():
    """Workers know the key by which it knows its own."""
    with multiprocessing.Manager() as manager, Pool(2) as pool:
        found = manager.dict()
        pool.starmap(found.__setitem__, [(n, n * n) for n in range(5)])
        assert dict(found) == {n: n * n for n in range(5)}
    pool.join()


def test_a_dead_worker_does_not_hang_the_pool():
    """The standard library's waits for ever here."""
    with Pool(2) as pool:
        results = pool.imap(die_at_three, range(6))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(weft.WorkerDied):
            next(results)
        assert list(results) == [4, 5]
    pool.join()


def test_what_can_not_be_sent_raises_what_pickling_it_raised():
    with Pool(1) as pool:
        with pytest.raises(RuntimeError, match="not me") as raised:
            pool.map(square, [1, Unsendable(), 3])
        assert isinstance(raised.value.__cause__, weft.NotSendable)
        with pytest.raises(multiprocessing.pool.MaybeEncodingError):
            pool.apply(threading.Lock)
    pool.join()


def test_a_worker_lives_for_so_many_calls():
    with Pool(1, maxtasksperchild=2) as pool:
        pids = [pool.apply(os.getpid) for _ in range(4)]
        assert pids[0] == pids[1] != pids[2] == pids[3]
    pool.join()


def test_terminate_ends_what_runs():
    pool = Pool(2)
    results = pool.map_async(time.sleep, [1000] * 100, chunksize=1)
    pool.apply_async(time.sleep, (1000,))
    pool.terminate()
    pool.join()
    assert results.ready()


def test_a_pool_that_is_over_takes_nothing(pool):
    with pytest.raises(ValueError, match="still running"):
        pool.join()
    pool.close()
    for call in (lambda: pool.apply(square, (1,)), lambda: pool.map(square, [1]), lambda: pool.imap(square, [1])):
        with pytest.raises(ValueError, match="not running"):
            call()
    with pytest.raises(NotImplementedError):
        pickle.dumps(pool)


def test_the_rest_of_the_module_is_the_standard_librarys():
    """So that ``from weft import multiprocessing`` is the only change."""
    assert weft.multiprocessing.Queue == multiprocessing.Queue
    assert weft.multiprocessing.TimeoutError is multiprocessing.TimeoutError
    assert 1 <= weft.multiprocessing.cpu_count() <= multiprocessing.cpu_count()
    with pytest.raises(AttributeError, match="has no attribute"):
        weft.multiprocessing.Pol


def begin(lock, n):
    STATE["lock"], STATE["n"] = lock, n


def add_locked(n):
    with STATE["lock"]:
        return STATE["n"] + n


class Marked:
    """Something that a class of processes does of its own, in the parent and in the worker."""

    started: ClassVar[list[str]] = []

    def start(self):
        if len(Marked.started) >= Marked.most:
            raise OSError(f"no more than {Marked.most}")
        super().start()
        Marked.started.append(self)

    def run(self):
        os.environ["WEFT_TEST_MARK"] = type(self).__name__
        super().run()

    most = 100


class ForkMarked(Marked, multiprocessing.get_context("fork").Process):
    pass


class ForkserverMarked(Marked, multiprocessing.get_context("forkserver").Process):
    pass


class SpawnMarked(Marked, multiprocessing.get_context("spawn").Process):
    pass


class Free:
    """The well-known way to processes that may have children."""

    @property
    def daemon(self):
        return False

    @daemon.setter
    def daemon(self, value):
        pass


class ForkFree(Free, multiprocessing.get_context("fork").Process):
    pass


class ForkserverFree(Free, multiprocessing.get_context("forkserver").Process):
    pass


class SpawnFree(Free, multiprocessing.get_context("spawn").Process):
    pass


def context_of(process):
    """A context that makes such processes, as people write it."""
    base = type(multiprocessing.get_context(process._start_method))
    return type(f"{process.__name__}Context", (base,), {"Process": process})()


@pytest.fixture
def marks(monkeypatch):
    monkeypatch.setattr(Marked, "started", [])
    yield Marked.started
    for process in Marked.started:
        process.close()  # what the standard library has open for it


MARKED = pytest.mark.parametrize("process", [ForkMarked, ForkserverMarked, SpawnMarked])


def mark_of(n):
    this = multiprocessing.current_process()
    return os.environ.get("WEFT_TEST_MARK"), type(this).__name__, this.daemon


def with_a_pool_inside(n):
    with multiprocessing.get_context("fork").Pool(1) as inner:
        return inner.map(square, [n, n + 1])


@MARKED
def test_a_class_of_processes_is_what_workers_are_of(process, marks):
    """Its start() begins each, also one that takes another's place, and its run() is around all that they do."""
    with Pool(2, context=context_of(process)) as pool:
        assert len(marks) == 2
        assert set(pool.map(mark_of, range(4), chunksize=1)) == {(process.__name__, process.__name__, True)}
        assert pool.map(lambda n: -n, range(3)) == [0, -1, -2]
        with pytest.raises(weft.WorkerDied):
            pool.apply(die_at_three, (3,))
        assert pool.apply(mark_of, (1,))[0] == process.__name__
        assert len(marks) > 2
    pool.join()
    assert [each for each in marks if each.is_alive()] == []


@MARKED
def test_executors_have_it_too(process, marks):
    """They are not daemonic there, as in the standard library."""
    context = context_of(process)
    with weft.ProcessExecutor(1, context, initializer=begin, initargs=(context.Lock(), 3)) as executor:
        assert executor.submit(mark_of, 1).result() == (process.__name__, process.__name__, False)
        assert list(executor.map(add_locked, [1, 2])) == [4, 5]
    assert len(marks) == 1


@MARKED
def test_a_class_that_starts_no_more_leaves_nothing(process, marks, monkeypatch):
    """What its start() raises is the constructor's; those that were started have been ended by then."""
    monkeypatch.setattr(Marked, "most", 2)
    with pytest.raises(OSError, match="no more than 2"):
        Pool(3, context=context_of(process))
    assert [each.is_alive() for each in marks] == [False, False]


@pytest.mark.parametrize("process", [ForkFree, ForkserverFree, SpawnFree])
def test_processes_that_may_have_pools(process):
    """The standard library's pools inside find the functions that a program defines."""
    with Pool(2, context=context_of(process)) as pool:
        assert pool.map(with_a_pool_inside, [1, 4]) == [[1, 4], [16, 25]]
    pool.join()


def whose(_):
    time.sleep(0.01)
    process = multiprocessing.current_process()
    return process.name, process._identity


def test_processes_of_a_pool_have_numbers():
    """By which functions choose one of several devices, as they do in the original's."""
    with weft.multiprocessing.Pool(2) as pool:
        found = set(pool.map(whose, range(20), 1))
    assert len(found) == 2
    assert {name.rpartition("-")[2] for name, _ in found} == {str(number) for _, (number,) in found}


def whose_child(_):
    parent = multiprocessing.parent_process()
    return parent and (parent.pid, parent.name, parent.is_alive())


@pytest.mark.parametrize("method", [None, "fork", "forkserver", "spawn"])
def test_functions_find_the_program_as_the_parent_of_their_process(method):
    """Whoever has started it; by that they tell a worker from the program."""
    context = method and multiprocessing.get_context(method)
    here = os.getpid(), multiprocessing.current_process().name, True
    assert multiprocessing.parent_process() is None
    with weft.multiprocessing.Pool(2, context=context) as pool:
        assert set(pool.map(whose_child, range(4), 1)) == {here}
    with weft.ProcessExecutor(1, start_method=method) as executor:
        assert executor.submit(whose_child, 1).result(30) == here


def test_nobody_is_told_of_a_map_of_nothing(pool):
    """As the original has it."""
    heard = []
    assert pool.map_async(square, [], callback=heard.append, error_callback=heard.append).get(30) == []
    assert pool.starmap_async(square, [], callback=heard.append).get(30) == []
    assert not heard


@pytest.mark.parametrize("chunksize", [1.5, "2"])
def test_a_chunksize_that_is_no_number_is_refused_and_nothing_waits_for_it(pool, chunksize):
    """A map that was not begun is not one whose end close() waits for."""
    with pytest.raises(TypeError, match="chunksize must be a whole number"):
        pool.map(square, range(5), chunksize)
    assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
    pool.close()
    pool.join()
