"""weft.share: one memory for all workers, there as long as somebody uses it and no longer."""

from __future__ import annotations

import array
import concurrent.futures
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import weft
from weft._transport import segment
from weft._transport.codec import dumps, dumps_apart, loads
from weft._transport.moorings import MOORINGS
from weft._transport.passage import KEPT

KINDS = ("thread", "process")


def name_of(value):
    """The name of the memory that an array or a view lies in."""
    place = segment.place_of(segment.address_of(value), memoryview(value).nbytes)
    assert place is not None, "it is not in shared memory"
    return place[0].name


def total(values):
    return float(values.sum())


def where(values):
    return name_of(values), os.getpid()


def write(values, index, value):
    values[index] = value


def make(count):
    return weft.share(np.full(count, 7.0))


def test_an_array_keeps_its_shape_type_and_content():
    """It is an ordinary argument for NumPy, too."""
    for made in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.ones((3, 4), "i2")), np.zeros((0, 3)), np.array(5)):
        shared = weft.share(made)
        assert isinstance(shared, np.ndarray)
        assert (shared.shape, shared.dtype) == (made.shape, made.dtype)
        assert shared.flags.f_contiguous == made.flags.f_contiguous
        assert np.array_equal(shared, made)


def test_what_is_not_writable_nobody_can_write_to():
    """Not by a flag that is set back: the memory is sealed."""
    shared = weft.share(np.zeros(8))
    with pytest.raises(ValueError, match="read-only"):
        shared[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        shared.flags.writeable = True
    fd = segment.place_of(segment.address_of(shared), 64)[0].fd
    with pytest.raises(PermissionError):
        os.pwrite(fd, b"x", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_worker_has_the_same_memory(kind):
    """And none a copy."""
    shared = weft.share(np.arange(1000.0))
    run = weft.map(where, [shared] * 8, on=kind, max_workers=2)
    assert {name for name, _ in run} == {name_of(shared)}


@pytest.mark.parametrize("kind", KINDS)
def test_what_one_writes_all_see(kind):
    shared = weft.share(np.zeros(4), writable=True)
    weft.starmap(write, [(shared, at, at + 1.0) for at in range(4)], on=kind).results()
    assert shared.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_closure_may_carry_it():
    """Nobody hands over every array as an argument."""
    shared = weft.share(np.zeros(3), writable=True)

    def add(index):
        shared[index] += 1
        return name_of(shared)

    assert set(weft.map(add, range(3), on="process")) == {name_of(shared)}
    assert shared.tolist() == [1.0, 1.0, 1.0]


def test_views_of_it_are_shared_too_and_what_is_computed_is_not():
    """A worker can be given its part; a result is nobody's business."""
    shared = weft.share(np.arange(100).reshape(10, 10))
    parts = [shared[2:4], shared[:, ::-3], shared.T, shared[5, 5:]]
    assert weft.map(total, parts, on="process").results() == [float(part.sum()) for part in parts]
    for part in parts:
        with KEPT:
            packed = dumps(part)
        assert len(packed) < 1000
        assert np.array_equal(loads(packed), part)
    for computed in (shared * 2, shared.sum(), np.sqrt(shared)):
        assert type(computed) is not type(shared)
    assert np.array_equal(pickle.loads(pickle.dumps(shared[[1, 2]])), shared[[1, 2]])  # which copies, as in NumPy


def test_what_a_worker_shares_it_may_give_back():
    """It goes along as a descriptor: the worker may be gone before anybody looks."""
    with weft.ProcessExecutor(1, max_tasks_per_child=1) as executor:
        kept = [executor.submit(make, count) for count in (3, 4, 5)]
        assert [future.result().tolist() for future in kept] == [[7.0] * 3, [7.0] * 4, [7.0] * 5]
    assert [a.sum() for a in weft.map(make, [2, 1], on="process")] == [14.0, 7.0]


def check_and_write(shared, frozen, view):
    assert frozen.sum() == 45.0
    assert bytes(view) == b"content"
    shared[0] = os.getpid()


def test_it_is_an_argument_under_every_start_method(started):
    """No process need inherit anything."""
    shared = weft.share(np.zeros(1, "i8"), writable=True)
    process = started.start(check_and_write, shared, weft.share(np.arange(10.0)), weft.share(b"content"))
    process.join(30)  # what nobody here has any more was kept for it
    assert (process.exitcode, shared[0]) == (0, process.pid)


def test_the_standard_librarys_executor_takes_it(started):
    shared = weft.share(np.zeros(4), writable=True)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=started.context) as executor:
        assert executor.submit(where, shared).result()[0] == name_of(shared)
        list(executor.map(write, [shared] * 4, range(4), [5.0] * 4))
        assert executor.submit(make, 3).result().tolist() == [7.0] * 3
    assert shared.tolist() == [5.0] * 4


def take(queue, answers):
    answers.put(float(queue.get().sum()))


def test_what_is_put_into_a_queue_is_kept_until_somebody_takes_it(started):
    """The sender has dropped it long before."""
    queue, answers = started.context.Queue(), started.context.Queue()
    queue.put(weft.share(np.ones(1000)))
    time.sleep(0.1)  # the queue's thread has pickled it by then
    gc.collect()
    started.run(take, queue, answers)
    assert answers.get(timeout=10) == 1000.0
    MOORINGS.sweep()  # as whoever shares something next does
    for each in (queue, answers):
        each.close()
        each.join_thread()


@pytest.mark.parametrize(
    "made",
    [b"some bytes", bytearray(b"some bytes"), array.array("d", [1.0, 2.5]), memoryview(bytes(24)).cast("i", [2, 3])],
)
def test_anything_with_a_buffer_gives_a_view(made):
    shared = weft.share(made)
    assert isinstance(shared, memoryview)
    assert shared.tolist() == memoryview(made).tolist()
    back = weft.submit(weft.share, shared, on="process").result()  # what is shared stays where it is
    assert name_of(back) == name_of(shared)
    assert (back.format, back.shape, back.readonly) == (shared.format, shared.shape, True)


def test_a_view_that_is_not_shared_is_pickled_as_ever():
    """Plain pickle refuses, cloudpickle copies."""
    weft.share(b"content")
    with pytest.raises(TypeError, match="cannot pickle 'memoryview' object"):
        pickle.dumps(memoryview(b"other"))
    assert weft.submit(bytes, memoryview(b"other"), on="process").result() == b"other"


def look_into(table):
    column = table["a"]
    values = column.to_numpy() if isinstance(column, pd.Series) else column.chunk(0).to_numpy()
    return name_of(values), float(values.sum())


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table])
def test_tables_are_shared_through_their_buffers(make, started):
    """What comes back is what it was, and lies in shared memory, wherever it goes."""
    plain = make({"a": np.arange(5000.0), "b": np.arange(5000)})
    shared = weft.share(plain)
    assert type(shared) is type(plain)
    assert shared.equals(plain)
    name, sum_of_a = look_into(shared)
    assert weft.submit(look_into, shared, on="process").result() == (name, sum_of_a)
    with KEPT:
        stem, apart = dumps_apart(shared)
    assert len(stem) < 4000
    assert not apart
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=started.context) as executor:
        assert executor.submit(look_into, shared).result() == (name, sum_of_a)


