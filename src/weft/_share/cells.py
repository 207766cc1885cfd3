"""Sheets of shared memory, with cells for small things, and a seat for each process that has to do with them.

What a process says of itself (it wants this lock, it has added so much) it writes to its own seat, and nobody else
does: so that nothing is left in between when it is killed. See docs/design/shared-data.md.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, Final, Self
from weakref import WeakValueDictionary, ref

from .._model.copies import at_fork
from .._model.locks import RLock
from .._transport.segment import Segment, create_segment
from ..errors import check_limits
from .lives import Identity, identity, is_alive

with suppress(ImportError):  # where there is none, nothing of this can be made
    import fcntl

SEATS: Final = 240  # processes that have to do with one sheet at the same time
HEADER: Final = 4096  # bytes: how many cells are in use; who sits where, two words each; what kind each cell is
SEATED: Final = 64
KINDS: Final = SEATED + 16 * SEATS
CELL: Final = 8192  # bytes; those that are not touched cost nothing
CELLS: Final = 127  # on a sheet, unless one thing needs more

WORD: Final = 8  # bytes


class Sheet:
    """A sheet, as this process sees it.

    Args:
        segment: Its memory.

    Attributes:
        segment: The same.
        bytes: Its content.
        words: The same, in words of 64 bits.
        ints: The same, in words of 32 bits.
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.bytes = memoryview(segment)
        self.words = self.bytes.cast("q")
        self.ints = self.bytes.cast("i")
        self._seat = -1
        _SHEETS[segment.name] = self

    @property
    def seat(self) -> int:
        """This process's own.

        Raises:
            OSError: More processes than there are seats have to do with this sheet.
        """
        if self._seat < 0:
            with self.alone():
                self._seat = self._sit_down()
        return self._seat

    def sitting(self, seat: int) -> Identity:
        """Who sits there, or did until it ended."""
        at = (SEATED + 2 * WORD * seat) // WORD
        return self.words[at], self.words[at + 1]

    def lives(self, seat: int) -> bool:
        """Whether that process does."""
        return is_alive(self.sitting(seat))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process is here at the same time; one that is killed here is here no more."""
        fd = self.knock()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)  # for copies, too, that another thread has forked meanwhile
            os.close(fd)

    def knock(self) -> int:
        """A descriptor to lock the sheet by: one of its own, for with a lock it is not the file that counts."""
        try:
            return os.open(f"/proc/self/fd/{self.segment.fd}", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            check_limits(error, "a lock between processes")
            raise

    def allot(self, cells: int, kind: int) -> int:
        """Where so many cells in a row are, free until now; for the process that has made the sheet."""
        index, self.words[0] = self.words[0], self.words[0] + cells
        self.bytes[KINDS + index] = kind
        return HEADER + CELL * index

    def has_room(self, cells: int) -> bool:
        """Whether there are so many."""
        return self.words[0] + cells <= CELLS

    def of_kind(self, kind: int) -> Iterator[int]:
        """Where the cells of that *kind* are."""
        for index in range(min(self.words[0], CELLS)):
            if self.bytes[KINDS + index] == kind:
                yield HEADER + CELL * index

    def forked(self) -> None:
        """This is a copy now: it has no seat yet."""
        self._seat = -1

    def _sit_down(self) -> int:
        me = identity(os.getpid())
        taken = {seat: who for seat in range(SEATS) if (who := self.sitting(seat))[0]}
        mine = [seat for seat, who in taken.items() if who == me]
        free = mine or [seat for seat in range(SEATS) if seat not in taken]
        if not free:
            free = [seat for seat, who in taken.items() if not is_alive(who)]
            if free:
                from .claims import vacate
                from .sleepers import dismiss

                vacate(self, free[0])
                dismiss(self, free[0])
        if not free:
            raise OSError(f"more than {SEATS} processes use the same shared locks or counters at the same time")
        at = (SEATED + 2 * WORD * free[0]) // WORD
        self.words[at + 1], self.words[at] = me[1], me[0]
        return free[0]


class Cell:
    """Something small that processes share. There is one object for each in a process, whoever unpickles it.

    Attributes:
        sheet: Where it lies.
        at: Where on it.
    """

    __slots__ = ("__weakref__", "at", "sheet")

    kind: ClassVar[int] = 0  # what the sheet's table has for it
    sheet: Sheet
    at: int

    @classmethod
    def new(cls, nbytes: int = CELL) -> Self:
        """Another one, of at least *nbytes*, all 0.

        Raises:
            OSError: There is no memory or no descriptor for it.
        """
        with _CHANGING:
            cells = -(-nbytes // CELL)
            sheet = _ground(cells)
            at = sheet.allot(cells, cls.kind)
            cls.make(sheet, at)
            return cls._here(sheet, at)

    @classmethod
    def _here(cls, sheet: Sheet, at: int) -> Self:
        """The cell that is there, as this process's one object."""
        with _CHANGING:
            known: Any = _CELLS.get((sheet.segment.name, at))
            if known is None:
                known = object.__new__(cls)
                known.sheet, known.at = sheet, at
                known.open()
                _CELLS[sheet.segment.name, at] = known
            return known  # type: ignore[no-any-return]

    @classmethod
    def make(cls, sheet: Sheet, at: int) -> None:
        """It is new: give the memory there its first content."""

    def open(self) -> None:
        """It is here now; done once in each process."""

    def forked(self) -> None:
        """This is a copy of the process now."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open_cell, (type(self), self.sheet.segment, self.at)

    @property
    def address(self) -> int:
        """Where it begins in this process."""
        return self.sheet.segment.address + self.at


def open_cell(kind: type[Cell], segment: Segment, at: int) -> Cell:
    """The cell that another process has sent."""
    with _CHANGING:
        return kind._here(_SHEETS.get(segment.name) or Sheet(segment), at)  # noqa: SLF001  they are one thing


def changing() -> threading.RLock:
    """To be held while something of this process's about cells changes."""
    return _CHANGING


def _ground(cells: int) -> Sheet:
    """A sheet of this process's own with so many free cells; it lives as long as anything on it."""
    sheet = _OWN[0]() if _OWN else None
    if sheet is None or not sheet.has_room(cells):
        sheet = Sheet(create_segment(HEADER + CELL * max(CELLS, cells)))
        if cells == 1:
            _OWN[:] = [ref(sheet)]
    return sheet


def _forked() -> None:
    global _CHANGING  # noqa: PLW0603  another thread may have had it
    _CHANGING = RLock()
    _OWN.clear()  # what is free there is for the other to give out
    for sheet in _SHEETS.values():
        sheet.forked()
    for cell in _CELLS.values():
        cell.forked()


_CHANGING = RLock()  # of all that follows; the garbage collector may come here from here
_SHEETS: Final[WeakValueDictionary[str, Sheet]] = WeakValueDictionary()
_CELLS: Final[WeakValueDictionary[tuple[str, int], Cell]] = WeakValueDictionary()
_OWN: Final[list[ref[Sheet]]] = []
at_fork(after_in_child=_forked)
