"""The kinds of worker: what is promised of one is promised of all, and of processes however they are started."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

NAMES = ["serial", "thread", "process", "process by fork", "process by spawn", "async", "auto", "futures"]
if sys.version_info >= (3, 14):
    NAMES.insert(5, "interpreter")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use NumPy are not for interpreters, where it can't be loaded."""
    items[:] = [item for item in items if not (item.get_closest_marker("with_numpy") and "[interpreter" in item.name)]


# Who takes no parameter `kind` and uses processes all the same has `pytest.mark.usefixtures("start_method")`.
METHODS = ["forkserver", "fork", "spawn"]


@pytest.fixture
def started_by(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Have process workers start by that method where nobody asks for another."""

    def start(method: str) -> None:
        monkeypatch.setattr("weft._workers.births.DEFAULT_START", method)
        if method == "fork":  # 3.12 and later warn of any fork beside threads
            request.node.add_marker(pytest.mark.filterwarnings("ignore:This process .*:DeprecationWarning"))

    return start


@pytest.fixture(params=NAMES)
def kind(request: pytest.FixtureRequest, started_by: Callable[[str], None]) -> Iterator[str | Executor]:
    """Every kind of worker, as ``on=`` takes it."""
    name, _, method = request.param.partition(" by ")
    if method:
        started_by(method)
    if name == "futures":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    else:
        yield name


@pytest.fixture
def name(kind: str | Executor) -> str:
    """The kind's name, to look up what is said of it."""
    return kind if isinstance(kind, str) else "futures"


@pytest.fixture(params=METHODS)
def start_method(request: pytest.FixtureRequest, started_by: Callable[[str], None]) -> str:
    """How process workers are started that the test uses."""
    method: str = request.param
    started_by(method)
    return method
