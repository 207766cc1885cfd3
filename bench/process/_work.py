"""Work that costs a known number of steps, whatever else the machine does meanwhile."""

from __future__ import annotations

from functools import partial

from bench._side_by_side import measure


def compute(steps: int) -> int:
    left = steps
    while left:
        left -= 1
    return left


def one_millisecond() -> int:
    """How many steps of :func:`compute` take 1 ms when nobody disturbs them."""
    trial = 20_000
    times = measure({"trial": partial(compute, trial)}, 50, lambda left: left == 0)
    return int(trial * 0.001 / min(times["trial"]))
