"""What a worker process prints: sent to its parent line by line while a run listens, else written as ever.

A line leaves when it is finished, so that nothing is lost with a worker that dies right after it; that costs one
frame a line, about what an unbuffered write does (bench/said.py).
"""

from __future__ import annotations

import io
import os
import sys

from .._model.copies import at_fork
from .._model.locks import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, TypeAlias

    Say: TypeAlias = Callable[[int, bytes], object]

# A line longer than this is sent in pieces.
LONGEST: Final = 2**20  # bytes


class Voice:
    """How something was said."""

    STDOUT = 1  # the body is what was printed, in UTF-8 if it is text
    STDERR = 2  # the same
    LOGGING = 3  # a log record's attributes
    WARNINGS = 4  # a warning, its text, its category, and where it was raised


# What each is called.
NAMES: Final = ("", "stdout", "stderr", "logging", "warnings")
_PRINTED: Final = (Voice.STDOUT, Voice.STDERR)


class SaidStream(io.RawIOBase):
    """What is below ``sys.stdout`` or ``sys.stderr`` of a worker.

    Args:
        voice: Which of the two.
        say: Sends what was said to the parent.
        stream: The stream that it stands in for; ``None`` where this process has none.

    Attributes:
        rest: What was said of a line that is not finished.
    """

    def __init__(self, voice: int, say: Say, stream: io.TextIOWrapper | None) -> None:
        self.name = f"<{NAMES[voice]}>"
        self.mode = "wb"
        self.heard = False
        self.terminal = stream is not None and stream.isatty()
        self.encoding = "utf-8" if stream is None else stream.encoding
        self._plain = self.encoding.lower() in {"utf-8", "utf8"}
        self._voice, self._say = voice, say
        self._fd = -1 if stream is None else stream.fileno()
        self.rest = b""
        self._lock = RLock()

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """What the parent's stream says."""
        return self.terminal

    def fileno(self) -> int:
        """The descriptor that the worker was born with: what C code writes to it does not come by here."""
        if self._fd < 0:
            raise io.UnsupportedOperation("fileno")
        return self._fd

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Send the lines that *data* finishes; keep the rest."""
        with self._lock:
            said = self.rest + bytes(data)
            if not self.heard:
                self._write_through(said)
                return len(data)
            end = len(said) if len(said) > LONGEST else said.rfind(b"\n") + 1
            self.rest = said[end:]
            if end:
                self._say(self._voice, self._in_utf8(said[:end]))
        return len(data)

    def finish(self) -> None:
        """Send the line that is not finished, if there is one."""
        with self._lock:
            if self.rest and self.heard:
                line, self.rest = self.rest, b""
                self._say(self._voice, self._in_utf8(line))

    def forked(self) -> None:
        """This is a copy of the process: the way to the parent is the original's."""
        self.heard = False
        self._lock = RLock()
        self.rest = b""

    def _write_through(self, data: bytes) -> None:
        self.rest = b""
        while data and self._fd >= 0:
            data = data[os.write(self._fd, data) :]

    def _in_utf8(self, data: bytes) -> bytes:
        if self._plain:
            return data
        try:
            return data.decode(self.encoding).encode()
        except UnicodeError:  # it is no text
            return data


class Speech:
    """How a worker process speaks; its standard streams are replaced when this is made.

    Args:
        say: Sends what was said to the parent.
    """

    def __init__(self, say: Say) -> None:
        self.say = say
        self.heard = False
        self._below = [getattr(sys, NAMES[voice]) for voice in _PRINTED]
        self._streams = [self._stand_in(voice, stream) for voice, stream in zip(_PRINTED, self._below, strict=True)]
        at_fork(after_in_child=self._forked)

    def listen(self) -> None:
        """A run listens from here on. What the last one has closed is open again: the worker is not its own."""
        self.heard = True
        for place, voice in enumerate(_PRINTED):
            if getattr(getattr(sys, NAMES[voice]), "closed", False):
                self._streams[place] = self._stand_in(voice, self._below[place])
        for stream in self._streams:
            stream.heard = True

    def pretend(self, terminals: tuple[bool, bool]) -> None:
        """Answer as the parent's streams do to the question whether they are terminals."""
        for stream, terminal in zip(self._streams, terminals, strict=True):
            stream.terminal = terminal

    def pause(self) -> None:
        """Send what has been said, finished or not: the chunk it belongs to goes back."""
        for stream in (sys.stdout, sys.stderr):
            try:  # noqa: SIM105  once for every chunk, and a with statement costs more than the rest
                stream.flush()
            except Exception:  # noqa: BLE001  a user may have put anything there
                pass
        for said in self._streams:
            if said.rest:
                said.finish()

    def hush(self) -> None:
        """No run listens any more."""
        self.pause()
        self.heard = False
        for stream in self._streams:
            stream.heard = False

    def _stand_in(self, voice: int, stream: io.TextIOWrapper | None) -> SaidStream:
        said = SaidStream(voice, self.say, stream)
        errors = "backslashreplace" if stream is None else stream.errors
        buffer = io.BufferedWriter(said)  # type: ignore[type-var]
        text = io.TextIOWrapper(buffer, said.encoding, errors, line_buffering=True)
        text.mode = "w"  # type: ignore[misc]  # as the interpreter does for its own
        setattr(sys, NAMES[voice], text)
        return said

    def _forked(self) -> None:
        self.heard = False
        for stream in self._streams:
            stream.forked()


# How this process speaks if it is a worker; set once, when it starts.
SPEECH: Final[list[Speech]] = []
