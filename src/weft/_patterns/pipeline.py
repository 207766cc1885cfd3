"""weft.pipeline: functions one after another, each on its own workers, with little in between."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from .._engine import name_of
from .._flow import Flow
from .._model.event import Event
from .._model.options import Options
from .._model.stage import EACH, FILTER, FLAT, MAP, STAR, TAP, Batch, Part
from ..errors import BadOption, UnknownOption
from .map import check_iterable, total_of
from .run import Run

if TYPE_CHECKING:
    from typing import Unpack

    from .._model.asked import AskedOfStage

T = TypeVar("T")
R = TypeVar("R")

_OF_THE_WHOLE = {"ordered": "weft.pipeline(source, ordered=…)", "progress": "run(progress=…)"}


def pipeline(
    source: Iterable[T], /, *, ordered: bool = True, buffersize: int | None = None, name: str | None = None
) -> Pipeline[T]:
    """Send every item of *source* through one function after another, each on its own kind of workers.

    Every method adds a stage and gives back a new pipeline; ``for``, ``async for`` or :meth:`Pipeline.run` run it.

    Args:
        source: The input: any iterable, endless ones included. One that is not a list, a tuple or a range is read in
            a thread of its own, so that results do not wait for the next item; never further than the first stage
            has room for.
        ordered: Whether all stages keep the order of the input (the default), or each result goes on as it comes.
        buffersize: For all stages that do not say it themselves: most items read whose results have not gone on.
            Default: what the next stage makes good for, from 16 items on.
        name: What to call it; the names of its functions by default.
    """
    check_iterable(source)
    options = Options.of({"ordered": ordered, "buffersize": buffersize, "name": name})
    return Pipeline(source, (), options)


class Pipeline(Generic[T]):
    """Stages, one after another; see :func:`weft.pipeline`. It runs each time that it is iterated.

    Each method but :meth:`batch` takes a function and the options of :func:`weft.map` for it: ``on``, ``max_workers``,
    ``timeout``, ``retries``, ``on_error``, ``rate``, ``chunksize``, ``buffersize`` and so on.
    """

    def __init__(self, source: Iterable[Any], parts: tuple[Part | Batch, ...], options: Options) -> None:
        self._source, self._parts, self._options = source, parts, options

    @overload
    def map(self, fn: Callable[[T], Awaitable[R]], /, **asked: Unpack[AskedOfStage]) -> Pipeline[R]: ...
    @overload
    def map(self, fn: Callable[[T], R], /, **asked: Unpack[AskedOfStage]) -> Pipeline[R]: ...
    def map(self, fn: Callable[[T], Any], /, **asked: Unpack[AskedOfStage]) -> Pipeline[Any]:
        """Call *fn* with every item; its results go on."""
        return self._with(MAP, fn, asked)

    @overload
    def starmap(self, fn: Callable[..., Awaitable[R]], /, **asked: Unpack[AskedOfStage]) -> Pipeline[R]: ...
    @overload
    def starmap(self, fn: Callable[..., R], /, **asked: Unpack[AskedOfStage]) -> Pipeline[R]: ...
    def starmap(self, fn: Callable[..., Any], /, **asked: Unpack[AskedOfStage]) -> Pipeline[Any]:
        """Call ``fn(*item)`` for every item; its results go on."""
        return self._with(STAR, fn, asked)

    @overload
    def flat_map(self, fn: Callable[[T], AsyncIterable[R]], /, **asked: Unpack[AskedOfStage]) -> Pipeline[R]: ...
    @overload
    def flat_map(self, fn: Callable[[T], Awaitable[Iterable[R]]], /, **asked: Unpack[AskedOfStage]) -> Pipeline[R]: ...
    @overload
    def flat_map(self, fn: Callable[[T], Iterable[R]], /, **asked: Unpack[AskedOfStage]) -> Pipeline[R]: ...
    def flat_map(self, fn: Callable[[T], Any], /, **asked: Unpack[AskedOfStage]) -> Pipeline[Any]:
        """Call *fn* with every item; each of the things that it gives goes on by itself.

        It may be a generator; what it gives for one item is collected by the worker first.
        """
        return self._with(FLAT, fn, asked)

    def filter(
        self, fn: Callable[[T], object] | Callable[[T], Awaitable[object]], /, **asked: Unpack[AskedOfStage]
    ) -> Pipeline[T]:
        """Let those items go on for which *fn* gives something true."""
        return self._with(FILTER, fn, asked)

    def tap(
        self, fn: Callable[[T], object] | Callable[[T], Awaitable[object]], /, **asked: Unpack[AskedOfStage]
    ) -> Pipeline[T]:
        """Call *fn* with every item, for what it does; the item itself goes on."""
        return self._with(TAP, fn, asked)

    def each(
        self, fn: Callable[[T], object] | Callable[[T], Awaitable[object]], /, **asked: Unpack[AskedOfStage]
    ) -> Pipeline[T]:
        """Call *fn* with every item, for what it does; nothing goes on, so it is the last.

        The pipeline then runs to its end without a result: ``flow.run().results()``, which is ``[]``.
        """
        return self._with(EACH, fn, asked)

    def batch(self, n: int, /, *, timeout: float | None = None) -> Pipeline[list[T]]:
        """Gather items into lists of *n*; the last may be shorter.

        Args:
            n: How many.
            timeout: Seconds after which a list goes on though it is not full, from when its first item came.
        """
        size: object = n  # whatever type checkers were told
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise BadOption("batch", n, "a whole number, 1 or more")
        Options.of({"timeout": timeout})
        if isinstance(timeout, str):
            raise BadOption("timeout", timeout, "a number of seconds")
        return self._and(Batch(n, timeout))

    def run(self, *, progress: bool | Callable[[Event], object] | None = None) -> Run[T]:
        """A run of it: an iterator, an async iterator and a context manager, as of :func:`weft.map`.

        Args:
            progress: As of :func:`weft.map`; a callable is called from the stages' threads, one at a time.
        """
        options = Options.of(
            {
                "ordered": self._options.ordered,
                "buffersize": self._options.buffersize,
                "name": self._options.name,
                "progress": progress,
            }
        )
        return Run.of(Flow(self._source, self._parts, options, total_of((self._source,))))

    def __iter__(self) -> Iterator[T]:
        return iter(self.run())

    def __aiter__(self) -> AsyncIterator[T]:
        return aiter(self.run())

    def __repr__(self) -> str:
        parts = [f"batch({part.size})" if isinstance(part, Batch) else part.name for part in self._parts]
        return f"<weft.Pipeline {' → '.join(['source', *parts])}>"

    def _with(self, how: str, fn: Callable[..., Any], asked: AskedOfStage) -> Pipeline[Any]:
        if not callable(fn):
            raise TypeError(f"the first argument of {how}() must be something to call, not {fn!r}")
        for name in set(_OF_THE_WHOLE).intersection(asked):
            raise UnknownOption(name, _OF_THE_WHOLE[name], ())
        options = Options.of(asked)
        return self._and(Part(how, fn, options.name or name_of(fn), options))

    def _and(self, part: Part | Batch) -> Pipeline[Any]:
        if self._parts and isinstance(self._parts[-1], Part) and self._parts[-1].how == EACH:
            raise TypeError("nothing goes on after each(); use tap() for a stage that hands its items on")
        return Pipeline(self._source, (*self._parts, part), self._options)
