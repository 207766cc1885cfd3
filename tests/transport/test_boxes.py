"""What is boxed comes out as it would have come out of pickle; what a box is not for, pickle does."""

from __future__ import annotations

import copyreg
import pickle
import sys
from typing import Any

import pytest

from weft._transport import boxes, codec
from weft._transport.boxes import boxed
from weft._transport.codec import APART, dumps_apart, loads

np = pytest.importorskip("numpy")


@pytest.fixture(autouse=True)
def _nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a program that has not used weft.share: arrays that may lie in shared memory are not boxed."""
    monkeypatch.setattr(boxes, "PLACED", {})
    monkeypatch.setattr(codec, "PLACED", {})


def across(values: Any) -> Any:
    stem, buffers = dumps_apart(boxed(values))
    return loads(stem, buffers=[bytearray(buffer) for buffer in buffers])


def alike(dtype: Any, shape: tuple[int, ...], count: int = 5) -> list[Any]:
    random = np.random.default_rng(7)
    return [np.asarray(random.random(shape) * 100).astype(dtype) for _ in range(count)]


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "<i8", ">i4", "f2", "f4", "f8", ">f8", "g", "c16"])
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 0), (1, 5, 1), (200, 100)], ids=str)
def test_arrays_that_are_alike_come_out_as_they_were(dtype: str, shape: tuple[int, ...]) -> None:
    """Their content, their shape, the order of their bytes."""
    sent = alike(dtype, shape)
    assert type(boxed(sent)) is not list
    got = across(sent)
    assert type(got) is list
    for one, expected in zip(got, sent, strict=True):
        assert (type(one), one.dtype, one.shape) == (np.ndarray, expected.dtype, expected.shape)
        np.testing.assert_array_equal(one, expected)


def test_each_may_be_written_to_if_it_could_be() -> None:
    """What is constant on one side is on the other, and a box does not make neighbours of them."""
    sent = alike("f8", (10,)) + alike("f8", (10,))
    for array in sent[::2]:
        array.flags.writeable = False
    got = across(sent)
    assert [array.flags.writeable for array in got] == [False, True] * 5
    got[1][:] = -1.0
    np.testing.assert_array_equal(got[3], sent[3])


def test_what_came_out_of_pickle_is_alike_too() -> None:
    """Each of them then has a type object of its own."""
    sent = [pickle.loads(pickle.dumps(array)) for array in alike("f8", (4,))]
    assert type(boxed(sent)) is not list
    np.testing.assert_array_equal(across(sent), sent)


class Named(np.ndarray):
    pass


@pytest.mark.parametrize(
    "odd",
    [
        np.zeros((3, 4)),
        np.zeros((4, 3), "f4"),
        np.zeros((4, 3), ">f8"),
        np.zeros((3, 4)).T,
        np.zeros((8, 3))[::2],
        np.zeros((4, 3)).view(Named),
        np.zeros((4, 3), np.dtype("f8", metadata={"unit": "m"})),
        [1, 2],
        None,
    ],
    ids=["shape", "type", "byteorder", "fortran", "strides", "subclass", "metadata", "list", "none"],
)
@pytest.mark.parametrize("at", [0, 2])
def test_one_that_is_different_leaves_all_to_pickle(odd: Any, at: int) -> None:
    """It knows what to do with each."""
    sent = [np.ones((4, 3)) for _ in range(4)]
    sent.insert(at, odd)
    assert boxed(sent) is sent
    for one, expected in zip(across(sent), sent, strict=True):
        assert type(one) is type(expected)
        np.testing.assert_array_equal(one, expected)


@pytest.mark.parametrize(
    "sent",
    [
        np.array([1, "two"], object),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        np.array(["text"]),
        np.ma.masked_array([1, 2], [True, False]),
    ],
    ids=["objects", "dates", "records", "text", "masked"],
)
def test_only_numbers_are_boxed(sent: Any) -> None:
    """Of the others the bytes are not all there is, or are not to be had."""
    several = [sent, sent.copy()]
    assert boxed(several) is several
    np.testing.assert_array_equal(across(several)[1], sent)


def test_an_array_that_is_there_twice_travels_once() -> None:
    """And is one on the other side, as with pickle."""
    same = np.zeros(APART, np.uint8)
    stem, buffers = dumps_apart(boxed([same, same]))
    assert len(buffers) == 1
    one, two = loads(stem, buffers=buffers)
    assert one is two


def test_who_has_said_how_arrays_are_pickled_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the user's word."""
    sent = alike("f8", (4,))
    monkeypatch.setitem(copyreg.dispatch_table, np.ndarray, lambda array: (str, ("an array",)))
    assert across(sent) == ["an array"] * 5


def test_where_numpy_is_not_nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody imports it for this."""
    monkeypatch.delitem(sys.modules, "numpy")
    sent = [object()]
    assert boxed(sent) is sent
    assert "numpy" not in sys.modules
