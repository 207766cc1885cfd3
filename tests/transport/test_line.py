"""A worker's line: what is large goes by shared memory if there is room, and arrives all the same if there is none."""

from __future__ import annotations

import array
import os
import pickle
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from weft._transport import area, heap, line
from weft._transport.boxes import boxed
from weft._transport.bundle import Bundle, in_band, open_bundle
from weft._transport.channel import Channel, Frame
from weft._transport.codec import APART, dumps_apart
from weft._transport.line import MARK, Line, grouped, join_line, lay_line

np = pytest.importorskip("numpy")

MIB = 2**20
Pair = tuple[Line, Line]


def joined(ends: Mapping[str, int]) -> Line:
    return join_line(Channel(socket.socket(fileno=ends["channel"]), blocking=True), ends)


def connected(budget: int) -> Pair:
    parent, ends = lay_line(budget)
    return parent, joined(ends)


def dumps(line: Line, value: object) -> bytes:
    return line.stow(*dumps_apart(value))


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = connected(16 * MIB)
    yield made
    for each in made:
        each.close()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """Where shared memory can't be had."""
    monkeypatch.setattr(area, "POSSIBLE", False)
    made = connected(16 * MIB)
    yield made
    for each in made:
        each.close()


def across(source: Line, target: Line, value: object) -> Any:
    """The value as it comes out at the other end."""
    return target.loads(bytearray(dumps(source, value)))


def values() -> list[Any]:
    return [
        None,
        [1, 2, 3],
        "x" * (3 * APART),
        list(range(200_000)),
        np.arange(10),
        np.arange(APART),
        np.arange(300_000.0).reshape(-1, 3).T,
        [np.full(APART, n, np.uint8) for n in range(40)],
        {"a": np.ones(2 * MIB, np.uint8), "b": ["c", np.zeros(APART, np.int8), np.ones(APART - 1, np.int8)]},
        array.array("d", range(100_000)),
        [bytes(2 * APART), bytearray(2 * MIB), b"small", "other"],
    ]


@pytest.mark.parametrize("number", range(len(values())))
@pytest.mark.parametrize("which", ["pair", "bare"])
def test_what_goes_in_comes_out(which: str, number: int, request: pytest.FixtureRequest) -> None:
    """Whatever way it takes, up or down."""
    parent, worker = request.getfixturevalue(which)
    value = values()[number]
    for source, target in [(parent, worker), (worker, parent)] * 3:
        got = across(source, target, value)
        assert type(got) is type(value)
        np.testing.assert_equal(got, value)
        del got


def test_what_is_small_is_a_pickle_and_nothing_else(pair: Pair) -> None:
    """The many small bodies pay nothing for the few large ones."""
    assert dumps(pair[0], [1, "two"]) == pickle.dumps([1, "two"], 5)


@pytest.mark.parametrize("value", [np.ones(MIB), "x" * MIB, list(range(100_000))], ids=["array", "text", "list"])
def test_what_is_large_does_not_go_over_the_socket(pair: Pair, value: Any) -> None:
    """Whether it is a buffer, or the pickle itself is large."""
    assert len(body := dumps(pair[0], value)) < 1000
    assert body[0] == MARK


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("nbytes", [APART, 4 * MIB])
def test_arrays_are_writable_if_they_were(pair: Pair, nbytes: int, writable: bool) -> None:
    """As if they had been pickled; and what is written stays on this side."""
    sent = np.zeros(nbytes, np.uint8)
    sent.flags.writeable = writable
    got = across(*pair, sent)
    assert got.flags.writeable == writable
    if writable:
        got[:] = 1
        assert not sent.any()


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("nbytes", [APART, 3 * MIB])
def test_boxed_bytes_arrive_as_what_they_were(pair: Pair, kind: Any, nbytes: int) -> None:
    """And take no lease: they are copied out."""
    sent = [kind(os.urandom(nbytes)) for _ in range(3)]
    body = dumps(pair[0], boxed(sent))
    assert len(body) < 1000
    got = pair[1].loads(body)
    assert got == sent
    assert {type(part) for part in got} == {kind}
    assert pair[1]._incoming.held == 0


