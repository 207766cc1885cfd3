"""weft.map and weft.starmap: a function over many inputs."""

from __future__ import annotations

from .._ahead import start_ahead

TYPE_CHECKING = False
if TYPE_CHECKING:  # nor is anything imported here that would keep a run from starting ahead
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Any, TypeVar, Unpack, overload

    from .._model.asked import Asked
    from .run import Run

    A = TypeVar("A")
    B = TypeVar("B")
    C = TypeVar("C")
    R = TypeVar("R")

if TYPE_CHECKING:

    @overload
    def map(fn: Callable[[A], Awaitable[R]], items: Iterable[A], /, **asked: Unpack[Asked]) -> Run[R]: ...
    @overload
    def map(fn: Callable[[A], R], items: Iterable[A], /, **asked: Unpack[Asked]) -> Run[R]: ...
    @overload
    def map(
        fn: Callable[[A, B], Awaitable[R]], first: Iterable[A], second: Iterable[B], /, **asked: Unpack[Asked]
    ) -> Run[R]: ...
    @overload
    def map(fn: Callable[[A, B], R], first: Iterable[A], second: Iterable[B], /, **asked: Unpack[Asked]) -> Run[R]: ...
    @overload
    def map(
        fn: Callable[[A, B, C], R],
        first: Iterable[A],
        second: Iterable[B],
        third: Iterable[C],
        /,
        **asked: Unpack[Asked],
    ) -> Run[R]: ...
    @overload
    def map(fn: Callable[..., R], /, *iterables: Iterable[Any], **asked: Unpack[Asked]) -> Run[R]: ...


def map(fn: Callable[..., Any], /, *iterables: Iterable[Any], **asked: Unpack[Asked]) -> Run[Any]:
    """Call *fn* on every item, several at once, on the right kind of worker; iterate the result.

    Nothing runs before the first result is asked for, and nothing runs further ahead than ``buffersize``, so an
    endless input is welcome. Leaving the loop, an exception in it, or dropping the run cancels the rest.

    Args:
        fn: What to call: any callable, coroutine functions included. Process workers get it by value where
            they can't import it, so lambdas, closures, scripts without a main guard and notebooks work.
        *iterables: The inputs. With several, *fn* gets one argument from each, as with the built-in ``map``,
            until the shortest ends.
        **asked: Options, all optional:

            ``on``
                Kind of worker: ``"auto"`` (the default), ``"serial"``, ``"thread"``, ``"process"``,
                ``"async"``, ``"ray"``, or a ``concurrent.futures.Executor``. ``"auto"`` measures the first items while
                they run in the caller, goes where the rest ends soonest, and goes on watching; several kinds, as
                ``("thread", "process")``, are what it may choose from.
            ``max_workers``
                How many at most. Default: the processors this process may use (affinity, cgroup quota; inside a
                worker its share of them) for processes, divided among runs that go on side by side;
                ``min(32, processors + 4)`` threads; 100 coroutines; what a Ray cluster has room for. ``"auto"`` finds
                the number of threads and coroutines by trying.
            ``ordered``
                Results in input order (``True``, the default) or as they come.
            ``timeout``
                Seconds for one item, from its start, or ``"5x median"``: so many times what items took so far,
                at least 0.1 s, once five are done. The item's process is ended and :attr:`TaskTimeout.stack`
                says where it hung; its coroutine is cancelled. A thread can't be killed: its result is dropped
                and another takes its place. In the caller (``"serial"``) and on a foreign executor an item
                that was late is only found to be so. Items then travel one by one, except to processes. On Ray the
                worker's process is ended.
            ``retries``
                How often an item that failed is tried again: after 0.1 s, doubling up to 30 s, times 0.5 to
                1.5 by chance. Items lost to a dead worker are tried again even at 0, up to twice.
            ``on_error``
                ``"raise"`` (the default): the first failure ends the run and its own exception is raised; in
                order, after the results before it. ``"keep"``: a :class:`weft.Failure` stands in the item's
                place. ``"skip"``: it is left out, and listed in ``run.failures``.
            ``rate``
                Most starts a second, all workers together. Items then travel one by one.
            ``chunksize``
                Items that travel together. Default: adapts, so that a chunk takes about 8 ms, on processes
                up to 40 as a run lasts; on Ray 50, or longer where there are many workers.
            ``buffersize``
                Most items read whose results have not been taken. Default: adapts, at most 65,536 items (or
                64 a worker, or two chunks of ``chunksize`` a worker) and, where their size is known, 256 MiB.
            ``seed``
                Makes :func:`weft.rng` in *fn* depend on this number and the item's index only.
            ``contextvars``
                The context variables, as ``[request_id, user]``, whose values at the call other processes get
                too. Threads and coroutines have all of the caller's without being asked.
            ``progress``
                ``True`` or ``False``, or a callable that gets the events of :mod:`weft.abc`. Default: a bar on
                stderr if that is a terminal (or a notebook) and the run lasts over a second.
            ``start_method``
                How worker processes are started: ``"forkserver"`` (the default on Linux: forked from a clean
                process of weft's own), ``"fork"`` (of this process as it is: for one with a single thread), or
                ``"spawn"`` (a new interpreter each). None of them runs or imports your script again.
            ``mp_context``
                A context of :mod:`multiprocessing` instead; only its start method is used.
            ``memory_limit``
                The most private memory that a worker process may have, in bytes or as ``"2 GiB"``. An item that
                needs more fails with :class:`weft.errors.MemoryExceeded`; a worker that keeps over half of it
                between two items is replaced; no more workers are started than there is memory for.
            ``max_tasks_per_child``
                How many items a worker process runs before a new one takes its place.
            ``num_cpus``
                Processors that each chunk takes of a Ray cluster while it runs: 1 by default.
            ``num_gpus``
                GPUs that it takes there.
            ``resources``
                Other resources of the cluster, by name: ``{"TPU": 4}``.
            ``runtime_env``
                The environment that the function runs in there, as Ray has it: ``{"pip": ["pandas"]}``.
            ``name``
                What to call the run; the function's name by default.

    Returns:
        The run, which is an iterator, an async iterator and a context manager; ``.results()`` is the list.

    Raises:
        UnknownOption: A keyword does not exist; the message names the one that was probably meant.
        BadOption: A keyword's value can't be.

    Costs, above the function itself, some 40 ns an item in the caller and on processes once chunks have grown;
    ``bench/`` has the programs and the figures of the machine they ran on.
    """
    if not iterables:
        raise TypeError("weft.map() needs at least one iterable of inputs")
    if len(iterables) == 1:
        return _run(fn, iterables[0], asked, star=False, inputs=iterables)
    return _run(fn, zip(*iterables, strict=False), asked, star=True, inputs=iterables)


