"""Locks in a forked copy of the process."""

from __future__ import annotations

import gc
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from weft._model import copies
from weft._model.copies import free_in_copies


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock])
def test_a_lock_that_another_thread_holds_is_free_in_a_copy_and_nowhere_else(make: Callable[[], Any]) -> None:
    """Its holder is not in the copy, and would never let go of it there."""
    lock = free_in_copies(make())
    holds, over = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            holds.set()
            over.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    holds.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0 if lock.acquire(blocking=False) else 1)
    assert not lock.acquire(blocking=False)
    over.set()
    holder.join()
    assert os.waitpid(child, 0) == (child, 0)


def test_it_is_remembered_no_longer_than_it_is_there() -> None:
    """A program makes one for every run."""
    gc.collect()
    before = len(copies._LOCKS)
    lock = free_in_copies(threading.Lock())
    assert len(copies._LOCKS) == before + 1
    del lock
    gc.collect()
    assert len(copies._LOCKS) == before
