"""weft.Channel: a queue for threads, coroutines and processes, which any of them can be handed."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar
from weakref import WeakSet

from .._share.local_queue import LocalQueue, Moved
from .._transport.boards import AFTER_FORK, BEFORE_FORK, anchor
from ..errors import ChannelBroken, WeftError
from ..errors.shutdown import ShutDown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from .._share.shared_queue import SharedQueue
    from .._transport.board import Address

T = TypeVar("T")

# How long a coroutine takes items that are there before others have their turn.
_BREATH: Final = 0.005  # seconds

# How long a fork waits for a thread that is in the midst of a put or a get.
_PATIENCE: Final = 1.0  # seconds


class Channel(LocalQueue, Generic[T]):
    """A queue between threads, coroutines and processes: an ordinary argument for all of them.

    >>> jobs = Channel(maxsize=2)
    >>> jobs.put("warp"); jobs.put("weft"); jobs.shutdown()
    >>> list(jobs)
    ['warp', 'weft']

    The methods are those of ``queue.Queue``, ``shutdown`` included, which ends iteration everywhere: no sentinels. In
    coroutines use :meth:`aput`, :meth:`aget` and ``async for``. Handed to another process, by whatever start method and
    whatever library, it is the same channel there: items then travel through memory that all have in common, arrays
    and other large ones without another copy. No thread feeds it, so nothing has to be joined before a process ends.

    An item belongs to whoever's ``get`` has returned it. A process that dies before that has taken nothing; one that
    dies afterwards takes it along: then :meth:`join` raises :class:`~weft.errors.ItemLost` instead of waiting for ever.
    The channel lives as long as the process that made it; when that is gone, waiting raises
    :class:`~weft.errors.ChannelBroken`.

    In one process it costs no more than ``queue.Queue``; shared, a put and a get of something small are some steps of
    Python's each, and no system call unless somebody waits (bench/channels.py).

    Args:
        maxsize: How many items there is room for; :meth:`put` waits while it is full. 0 or less: any number.
    """

    def __init__(self, maxsize: int = 0) -> None:
        if not isinstance(maxsize, int):
            raise TypeError(f"maxsize must be an integer, not {maxsize!r}")
        self._shared: SharedQueue | None = None
        self._broken: str | None = None
        super().__init__(maxsize)
        _ALL.add(self)

    # ── in threads ────────────────────────────────────────────────────────────────────────────────────────

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002
        """Put *item* in, and wait while there is no room.

        Args:
            item: Anything; once other processes have the channel, anything that can be pickled.
            block: Whether to wait.
            timeout: Seconds to wait at most.

        Raises:
            queue.Full: There is no room, or was none for *timeout* seconds.
            ShutDown: The channel has been shut down.
            NotSendable: Other processes have the channel, and *item* can't be pickled.
            ChannelBroken: The process that made it is gone.
        """
        if self._shared is not None:
            return self._shared.put(item, block, timeout)
        began = 0.0 if timeout is None else monotonic()
        try:
            return self._put_here(item, block, timeout)
        except Moved:
            return self._elsewhere().put(item, block, _left(timeout, began))

    def get(self, block: bool = True, timeout: float | None = None) -> T:  # noqa: FBT001, FBT002
        """Take the next item out, and wait while there is none.

        Args:
            block: Whether to wait.
            timeout: Seconds to wait at most.

        Raises:
            queue.Empty: There is no item, or was none for *timeout* seconds.
            ShutDown: The channel has been shut down, and there is none left.
            ItemLost: One process after the other has died taking this item; it is given up.
            ChannelBroken: The process that made it is gone, and there is none left.
        """
        if self._shared is not None:
            return self._shared.get(block, timeout)  # type: ignore[no-any-return]
        began = 0.0 if timeout is None else monotonic()
        try:
            return self._get_here(block, timeout)  # type: ignore[no-any-return]
        except Moved:
            return self._elsewhere().get(block, _left(timeout, began))  # type: ignore[no-any-return]

    def put_nowait(self, item: T) -> None:
        """Put *item* in if there is room; raises what :meth:`put` does."""
        self.put(item, block=False)

    def get_nowait(self) -> T:
        """Take an item out if there is one; raises what :meth:`get` does."""
        return self.get(block=False)

    def __iter__(self) -> Iterator[T]:
        """Take items out until the channel has been shut down and is empty."""
        while True:
            try:
                item = self.get()
            except ShutDown:
                return
            yield item
            del item  # or it lives as long as the next is waited for

    # ── in coroutines ─────────────────────────────────────────────────────────────────────────────────────

    async def aput(self, item: T, *, timeout: float | None = None) -> None:
        """:meth:`put`, without blocking the event loop."""
        if self._shared is None:
            began = monotonic() if timeout is not None else 0.0
            try:
                return await self._aput_here(item, timeout)
            except Moved:
                timeout = _left(timeout, began)
        return await self._elsewhere().aput(item, timeout)

    async def aget(self, *, timeout: float | None = None) -> T:
        """:meth:`get`, without blocking the event loop. Cancelled, it has taken nothing."""
        if self._shared is None:
            began = monotonic() if timeout is not None else 0.0
            try:
                item: T = await self._aget_here(timeout)
                return item
            except Moved:
                timeout = _left(timeout, began)
        return await self._elsewhere().aget(timeout)  # type: ignore[no-any-return]

    async def __aiter__(self) -> AsyncIterator[T]:
        """Take items out until the channel has been shut down and is empty."""
        from asyncio import sleep

        breath = monotonic()
        while True:
            try:
                item = await self.aget()
            except ShutDown:
                return
            yield item
            del item
            if monotonic() - breath > _BREATH:  # items that are always there must not starve the loop
                await sleep(0)
                breath = monotonic()

    # ── to look at ────────────────────────────────────────────────────────────────────────────────────────

    def qsize(self) -> int:
        """How many items there are at this moment."""
        with self.mutex:
            if not self._moved:
                return self._qsize()
        return self._elsewhere().count

    def empty(self) -> bool:
        """Whether there is no item at this moment."""
        return not self.qsize()

    def full(self) -> bool:
        """Whether there is no room at this moment."""
        return 0 < self.maxsize <= self.qsize()

    @property
    def is_shutdown(self) -> bool:
        """Whether the channel has been shut down."""
        return self._closing if self._shared is None else self._shared.closing

    @property
    def unfinished_tasks(self) -> int:
        """How many items were put and are not done, by :meth:`task_done`."""
        return self._unfinished if self._shared is None else self._shared.unfinished

    # ── to finish ─────────────────────────────────────────────────────────────────────────────────────────

    def task_done(self) -> None:
        """Say that an item that was taken out is finished.

        Raises:
            ValueError: As many as there were are already.
        """
        try:
            self._task_done_here()
        except Moved:
            self._elsewhere().task_done()

    def join(self) -> None:
        """Wait until every item that was put in is finished, by :meth:`task_done`.

        Raises:
            ItemLost: Those that are not finished were taken by processes that have died.
        """
        try:
            self._join_here()
        except Moved:
            self._elsewhere().join()

    def shutdown(self, immediate: bool = False) -> None:  # noqa: FBT001, FBT002
        """Take no more items, for good: ``put`` raises :class:`weft.ShutDown`, and so does ``get`` when it is empty.

        Args:
            immediate: Drop what is there; each counts as finished.
        """
        try:
            self._shutdown_here(immediate)
        except Moved:
            self._elsewhere().shutdown(immediate)

    # ── elsewhere ─────────────────────────────────────────────────────────────────────────────────────────

    def __reduce__(self) -> tuple[Any, ...]:
        return (_arrive, self._leave())

    def _leave(self) -> tuple[type[Self], Address, int, int]:
        """What another process needs to have it, too."""
        self._share()
        board = self._elsewhere().store.board
        return type(self), board.address, board.issue(), self.maxsize

    def _share(self, patience: float = -1) -> None:
        """Move what is there to where other processes can have it."""
        if any(getattr(type(self), own) is not getattr(LocalQueue, own) for own in ("_put", "_get")):
            raise TypeError(f"a {type(self).__name__} stays in its process: it has its own _put or _get")
        if self._moved:
            return
        from .._share.shared_queue import SharedQueue
        from .._share.store import create_store

        if not self.mutex.acquire(timeout=patience):
            raise TimeoutError("a thread is in the midst of a put or a get")
        try:
            if self._has_moved():
                return
            hold = _Hold()
            store = create_store(hold, [max(0, self.maxsize)])
            shared = SharedQueue.of(store)
            shared.adopt(self.queue, self._unfinished, closing=self._closing)
            anchor(self, store.board)
            self.queue.clear()
            self._shared, self._moved = shared, True
            self._wake_all()
        finally:
            self.mutex.release()

    def _elsewhere(self) -> SharedQueue:
        if self._shared is None:
            raise ChannelBroken(self._broken or "this channel was never here")
        return self._shared

    def _forked(self) -> None:
        """This is a forked copy."""
        self._renew()
        if not self._moved:
            self._moved = True
            self._broken = "it was made in another process, and could not be shared when that was forked"


class _Hold:
    """Keeps a board until it is known whether a channel does."""


_ALL: Final[WeakSet[Channel[Any]]] = WeakSet()


def _before_fork() -> None:
    """What is forked must find every channel where it can reach it."""
    for channel in list(_ALL):
        with suppress(Exception):  # there may be things in it that can't be pickled: it stays here then
            channel._share(_PATIENCE)  # noqa: SLF001  it is ours


def _after_fork() -> None:
    for channel in list(_ALL):
        channel._forked()  # noqa: SLF001


BEFORE_FORK.append(_before_fork)
AFTER_FORK.append(_after_fork)


def _arrive(kind: type[Channel[Any]], address: Address, ticket: int, maxsize: int) -> Channel[Any]:
    """The channel at that address; if it is not there any more, that is said when it is used."""
    from .._share.shared_queue import SharedQueue
    from .._share.store import join_store

    channel = kind(maxsize)
    channel._moved = True  # noqa: SLF001  it is ours
    try:
        store = join_store(channel, address, ticket, 1)
    except (WeftError, OSError) as error:
        channel._broken = str(error)  # noqa: SLF001
    else:
        channel._shared = SharedQueue.of(store)  # noqa: SLF001
    return channel


def _left(timeout: float | None, began: float) -> float | None:
    return None if timeout is None else max(0.0, timeout - (monotonic() - began))
