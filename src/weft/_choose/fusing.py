"""Which neighbours in a pipeline become one stage: where nothing is lost by it, see docs/design/pipeline.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .._model.noun import replace
from .._model.options import Options
from .._model.stage import EACH, FLAT, Batch, Part, Stage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

FUSED: Final = ("process", "interpreter", "thread", "serial", "async")

# What must not have been said of either: it counts items, or limits what one may do. The rest must be alike.
_BY_ITEM: Final = ("timeout", "retries", "rate", "seed", "chunksize", "memory_limit", "max_tasks_per_child")


def stages_of(asked: Iterable[Part | Batch], awaits: Callable[[Callable[..., Any]], bool]) -> tuple[Stage, ...]:
    """The stages of a pipeline; gathering at its end is a stage without parts.

    Args:
        asked: What was asked for, in order.
        awaits: Whether a function is a coroutine function.
    """
    stages: list[Stage] = []
    batches: list[Batch] = []
    for part in asked:
        if isinstance(part, Batch):
            batches.append(part)
        elif stages and not batches and _fit(stages[-1], part, awaits):
            stages[-1] = replace(stages[-1], parts=(*stages[-1].parts, part))
        else:
            stages.append(Stage((part,), tuple(batches)))
            batches = []
    if batches:
        stages.append(Stage((), tuple(batches)))
    return tuple(stages)


def _fit(stage: Stage, part: Part, awaits: Callable[[Callable[..., Any]], bool]) -> bool:
    before, after = stage.options, part.options
    if before.on != after.on or before.on not in FUSED or stage.parts[-1].how in {FLAT, EACH}:
        return False
    if any(awaits(other.fn) != (before.on == "async") for other in (*stage.parts, part)):
        return False
    if before.max_workers is not None and before.on != "serial":
        return False
    plain = Options()
    if any(getattr(options, name) != getattr(plain, name) for name in _BY_ITEM for options in (before, after)):
        return False
    rest = set(Options.__slots__) - {"name", *_BY_ITEM}
    return before.on_error == "raise" and all(_same(getattr(before, name), getattr(after, name)) for name in rest)


def _same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, int | str | tuple) and one == other)