def test_only_large_bytes_at_the_top_are_boxed() -> None:
    """And only where the first is one: nobody looks at 200,000 numbers."""

    class Name(bytes):
        pass

    big, small = bytes(APART), b"small"
    for untouched in ([], [1, big], [small], [Name(big), big], range(3)):
        assert list(boxed(untouched)) == list(untouched)
    assert [type(value) for value in boxed([small, big, Name(big), 7])][2:] == [Name, int]
    assert boxed([big])[0] is not big


def test_a_full_arena_is_only_slower() -> None:
    """What has no room goes over the socket, and comes out the same."""
    parent, worker = connected(2 * MIB)
    bodies = [dumps(parent, np.full(MIB, n, np.uint8)) for n in range(6)]
    assert [len(body) > MIB for body in bodies] == [False] * 2 + [True] * 4
    got = [worker.loads(body) for body in bodies]
    assert [(view[0], view[-1], view.flags.writeable) for view in got] == [(n, n, True) for n in range(6)]
    assert across(parent, worker, "x" * (5 * MIB)) == "x" * (5 * MIB)
    parent.close()
    worker.close()


def test_a_frame_that_nobody_reads_gives_its_blocks_back(pair: Pair) -> None:
    """A run that was left has chunks on the way, both ways."""
    for _ in range(200):
        body = dumps(pair[0], [np.ones(MIB, np.uint8), "x" * APART])
        pair[1].discard(Frame(1, 1, 1, 1, 1, body))
    pair[1].discard(Frame(1, 1, 1, 1, 1, b""))
    pair[1].discard(Frame(1, 1, 1, 1, 1, dumps(pair[0], [1])))
    assert pair[0]._outgoing.size <= 4 * MIB


def test_a_value_that_can_not_be_unpickled_gives_its_blocks_back(pair: Pair) -> None:
    """It is sent again, item by item."""
    for _ in range(50):
        with pytest.raises(ZeroDivisionError):
            across(*pair, [np.ones(MIB, np.uint8), Bomb()])
    assert pair[0]._outgoing.size <= 2 * MIB


class Bomb:
    def __reduce__(self) -> Any:
        return divmod, (1, 0)


def test_small_buffers_travel_together_in_their_order() -> None:
    """A block each would cost more than they do."""
    sizes = [100, 200, MIB, 5, 5, 2 * MIB, 2 * MIB, 600_000, 600_000, 1]
    views = [memoryview(bytes(size)) for size in sizes]
    groups = list(grouped(views))
    assert [view for group in groups for view in group] == views
    assert [len(group) for group in groups] == [2, 1, 2, 1, 1, 1, 2]


def test_between_runs_a_line_keeps_little(pair: Pair) -> None:
    """Warm memory is for those who come soon."""
    parent, worker = pair
    kept = across(parent, worker, np.ones(2 * MIB, np.uint8))
    across(parent, worker, [np.ones(MIB, np.uint8) for _ in range(6)])
    parent.trim(MIB)
    assert parent._outgoing.size == 3 * MIB
    parent.trim()
    assert parent._outgoing.size == 2 * MIB
    assert kept.all()


def test_a_worker_that_leaves_gives_all_memory_back_but_what_is_held(pair: Pair) -> None:
    """Its parent has both areas mapped, too, and may sleep for hours."""
    parent, worker = pair
    kept = across(worker, parent, np.ones(MIB, np.uint8))
    for _ in range(3):
        across(worker, parent, np.ones(2 * MIB, np.uint8))
        across(parent, worker, np.ones(2 * MIB, np.uint8))
    blocks = [os.dup(fd) for fd in (parent._outgoing._area.fd, worker._outgoing._area.fd)]
    worker.trim()
    worker.close()
    down, up = (os.fstat(fd).st_blocks * 512 - area.HEAD for fd in blocks)
    assert (down, up) == (0, MIB)
    assert kept.all()
    for fd in blocks:
        os.close(fd)


def descriptors() -> set[int]:
    """What is open."""
    listed = set(map(int, os.listdir("/proc/self/fd")))
    return {fd for fd in listed if os.path.exists(f"/proc/self/fd/{fd}")}


