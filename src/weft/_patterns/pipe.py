"""weft.Pipe: two ends, and what is sent at one is received at the other, wherever they are."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import finalize

from .._share.shared_queue import SharedQueue
from .._share.store import Store, create_store, join_store
from .._transport.board import ACTIVE, ALIVE, PASSIVE, ROLES, STATE
from .._transport.boards import anchor
from ..errors import ChannelBroken, WeftError
from ..errors.shutdown import ShutDown

if TYPE_CHECKING:
    from .._transport.board import Address, Board

LANES: Final = 2


class PipeEnd:
    """One end of a :func:`weft.Pipe`; an ordinary argument for other processes."""

    def __init__(self, side: int) -> None:
        self._side, self._broken = side, "this end of the pipe was never here"
        self._hold: _Hold | None = None

    def _settle_in(self, store: Store, role: int) -> None:
        self._store = store
        self._out, self._in = SharedQueue.of(store, self._side), SharedQueue.of(store, 1 - self._side)
        self._hold = _Hold(store, self._side, role)
        self._release = finalize(self, self._hold.release)
        self._release.atexit = False

    # ── what one does with it ─────────────────────────────────────────────────────────────────────────────

    def send(self, item: Any) -> None:
        """Send *item*, of any size; this never waits for the other end.

        Raises:
            BrokenPipeError: The other end is gone.
            NotSendable: *item* can't be pickled.
            OSError: This end has been closed.
        """
        self._use()
        try:
            self._out.put(item)
        except (ShutDown, ChannelBroken) as error:
            raise BrokenPipeError("the other end of the pipe is gone") from error

    def recv(self) -> Any:
        """Receive what the other end has sent next; waits for it.

        Raises:
            EOFError: The other end is gone, and all that it sent has been received.
            OSError: This end has been closed.
        """
        self._use()
        try:
            return self._in.get()
        except (ShutDown, ChannelBroken) as error:
            raise EOFError("the other end of the pipe is gone") from error

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Whether :meth:`recv` would not wait; waits up to *timeout* seconds for that, ``None``: for ever."""
        self._use()
        try:
            return self._in.poll(timeout)
        except (EOFError, ChannelBroken):
            return True

    def close(self) -> None:
        """Do without this end, in this process; the end is gone when nobody has it any more."""
        if self._hold is not None:
            hold, self._hold = self._hold, None
            self._broken = "this end of the pipe has been closed"
            self._release.detach()
            hold.release()

    @property
    def closed(self) -> bool:
        """Whether it has been closed here."""
        return self._hold is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._hold is None:
            raise OSError(self._broken)
        board = self._store.board
        return _arrive, (board.address, board.issue(1 + self._side), self._side)

    def _use(self) -> None:
        if self._hold is None:
            raise OSError(self._broken)
        self._hold.use()


class _Hold:
    """That this process has an end, as long as it has.

    Args:
        store: The pipe's.
        side: Which end.
        role: Whether it has been used here: one that was only passed on keeps nobody waiting.
    """

    def __init__(self, store: Store, side: int, role: int) -> None:
        self._store, self._board, self._side, self._used_by = store, store.board, side, -1
        self._lane, self._other = store.lanes[side], store.lanes[1 - side]
        held = store.ends.setdefault(side, [0])
        held[0] += 1
        self._set(max(role, self._word(ROLES[side])))
        SharedQueue.of(store, side).before_put = self._refuse
        SharedQueue.of(store, 1 - side).while_empty = self._end

    def use(self) -> None:
        """It is used by this process."""
        if self._used_by != self._board.number:  # a forked copy is another member
            self._used_by = self._board.number
            self._set(ACTIVE)

    def other_gone(self) -> bool:
        """Whether nobody has the other end."""
        return is_gone(self._store, 1 - self._side)

    def release(self) -> None:
        """This process has it no more."""
        held = self._store.ends[self._side]
        held[0] -= 1
        board = self._store.board
        if held[0] or board.fd < 0:
            return
        self._set(0)
        if not any(role for role in _roles(board, self._side)) and is_gone(self._store, self._side):
            for lane in self._store.lanes:
                with suppress(Exception):  # a lock that is held by somebody who was interrupted: they see it later
                    lane.shut_down(immediate=False)
        for lane in self._store.lanes:
            lane.wake_all()

    def _refuse(self) -> None:
        if self.other_gone():
            raise BrokenPipeError("the other end of the pipe is gone")

    def _end(self) -> None:
        if self.other_gone() and not self._other.count:
            raise EOFError("the other end of the pipe is gone")

    def _word(self, field: int) -> int:
        return self._store.board.member(self._store.board.number, field)

    def _set(self, role: int) -> None:
        board = self._store.board
        board.words[board.field(board.number, ROLES[self._side])] = role
        if role == ACTIVE:
            self._lane.used = True


def is_gone(store: Store, side: int) -> bool:
    """Whether nobody has that end of the pipe: who has used it is dead, or has closed it, and it is not on its way."""
    if store.board.under_way(1 + side):
        return False
    roles = list(_roles(store.board, side))
    return ACTIVE not in roles and (store.lanes[side].used or not roles)


def _roles(board: Board, side: int) -> list[int]:
    """What it is to those members who live and have it."""
    found = []
    for number in board.members():
        role = board.member(number, ROLES[side])
        if role and board.member(number, STATE) == ALIVE and board.is_alive(number):
            found.append(role)
    return found


def Pipe() -> tuple[PipeEnd, PipeEnd]:  # noqa: N802  as the standard library has it
    """Two ends of a pipe: what is sent at one is received at the other.

    >>> here, there = Pipe()
    >>> here.send("weft"); there.recv()
    'weft'

    The methods are those of ``multiprocessing.Pipe()``: ``send``, ``recv``, ``poll``, ``close``. The ends are ordinary
    arguments for processes, by whatever start method and library. ``send`` never waits, however large the item and
    however late the other side; arrays and other large things lie in shared memory, without another copy.

    An end is gone when those processes that have used it have closed it, or have died: then ``recv`` at the other
    raises ``EOFError`` and ``send`` ``BrokenPipeError``. Who else has been handed it does not matter, so nothing has to
    be closed only to hear of the end.

    bench/channels.py measures a message there and back.
    """
    here = PipeEnd(0)
    store = create_store(here, [0] * LANES)
    here._settle_in(store, PASSIVE)  # noqa: SLF001  they are one thing
    there = PipeEnd(1)
    anchor(there, store.board)
    there._settle_in(store, PASSIVE)  # noqa: SLF001
    return here, there


def _arrive(address: Address, ticket: int, side: int) -> PipeEnd:
    """The end of the pipe at that address; if it is not there any more, that is said when it is used."""
    end = PipeEnd(side)
    try:
        end._settle_in(join_store(end, address, ticket, LANES), ACTIVE)  # noqa: SLF001
    except (WeftError, OSError) as error:
        end._broken = str(error)  # noqa: SLF001
    return end
