"""Large items, large results, large functions: what arrives is what was sent, on every kind, as long as it is kept."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import weft

np = pytest.importorskip("numpy")

MIB = 2**20
pytestmark = pytest.mark.with_numpy


def filled(n: int, nbytes: int = 2 * MIB) -> Any:
    return np.full(nbytes, n, np.uint8)


def same(value: Any) -> Any:
    return value


def test_arrays_in_and_out_kept(kind: Any) -> None:
    """Every result is its own, however many are kept, and stays what it was through later runs."""
    sent = [filled(n) for n in range(40)]
    kept = weft.map(lambda a: a + 1, sent, on=kind).results()
    weft.map(lambda a: a * 0, sent, on=kind).results()
    assert [(a[0], a[-1], a.flags.writeable) for a in kept] == [(n + 1, n + 1, True) for n in range(40)]
    assert [a[5] for a in sent] == list(range(40))


@pytest.mark.parametrize("nbytes", [1024, 65_536, 300_032, 3 * MIB])
def test_arrays_of_every_size_in_every_shape(kind: Any, nbytes: int) -> None:
    """By socket, together in a block, or alone in one."""
    sent = [np.arange(nbytes // 8, dtype=np.float64)[:: n % 2 + 1].reshape(2, -1).T for n in range(12)]
    for got, expected in zip(weft.map(same, sent, on=kind), sent, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("nbytes", [0, 1024, 65_536, 3 * MIB])
def test_arrays_that_are_alike_are_each_its_own(kind: Any, nbytes: int) -> None:
    """They travel together, and are no nearer to each other for it: not where one is kept, changed or constant."""
    sent = [np.full(nbytes // 8, float(n)) for n in range(30)]

    def doubled(array: Any) -> Any:
        result = array * 2
        result.flags.writeable = bool(array.size == 0 or array[0] % 2)
        return result

    kept = weft.map(doubled, sent, on=kind).results()[1::2]
    weft.map(lambda a: a * 0, sent, on=kind).results()
    for array in kept[::2]:
        array[:] = -1.0
    for n, array in zip(range(3, 30, 4), kept[1::2], strict=True):
        np.testing.assert_array_equal(array, sent[n] * 2)
        assert array.flags.writeable


@pytest.mark.parametrize("nbytes", [1024, 65_536])
def test_among_arrays_that_are_alike_an_error_is_one_items(kind: Any, nbytes: int) -> None:
    """The others arrive."""
    sent = [np.full(nbytes // 8, float(n)) for n in range(40)]

    def refusing(array: Any) -> Any:
        if array[0] in {3, 30}:
            raise ValueError(array[0])
        return array if array[0] != 20 else lambda: None

    got = weft.map(refusing, sent, on=kind, on_error="keep").results()
    assert [n for n, value in enumerate(got) if isinstance(value, weft.Failure)] == [3, 30]
    for n in set(range(40)) - {3, 20, 30}:
        np.testing.assert_array_equal(got[n], sent[n])


@pytest.mark.parametrize("make", [bytes, bytearray])
@pytest.mark.parametrize("nbytes", [10, 65_536, 2 * MIB])
def test_bytes_in_and_out(kind: Any, make: Any, nbytes: int) -> None:
    """Their type is part of what they are."""
    sent = [make([n]) * nbytes for n in range(10)]
    got = weft.map(same, sent, on=kind).results()
    assert got == sent
    assert {type(value) for value in got} == {make}


def test_a_result_may_be_written_to(kind: Any) -> None:
    """It is the caller's."""
    kept = weft.map(filled, range(6), on=kind).results()
    for n, array in enumerate(kept):
        array[1:] = 100 + n
    assert [(array[0], array[1], array[-1]) for array in kept] == [(n, 100 + n, 100 + n) for n in range(6)]


@pytest.mark.parametrize("how", ["closure", "partial", "bound"])
def test_what_a_function_carries_is_there(kind: Any, how: str) -> None:
    """However it carries it."""
    table = np.arange(500_000)

    class Table:
        def __init__(self, rows: Any) -> None:
            self.rows = rows

        def row(self, n: int) -> int:
            return int(self.rows[n])

    fn = {
        "closure": lambda n: int(table[n]),
        "partial": partial(lambda rows, n: int(rows[n]), table),
        "bound": Table(table).row,
    }[how]
    assert weft.map(fn, range(0, 500_000, 10_007), on=kind).results() == list(range(0, 500_000, 10_007))


