"""Runs in which workers die and calls are late: to find out whether a job stands that."""

from __future__ import annotations

import os
import sys
from contextlib import ContextDecorator
from typing import Self

from .._model.storm import FRONTS, Front, Storm, noted
from ..errors import BadOption


class chaos(ContextDecorator):  # noqa: N801  it is used like a function
    """Within this block workers die and calls are late, by chance: test whether your job comes through.

    >>> import weft.testing
    >>> with weft.testing.chaos(kill=0.05, slow=0.05, seed=1) as storm:
    ...     results = weft.map(abs, range(-100, 0), on="process").results()
    >>> results == list(range(100, 0, -1)), storm.kills > 0
    (True, True)

    It holds for every run that begins in the block and every call that is submitted there, in any thread of this
    process; not for those that begin inside worker processes. Leaving the block ends it for runs that go on, too. Of
    blocks inside each other the innermost counts. It is a decorator as well, for plain functions.

    A death is a SIGKILL: half of them come before the call, half after it, when the function has done its work but
    nobody has its result. So that a job comes through, its function must be one that may be run twice. As always an
    item is given to another worker twice; the third death is its :class:`weft.WorkerDied`. Only workers of
    ``on="process"`` die. Threads, coroutines, the caller and executors of your own can't be killed and replaced: there
    *kill* does nothing, and delays are all that happens.

    Which tries of which items are hit depends on the seed, on which run of the block it is (or, for a submitted call,
    which call), on the item's index, its attempt and how often it has died, and on nothing else: not on time, nor on
    the number of workers. Runs that begin at the same moment in several threads are numbered as they come.

    Outside of such a block weft's workers do nothing for it. Inside, each call costs some 20 µs more.

    Args:
        kill: The probability that a try of an item ends the worker that has it.
        slow: The probability that a try is delayed before the call.
        delay: How long such a delay is on average, in seconds; long ones are rare (exponential distribution).
        seed: A whole number; by default one that nobody knows, see *seed* below.

    Attributes:
        seed: The seed; to see the same again if it was not given.

    Raises:
        BadOption: A number is out of range.
    """

    def __init__(self, *, kill: float = 0.01, slow: float = 0.05, delay: float = 0.05, seed: int | None = None) -> None:
        _check("kill", kill, 1, "a probability, from 0 to 1")
        _check("slow", slow, 1, "a probability, from 0 to 1")
        _check("delay", delay, sys.float_info.max, "a number of seconds, 0 or more")
        if seed is not None and not isinstance(seed, int):
            raise BadOption("seed", seed, "a whole number or None")
        self.kill, self.slow, self.delay = kill, slow, delay
        self.seed = int.from_bytes(os.urandom(4)) if seed is None else seed
        self._asked_seed = seed
        self._front: Front | None = None
        self._log: list[str] = []

    @property
    def kills(self) -> int:
        """How many workers have died of it."""
        return self._count("kill")

    @property
    def delays(self) -> int:
        """How many tries were delayed. One that was lost with another item, and run again, counts once."""
        return self._count("slow")

    def __enter__(self) -> Self:
        """Begin."""
        import tempfile

        if self._front is not None:
            raise RuntimeError("this block of chaos is entered already; make another: chaos(...)")
        fd, path = tempfile.mkstemp(prefix="weft-chaos-")
        os.close(fd)
        self._log = []
        self._front = Front(Storm(self.kill, self.slow, self.delay, self.seed, path))
        FRONTS.append(self._front)
        return self

    def __exit__(self, *raised: object) -> None:
        """End, also for runs that go on."""
        front, self._front = self._front, None
        assert front is not None
        FRONTS.remove(front)
        self._log = noted(front.storm)
        os.unlink(front.storm.log)  # noqa: PTH108

    def __repr__(self) -> str:
        return f"chaos(kill={self.kill!r}, slow={self.slow!r}, delay={self.delay!r}, seed={self.seed!r})"

    def _recreate_cm(self) -> chaos:
        """One for each call of a function that is decorated."""
        return chaos(kill=self.kill, slow=self.slow, delay=self.delay, seed=self._asked_seed)

    def _count(self, what: str) -> int:
        lines = self._log if self._front is None else noted(self._front.storm)
        return len({line for line in lines if line.startswith(what)})


def _check(name: str, value: object, most: float, wanted: str) -> None:
    if not (isinstance(value, int | float) and 0 <= value <= most):
        raise BadOption(name, value, wanted)
