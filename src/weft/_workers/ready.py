"""Which descriptors are ready: a wait that sees what other threads add while it lasts, and a bell to end it."""

from __future__ import annotations

import os
import select
from math import ceil

from .inbox import wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from selectors import BaseSelector
    from typing import Final

READ: Final = 1  # as selectors has them, which takes 1 ms to import and is seldom needed
WRITE: Final = 2


class Bell:
    """Ends the wait for descriptors, from any thread or signal.

    Attributes:
        fd: The descriptor to wait for.
        rope: The one that is written to; it does not block.
    """

    def __init__(self) -> None:
        self.fd, self.rope = os.pipe()
        os.set_blocking(self.rope, False)

    def ring(self) -> None:
        """End the wait, or the next if there is none."""
        try:
            os.write(self.rope, b"!")
        except OSError:  # it has been rung often enough, or is over
            return

    def heed(self) -> None:
        """It has rung: that was heard."""
        os.read(self.fd, 4096)

    def close(self) -> None:
        """Let go of it."""
        os.close(self.fd)
        os.close(self.rope)


class Ready:
    """A set of descriptors to wait for: epoll where there is one, else what the system has (kqueue, poll)."""

    def __init__(self) -> None:
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._others = _selector() if self._epoll is None else None
        self._writable: set[int] = set()

    def add(self, fd: int) -> None:
        """Wait until *fd* can be read, as well."""
        if self._epoll is not None:
            self._epoll.register(fd, select.EPOLLIN)
        elif self._others is not None:
            self._others.register(fd, READ)

    def change(self, fd: int, *, writable: bool) -> None:
        """Wait for room to write too, or no longer."""
        if writable == (fd in self._writable):
            return
        (self._writable.add if writable else self._writable.discard)(fd)
        if self._epoll is not None:
            self._epoll.modify(fd, select.EPOLLIN | select.EPOLLOUT if writable else select.EPOLLIN)
        elif self._others is not None:
            self._others.modify(fd, READ | WRITE if writable else READ)

    def remove(self, fd: int) -> None:
        """Wait for *fd* no longer."""
        self._writable.discard(fd)
        if self._epoll is not None:
            self._epoll.unregister(fd)
        elif self._others is not None:
            self._others.unregister(fd)

    def wait(self, timeout: float) -> list[int]:
        """Those that are ready; waits up to *timeout* seconds for the first."""
        if self._epoll is not None:
            return [fd for fd, _ in self._epoll.poll(ceil(timeout * 1000) / 1000)]
        assert self._others is not None
        return [key.fd for key, _ in self._others.select(timeout)]

    def look(self) -> list[int]:
        """Those that are ready at the moment."""
        if self._epoll is not None:
            return [fd for fd, _ in self._epoll.poll(0)]
        return self.wait(0)

    async def aready(self, timeout: float) -> bool:
        """Whether any is, within *timeout* seconds, for an event loop. It waits for the epoll, which is one itself."""
        import asyncio

        loop, found = asyncio.get_running_loop(), asyncio.Event()
        readable = [self._epoll.fileno()] if self._epoll is not None else self._registered()
        writable = list(self._writable) if self._epoll is None else []
        for fd in readable:
            loop.add_reader(fd, found.set)
        for fd in writable:
            loop.add_writer(fd, found.set)
        try:
            await wait_for(found, timeout)
        finally:
            for fd in readable:
                loop.remove_reader(fd)
            for fd in writable:
                loop.remove_writer(fd)
        return found.is_set()

    def close(self) -> None:
        """Let go of it; the descriptors stay open."""
        if self._epoll is not None:
            self._epoll.close()
        elif self._others is not None:
            self._others.close()

    def _registered(self) -> list[int]:
        assert self._others is not None
        return [key.fd for key in self._others.get_map().values()]


def _selector() -> BaseSelector:
    from selectors import DefaultSelector

    return DefaultSelector()
