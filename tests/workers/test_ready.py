"""Waiting for descriptors, and the bell that ends a wait."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import time
from collections.abc import Iterator

import pytest

from weft._workers.ready import Bell, Ready


@pytest.fixture
def bell() -> Iterator[Bell]:
    made = Bell()
    yield made
    made.close()


@pytest.fixture
def ready() -> Iterator[Ready]:
    made = Ready()
    yield made
    made.close()


def test_a_bell_ends_a_wait_in_another_thread(bell: Bell, ready: Ready) -> None:
    ready.add(bell.fd)
    ringer = threading.Timer(0.02, bell.ring)
    ringer.start()
    assert ready.wait(20.0) == [bell.fd]
    ringer.join()


def test_one_that_rang_before_the_wait_ends_it_too_and_once(bell: Bell, ready: Ready) -> None:
    """However often it rang: who looks has seen all of it."""
    ready.add(bell.fd)
    for _ in range(3):
        bell.ring()
    assert ready.wait(0) == [bell.fd]
    bell.heed()
    assert ready.wait(0) == []


def test_ringing_never_waits(bell: Bell) -> None:
    """Nobody may be there to hear it; a pipe takes only so much."""
    began = time.monotonic()
    for _ in range(100_000):
        bell.ring()
    assert time.monotonic() - began < 20


def test_ringing_one_that_is_over_does_no_harm() -> None:
    """Whoever rings can't know."""
    over = Bell()
    over.close()
    over.ring()


def test_what_another_thread_adds_is_seen_by_a_wait_that_has_begun(bell: Bell, ready: Ready) -> None:
    read, write = os.pipe()
    try:
        os.write(write, b"!")
        ready.add(bell.fd)
        late = threading.Timer(0.02, ready.add, [read])
        late.start()
        assert ready.wait(20.0) == [read]
        late.join()
    finally:
        os.close(read)
        os.close(write)


def test_room_to_write_is_waited_for_only_as_long_as_it_is_asked_for(ready: Ready) -> None:
    read, write = os.pipe()
    try:
        ready.add(write)
        assert ready.wait(0) == []
        ready.change(write, writable=True)
        assert ready.wait(0) == [write]
        ready.change(write, writable=False)
        assert ready.wait(0) == []
        ready.remove(write)
    finally:
        os.close(read)
        os.close(write)


def test_an_event_loop_goes_on_while_it_waits(bell: Bell, ready: Ready) -> None:
    async def ring_and_wait() -> tuple[bool, bool]:
        ready.add(bell.fd)
        asyncio.get_running_loop().call_later(0.01, bell.ring)
        rang = await ready.aready(20.0)
        bell.heed()
        return rang, await ready.aready(0.01)

    assert asyncio.run(ring_and_wait()) == (True, False)


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="only an epoll can be waited for as a whole")
def test_what_is_added_during_the_wait_of_an_event_loop_ends_it(bell: Bell, ready: Ready) -> None:
    """Another thread may start a worker then."""

    async def add_and_wait() -> bool:
        bell.ring()
        asyncio.get_running_loop().call_later(0.01, ready.add, bell.fd)
        return await ready.aready(20.0)

    assert asyncio.run(add_and_wait())
