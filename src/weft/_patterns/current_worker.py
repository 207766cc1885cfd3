"""weft.current_worker: who runs this, and what it has in hand."""

from __future__ import annotations

from .._model.current import AT_WORK, WorkerInfo


def current_worker() -> WorkerInfo | None:
    """The worker that runs this, with the item that it has in hand; ``None`` where none does.

    Inside a function that :func:`weft.map` runs, or :func:`weft.submit`, on any kind of worker: the kind, the
    worker's name, the item and its index in the input, the process id, and which attempt it is. ``"serial"`` is
    the caller itself, and so are the first items of an ``"auto"`` run. A submitted call is its own only item: the
    index is 0, the item the tuple of its arguments. An item that runs a map of its own is in hand again when
    that is over.

    It is known by context variable: coroutines and tasks that the function starts are told the same, threads that
    it starts are told ``None`` unless they are run in a copy of its context.

    Whoever does not ask pays nothing an item; asking costs about a microsecond.
    """
    at_work = AT_WORK.get(None)
    return None if at_work is None else at_work.info
