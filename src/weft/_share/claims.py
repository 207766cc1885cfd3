"""Who wants a lock, or has it: written by each to a place of its own, so that the death of one can be told from a wait.

A lock is a token, a semaphore, and for each process that uses it a claim, another one. A process takes its claim
before the token and lets it go after: so whoever has the token has a claim. If the token is gone, and no living
process has a claim, then a dead one had it. The claims are semaphores as well because they are, at the same time,
what the threads of one process queue for. See docs/design/shared-data.md.
"""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from typing import Any, Final

from .cells import SEATS, Sheet
from .semaphores import PLAIN, RECURSIVE, SIZE, Semaphore, make_semaphore, semaphore_at

with suppress(ImportError):  # where there is none, nothing of this can be made
    import fcntl

LOCK: Final = 1  # the kind of cell

# Places in it.
_ORPHANED: Final = 1  # whether a process had a claim when it ended, whose seat is another's now
_TROUBLED: Final = 2  # whether somebody is finding out if the token is lost
_TOKEN: Final = 32
_STANDING: Final = 64  # of each seat
_CLAIMS: Final = 512  # of each seat

# What a seat may be in; the first is what memory is when it is new.
_ABSENT: Final = 0  # it has never had to do with this lock
_PRESENT: Final = 1  # if its claim is taken it may have the token
_WATCHING: Final = 2  # it does not have the token and does not take it

# How long somebody waits before he asks whether the others live, at first and later.
PATIENCE: Final = 0.05, 0.1  # seconds
LOOK: Final = 0.002  # seconds between two looks of who has found a dead one among them

_FLOCK: Final = struct.Struct("hhqqi4x")  # as fcntl has it: what, from where, offset, length, nobody


