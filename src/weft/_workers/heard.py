"""What worker processes say, shown where this process shows what it says itself."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import suppress

from .._model.event import Said
from .._transport.channel import Frame
from .._transport.codec import loads
from .saying import NAMES, Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

# Where warnings were raised that this process has no module for.
_REGISTRY: Final[dict[str, dict[Any, Any]]] = {}


class Ear:
    """Hears the workers of one run; called in the thread that waits for their answers.

    What fails when it is shown (a pipe that nobody reads any more, a log filter that raises) is raised as if the
    caller had said it, until the run is closed.

    Args:
        tell: Whom to tell of it besides.

    Attributes:
        fresh: The streams that were written to since the last flush.
    """

    def __init__(self, tell: Callable[[Said], object] | None) -> None:
        self._tell = tell
        self.fresh: set[str] = set()
        self._broken: set[str] = set()
        self._forgiving = False

    def hear(self, worker: str, frame: Frame) -> None:
        """Show what *worker* said."""
        try:
            text = self._show(frame.chunk, bytes(frame.body))
            if self._tell is not None:
                self._tell(Said(worker, frame.first if frame.attempt else None, NAMES[frame.chunk], text))
        except Exception:
            if not self._forgiving:
                raise

    def flush(self) -> None:
        """All that was shown is to be seen."""
        for name in self.fresh:
            self._use(name, _flush)
        self.fresh.clear()

    def forgive(self) -> None:
        """The run is being closed: what can't be shown is dropped."""
        self._forgiving = True

    def _show(self, voice: int, body: bytes) -> str:
        """Show it; the text of it."""
        if voice == Voice.LOGGING:
            return _log(loads(body))
        if voice == Voice.WARNINGS:
            return _warn(*loads(body))
        name = NAMES[voice]
        self.fresh.add(name)
        try:
            text = body.decode()
        except UnicodeDecodeError:  # it went to sys.stdout.buffer and is no text
            self._use(name, _write_bytes, body)
            return body.decode(errors="replace")
        self._use(name, _write, text)
        return text

    def _use(self, name: str, use: Callable[..., object], *args: object) -> None:
        stream = getattr(sys, name)
        if stream is None or name in self._broken:
            return
        try:
            use(stream, *args)
        except ValueError:  # it was closed
            self._broken.add(name)
        except OSError:
            self._broken.add(name)  # once is enough: the run ends by this
            if not self._forgiving:
                raise


def _write(stream: Any, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:  # letters that it does not have
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))


def _write_bytes(stream: Any, data: bytes) -> None:
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(data.decode(errors="replace"))
    else:
        stream.flush()
        buffer.write(data)


def _flush(stream: Any) -> None:
    stream.flush()


def _log(attributes: dict[str, Any]) -> str:
    import logging

    record = logging.makeLogRecord(attributes)
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
    return record.getMessage()


def _warn(message: Warning | str, category: type[Warning], place: tuple[str, int, str | None]) -> str:
    filename, lineno, module = place
    names = _REGISTRY if module not in sys.modules else vars(sys.modules[module])
    registry = names.setdefault("__warningregistry__" if names is not _REGISTRY else filename, {})
    with suppress(Warning):  # a filter that was made after the call: it can't be raised where it should be
        warnings.warn_explicit(message, category, filename, lineno, module, registry)
    return str(message)
