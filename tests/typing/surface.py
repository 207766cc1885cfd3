"""What type checkers say about the front door; run by mypy, not by pytest."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import assert_type

import weft
from weft.abc import WorkerInfo


def length(text: str) -> int:
    return len(text)


async def fetch(url: str) -> bytes:
    return url.encode()


def add(first: int, second: float) -> float:
    return first + second


assert_type(weft.map(length, ["a"]), weft.Run[int])
assert_type(weft.map(fetch, ["a"]), weft.Run[bytes])
assert_type(weft.map(add, [1], [2.0]), weft.Run[float])
assert_type(weft.starmap(add, [(1, 2.0)]), weft.Run[float])
assert_type(weft.map(length, ["a"]).results(), list[int])
assert_type(next(weft.map(length, ["a"])), int)
assert_type(weft.submit(length, "a"), Future[int])
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
weft.map(length, ["a"], on="proces")  # type: ignore[call-overload]
weft.map(length, ["a"], on_error="ignore")  # type: ignore[call-overload]


async def consume() -> None:
    async for value in weft.map(fetch, ["a"]):
        assert_type(value, bytes)
