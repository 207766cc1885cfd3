"""Forked copies of the process, on systems that have them: what is to happen there, and locks that are free there."""

from __future__ import annotations

import os
from weakref import WeakSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, TypeVar

    Lock = TypeVar("Lock")

_LOCKS: Final[WeakSet[Any]] = WeakSet()


def at_fork(**hooks: Callable[[], object]) -> None:
    """As :func:`os.register_at_fork`; where there is none nothing is forked either."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(**hooks)


def free_in_copies(lock: Lock) -> Lock:
    """The *lock*, which no copy finds held by somebody who never lets go: that thread is not in the copy."""
    _LOCKS.add(lock)
    return lock


def _free() -> None:
    for lock in list(_LOCKS):
        lock._at_fork_reinit()  # noqa: SLF001  as the standard library does with its own


at_fork(after_in_child=_free)
