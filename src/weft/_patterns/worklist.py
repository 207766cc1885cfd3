"""weft.worklist: visits that find more to visit, until nothing is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .._model.options import Options
from .._visits import Visits
from ..errors import BadOption, UnknownOption
from .map import check_iterable
from .run import Run

if TYPE_CHECKING:
    from typing import Unpack

    from .._model.asked import AskedOfWorklist

T = TypeVar("T")
R = TypeVar("R")

# Beyond this the newest go first. 10,000 items of 1 KB are 10 MB, and enough for any number of workers.
PRESSURE = 10_000  # items


@overload
def worklist(
    visit: Callable[[T, Callable[[T], None]], Awaitable[R]],
    roots: Iterable[T],
    /,
    *,
    key: Callable[[T], object] | None = None,
    priority: Callable[[T], Any] | None = None,
    until: Callable[[R], object] | None = None,
    pressure: int = PRESSURE,
    **asked: Unpack[AskedOfWorklist],
) -> Run[R]: ...
@overload
def worklist(
    visit: Callable[[T, Callable[[T], None]], R],
    roots: Iterable[T],
    /,
    *,
    key: Callable[[T], object] | None = None,
    priority: Callable[[T], Any] | None = None,
    until: Callable[[R], object] | None = None,
    pressure: int = PRESSURE,
    **asked: Unpack[AskedOfWorklist],
) -> Run[R]: ...
def worklist(
    visit: Callable[..., Any],
    roots: Iterable[Any],
    /,
    *,
    key: Callable[[Any], object] | None = None,
    priority: Callable[[Any], Any] | None = None,
    until: Callable[[Any], object] | None = None,
    pressure: int = PRESSURE,
    **asked: Unpack[AskedOfWorklist],
) -> Run[Any]:
    """Call ``visit(item, more)`` for every item of *roots* and for every item that a visit gives to ``more(item)``.

    The run ends by itself when nothing is left. Results come as they are ready; nothing runs before the first is
    asked for, and leaving the loop ends everything. What a visit adds is begun when that visit is over; what one adds
    that then fails is not added.

    Args:
        visit: What to call; a coroutine function too. What it returns is a result of the run.
        roots: What to begin with; any iterable, read only as far as there is nothing else to do.
        key: Makes something hashable of an item; of items with the same key only the first is visited. All keys are
            remembered. Without it, every item is visited.
        priority: Makes something of an item that can be compared; the smallest goes first. Without it, what was
            found first goes first (breadth-first).
        until: Says of a result that it is the last one wanted: the run then ends. Called in your thread.
        pressure: While more items than this wait, the newest goes first, whatever its priority: depth-first, by
            which fewer and fewer wait. So memory is bounded though a visit finds many items. 0 is depth-first always.
        **asked: The options of :func:`weft.map`, ``ordered`` and ``seed`` apart: there is no order to keep.

    Returns:
        The run, as of :func:`weft.map`.

    *key* and *priority* are called where the visit is, for what it has found, and in your thread for roots.
    """
    if not callable(visit):
        raise TypeError(f"the first argument must be something to call, not {visit!r}")
    check_iterable(roots)
    for name, given in (("key", key), ("priority", priority), ("until", until)):
        if given is not None and not callable(given):
            raise BadOption(name, given, "something to call")
    waiting: object = pressure  # whatever type checkers were told
    if not isinstance(waiting, int) or isinstance(waiting, bool) or waiting < 0:
        raise BadOption("pressure", pressure, "a whole number, 0 or more")
    options = Options.of(asked)
    if "ordered" in asked:
        raise UnknownOption("ordered", None, ("priority", "pressure"))
    if options.seed is not None:
        raise BadOption("seed", options.seed, "left out: which visit comes when differs from run to run")
    return Run.of(Visits(visit, roots, options, key=key, priority=priority, until=until, pressure=pressure))
