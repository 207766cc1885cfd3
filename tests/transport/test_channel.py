"""Frames over a socket pair: in pieces, in bulk, and with a peer that is gone."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft._transport.channel import HEADER, READ, Channel, Closed, Frame

Pair = tuple[Channel, Channel]


def frame(body: bytes = b"", op: int = 1) -> Frame:
    return Frame(op, 2, 3, 4, 5, body)


def bytes_of(frames: list[Frame]) -> list[Frame]:
    return [each._replace(body=bytes(each.body)) for each in frames]


def packed(each: Frame) -> bytes:
    return HEADER.pack(*each[:5], each.fd >= 0, len(each.body)) + bytes(each.body)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


@pytest.fixture
def pair(ends: tuple[socket.socket, socket.socket]) -> Pair:
    return Channel(ends[0], blocking=False), Channel(ends[1], blocking=False)


def pump(source: Channel, target: Channel, count: int) -> list[Frame]:
    """Let both sides work in turns until *count* frames are there."""
    out: list[Frame] = []
    for _ in range(100_000):
        source.flush()
        out += target.receive()
        if len(out) >= count:
            return bytes_of(out)
    raise AssertionError("the frames do not arrive")


def test_a_frame_arrives_as_it_was_sent(pair: Pair) -> None:
    """All fields, at their limits."""
    sent = [frame(), Frame(255, 2**32 - 1, 2**64 - 1, 2**64 - 1, 2**32 - 1, b"\x00" * 10), frame(b"body")]
    for each in sent:
        pair[0].send(each)
    assert pump(*pair, 3) == sent


def test_nothing_there_is_no_frame_and_no_wait(pair: Pair) -> None:
    """The parent asks many workers in turn."""
    assert pair[0].receive() == []
    assert pair[0].drain() == []


def test_a_sender_never_waits_for_a_full_socket(pair: Pair) -> None:
    """Two sides that wait for each other to read would wait for ever: what does not go now is kept."""
    body = bytes(range(256)) * 40_000
    assert len(body) > 10 * READ
    pair[0].send(frame(body))
    assert pair[0].clogged
    for _ in range(3):
        pair[0].send(frame(b"after"))
    assert pump(*pair, 4) == [frame(body), *[frame(b"after")] * 3]
    assert not pair[0].clogged


def test_both_sides_may_send_much_at_once(pair: Pair) -> None:
    """The deadlock that queues of processes are famous for."""
    body = b"x" * (4 * READ)
    pair[0].send(frame(body))
    pair[1].send(frame(body))
    got: dict[int, list[Frame]] = {0: [], 1: []}
    for _ in range(10_000):
        for here, there in ((0, 1), (1, 0)):
            pair[here].flush()
            got[there] += bytes_of(pair[there].receive())
        if got[0] and got[1]:
            break
    assert got == {0: [frame(body)], 1: [frame(body)]}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(1, 50), min_size=1))
def test_frames_may_come_in_any_pieces(bodies: list[bytes], cuts: list[int]) -> None:
    """A stream has no borders: a header may come in two parts and three frames in one."""
    left, right = socket.socketpair()
    with left, right:
        channel = Channel(right, blocking=False)
        stream = b"".join(packed(frame(body)) for body in bodies)
        got, at, turn = [], 0, 0
        while at < len(stream):
            size = cuts[turn % len(cuts)]
            left.sendall(stream[at : at + size])
            got += channel.receive()
            at, turn = at + size, turn + 1
        assert [bytes(each.body) for each in got] == bodies


def test_a_blocking_channel_waits_for_a_whole_frame(ends: tuple[socket.socket, socket.socket]) -> None:
    """A worker has nothing else to do."""
    ends[0].sendall(packed(frame(b"one")) + packed(frame(b"two")))
    channel = Channel(ends[1], blocking=True)
    assert bytes_of(channel.receive()) == [frame(b"one"), frame(b"two")]


def test_drain_takes_what_is_there_on_a_blocking_channel_too(ends: tuple[socket.socket, socket.socket]) -> None:
    """A worker that looks for more work before it goes on must not wait for it."""
    channel = Channel(ends[1], blocking=True)
    assert channel.drain() == []
    whole = packed(frame(b"body"))
    ends[0].sendall(whole + whole[:5])
    assert bytes_of(channel.drain()) == [frame(b"body")]
    ends[0].sendall(whole[5:])
    assert bytes_of(channel.drain()) == [frame(b"body")]


def test_what_a_peer_sent_before_it_died_is_read_first(ends: tuple[socket.socket, socket.socket]) -> None:
    """Results that were finished must not be lost with their worker."""
    ends[0].sendall(packed(frame(b"last words")) + packed(frame(b"cut"))[:-1])
    ends[0].close()
    channel = Channel(ends[1], blocking=False)
    assert bytes_of(channel.receive()) == [frame(b"last words")]
    for _ in range(2):
        with pytest.raises(Closed):
            channel.receive()


def test_a_peer_that_died_with_unread_frames_is_gone_too(ends: tuple[socket.socket, socket.socket]) -> None:
    """Then the kernel says reset and not end of file."""
    channel = Channel(ends[1], blocking=False)
    channel.send(frame(b"never read"))
    ends[0].sendall(packed(frame(b"last words")))
    ends[0].close()
    got: list[Frame] = []
    with pytest.raises(Closed):
        for _ in range(10):
            got += channel.receive()
    assert bytes_of(got) in ([frame(b"last words")], [])


def test_drain_leaves_it_to_receive_to_say_that_the_peer_is_gone(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """One place to handle a death."""
    channel = Channel(ends[1], blocking=True)
    channel.send(frame(b"never read"))
    ends[0].close()
    assert channel.drain() == []
    with pytest.raises(Closed):
        channel.receive()


def test_sending_to_a_peer_that_is_gone_is_no_error(pair: Pair) -> None:
    """It is noticed by whoever receives, in one place; what was queued is dropped."""
    pair[0].send(frame(b"x" * (4 * READ)))
    assert pair[0].clogged
    pair[1].close()
    pair[0].flush()
    pair[0].send(frame(b"more"))
    assert not pair[0].clogged
    with pytest.raises(Closed):
        pair[0].receive()


@pytest.mark.parametrize("size", [0, 1, READ - 1, READ, READ + 1, 3 * READ])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bodies_of_every_size_and_kind_arrive(pair: Pair, size: int, kind: type) -> None:
    """Around the size from which they are not copied."""
    body = b"ab" * (size // 2) + b"c" * (size % 2)
    pair[0].send(frame(kind(body)))
    assert pump(*pair, 1) == [frame(body)]


def test_the_buffer_of_what_came_in_is_given_back(pair: Pair) -> None:
    """One big frame must not stay in memory for the life of the worker."""
    pair[0].send(frame(b"x" * (4 * READ)))
    pump(*pair, 1)
    assert len(pair[1]._incoming) == 0


def test_a_descriptor_arrives_with_its_frame(pair: Pair) -> None:
    """In front of it, behind it and around it others, and it goes to none of them."""
    fds = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
    inodes = [os.fstat(fd).st_ino for fd in fds]
    bodies = [b"a", b"b" * (3 * READ), b"c", b"d", b"e" * 100_000, b"f"]
    given = {1: fds[0], 3: fds[1], 4: fds[2]}
    for number, body in enumerate(bodies):
        pair[0].send(frame(body)._replace(fd=given.get(number, -1)))
    got = pump(*pair, len(bodies))
    assert [each.body for each in got] == bodies
    assert [each.fd >= 0 for each in got] == [False, True, False, True, True, False]
    arrived = [each.fd for each in got if each.fd >= 0]
    assert [os.fstat(fd).st_ino for fd in arrived] == inodes
    assert not any(os.get_inheritable(fd) for fd in arrived)
    for fd in arrived:
        os.close(fd)


def test_descriptors_that_are_on_their_way_when_a_channel_ends_are_closed(pair: Pair) -> None:
    """On neither side they may stay open for ever; the fixture that looks after every test would see them."""
    for body in (b"", b"x" * (10 * READ), b"y" * (10 * READ)):
        pair[0].send(frame(body)._replace(fd=os.open(os.devnull, os.O_RDONLY)))
    [first] = bytes_of(pair[1].receive())[:1]
    os.close(first.fd)
    pair[1].receive()
    pair[0].close()
    pair[1].close()


def test_a_descriptor_for_a_peer_that_is_gone_is_closed(ends: tuple[socket.socket, socket.socket]) -> None:
    """It was given away."""
    channel = Channel(ends[0], blocking=False)
    ends[1].close()
    channel.send(frame()._replace(fd=os.open(os.devnull, os.O_RDONLY)))