def test_a_line_leaves_no_descriptor() -> None:
    """Each is closed once, by whom it belongs to; and a line knows which are its own."""
    before = descriptors()
    parent, ends = lay_line(MIB)
    assert parent.descriptors | set(ends.values()) == descriptors() - before
    worker = joined(ends)
    kept = across(worker, parent, np.ones(MIB // 4, np.uint8))
    for each in (parent, worker, parent):
        each.close()
    del kept
    assert descriptors() == before


@pytest.mark.parametrize("value", [[1, 2], np.ones(MIB)], ids=["small", "large"])
def test_only_a_worker_changes_how_memory_is_kept_and_only_for_large_data(
    pair: Pair, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's process is the user's."""
    called = []
    monkeypatch.setattr(line, "keep_freed_memory", lambda: called.append(1))
    body = dumps(pair[0], value)
    assert not called
    pair[1].loads(body)
    assert bool(called) == (len(pickle.dumps(value)) >= APART)


def test_a_c_library_that_knows_nothing_of_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of Alpine, for one, has no such functions."""
    import ctypes

    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    heap.keep_freed_memory.__wrapped__()


def test_a_line_says_what_it_carried(pair: Pair) -> None:
    """What items weigh decides how many travel together."""
    body = dumps(pair[0], [np.ones(MIB, np.uint8)] * 1)
    assert MIB < pair[0].carried < MIB + 1000
    pair[1].loads(body)
    assert MIB < pair[1].carried < MIB + 1000
    pair[1].loads(dumps(pair[0], b"x" * 100))
    assert 100 < pair[0].carried == pair[1].carried < 200


# ── what a function carries ───────────────────────────────────────────────────────────────────────────────────


def test_a_bundle_is_written_once_and_read_by_many() -> None:
    """Everybody maps the same memory."""
    bundle = Bundle()
    sent = [bytearray(os.urandom(100_000)), os.urandom(70_000), bytearray(1)]
    spans = bundle.fill([memoryview(part) for part in sent])
    for _ in range(3):
        got = open_bundle(bundle.share(), spans)
        assert [bytes(view) for view in got] == sent
        assert [view.readonly for view in got] == [False, True, False]
    bundle.close()
    bundle.close()
    assert bytes(got[0]) == sent[0], "who has it keeps it"


def test_what_one_worker_writes_into_a_bundle_no_other_sees() -> None:
    """A closure's array is a worker's own, as if it had been copied; it just isn't until it must."""
    bundle = Bundle()
    spans = bundle.fill([memoryview(bytearray(100_000))])
    [mine], [other] = (open_bundle(bundle.share(), spans) for _ in range(2))
    mine[:5] = b"mine!"
    [later] = open_bundle(bundle.share(), spans)
    assert (bytes(mine[:6]), any(other), any(later)) == (b"mine!\0", False, False)
    bundle.close()


def test_a_bundle_can_not_be_changed() -> None:
    """Not even by those who have the descriptor."""
    bundle = Bundle()
    bundle.fill([memoryview(bytes(100_000))])
    fd = bundle.share()
    for change in (lambda: os.pwrite(fd, b"x", 0), lambda: os.ftruncate(fd, 10)):
        with pytest.raises(PermissionError):
            change()
    os.close(fd)
    bundle.close()


def test_a_bundle_without_addresses_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """More memory, the same data."""
    bundle = Bundle()
    spans = bundle.fill([memoryview(b"x" * 100_000), memoryview(bytearray(b"y" * 100_000))])
    monkeypatch.setattr("weft._transport.bundle._map", lambda fd: None)
    got = open_bundle(bundle.share(), spans)
    assert [bytes(view[-3:]) for view in got] == [b"xxx", b"yyy"]
    assert [view.readonly for view in got] == [True, False]
    bundle.close()


def test_an_empty_bundle_is_no_descriptor() -> None:
    """Most functions carry nothing."""
    bundle = Bundle()
    assert (bundle.fill([]), bundle.share()) == ([], -1)
    assert open_bundle(-1, []) == []
    bundle.close()


def test_where_there_is_no_such_memory_a_bundle_is_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slower, and the same."""

    def refuse(*args: Any) -> int:
        raise OSError("no")

    monkeypatch.setattr(os, "memfd_create", refuse)
    bundle = Bundle()
    assert len(bundle.fill([memoryview(b"x" * 100)])) == 1
    assert bundle.share() == -1
    assert [bytes(part) for part in in_band([memoryview(b"abc")])] == [b"abc"]
