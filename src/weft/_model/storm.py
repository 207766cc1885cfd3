"""What :class:`weft.testing.chaos` asks of workers: which try of which item ends its worker, or is slow."""

from __future__ import annotations

import os
from itertools import count

from .noun import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, Literal


@dataclass(frozen=True, slots=True, eq=False)
class Mishap:
    """What befalls one try of an item.

    Attributes:
        pause: Seconds that pass before the call.
        death: Whether, and when, the worker that has it dies.
    """

    pause: float
    death: Literal["before", "after"] | None


@dataclass(frozen=True, slots=True, eq=False)
class Storm:
    """Deaths and delays by chance, as one run or one submitted call meets them.

    Attributes:
        kill: The probability that a try ends its worker.
        slow: The probability that it is delayed.
        delay: By how many seconds, on average.
        seed: What chance depends on, besides the place of the item.
        log: The file that says what has been done; without it the storm is over.
        run: Which of the runs begun in the storm this is, from 1; 0 for calls that were submitted.
        call: Which of the calls submitted in the storm this is, from 0; it stands for the index.
    """

    kill: float
    slow: float
    delay: float
    seed: int
    log: str
    run: int = 0
    call: int = 0

    def mishap(self, index: int, attempt: int, deaths: int) -> Mishap:
        """What befalls the item on this attempt, of which it has died so often before."""
        from math import log
        from random import Random

        chance = Random(f"{self.seed} {self.run} {index} {attempt} {deaths}")
        dies, late, after = (chance.random() < limit for limit in (self.kill, self.slow, 0.5))
        pause = -self.delay * log(1.0 - chance.random())
        return Mishap(pause if late else 0.0, ("after" if after else "before") if dies else None)


# ── what was done ─────────────────────────────────────────────────────────────────────────────────────────
# A line for each death and each delay, in a file that any process can add to: who is about to die has no other
# way to say so that is certain to arrive, and the next worker to try the item has to know how often it died.


def note(storm: Storm, line: str) -> bool:
    """Add a line to the log; ``False`` if the storm is over."""
    try:
        fd = os.open(storm.log, os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:
        return False
    try:
        os.write(fd, f"{line}\n".encode())  # one write: lines of several processes do not mix
    finally:
        os.close(fd)
    return True


def noted(storm: Storm) -> list[str]:
    """The lines of the log; none if the storm is over."""
    try:
        with open(storm.log, encoding="ascii") as log:  # noqa: PTH123  pathlib is not loaded in workers
            return log.read().splitlines()
    except FileNotFoundError:
        return []


# ── the storms of this process ────────────────────────────────────────────────────────────────────────────


class Front:
    """A storm, and what numbers the runs and calls that meet it."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.runs: Iterator[int] = count(1)
        self.calls: Iterator[int] = count()


# Those that rage now, in all threads of this process; the last is the one that is met. Worker processes have none.
FRONTS: Final[list[Front]] = []


def met_by_run() -> Storm | None:
    """The storm that a run meets which begins now, if any."""
    for front in FRONTS[-1:]:  # at once: another thread may leave its own
        return replace(front.storm, run=next(front.runs))
    return None


def met_by_call() -> Storm | None:
    """The same for a call that is submitted now."""
    for front in FRONTS[-1:]:
        return replace(front.storm, call=next(front.calls))
    return None
