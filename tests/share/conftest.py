"""What the tests of shared things have in common: every start method, and random moments that can be had again."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from weft._share.store import create_store
from weft._transport.boards import sweep

METHODS = ("fork", "forkserver", "spawn")


class Started:
    """Processes of one start method, all gone at the end."""

    def __init__(self, method: str) -> None:
        self.context: Any = multiprocessing.get_context(method)
        self._all: list[Any] = []

    def start(self, fn: Callable[..., Any], *args: Any) -> Any:
        process = self.context.Process(target=fn, args=args)
        process.start()
        self._all.append(process)
        return process

    def run(self, fn: Callable[..., Any], *args: Any) -> None:
        process = self.start(fn, *args)
        process.join(30)
        assert process.exitcode == 0

    def kill(self, process: Any) -> None:
        os.kill(process.pid, signal.SIGKILL)

    def end(self) -> None:
        for process in self._all:
            process.kill()
            process.join()
            process.close()


@pytest.fixture(params=METHODS)
def started(request: pytest.FixtureRequest) -> Iterator[Started]:
    made = Started(request.param)
    yield made
    made.end()
    module: Any = sys.modules.get("multiprocessing.forkserver")
    if module is not None and module._forkserver._forkserver_pid is not None:
        module._forkserver._stop()


@pytest.fixture
def chance() -> random.Random:
    return random.Random(6)


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    ending = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ending:
            return False
        time.sleep(0.002)
    return True


@pytest.fixture(name="until")
def _until() -> Callable[..., bool]:
    return until


@pytest.fixture
def having() -> Callable[..., set[int]]:
    """Which processes have memory of one of those names, open or mapped."""

    def look(*names: str) -> set[int]:
        found = set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            texts = []
            with suppress(OSError):
                texts.append(Path(f"/proc/{pid}/maps").read_text())
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    with suppress(OSError):  # the one that listed them
                        texts.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
            if any(name in text for name in names for text in texts):
                found.add(int(pid))
        return found

    return look


class Handle:
    """What keeps a store alive."""


@pytest.fixture
def store() -> Iterator[Any]:
    """A store of one lane, which takes as much as anybody puts there."""
    handle = Handle()
    made = create_store(handle, [0])
    yield made
    del handle
    sweep()
    vars(made).clear()  # or pytest keeps the mappings
