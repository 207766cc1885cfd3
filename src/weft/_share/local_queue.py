"""A queue of one process: threads and coroutines, with nothing pickled."""

from __future__ import annotations

import threading
from collections import deque
from queue import Empty, Full
from time import monotonic
from typing import Any

from .._model.locks import Condition, Lock
from ..errors.shutdown import ShutDown
from .waiters import Waiters


class Moved(Exception):
    """The items are elsewhere from now on."""


class LocalQueue:
    """``queue.Queue`` as it is since Python 3.13, for coroutines too.

    Subclasses may override ``_init``, ``_qsize``, ``_put`` and ``_get``, as those of ``queue.Queue`` do.

    Args:
        maxsize: How many items there is room for; 0 for any number.
    """

    def __init__(self, maxsize: int = 0) -> None:
        self.maxsize = maxsize
        self._moved = False
        self._renew()
        self._unfinished = 0
        self._closing = False
        self._init(maxsize)

    def _renew(self) -> None:
        self.mutex = Lock()
        self.not_empty = Condition(self.mutex)
        self.not_full = Condition(self.mutex)
        self.all_tasks_done = Condition(self.mutex)
        self._getters, self._putters = Waiters(), Waiters()

    # ── to be overridden, as in queue.Queue; the mutex is held ────────────────────────────────────────────

    def _init(self, maxsize: int) -> None:
        self.queue: deque[Any] = deque()

    def _qsize(self) -> int:
        return len(self.queue)

    def _put(self, item: Any) -> None:
        self.queue.append(item)

    def _get(self) -> Any:
        return self.queue.popleft()

    # ── in threads ────────────────────────────────────────────────────────────────────────────────────────

    def _put_here(self, item: Any, block: bool, timeout: float | None) -> None:
        with self.mutex:
            if self._moved:
                raise Moved
            if self._closing:
                raise ShutDown
            if timeout is not None and block and self.maxsize > 0:
                check_timeout(timeout)
            if 0 < self.maxsize <= self._qsize():
                if not block:
                    raise Full
                ending = _ending(timeout)
                while 0 < self.maxsize <= self._qsize():
                    self._wait(self.not_full, ending, Full)
                    if self._is_closing():
                        raise ShutDown
            self._put(item)
            self._unfinished += 1
            if self.not_empty._waiters:  # type: ignore[attr-defined]  # noqa: SLF001  notify() asks later
                self.not_empty.notify()
        if self._getters.queue:
            self._getters.wake(1)

    def _get_here(self, block: bool, timeout: float | None) -> Any:
        with self.mutex:
            if self._moved:
                raise Moved
            if timeout is not None and block:
                check_timeout(timeout)
            if not self._qsize():
                if self._closing:
                    raise ShutDown
                if not block:
                    raise Empty
                ending = _ending(timeout)
                while not self._qsize():
                    self._wait(self.not_empty, ending, Empty)
                    if self._is_closing() and not self._qsize():
                        raise ShutDown
            item = self._get()
            if self.not_full._waiters:  # type: ignore[attr-defined]  # noqa: SLF001
                self.not_full.notify()
        if self._putters.queue:
            self._putters.wake(1)
        return item

    def _task_done_here(self) -> None:
        with self.all_tasks_done:
            self._check()
            if self._unfinished <= 0:
                raise ValueError("task_done() called too many times")
            self._unfinished -= 1
            if not self._unfinished:
                self.all_tasks_done.notify_all()

    def _join_here(self) -> None:
        with self.all_tasks_done:
            self._check()
            while self._unfinished:
                self.all_tasks_done.wait()
                self._check()

    def _shutdown_here(self, immediate: bool) -> None:
        with self.mutex:
            self._check()
            self._closing = True
            if immediate:
                while self._qsize():
                    self._get()
                    self._unfinished = max(0, self._unfinished - 1)
            self._wake_all()

    def _wake_all(self) -> None:
        for condition in (self.not_empty, self.not_full, self.all_tasks_done):
            condition.notify_all()
        self._getters.wake()
        self._putters.wake()

    # ── in coroutines ─────────────────────────────────────────────────────────────────────────────────────

    async def _aput_here(self, item: Any, timeout: float | None) -> None:
        ending = _ending(timeout)
        while True:
            waiter = self._putters.enter()
            try:
                return self._put_here(item, False, None)
            except Full:
                if ending is not None and monotonic() >= ending:
                    raise
                await self._putters.wait(waiter, None if ending is None else ending - monotonic())
            finally:
                self._putters.leave(waiter)

    async def _aget_here(self, timeout: float | None) -> Any:
        ending = _ending(timeout)
        while True:
            waiter = self._getters.enter()
            try:
                return self._get_here(False, None)
            except Empty:
                if ending is not None and monotonic() >= ending:
                    raise
                await self._getters.wait(waiter, None if ending is None else ending - monotonic())
            finally:
                self._getters.leave(waiter)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _has_moved(self) -> bool:
        return self._moved

    def _is_closing(self) -> bool:
        return self._closing

    def _check(self) -> None:
        if self._moved:
            raise Moved

    def _wait(self, condition: threading.Condition, ending: float | None, late: type[Exception]) -> None:
        left = None if ending is None else ending - monotonic()
        if left is not None and left <= 0:
            raise late
        condition.wait(left)
        self._check()


def check_timeout(timeout: float) -> None:
    """Refuse one that is negative, in the standard library's words."""
    if timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")


def _ending(timeout: float | None) -> float | None:
    return None if timeout is None else monotonic() + timeout