if TYPE_CHECKING:

    @overload
    def starmap(
        fn: Callable[..., Awaitable[R]], items: Iterable[Iterable[Any]], /, **asked: Unpack[Asked]
    ) -> Run[R]: ...
    @overload
    def starmap(fn: Callable[..., R], items: Iterable[Iterable[Any]], /, **asked: Unpack[Asked]) -> Run[R]: ...


def starmap(fn: Callable[..., Any], items: Iterable[Iterable[Any]], /, **asked: Unpack[Asked]) -> Run[Any]:
    """Call ``fn(*item)`` for every item; everything else as in :func:`weft.map`.

    Args:
        fn: What to call.
        items: Tuples of arguments.
        **asked: The options of :func:`weft.map`.
    """
    return _run(fn, items, asked, star=True, inputs=(items,))


def _run(
    fn: Callable[..., Any], source: Iterable[Any], asked: Asked, *, star: bool, inputs: tuple[object, ...]
) -> Run[Any]:
    if callable(fn):
        start_ahead(fn, asked)
    from .._engine import Execution
    from .._model.options import Options
    from .run import Run

    options = Options.of(asked)
    if not callable(fn):
        raise TypeError(f"the first argument must be something to call, not {fn!r}")
    for given in inputs:
        check_iterable(given)
    return Run.of(Execution(fn, source, options, star=star, total=total_of(inputs)))


def check_iterable(given: object) -> None:
    """Refuse an input that is none."""
    from collections.abc import Iterable

    if not isinstance(given, Iterable) and not hasattr(given, "__getitem__"):
        raise TypeError(f"the inputs must be iterable, and {type(given).__name__!r} is not")


def total_of(inputs: tuple[object, ...]) -> int | None:
    """How many calls there will be, if every input knows its length."""
    from collections.abc import Sized

    try:
        lengths = [len(given) for given in inputs if isinstance(given, Sized)]
        return min(lengths) if len(lengths) == len(inputs) else None
    except Exception:  # noqa: BLE001  a user's __len__ may do anything; it is only for progress and for the end
        return None
