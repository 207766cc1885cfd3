"""Ray, started once for all of these tests; each is held to leaving nothing of its own in it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from weft import _single
from weft._workers.beside import IDLE
from weft._workers.loop import BACKGROUND

REASON = f"Ray is not installed: pip install 'weft[ray]', where it comes for this Python ({sys.version.split()[0]})"
CPUS = 2
STORE = 256 * 2**20
DEADLINE = 10.0  # seconds until what is on its way out must be gone


def eventually(condition: Any, deadline: float = DEADLINE) -> bool:
    ending = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > ending:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(name="eventually")
def _eventually() -> Any:
    return eventually


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Ray with two processors, for the session; without Ray all is skipped."""
    ray = pytest.importorskip("ray", reason=REASON)
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of what it will do one day
    ray.init("local", num_cpus=CPUS, object_store_memory=STORE, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture(autouse=True)
def nothing_left_behind(cluster: Any) -> Iterator[None]:
    """No task goes on, no thread of weft's: Ray's own processes, descriptors and memory stay until the session ends."""
    before = set(threading.enumerate())
    yield
    _single.DISPATCHERS.finish()
    BACKGROUND.stop()
    assert eventually(lambda: not _threads() - before), f"left behind: {_threads() - before}"
    assert eventually(lambda: cluster.available_resources().get("CPU", 0) == CPUS), "a task goes on in Ray"


def _threads() -> set[threading.Thread]:
    """Those that could be weft's or Ray's, but for what has nothing to do beside an event loop."""
    names = "weft", "Ray", "Thread"
    return {thread for thread in threading.enumerate() if thread.name.startswith(names) and thread.name != IDLE}


@pytest.fixture
def kind() -> str:
    """The contract's kind."""
    return "ray"


@pytest.fixture
def name() -> str:
    return "ray"


@pytest.fixture
def asked() -> dict[str, Any]:
    """What is asked of every run of the contract's crashes."""
    return {"on": "ray", "max_workers": 2}
