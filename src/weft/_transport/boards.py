"""The boards that this process has: made here, or joined; kept through forks, and closed when nobody can miss them."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, Final

from .._model.copies import at_fork
from .._model.locks import RLock
from ..errors import ChannelBroken, KindUnavailable, check_limits
from .area import POSSIBLE
from .board import FRONT, NAME, Address, Board
from .robust import possible

# All boards of this process by their secret; those without a handle stay as long as somebody could miss them.
BOARDS: Final[dict[bytes, Board]] = {}
BEFORE_FORK: Final[list[Callable[[], None]]] = []
AFTER_FORK: Final[list[Callable[[], None]]] = []  # in the child

WHAT: Final = "a channel, a pipe, or what else processes share"

_GUARD = RLock()


def create_board(handle: object, prepare: Callable[[Board], None]) -> Board:
    """A new board, to stay as long as *handle* is there; *prepare* lays out what is on it.

    Raises:
        KindUnavailable: This system has not what it takes.
        LimitReached: There is no memory or no descriptor for it.
    """
    if not (POSSIBLE and possible()):
        raise KindUnavailable("channels, pipes and what else processes share need Linux, on a processor of 64 bits")
    sweep()
    _watch_exit()
    try:
        fd = os.memfd_create(NAME)
        try:
            os.posix_fallocate(fd, 0, FRONT)
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        check_limits(error, WHAT)
        raise
    secret = os.urandom(16)
    board = Board(fd, Address(os.getpid(), fd, secret))
    board.lay()
    try:
        prepare(board)
        board.join()
    except BaseException as error:
        board.close()
        check_limits(error, WHAT)
        raise
    board.finish()
    with _GUARD:
        BOARDS[secret] = board
        anchor(handle, board)
    return board


def join_board(handle: object, address: Address, settle_in: Callable[[Board], None]) -> Board:
    """The board at that address, to stay as long as *handle* is; *settle_in* is called if it is new to this process.

    Raises:
        ChannelBroken: It is not there any more.
        LimitReached: There is no descriptor for it.
    """
    _watch_exit()
    with _GUARD:
        known = BOARDS.get(address.secret)
        if known is not None:
            anchor(handle, known)
            return known
        board = Board(_opened(address), address)
        try:
            if not board.is_that_of(address):
                raise ChannelBroken("the process that made this channel has let go of it")
            board.join()
            board.check()
            settle_in(board)
        except BaseException as error:
            board.close()
            check_limits(error, WHAT)
            raise
        BOARDS[address.secret] = board
        anchor(handle, board)
        return board


def _opened(address: Address) -> int:
    path = f"/proc/{address.pid}/fd/{address.fd}"
    try:
        ours = os.readlink(path).startswith(f"/memfd:{NAME}")  # noqa: PTH115
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC) if ours else -1
    except PermissionError as error:
        raise ChannelBroken(f"this process may not look at the one that made this channel ({path})") from error
    except OSError as error:
        check_limits(error, WHAT)
        raise ChannelBroken(f"the process that made this channel (pid {address.pid}) is gone") from error
    if fd < 0:
        raise ChannelBroken("the process that made this channel has let go of it")
    return fd


def anchor(handle: object, board: Board) -> None:
    """Keep *board* as long as *handle* is there."""
    board.anchors += 1
    weakref.finalize(handle, _let_go, board).atexit = False


def _let_go(board: Board) -> None:
    board.anchors -= 1
    if board.anchors <= 0:
        sweep(wait=False)  # it may be a finalizer, in the midst of anything


def sweep(*, wait: bool = True) -> None:
    """Close the boards that nobody can miss; unless somebody else is at it, if that is not to be waited for."""
    if not _GUARD.acquire(blocking=wait):
        return
    try:
        for secret, board in list(BOARDS.items()):
            if board.anchors <= 0 and board.spare:
                del BOARDS[secret]
                board.close()
    finally:
        _GUARD.release()


def _before() -> None:
    for prepare in BEFORE_FORK:
        prepare()
    _GUARD.acquire()
    for board in BOARDS.values():
        board.conceive()


def _after_in_parent() -> None:
    for board in BOARDS.values():
        board.bear()
    _GUARD.release()


def _after_in_child() -> None:
    global _GUARD  # noqa: PLW0603  whoever held it is not here
    _GUARD = RLock()
    for board in BOARDS.values():
        with suppress(OSError, ChannelBroken):  # which it says again when it is used
            board.be_born()
    for renew in AFTER_FORK:
        renew()


def _goodbye() -> None:
    for board in list(BOARDS.values()):
        board.say_goodbye()


# A process that multiprocessing has started does not call what is registered with atexit, and forgets when it begins
# what is registered with multiprocessing.
@cache
def _watch_exit_of(util: Any) -> None:
    util.register_after_fork(_goodbye, lambda goodbye: util.Finalize(None, goodbye, exitpriority=0))
    util.Finalize(None, _goodbye, exitpriority=0)


def _watch_exit() -> None:
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        _watch_exit_of(util)


at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
atexit.register(_goodbye)
