"""The kinds of worker: what is promised of one is promised of all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

NAMES = ["serial", "thread", "process", "async", "auto", "futures"]


@pytest.fixture(params=NAMES)
def kind(request: pytest.FixtureRequest) -> Iterator[str | Executor]:
    """Every kind of worker, as ``on=`` takes it."""
    if request.param == "futures":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    else:
        yield request.param


@pytest.fixture
def name(kind: str | Executor) -> str:
    """The kind's name, to look up what is said of it."""
    return kind if isinstance(kind, str) else "futures"
