"""The stairwell of worklists: one run, whose results add to its input."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing, closing
from functools import partial
from typing import Any

from ._engine import Execution
from ._model.noun import replace
from ._model.options import Options
from ._model.outcome import Failure
from ._schedule.agenda import Agenda
from ._workers.functions import is_coroutine_function, is_plain_function, label_of
from ._workers.visits import described, visiting


class Visits(Execution):
    """A run whose items are found while it runs.

    Args:
        fn: The user's function, of an item and of what takes more.
        roots: What to begin with.
        options: What was asked.
        key: What identifies an item; ``None``: nothing does.
        priority: What comes first; ``None``: what was found first.
        until: Says of a result that it is the last one wanted.
        pressure: So many items may wait before the newest go first.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        roots: Iterable[Any],
        options: Options,
        *,
        key: Callable[[Any], Any] | None,
        priority: Callable[[Any], Any] | None,
        until: Callable[[Any], object] | None,
        pressure: int,
    ) -> None:
        self._until = until
        describe = partial(described, key, priority)
        agenda = Agenda(roots, describe, keyed=key is not None, ranked=priority is not None, pressure=pressure)
        agenda.failed, agenda.workers = self._count_failed, self._count_workers
        self._agenda = agenda
        unknown = options.on == "async" and not is_plain_function(fn)
        call = visiting(fn, key, priority, awaits=unknown or is_coroutine_function(fn))
        options = replace(options, ordered=False, name=options.name or label_of(fn))
        asked = [part for part in (fn, key, priority) if part is not None]
        super().__init__(call, agenda, options, star=False, total=None, functions=asked)
        self.sift = self._harvest  # as soon as they are back, whoever drives: others may have nothing to do

    @property
    def title(self) -> str:
        """What was called, for people."""
        return f"weft.worklist({self.label}, …)"

    def batches(self) -> Generator[list[Any]]:
        """The results of visits, as many at a time as are ready."""
        with closing(super().batches()) as batches:
            for batch in batches:
                end = self._last_in(batch)
                yield batch[:end]
                if end is not None:
                    return

    async def abatches(self) -> AsyncGenerator[list[Any]]:
        """The same for callers that ``async for``."""
        async with aclosing(super().abatches()) as batches:
            async for batch in batches:
                end = self._last_in(batch)
                yield batch[:end]
                if end is not None:
                    return

    def _last_in(self, batch: list[Any]) -> int | None:
        """Where a batch of results ends if the last one wanted is in it."""
        if self._until is None:
            return None
        for place, value in enumerate(batch, 1):
            if type(value) is not Failure and self._until(value):
                return place
        return None

    def _harvest(self, visited: list[Any]) -> list[Any]:
        """The results of visits, without what they have found, which goes into the agenda."""
        values: list[Any] = []
        for visit in visited:
            if type(visit) is Failure:  # it has found nothing, and is counted as failed
                values.append(visit)
                continue
            value, found = visit
            values.append(value)
            self._agenda.harvest(found)
        return values

    def _count_failed(self) -> int:
        schedule = self._schedule
        return 0 if schedule is None else schedule.stats(0.0).failed

    def _count_workers(self) -> int:
        schedule = self._schedule
        return 1 if schedule is None else schedule.width
