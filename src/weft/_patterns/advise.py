"""weft.advise: every kind measured on a sample, without finishing the work."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .._choose.advice import Advice


def advise(
    fn: Callable[..., Any], /, *iterables: Iterable[Any], seconds: float = 5.0, max_workers: int | None = None
) -> Advice:
    """Measure a function on its first items with every kind of worker that is safe for it, and say which to use.

    The work is not finished: it takes about *seconds*, or what the first items take at the least. The first items are
    called again and again, once for each kind and number of workers: not for functions whose calls can't be repeated.

    Args:
        fn: The function, as for :func:`weft.map`; coroutine functions too.
        *iterables: The inputs; of an iterator as much is taken as was measured with.
        seconds: About how long it may take altogether.
        max_workers: The most workers to try.

    Returns:
        What was measured. ``str()`` of it is the recommendation, the reasons and a table; ``.best`` the kind and number
        of workers, ``.call`` the same as a call, ``.to_dict()`` all as data; ``.plot("advice.html")`` draws it.

    Raises:
        ValueError: There are no items, or *seconds* is not greater than 0.
    """
    if not callable(fn):
        raise TypeError(f"the first argument must be something to call, not {fn!r}")
    if not iterables:
        raise TypeError("weft.advise() needs at least one iterable of inputs")
    if not seconds > 0:
        raise ValueError(f"seconds must be greater than 0, not {seconds!r}")
    from .._advise import advise_on
    from .._model.options import Options
    from .map import total_of

    Options.of({"max_workers": max_workers})
    star = len(iterables) > 1
    source = zip(*iterables, strict=False) if star else iterables[0]
    name = getattr(fn, "__name__", None) or type(fn).__name__
    total = total_of(iterables)
    return advise_on(fn, source, name, star=star, total=total, seconds=seconds, max_workers=max_workers)
