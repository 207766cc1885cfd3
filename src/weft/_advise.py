"""Kinds measured side by side: short runs of the engine over the first items, within a bound of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from threading import get_native_id
from time import perf_counter, thread_time

from ._choose.advice import Advice, Trial, expected, goes_on, knees_of, ladder
from ._choose.effects import effects_of
from ._choose.machine import Machine
from ._engine import Execution
from ._model.options import Options
from ._single import is_async
from ._workers.delay import queued
from .errors import KindUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

MOST_ITEMS: Final = 100_000  # of the input, read and kept
MOST_RUN: Final = 2_000_000  # items of one trial
SLICES: Final = 14  # of the time there is: some so many kinds and numbers are tried
PATIENCE: Final = 4.0  # slices that one of them may take before it is ended


class NoItems(ValueError):
    """There is nothing to measure with."""

    def __init__(self) -> None:
        super().__init__("there are no items to measure with")


class Sample:
    """The first items of an input, read as they are needed and kept; when they are used up, from the first again."""

    def __init__(self, source: Iterable[Any]) -> None:
        self._rest = iter(source)
        self.items: list[Any] = []

    def take(self, count: int) -> Iterable[Any]:
        """So many items."""
        missing = min(count, MOST_ITEMS) - len(self.items)
        if missing > 0:
            self.items += islice(self._rest, missing)
        return islice(cycle(self.items), count)


class Bench:
    """The function and its sample.

    Args:
        fn: The function.
        sample: What it is called with.
        star: Whether an item is a tuple of arguments.
        seconds: About how long it may take altogether.
    """

    def __init__(self, fn: Callable[..., Any], sample: Sample, *, star: bool, seconds: float) -> None:
        self._fn, self._sample, self._star = fn, sample, star
        self._ends = perf_counter() + seconds
        self._slice = seconds / SLICES
        self._machine = Machine.here()
        self.cost = self.share = 0.0
        self.starts: dict[str, float] = {}
        self.left_out: dict[str, str] = {}
        self.changes: str | None = None
        self._stays: str | None = None
        self._alone: str | None = None

    def trials(self, most: int | None) -> list[Trial]:
        """What is measured: the plain loop, then each kind that is safe, with more and more workers.

        What it comes down to, the plain loop and the best of each kind, is measured once more at the end: on a machine
        that others use, the quicker of two runs tells more than one.
        """
        awaits = is_async(self._fn)
        done = [self._plain("async" if awaits else "serial")]
        kinds = ["async"] if awaits else list(self._safe())
        left = self._ends - perf_counter()
        for place, kind in enumerate(kinds, 1):
            try:
                done += self._climb(kind, most, self._ends - left * (1 - place / len(kinds)))
            except KindUnavailable as error:
                self.left_out[kind] = str(error)
        for trial in {done[0].kind: done[0], **knees_of(done)}.values():
            again = self._run(trial.kind, trial.workers, trial.items)
            if again.rate > trial.rate:
                done[done.index(trial)] = again
        return done

    def _climb(self, kind: str, most: int | None, ends: float) -> Iterator[Trial]:
        done: list[Trial] = []
        for workers in ladder(kind, self._machine.cpus):
            if (most is not None and workers > most) or not goes_on(done):
                return
            if perf_counter() > ends and done:
                self.left_out[f"{kind} ×{workers} and more"] = "the time was over"
                return
            self._warm(kind, workers)
            count = min(int(self._expected(kind, workers) * self._slice), MOST_RUN)
            done.append(self._run(kind, workers, max(workers, count)))
            yield done[-1]
        if goes_on(done):
            self.left_out[f"{kind} ×{2 * workers} and more"] = "nobody asked for so many; the rate was still rising"

    def _plain(self, kind: str) -> Trial:
        """The plain loop: one item, two, four, until that takes long enough to tell."""
        first = next(iter(self._sample.take(1)))
        execution = self._execution(kind, 1, [first])
        execution.take_note(first)
        value, count, seconds, computed = self._first_value(execution), 1, 0.0, 0.0
        while seconds < self._slice / 2 and count <= MOST_RUN:
            began, computing, waiting = perf_counter(), thread_time(), queued(get_native_id())
            trial = self._run(kind, 1, count)
            seconds, computed = perf_counter() - began, thread_time() - computing + queued(get_native_id()) - waiting
            count *= 2
        self.cost = trial.seconds / max(1, trial.items)
        self.share = min(1.0, computed / seconds) if kind == "serial" else 0.0
        self._stays, self._alone = execution.stays((first, value)), execution.alone()
        effects = effects_of(self._fn, first, star=self._star)
        self.changes = f"{effects.what} ({effects.where})" if effects.verdict == "changes" else None
        return Trial(kind, 1, trial.items, trial.seconds, 1 / self.cost, trial.failed)

    def _first_value(self, execution: Execution) -> Any:
        """The first item's result; its error, as it is raised, if it fails."""
        for batch in execution.batches():
            for value in batch:
                return value
        return None

    def _safe(self) -> Iterator[str]:
        self.left_out["async"] = "it is not a coroutine function"
        if self._alone is None:
            yield "thread"
        else:
            self.left_out["thread"] = self._alone
        if self._stays is None:
            yield "process"
        else:
            self.left_out["process"] = self._stays

    def _warm(self, kind: str, workers: int) -> None:
        """Have the workers there, and what the function imports or prepares in them."""
        if kind != "process":
            return
        began = perf_counter()
        self._run(kind, workers, 2 * workers if self.cost < self._slice / 4 else 1)
        spent = perf_counter() - began
        self.starts.setdefault(kind, max(0.0, spent - 2 * self.cost))

    def _run(self, kind: str, workers: int, count: int) -> Trial:
        execution = self._execution(kind, workers, self._sample.take(count), on_error="keep")
        done, began = 0, perf_counter()
        batches = execution.batches()
        for batch in batches:
            done += len(batch)
            if perf_counter() - began > PATIENCE * self._slice:
                break
        seconds = perf_counter() - began
        batches.close()
        return Trial(kind, workers, done, seconds, self._expected(kind, workers), execution.stats.failed)

    def _expected(self, kind: str, workers: int) -> float:
        cost = max(self.cost, 1e-9)
        return expected(kind, workers, cost, self.share, self._machine.cpus, gil=self._machine.gil)

    def _execution(self, kind: str, workers: int, items: Iterable[Any], on_error: str = "raise") -> Execution:
        asked = {"on": kind, "max_workers": workers, "ordered": False, "on_error": on_error, "progress": False}
        return Execution(self._fn, items, Options.of(asked), star=self._star, total=None)


def advise_on(
    fn: Callable[..., Any], source: Iterable[Any], name: str, *, star: bool, total: int | None, seconds: float,
    max_workers: int | None,
) -> Advice:  # fmt: skip
    """Measure, and say what it comes to.

    Raises:
        NoItems: There are none.
    """
    sample = Sample(source)
    if not list(sample.take(1)):
        raise NoItems
    bench = Bench(fn, sample, star=star, seconds=seconds)
    trials = bench.trials(max_workers)
    gil = Machine.here().gil
    left_out, starts = dict(bench.left_out), dict(bench.starts)
    return Advice(name, bench.cost, bench.share, total, trials, starts, left_out, gil, bench.changes)
