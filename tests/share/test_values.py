"""Counters, values and dictionaries: nothing that was written is lost, and nothing is half written."""

from __future__ import annotations

import ctypes
import functools
import os
import time

import numpy as np
import pytest

import weft


def add(counter, times):
    for _ in range(times):
        counter.add(2)


def add_for_ever(counter, begun):
    while True:
        counter.add(3)
        begun.set()


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_every_addition_counts(kind):
    counter = weft.Counter(5)
    weft.starmap(add, [(counter, 1000)] * 8, on=kind, max_workers=4).results()
    counter.add(-1)
    assert counter.value == 5 + 16000 - 1


def test_every_addition_counts_in_processes_of_others(started):
    counter = weft.Counter()
    processes = [started.start(add, counter, 1000) for _ in range(3)]
    for process in processes:
        process.join(30)
    assert counter.value == 6000


def test_who_is_killed_while_it_adds_has_added_or_not(started, chance):
    counter = weft.Counter()
    for _ in range(3):
        begun = weft.Event()
        process = started.start(add_for_ever, counter, begun)
        assert begun.wait(30)
        time.sleep(chance.random() * 0.01)
        started.kill(process)
        process.join()
        assert counter.value % 3 == 0
    counter.add(1)
    assert counter.value % 3 == 1


def test_a_counter_says_what_does_not_fit():
    counter = weft.Counter(2**63 - 1)
    with pytest.raises(OverflowError, match="does not fit into 64 bits"):
        counter.add(1)
    assert counter.value == 2**63 - 1
    with pytest.raises(TypeError):
        counter.add(0.5)


class Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_double))


def move(value, point):
    with value:
        value.value += 1
    point.x = os.getpid()


def test_a_value_is_what_ctypes_has(started):
    value, point = weft.Value("i", 3), weft.Value(Point, 1, 2.5)
    process = started.start(move, value, point)
    process.join(30)
    assert (value.value, point.x, point.y) == (4, process.pid, 2.5)
    with pytest.raises(AttributeError):
        point.z = 1
    with pytest.raises(TypeError, match="there is no type 'x'"):
        weft.Value("x")
    with pytest.raises(TypeError, match="must be a letter, such as 'i', or a type of ctypes, not 0"):
        weft.Value(0)
    assert weft.Value("d", lock=False).value == 0.0
    with value.get_lock():
        assert value.get_obj().value == 4


def change(table):
    table["b"] = {"of": os.getpid()}
    del table["a"]
    for _ in range(100):
        with table.get_lock():
            table["n"] = table.get("n", 0) + 1


def test_a_dictionary_is_the_same_for_all(started):
    table = weft.Dict(a=1)
    processes = [started.start(change, table)]
    processes[0].join(30)
    assert table.copy() == {"b": {"of": processes[0].pid}, "n": 100}
    table["a"] = 1
    weft.map(change, [table], on="process").results()
    assert table["n"] == 200
    assert list(table) == ["b", "n"]


def test_a_dictionary_has_the_methods_of_one():
    table = weft.Dict({"a": 1}, b=2)
    assert table == {"a": 1, "b": 2}
    assert (table.pop("a"), table.pop("a", 7), table.setdefault("c", 3), table.setdefault("c", 4)) == (1, 7, 3, 3)
    assert table.popitem() == ("c", 3)
    for wrong in (lambda: table["z"], lambda: table.pop("z"), lambda: table.__delitem__("z")):
        with pytest.raises(KeyError):
            wrong()
    table.clear()
    assert (len(table), list(table.items()), "b" in table) == (0, [], False)
    with pytest.raises(KeyError):
        table.popitem()


def test_what_is_read_is_a_copy():
    """Nobody can change what others see, or will see, by accident."""
    table = weft.Dict(found=[1])
    table["found"].append(2)
    assert table["found"] == [1]


def write_for_ever(table, begun):
    number = 0
    while True:
        number += 1
        table["text"] = str(number) * 2000
        begun.set()


def test_who_is_killed_while_it_writes_has_written_or_not(started, chance):
    table = weft.Dict()
    for _ in range(3):
        begun = weft.Event()
        process = started.start(write_for_ever, table, begun)
        assert begun.wait(30)
        time.sleep(chance.random() * 0.02)
        started.kill(process)
        process.join()
        text = table["text"]
        assert text == text[: len(text) // 2000] * 2000
        table["text"] = "x"
        assert table["text"] == "x"


def test_what_is_overwritten_takes_no_memory():
    """A log that is mostly of no use is written anew; who reads on finds its way."""
    table = weft.Dict(kept="kept")
    for number in range(2000):
        table["changing"] = [number] * 500
    assert os.fstat(table._log._segment.fd).st_blocks * 512 < 2**20
    assert (table["kept"], table["changing"][0]) == ("kept", 1999)
    assert weft.submit(dict, table, on="process").result() == {"kept": "kept", "changing": [1999] * 500}


def test_shared_things_may_be_put_into_it():
    """They are there as long as the process that has put them."""
    table = weft.Dict()
    table["array"] = weft.share(np.arange(4.0))
    table["lock"] = weft.Lock()
    assert [weft.submit(read_sum, table, on="process").result() for _ in range(3)] == [6.0] * 3
    del table["array"]


def read_sum(table):
    with table["lock"]:
        return float(table["array"].sum())


def test_what_a_counter_does_is_a_function_for_any_worker() -> None:
    """Its method is handed over like any other object's: by itself, in a closure, in a partial, to an executor."""
    hits = weft.Counter()
    add = hits.add
    weft.map(hits.add, range(10), on="process").results()
    weft.map(lambda n: add(n + 0), range(10), on="process").results()
    weft.pipeline(range(10)).each(hits.add, on="process").run().results()
    with weft.ProcessExecutor(1) as executor:
        executor.submit(functools.partial(hits.add, 45)).result()
    assert hits.value == 4 * 45
    lock = weft.Lock()
    assert weft.submit(lock.acquire, on="process").result()
