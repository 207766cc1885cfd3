"""Locks that are free in a forked copy of the process: the thread that held one is not in it."""

from __future__ import annotations

import os
from weakref import WeakSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TypeVar

    Lock = TypeVar("Lock")

_LOCKS: Final[WeakSet[Any]] = WeakSet()


def free_in_copies(lock: Lock) -> Lock:
    """The *lock*, which no copy of this process will find held by somebody who never lets go."""
    _LOCKS.add(lock)
    return lock


def _free() -> None:
    for lock in list(_LOCKS):
        lock._at_fork_reinit()  # noqa: SLF001  as the standard library does with its own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free)
