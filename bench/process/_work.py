"""Work that costs a known number of steps, whatever else the machine does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench._side_by_side import measure


def compute(steps: int) -> int:
    """Numbers, a dictionary, an object and a call in each step, whose price is the same for all; 0 in the end."""
    left, squares = Steps(steps), {}
    while left.number:
        low = left.number & 255
        squares[low] = low * low
        left.take()
    return left.number


class Steps:
    """So many steps, to be taken one by one."""

    def __init__(self, number: int) -> None:
        self.number = number

    def take(self) -> None:
        self.number -= 1


def count_down(steps: int) -> int:
    """Nothing but a loop over one number.

    What such a loop takes depends on more than its steps: up to a fifth from one moment to the next, in a plain loop
    and in any process, while work in C beside it takes the same (this folder's README).
    """
    left = steps
    while left:
        left -= 1
    return left


def one_millisecond(fn: Callable[[int], int] = compute) -> int:
    """How many steps of *fn*, one of the two above, take 1 ms when nobody disturbs them."""
    trial = 5_000
    times = measure({"trial": partial(fn, trial)}, 50, lambda left: left == 0)
    return int(trial * 0.001 / min(times["trial"]))