def test_a_mixture_of_everything(kind: Any) -> None:
    """Small and large, next to each other and in each other."""
    sent = [
        (n, {"name": str(n), "array": filled(n, 70_000 * (n % 5)), "text": "x" * (n * 9_000), "raw": bytes(n * 9_000)})
        for n in range(30)
    ]
    for got, expected in zip(weft.map(same, sent, on=kind), sent, strict=True):
        np.testing.assert_equal(got, expected)


def test_a_large_item_that_fails_is_tried_again_as_it_was(kind: Any) -> None:
    """A worker may write into its item; the next attempt gets it whole."""
    if kind in {"serial", "thread", "async", "auto"} or not isinstance(kind, str):
        pytest.skip("workers that share memory share the item, too")

    def spoil(array: Any) -> int:
        array += 1
        if array[0] != 1 or array.sum() != array.size:
            raise AssertionError("spoilt before")
        raise OSError("again")

    run = weft.map(spoil, [np.zeros(MIB)] * 2, on=kind, retries=2, on_error="keep")
    assert [type(failure.error) for failure in run] == [OSError, OSError]


def test_data_frames_and_tables(kind: Any) -> None:
    """Whatever pickles its buffers out of band."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": np.arange(100_000.0), "b": np.arange(100_000), "c": ["x", "y"] * 50_000})
    for got in weft.map(lambda f: f.assign(d=f.a * 2), [frame] * 4, on=kind):
        pd.testing.assert_frame_equal(got[["a", "b", "c"]], frame)
        assert got.d.iloc[-1] == 2 * 99_999
        got.loc[0, "a"] = 5.0


def test_series_of_a_result_outlive_it(kind: Any) -> None:
    """A column is a view of the frame's block."""
    pd = pytest.importorskip("pandas")
    frames = [pd.DataFrame(np.full((100_000, 3), float(n)), columns=list("abc")) for n in range(6)]
    columns = [frame["b"] for frame in weft.map(same, frames, on=kind)]
    weft.map(lambda f: f * 0, frames, on=kind).results()
    assert [(column.iloc[0], column.iloc[-1]) for column in columns] == [(n, n) for n in range(6)]


def test_arrow_tables(kind: Any) -> None:
    """Arrow's buffers are read-only, and stay so."""
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"n": pa.array(range(300_000)), "s": pa.array(["abc"] * 300_000)})
    kept = weft.map(lambda t: t.slice(10, 250_000), [table] * 4, on=kind).results()
    weft.map(lambda t: t.drop_columns(["s"]), [table] * 4, on=kind).results()
    assert all(got.equals(table.slice(10, 250_000)) for got in kept)


@pytest.mark.usefixtures("start_method")
def test_large_items_are_not_all_read_ahead() -> None:
    """The window is bounded by weight as well as by number, now that both are known."""
    read = []

    def items() -> Any:
        for n in range(200):
            read.append(n)
            yield filled(n, 8 * MIB)

    with weft.map(lambda a: int(a[0]), items(), on="process", max_workers=2) as run:
        for n, result in zip(range(100), run, strict=False):
            assert result == n
            assert len(read) - n <= 64 + 2 if n > 40 else True


@pytest.mark.parametrize("nbytes", [80, 65_536])
def test_arrays_are_arguments_and_results_of_one_call(nbytes: int) -> None:
    """Several that are alike, one, and some by name."""
    left, right = np.full(nbytes // 8, 1.0), np.full(nbytes // 8, 2.0)

    def total(*args: Any, **named: Any) -> Any:
        assert type(args) is tuple
        return sum([*args, *named.values()])

    for args, named in [
        ((left, right), {}),
        ((left,), {"by": right}),
        ((), {"a": left, "b": right}),
        ((left, 2.0), {}),
    ]:
        got = weft.submit(total, *args, on="process", **named).result()
        np.testing.assert_array_equal(got, left + right)
