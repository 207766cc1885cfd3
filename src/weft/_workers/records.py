"""Log records of a worker process, on their way to the parent, whose levels, filters and handlers decide."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, Final

from .._model.current import AT_WORK_HERE, WORKER
from .._transport.codec import dumps, loads
from .saying import SPEECH, Voice


class Upward(logging.Handler):
    """Hands records to the parent."""

    def emit(self, record: logging.LogRecord) -> None:
        """Send the *record*."""
        speech = SPEECH[0]
        if not speech.heard:  # a copy of the worker that was forked off, or a thread that goes on after the run
            if record.levelno >= logging.WARNING:
                sys.stderr.write(self.format(record) + "\n")
            return
        try:
            speech.say(Voice.LOGGING, _pack(self._told(record)))
        except Exception:  # noqa: BLE001  as every handler does: a record that can't be told breaks nothing
            self.handleError(record)

    def _told(self, record: logging.LogRecord) -> dict[str, Any]:
        """Its attributes, the message finished, the traceback as text, as they can travel."""
        told = dict(vars(record))
        told["msg"], told["args"] = record.getMessage(), ()
        if record.exc_info:
            formatter = self.formatter or logging.Formatter()
            told["exc_text"], told["exc_info"] = formatter.formatException(record.exc_info), None
        told["processName"] = told["weft_worker"] = WORKER[0]
        here = AT_WORK_HERE[:]  # threads of this process may come and go meanwhile
        told["weft_index"] = here[0].index if here else None
        return told


UPWARD: Final = Upward()
_FOLLOWED: Final[set[str]] = set()  # the loggers whose level is the parent's


def follow(levels: Mapping[str, int], disabled: int, *, configured: bool) -> None:
    """Log what the parent would.

    If its root logger has handlers, records go there, and ``basicConfig`` finds that all is configured already.
    If not, they go there only where nobody configured anything in this process either.
    """
    for name in _FOLLOWED - levels.keys():
        logging.getLogger(name).setLevel(logging.NOTSET)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    _FOLLOWED.clear()
    _FOLLOWED.update(levels)
    logging.disable(disabled)
    logging.lastResort = UPWARD
    root = logging.getLogger()
    if configured:
        root.addHandler(UPWARD)
    else:
        root.removeHandler(UPWARD)


def _pack(told: dict[str, Any]) -> bytes:
    try:
        return dumps(told)
    except Exception:  # noqa: BLE001  something that was passed as extra=
        return dumps({name: value if _travels(value) else repr(value) for name, value in told.items()})


def _travels(value: object) -> bool:
    try:
        loads(dumps(value))
    except Exception:  # noqa: BLE001  any refusal will do
        return False
    return True
