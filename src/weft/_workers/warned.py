"""Warnings of a worker process, on their way to the parent, which shows them as if they were its own."""

from __future__ import annotations

import sys
import warnings

from .._transport.codec import dumps
from .saying import SPEECH, Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import TextIO

_shown = warnings.showwarning


def show(  # noqa: PLR0917  the warnings module's own signature
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Send a warning that passed the filters; a substitute for :func:`warnings.showwarning`."""
    speech = SPEECH[0]
    if file is not None or not speech.heard:
        _shown(message, category, filename, lineno, file, line)
        return
    place = (filename, lineno, _module(filename))
    try:
        body = dumps((message, category, place))
    except Exception:  # noqa: BLE001  a warning with something in it that can't travel: its text can
        body = dumps((str(message), _nearest(category), place))
    speech.say(Voice.WARNINGS, body)


def _module(filename: str) -> str | None:
    """The name of the module that was warned, which a filter may ask for."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  as the warnings module does itself
    while frame is not None and frame.f_code.co_filename != filename:
        frame = frame.f_back
    return None if frame is None else frame.f_globals.get("__name__")


def _nearest(category: type[Warning]) -> type[Warning]:
    """The category, or what it is a kind of, as far as any interpreter has it."""
    return next(kind for kind in category.__mro__ if kind.__module__ == "builtins" and issubclass(kind, Warning))
