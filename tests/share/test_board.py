"""Boards: who is a member, who is dead, and how long one is there."""

from __future__ import annotations

import gc
import os
import signal

import pytest

from weft._share.store import create_store, join_store
from weft._transport import boards
from weft._transport.board import Address
from weft._transport.boards import sweep
from weft._transport.robust import Reentered
from weft.errors import ChannelBroken


class Handle:
    """What keeps a store alive."""


def fork(child):
    """A process that does something, and is killed, or has ended."""
    pid = os.fork()
    if not pid:
        try:
            child()
        finally:
            os._exit(0)
    return pid


def test_a_forked_process_is_a_member_from_the_first_moment_and_is_missed_when_it_is_dead(store):
    """Nothing that it does, or is kept from doing, is needed for that."""
    pid = fork(signal.pause)
    assert [number for number in store.board.members() if store.board.is_alive(number)] == [0, 1]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not store.board.is_alive(1)
    assert store.board.reap()
    assert list(store.board.members()) == [0]


def test_a_lock_whose_holder_is_killed_is_free_and_the_next_is_told(store):
    """Nobody waits for the dead."""
    ready, says = os.pipe()

    def hold():
        with store.board.locked(store.board.lock):
            os.write(says, b"!")
            signal.pause()

    pid = fork(hold)
    os.read(ready, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with store.board.locked(store.board.lock) as died:
        assert died
    with store.board.locked(store.board.lock) as died:
        assert not died
    for fd in (ready, says):
        os.close(fd)


def test_a_lock_that_the_thread_has_is_refused_and_stays_its_own(store):
    """A signal handler that comes in the midst of a put gets an error, and breaks nothing."""
    lock = store.board.lock
    with store.board.locked(lock):
        with pytest.raises(Reentered), store.board.locked(lock):
            pass
        assert store.board.locks.trylock(lock)  # still held
    with store.board.locked(lock):
        pass


def test_it_stays_as_long_as_its_address_is_under_way():
    """Somebody may pack a channel, drop it, and the one who unpacks it is late."""
    handle = Handle()
    store = create_store(handle, [0])
    board = store.board
    ticket = board.issue()
    del handle, store
    sweep()
    assert board.fd >= 0
    handle = Handle()
    assert join_store(handle, board.address, ticket, 1).board is board
    del handle
    assert board.fd < 0


def test_an_address_that_nobody_is_at_says_so():
    """Whether the process is gone, or the descriptor is another's by now."""
    with pytest.raises(ChannelBroken, match="is gone"):
        join_store(Handle(), Address(2**22 + 1, 3, b"0" * 16), 0, 1)
    with pytest.raises(ChannelBroken, match="has let go"), open(os.devnull) as other:
        join_store(Handle(), Address(os.getpid(), other.fileno(), b"0" * 16), 0, 1)


def test_nothing_is_kept_of_boards_that_are_over():
    """No descriptor, no mapping: a program may make as many as it likes."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        handle = Handle()
        store = create_store(handle, [0, 0])
        store.lanes[0].put(b"x", 0)
        del handle, store
    sweep()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert not boards.BOARDS
