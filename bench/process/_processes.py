"""The processes below one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def descendants(pid: str) -> Iterator[str]:
    """All processes below this one: workers may have been started by a process that was."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in task.read_text(encoding="ascii").split():
                yield child
                yield from descendants(child)


def end_below(pid: str) -> None:
    """Kill all processes below this one, whatever groups and sessions they have gone into.

    Those that remove what others leave in shared memory are spared: they end by themselves when that is done.
    """
    for number in list(descendants(pid)):
        with suppress(FileNotFoundError, ProcessLookupError):
            if b"resource_tracker" not in Path(f"/proc/{number}/cmdline").read_bytes():
                os.kill(int(number), signal.SIGKILL)
