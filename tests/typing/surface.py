"""What type checkers say about the front door; run by mypy, not by pytest."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import assert_type

import weft
from weft.abc import WorkerInfo


def length(text: str) -> int:
    return len(text)


async def fetch(url: str) -> bytes:
    return url.encode()


def walk(folder: str, more: Callable[[str], None]) -> int:
    more(folder)
    return len(folder)


def add(first: int, second: float) -> float:
    return first + second


assert_type(weft.map(length, ["a"]), weft.Run[int])
assert_type(weft.map(fetch, ["a"]), weft.Run[bytes])
assert_type(weft.map(add, [1], [2.0]), weft.Run[float])
assert_type(weft.starmap(add, [(1, 2.0)]), weft.Run[float])
assert_type(weft.map(length, ["a"]).results(), list[int])
assert_type(next(weft.map(length, ["a"])), int)
with weft.TaskGroup() as group:
    assert_type(group.submit(length, "a"), Future[int])
    assert_type(group.submit(fetch, "a", on="async"), Future[bytes])
assert_type(weft.worklist(walk, ["/"], key=str.lower, until=bool), weft.Run[int])
weft.worklist(walk, ["/"], ordered=True)  # type: ignore[call-overload]
flow = weft.pipeline(["a"]).map(length)
assert_type(flow, weft.Pipeline[int])
assert_type(flow.map(str), weft.Pipeline[str])
assert_type(weft.pipeline(["a"]).map(fetch), weft.Pipeline[bytes])
assert_type(flow.filter(bool).tap(print).batch(3), weft.Pipeline[list[int]])
assert_type(flow.flat_map(range), weft.Pipeline[int])
assert_type(flow.run(), weft.Run[int])
assert_type(next(iter(flow)), int)
flow.map(str, on="thread", retries=2, timeout=1.0)
flow.map(str, ordered=False)  # type: ignore[call-overload]
assert_type(weft.submit(length, "a"), Future[int])
numbers = weft.Channel[int](maxsize=3)
numbers.put(1)
numbers.put("one")  # type: ignore[arg-type]
assert_type(numbers.get(timeout=1.0), int)
assert_type(next(iter(numbers)), int)
here, there = weft.Pipe()
here.send(numbers)
assert_type(weft.current_worker(), WorkerInfo | None)
assert_type(weft.submit(fetch, "a"), Future[bytes])
assert_type(weft.pure(length)("a"), int)
assert_type(weft.thread_unsafe(length)("a"), int)
weft.advise(length, ["a"], seconds=1.0).plot("advice.html")
weft.advise(length, ["a"], second=1.0)  # type: ignore[call-arg]
weft.map(length, ["a"], on=ThreadPoolExecutor(), max_workers=3, on_error="keep", timeout=1.5)
weft.map(length, ["a"], contextvars=[ContextVar("name")])
weft.map(length, ["a"], contextvars=["name"])  # type: ignore[list-item, arg-type]
weft.map(length, ["a"], max_worker=3)  # type: ignore[call-overload]
weft.map(length, ["a"], on="ray", num_cpus=0.5, num_gpus=1, resources={"TPU": 4}, runtime_env={"pip": ["pandas"]})
assert_type(weft.RayExecutor("auto", 4, num_cpus=2).submit(length, "a"), Future[int])
weft.map(length, ["a"], on="proces")  # type: ignore[call-overload]
weft.map(length, ["a"], on_error="ignore")  # type: ignore[call-overload]


async def consume() -> None:
    async for value in weft.map(fetch, ["a"]):
        assert_type(value, bytes)