class Claims:
    """A lock's token, and the claims of all processes to it, seen from one of them.

    Args:
        sheet: Where it lies.
        at: Where on it.
        kind: Whether the claim is one that a thread may take again.

    Attributes:
        token: Who has it has the lock.
        claim: This process's.
        memory: The segment it lies in.
    """

    def __init__(self, sheet: Sheet, at: int, kind: int = PLAIN) -> None:
        self._sheet, self._at, self._again = sheet, at, kind == RECURSIVE
        self.memory = sheet.segment
        self.token = semaphore_at(sheet.segment, at + _TOKEN, 1, kind)
        self._seat = sheet.seat
        self._others: dict[int, Semaphore] = {}
        if self._standing(self._seat) == _ABSENT:
            make_semaphore(sheet.segment.address + self._place(self._seat), 1)
            self._stand(_PRESENT)
        self.claim = semaphore_at(sheet.segment, self._place(self._seat), 1, kind)

    @staticmethod
    def make(sheet: Sheet, at: int) -> None:
        """Make a lock there, free."""
        make_semaphore(sheet.segment.address + at + _TOKEN, 1)

    @property
    def troubled(self) -> int:
        """Where in the segment it says, by a byte, that nobody may take the token who has not waited."""
        return self._at + _TROUBLED

    def wait(self, timeout: float | None) -> bool | None:
        """Wait for the token, with the claim in hand.

        Returns:
            ``True`` if this process has it now, and ``False`` if the time is over; ``None`` if it has it because the
            one that had it is dead.
        """
        if self._again and self.token._is_mine():  # noqa: SLF001  whoever it is that is in trouble, it is not this one
            return bool(self.token.acquire())
        ending = None if timeout is None else time.monotonic() + timeout
        for patience in _patiences():
            left = None if ending is None else max(0.0, ending - time.monotonic())
            if not self._is(_TROUBLED) and self.token.acquire(True, patience if left is None else min(patience, left)):
                return True
            if ending is not None and time.monotonic() >= ending:
                return False
            if (self._is(_TROUBLED) or self._is(_ORPHANED) or self._dead()) and self._watch(ending):
                return None
        raise AssertionError

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _watch(self, ending: float | None) -> bool:
        """Find out whether the token is lost, one process at a time; whether it was, and is this one's now."""
        self._stand(_WATCHING)
        fd = self._sheet.knock()
        try:
            while ending is None or time.monotonic() < ending:
                try:
                    self._lock_cell(fd, fcntl.F_WRLCK)
                except BlockingIOError:
                    if not self._is(_TROUBLED):
                        return False
                    time.sleep(LOOK)
                else:
                    return self._find_out(ending)
            return False
        finally:
            self._stand(_PRESENT)  # before anybody else looks
            self._lock_cell(fd, fcntl.F_UNLCK)
            os.close(fd)

    def _find_out(self, ending: float | None) -> bool:
        """Whether the token is lost, asked by nobody else at the same time; then it is this process's from now on.

        From the moment that trouble is announced nobody takes the token any more who did not have a claim before.
        Whoever is seen without one, once, has not got it then. If that is all of the living, and it is gone, then it
        is lost.
        """
        self._set(_TROUBLED, 1)
        try:
            time.sleep(LOOK)  # until all processors know
            may_have_it = set(self._present())
            while self.token.empty:
                dead = self._dead()
                if not dead and not self._is(_ORPHANED):
                    return False  # another has seen to it
                present = self._present()
                may_have_it = {seat for seat in may_have_it if seat in present and self._claimed(seat)} - set(dead)
                if not may_have_it:
                    self._forget_the_dead()
                    return self._seize()
                if ending is not None and time.monotonic() >= ending:
                    return False
                time.sleep(LOOK)
            self._forget_the_dead()  # it was free: they did not have it
            return False
        finally:
            self._set(_TROUBLED, 0)

    def _seize(self) -> bool:
        """Have the token, if it is gone: given back for whoever had it, and taken, while nobody else may."""
        if not self.token.empty:
            return False
        semaphore_at(self.memory, self._at + _TOKEN).release()
        return self.token.acquire(False)  # type: ignore[no-any-return]

    def _lock_cell(self, fd: int, how: int) -> None:
        """Lock this cell's part of the file, which the kernel opens if this process dies; or open it.

        Raises:
            BlockingIOError: Another has it.
        """
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(how, os.SEEK_SET, self._at, 1, 0))

    def _forget_the_dead(self) -> None:
        with self._sheet.alone():  # nobody takes a dead one's seat in between
            for seat in self._dead():
                self._sheet.bytes[self._at + _STANDING + seat] = _ABSENT
            self._set(_ORPHANED, 0)

    def _dead(self) -> list[int]:
        """The seats of those that had a claim when they ended."""
        return [seat for seat in self._present() if self._claimed(seat) and not self._sheet.lives(seat)]

    def _present(self) -> list[int]:
        """The seats of others that may have the token."""
        begin = self._at + _STANDING
        standing = bytes(self._sheet.bytes[begin : begin + SEATS])
        return [seat for seat, it in enumerate(standing) if it == _PRESENT and seat != self._seat]

    def _claimed(self, seat: int) -> bool:
        if seat not in self._others:
            self._others[seat] = semaphore_at(self.memory, self._place(seat))
        return self._others[seat].empty

    def _place(self, seat: int) -> int:
        return self._at + _CLAIMS + SIZE * seat

    def _standing(self, seat: int) -> int:
        return self._sheet.bytes[self._at + _STANDING + seat]

    def _stand(self, standing: int) -> None:
        self._sheet.bytes[self._at + _STANDING + self._seat] = standing

    def _is(self, flag: int) -> bool:
        return bool(self._sheet.bytes[self._at + flag])

    def _set(self, flag: int, value: int) -> None:
        self._sheet.bytes[self._at + flag] = value


def _patiences() -> Any:
    first, later = PATIENCE
    yield first
    while True:
        yield later


def vacate(sheet: Sheet, seat: int) -> None:
    """The process that sat there is dead and another takes its seat: what it may have had is written down elsewhere."""
    for at in sheet.of_kind(LOCK):
        claim = semaphore_at(sheet.segment, at + _CLAIMS + SIZE * seat)
        if sheet.bytes[at + _STANDING + seat] == _PRESENT and claim.empty:
            sheet.bytes[at + _ORPHANED] = 1
        sheet.bytes[at + _STANDING + seat] = _ABSENT
