"""Functions that are hard to judge: tiny ones, huge arguments and results, warm-up, tails, phases, locks."""

from __future__ import annotations

import threading
import time
from typing import Any

from ._computing import spin


def square(x: int) -> int:
    return x * x


def shouted(text: str) -> str:
    return text.upper()


def array_total(array: Any) -> float:
    return float(array.sum())


def array_first(array: Any) -> float:
    """Nothing to do, and much to send."""
    return float(array[0]) + len(array)


def array_made(seed: int) -> Any:
    """4 MB to bring back."""
    import numpy as np

    return np.full(500_000, float(seed))


def bytes_made(n: int) -> bytes:
    """1 MB to bring back, and some work."""
    return bytes([spin(20_000) & 0xFF ^ n & 0xFF]) * 1_000_000


def records(n: int) -> list[dict[str, Any]]:
    """Many small objects to bring back."""
    return [{"id": i, "name": f"user {i}", "tags": ["a", "b"], "score": i / (n + 1)} for i in range(600)]


table: list[int] | None = None


def warmed(n: int) -> int:
    """Dear the first time: it makes a table that it keeps."""
    global table  # noqa: PLW0603
    if table is None:
        table = [spin(4_000) for _ in range(400)]
    return table[n % 400] + spin(30_000)


def phased(job: tuple[str, float]) -> float:
    """What it does depends on the item."""
    kind, amount = job
    if kind == "wait":
        time.sleep(amount / 1000)
    else:
        spin(int(amount))
    return amount


class Guarded:
    """An object with a lock: its methods take turns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def compute(self, turns: int) -> int:
        with self._lock:
            return spin(turns)

    def wait(self, milliseconds: float) -> float:
        with self._lock:
            time.sleep(milliseconds / 1000)
        return milliseconds

    def wait_outside(self, milliseconds: float) -> float:
        time.sleep(milliseconds / 1000)
        with self._lock:
            return milliseconds


def with_settings(turns: int) -> Any:
    """A closure that computes with what it holds."""
    settings = {"turns": turns, "more": 7}

    def fn(n: int) -> int:
        return spin(settings["turns"]) + settings["more"] + n

    return fn


def with_delay(milliseconds: float) -> Any:
    """A closure that waits."""

    def fn(n: int) -> int:
        time.sleep(milliseconds / 1000)
        return n

    return fn