def test_arrays_that_are_not_shared_are_pickled_as_ever():
    """Others are only looked at once tables are shared."""
    weft.share([np.arange(10.0)])
    plain = np.arange(5.0)
    assert np.array_equal(pickle.loads(pickle.dumps(plain)), plain)
    assert np.array_equal(loads(dumps(plain)), plain)
    assert weft.map(total, [plain, np.arange(200_000.0)], on="process").results() == [10.0, 19999900000.0]


def test_what_can_not_be_shared_says_what_to_do():
    with pytest.raises(TypeError, match="an array of objects can't be shared"):
        weft.share(np.array([None, {}]))
    with pytest.raises(TypeError, match=r"a dict can't be shared: it has no buffers.*weft\.Dict"):
        weft.share({"a": 1})


def test_what_is_shared_already_stays_where_it_is():
    shared = weft.share(np.zeros(3))
    assert name_of(weft.share(shared)) == name_of(shared)
    assert name_of(weft.share(shared[1:])) == name_of(shared)
    assert name_of(weft.share(shared, writable=True)) != name_of(shared)


def test_it_is_freed_with_its_last_user(having):
    """By whoever that is."""
    shared = weft.share(np.zeros(1000))
    name = name_of(shared)
    part = shared[3:5]
    del shared
    assert having(name) == {os.getpid()}
    del part
    assert having(name) == set()


OWNER = r"""
import multiprocessing, os, sys, time
import numpy as np
import weft

def use(shared, _):
    os.write(1, f"{os.getpid()}\n".encode())
    time.sleep(60)

if __name__ == "__main__":
    shared = weft.share(np.zeros(2**20), writable=True)
    lock, counter, settings = weft.Lock(), weft.Counter(), weft.Dict(a=1)
    context = multiprocessing.get_context(sys.argv[1])
    user = context.Process(target=use, args=(shared, (lock, counter, settings)))
    user.start()
    from weft._transport.segment import _OPEN
    os.write(1, f"{' '.join(_OPEN)}\n".encode())
    time.sleep(60)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_nothing_is_left_when_all_are_killed(method, tmp_path, having, until, without_others):
    """There is no name that anybody would have to take away."""
    before = set(os.listdir("/dev/shm"))
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    owner = subprocess.Popen(
        [sys.executable, script, method], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    user, *names = sorted(" ".join(owner.stdout.readline() for _ in range(2)).split())
    assert len(names) >= 3
    assert having(*names) >= {owner.pid, int(user)}
    os.killpg(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    assert until(lambda: not os.path.exists(f"/proc/{user}"))
    assert not having(*names)
    assert not without_others(set(os.listdir("/dev/shm")) - before)


def private(_, shared=None):
    """The memory that this process has of its own, with what it has read of the array."""
    before = own_memory()
    shared.sum()
    return own_memory() - before


def own_memory():
    """What is no file's and no shared memory's: those are there once, whoever has mapped them."""
    fields = dict(line.split(":") for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    return int(fields["Anonymous"].split()[0])


def test_many_tasks_take_no_memory_for_it():
    """64 MiB, read by 16 tasks: a copy in any of them would be seen."""
    from functools import partial

    shared = weft.share(np.ones(2**23))
    grown = weft.map(partial(private, shared=shared), range(16), on="process", max_workers=2).results()
    assert sum(grown) < 16 * 1024  # KiB


def test_when_its_sender_is_gone_that_is_said():
    """Rather than an address that means nothing."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        packed = pool.apply(packed_array)
        pool.terminate()
        pool.join()
    with pytest.raises(FileNotFoundError, match="a process that sends it must live"):
        pickle.loads(packed)


def packed_array():
    return pickle.dumps(weft.share(np.zeros(3)))
