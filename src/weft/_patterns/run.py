"""The run that people hold: iterate it and it runs."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from itertools import chain
from threading import RLock
from types import TracebackType

from .._model.gil import gil_enabled
from .batches import Batches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self, TypeVar

    from .._choose.bottleneck import FlowExplanation
    from .._choose.explain import Explanation
    from .._engine import Execution
    from .._flow import Flow
    from .._model.event import Stats
    from .._model.outcome import Failure

    T = TypeVar("T")
else:
    T = object

GIL = gil_enabled()


# A subclass of itertools.chain over batches of results: next() of an item never enters Python code, which is
# what makes tiny items cost nanoseconds. Without a GIL two threads in one chain would have an item twice, so they
# take turns there.
class Run(chain[T]):
    """The results of :func:`weft.map`, and what is known about how they came about.

    An iterator: iterating it runs it, results come as they are ready, and nothing is read or run further ahead
    than ``buffersize``. An async iterator too: under ``async for`` the event loop runs on. A context manager:
    leaving the block cancels what is not done. Dropping it, or leaving a loop over it, does the same. Several
    threads may iterate it: each result goes to one of them, and so does the error that ends it.

    Ends by raising what the function or the input raised, see ``on_error``.
    """

    _execution: Execution | Flow
    _batches: Batches
    _gathering: RLock
    _results: list[T] | None
    _async_results: AsyncGenerator[T] | None
    _guarded: bool  # whether an ``async with`` will end the run

    @classmethod
    def of(cls, execution: Execution | Flow) -> Run[T]:
        """A run that has not begun."""
        batches = Batches(execution.batches())
        run = cls.from_iterable(batches)
        assert isinstance(run, cls)
        run.take_up(execution, batches)
        return run

    def take_up(self, execution: Execution | Flow, batches: Batches) -> None:
        self._execution, self._batches, self._gathering = execution, batches, RLock()
        self._results = self._async_results = None
        self._guarded = False

    if not GIL:

        def __next__(self) -> T:
            with self._gathering:
                return super().__next__()

    def results(self) -> list[T]:
        """Run to the end and return all results (those not yet taken) as a list; later calls return it again."""
        with self._gathering:  # a second thread that asks gets the same
            if self._results is None:
                results: list[T] = []
                if not self._execution.begun:  # whole batches are quicker than values one by one
                    for batch in self._batches:
                        results += batch
                results.extend(self)
                self._results = results
            return self._results

    @property
    def failures(self) -> list[Failure]:
        """What failed for good so far, one :class:`weft.Failure` an item, whatever ``on_error`` says."""
        return self._execution.failures

    @property
    def stats(self) -> Stats:
        """The figures so far: done, failed, retried, seconds and so on."""
        return self._execution.stats

    def explain(self) -> Explanation | FlowExplanation:
        """Which workers ran this and why; ``str()`` of it is for people, ``.to_dict()`` for programs."""
        return self._execution.explain()

    def cancel(self) -> None:
        """End the run: what is not done is not begun, what runs is stopped where its kind can be stopped.

        The iteration ends after the results that had arrived. A thread can't be stopped: it finishes the item it
        is in, and that result is dropped. May be called from any thread; the thread that iterates then ends the
        run, at once if it is waiting for a result, else when it next asks for one.
        """
        if self._execution.stop():
            self._batches.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.cancel()

    async def __aenter__(self) -> Self:
        self._guarded = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if self._async_results is not None:
            await self._async_results.aclose()
        self.cancel()

    async def _stream(self) -> AsyncGenerator[T]:
        if self._execution.over:
            return
        if self._execution.begun:
            raise RuntimeError("this run is being iterated already; ask for another")
        async with aclosing(self._execution.abatches()) as batches:
            async for batch in batches:
                for value in batch:
                    yield value

    def __aiter__(self) -> AsyncIterator[T]:
        if not self._guarded:  # then leaving the loop drops the only reference, and so ends the run
            return self._stream()
        self._async_results = self._stream()
        return self._async_results

    async def __anext__(self) -> T:
        if self._async_results is None:
            self._async_results = self._stream()
        return await anext(self._async_results)

    def __del__(self) -> None:
        execution = getattr(self, "_execution", None)
        if execution is not None and not execution.begun:
            warnings.warn(
                f"{execution.title} was never iterated, so nothing was run: iterate it, or call .results()",
                RuntimeWarning,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        execution = self._execution
        state = "not begun" if not execution.begun else str(self.explain().headline)
        total = "" if self.stats.total is None else f" of {self.stats.total:,}"
        return f"<weft.Run {execution.label}: {self.stats.done:,}{total} done; {state}>"

    def _repr_html_(self) -> str:
        from html import escape

        stats: dict[str, Any] = {
            "done": f"{self.stats.done:,}" + ("" if self.stats.total is None else f" of {self.stats.total:,}"),
            "failed": f"{self.stats.failed:,}",
            "seconds": f"{self.stats.seconds:.3g}",
            "workers": self.explain().headline,
        }
        rows = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in stats.items())
        return f"<table><caption>{escape(self._execution.title)}</caption>{rows}</table>"
