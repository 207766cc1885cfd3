"""What worker processes say, shown where this process shows what it says itself."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from .._model.event import Said
from .._transport.channel import Frame
from .._transport.codec import loads
from .saying import Voice

# Where warnings were raised that this process has no module for.
_REGISTRY: Final[dict[str, dict[Any, Any]]] = {}


class Ear:
    """Hears the workers of one run; called in the thread that waits for their answers.

    What fails when it is shown (a pipe that nobody reads any more, a log filter that raises) is raised as if the
    caller had said it, until the run is closed.

    Args:
        tell: Whom to tell of it besides.
    """

    def __init__(self, tell: Callable[[Said], object] | None) -> None:
        self._tell = tell
        self._fresh: set[str] = set()  # streams that were written to
        self._broken: set[str] = set()
        self._forgiving = False

    def hear(self, worker: str, frame: Frame) -> None:
        """Show what *worker* said."""
        try:
            said = Said(worker, frame.first if frame.attempt else None, *self._show(frame))
            if self._tell is not None:
                self._tell(said)
        except Exception:
            if not self._forgiving:
                raise

    def flush(self) -> None:
        """All that was shown is to be seen."""
        for name in self._fresh - self._broken:
            self._use(name, lambda stream: stream.flush())
        self._fresh.clear()

    def forgive(self) -> None:
        """The run is being closed: what can't be shown is dropped."""
        self._forgiving = True

    def _show(self, frame: Frame) -> tuple[str, str]:
        """Show it; where, and the text of it."""
        voice, body = Voice(frame.chunk), bytes(frame.body)
        name = voice.name.lower()
        match voice:
            case Voice.STDOUT | Voice.STDERR:
                return name, self._print(name, body)
            case Voice.LOGGING:
                return name, _log(loads(body))
            case Voice.WARNINGS:
                return name, _warn(*loads(body))

    def _print(self, name: str, data: bytes) -> str:
        self._fresh.add(name)
        if name not in self._broken:
            self._use(name, lambda stream: _write(stream, data))
        return data.decode(errors="replace")

    def _use(self, name: str, use: Callable[[Any], object]) -> None:
        stream = getattr(sys, name)
        if stream is None:
            return
        try:
            use(stream)
        except ValueError:  # it was closed
            self._broken.add(name)
        except OSError:
            self._broken.add(name)  # once is enough: the run ends by this
            if not self._forgiving:
                raise


def _write(stream: Any, data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError:  # bytes, which went to sys.stdout.buffer
        buffer = getattr(stream, "buffer", None)
        if buffer is not None:
            stream.flush()
            buffer.write(data)
            return
        text = data.decode(errors="replace")
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))


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
