"""One small frame at a time, laid where the other side looks for it: no system call, as long as both are awake.

Who waits for a frame says which he looks for, by its number, and takes that back before he goes to sleep. Who has one
lays it there if it is looked for, writes its number, and looks whether it still is; if not, he rings, by the channel.
See docs/design/microseconds.md.
"""

from __future__ import annotations

import os
from threading import Lock

from .area import TABLE, TRAY
from .channel import HEADER, HEADER_SIZE, Frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from typing import Final

# Words: the number of the frame that lies there, and, in a line of the cache of its own, of the one that is looked for.
LIES: Final = 0
WANTED: Final = 8
NOBODY: Final = 0  # looks for anything

CONTENT: Final = 128  # bytes; where the frame begins

# Other processors let what is written first arrive last.
KEEPS_ORDER: Final = hasattr(os, "uname") and os.uname().machine in {"x86_64", "amd64", "i386", "i686"}


class Tray:
    """One end of a tray, either one.

    Args:
        memory: The area that it is in, mapped.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self._bytes = memoryview(memory)[TABLE : TABLE + TRAY]
        self._words = self._bytes.cast("Q")
        self._number = 0  # of the last frame
        self._fence = Lock()  # a processor that takes one has written before what it writes, and reads after that

    # ── who writes ────────────────────────────────────────────────────────────────────────────────────────

    def put(self, frame: Frame) -> bool:
        """Lay *frame* there, if it is looked for and small; whether it is."""
        number = self._number + 1
        if self._words[WANTED] != number:
            return False
        op, call, chunk, first, attempt, body, fd = frame
        end = CONTENT + HEADER_SIZE + len(body)
        if fd >= 0 or end > TRAY:
            return False
        HEADER.pack_into(self._bytes, CONTENT, op, call, chunk, first, attempt, False, len(body))  # noqa: FBT003
        self._bytes[CONTENT + HEADER_SIZE : end] = body
        self._words[LIES] = self._number = number
        return True

    @property
    def deserted(self) -> bool:
        """Whether nobody looks any more; asked after :meth:`put`."""
        with self._fence:
            pass
        return self._words[WANTED] == NOBODY

    # ── who reads ─────────────────────────────────────────────────────────────────────────────────────────

    def expect(self) -> None:
        """The next frame is looked for from now on, until :meth:`desert`."""
        self._words[WANTED] = self._number + 1

    def take(self) -> list[Frame]:
        """What lies there, if it is new."""
        try:
            if self._words[LIES] == self._number:
                return []
            op, call, chunk, first, attempt, _, length = HEADER.unpack_from(self._bytes, CONTENT)
            body = self._bytes[CONTENT + HEADER_SIZE : CONTENT + HEADER_SIZE + length].tobytes()
        except ValueError:  # it has been closed, by another thread
            return []
        self._number += 1
        return [Frame(op, call, chunk, first, attempt, body)]

    def desert(self) -> list[Frame]:
        """Nobody looks from now on; what lies there all the same."""
        self._words[WANTED] = NOBODY
        with self._fence:
            pass
        return self.take()

    def close(self) -> None:
        """Let go of it."""
        self._words.release()
        self._bytes.release()
