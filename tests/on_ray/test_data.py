"""What travels through Ray's object store: once if it is shared, in place if it is large, no longer than needed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import weft
from weft._workers import ray_task
from weft._workers.ray_lesson import RayLesson

MIB = 2**20


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch, cluster: Any) -> list[Any]:
    """What is put into the object store by hand."""
    seen: list[Any] = []
    put = cluster.put

    def noted(value: Any) -> Any:
        seen.append(value)
        return put(value)

    monkeypatch.setattr(cluster, "put", noted)
    return seen


def ends_in_the_store(array: Any) -> bool:
    """Whether its memory is Ray's own."""
    base = array
    while (deeper := getattr(base, "base", None)) is not None or isinstance(base, memoryview):
        base = base.obj if isinstance(base, memoryview) else deeper
    return type(base).__module__.startswith("ray")


def fits(cluster: Any, nbytes: int) -> bool:
    """Whether the store has so much room: what has none is kept in a file elsewhere."""
    gc.collect()
    small, large = (cluster.get(cluster.put(np.zeros(size, np.uint8))) for size in (MIB, nbytes))
    return mapped(small) == mapped(large)


def mapped(array: Any) -> str:
    """What is mapped where the array is."""
    address = array.ctypes.data
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, *_, path = line.split(maxsplit=5)
        start, end = (int(bound, 16) for bound in span.split("-"))
        if start <= address < end:
            return path
    raise AssertionError("it is nowhere")


def test_large_results_come_back_in_place() -> None:
    """And are read-only, as all that is in the store."""
    kept = weft.map(lambda n: np.full(MIB // 4, n), range(8), on="ray").results()
    assert [(a[0], a[-1], a.flags.writeable, ends_in_the_store(a)) for a in kept] == [
        (n, n, False, True) for n in range(8)
    ]
    weft.map(lambda n: np.full(MIB // 4, -1), range(8), on="ray").results()
    assert [a[5] for a in kept] == list(range(8))


@pytest.mark.parametrize("nbytes", [80, 80_000, MIB - 8])
def test_smaller_results_are_the_callers_own(nbytes: int) -> None:
    """To be written to."""
    kept = weft.map(lambda n: np.full(nbytes // 8, n), range(8), on="ray").results()
    for array in kept:
        array += 1
    assert [(a[0], ends_in_the_store(a)) for a in kept] == [(n + 1, False) for n in range(8)]


def test_items_are_the_functions_own(cluster: Any) -> None:
    """However large: what it writes into them nobody else sees."""

    def double(array: Any) -> float:
        array *= 2
        return float(array.sum())

    items = [np.ones(MIB // 4) for _ in range(6)]
    assert weft.map(double, items, on="ray").results() == [MIB / 2] * 6
    assert [item[0] for item in items] == [1.0] * 6


def test_what_is_read_only_stays_so() -> None:
    fixed = np.ones(MIB)
    fixed.flags.writeable = False
    assert weft.map(lambda a: a.flags.writeable, [fixed], on="ray").results() == [False]


def test_what_a_function_carries_goes_into_the_store_once(puts: list[Any]) -> None:
    """Not with every chunk."""
    table = np.arange(4 * MIB)
    text = "x" * 100_000
    rows = weft.map(lambda n: int(table[n]) + len(text), range(400), on="ray", chunksize=10).results()
    assert rows == [n + 100_000 for n in range(400)]
    assert len(puts) == 1


def test_a_small_function_does_not_go_there_at_all(puts: list[Any]) -> None:
    """A place in the store costs more than to send it along."""
    assert weft.map(lambda n: n + 1, range(50), on="ray").results() == list(range(1, 51))
    assert puts == []


def test_the_functions_of_an_executors_maps_go_there_once_each(puts: list[Any]) -> None:
    tables = [np.full(MIB, n) for n in range(2)]
    with weft.RayExecutor() as executor:
        for n, table in enumerate(tables):
            assert set(executor.map(lambda i, table=table: int(table[i]), range(100), chunksize=5)) == {n}
    assert len(puts) == 2


def test_nothing_stays_in_the_store_when_all_is_over(cluster: Any, eventually: Any) -> None:
    """Neither results that nobody has any more, nor what functions carried: workers forget it when they are idle."""
    assert eventually(lambda: fits(cluster, 180 * MIB), 4 * ray_task.REMEMBERED)
    table = np.ones(5 * MIB)  # 40 MiB, and as much again in results
    kept = weft.map(lambda n: table[:MIB] * n, range(5), on="ray").results()
    assert not fits(cluster, 180 * MIB)
    del kept
    assert eventually(lambda: fits(cluster, 180 * MIB), 4 * ray_task.REMEMBERED)


def test_an_input_larger_than_the_store_flows_through_it(cluster: Any) -> None:
    """Backpressure: no more is read, sent or kept than the window holds."""
    read = 0

    def items() -> Iterator[Any]:
        nonlocal read
        for n in range(100):
            read += 1
            yield np.full(MIB, n % 250, dtype=np.uint64)  # 8 MiB each, 800 in all, in a store of 256

    with weft.map(lambda a: a + 1, items(), on="ray", max_workers=2, buffersize=8) as run:
        for n, array in enumerate(run):
            assert array[0] == n % 250 + 1
            assert read - n <= 9


def test_bytes_and_bytearrays_of_every_size() -> None:
    sent = [kind([n]) * size for n, size in enumerate([10, 100_000, 2 * MIB]) for kind in (bytes, bytearray)]
    got = weft.map(lambda raw: raw, sent, on="ray").results()
    assert got == sent
    assert list(map(type, got)) == list(map(type, sent))


def test_data_frames() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": np.arange(300_000.0), "b": np.arange(300_000), "c": ["x", "y"] * 150_000})
    for got in weft.map(lambda f: f.assign(d=f.a * 2), [frame] * 3, on="ray"):
        pd.testing.assert_frame_equal(got[["a", "b", "c"]], frame)
        assert got.d.iloc[-1] == 2 * 299_999


def test_a_function_of_every_size_is_told_apart(cluster: Any) -> None:
    """Where it is carried is decided by what it weighs."""
    from weft._model.chunk import Call

    small, large = (RayLesson(Call(fn, False, "f"), cluster) for fn in (str, lambda n, text="x" * 20_000: n))
    assert (bool(small.along[0]), bool(small.stored)) == (True, False)
    assert (bool(large.along[0]), bool(large.stored)) == (False, True)
    assert small.token != large.token
