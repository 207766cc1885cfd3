"""One stage of a pipeline: a run that knows its name, and what is done with its results on their way to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic

from ._engine import SAID, Execution, annotate
from ._model.noun import replace
from ._model.options import Options
from ._model.outcome import Failure
from ._model.stage import EACH, FILTER, FLAT, MAP, STAR, Batch, Part, Stage
from ._schedule.link import Gather, Leave, Spread
from ._schedule.reading import Supply
from ._workers.functions import is_coroutine_function, is_plain_function
from ._workers.steps import DROPPED, PLACE, is_passing, same, stage_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class StageRun(Execution):
    """The run of one stage: it knows its name, and who of its functions failed.

    Args:
        stage: What is run.
        supply: Its input.
        options: What was asked of its workers.
        place: Which of the pipeline's stages it is, from 1.
        past: Whether failures that were kept come along.
        total: How many items there will be, if known.
    """

    def __init__(
        self, stage: Stage, supply: Supply, options: Options, *, place: int, past: bool, total: int | None
    ) -> None:
        self.stage, self.supply, self.place = stage, supply, place
        fns = [part.fn for part in stage.parts]
        hows = [part.how for part in stage.parts]
        simple = not past and len(hows) == 1 and hows[0] in {MAP, STAR}
        if not fns:
            fn: Callable[..., Any] = same
        elif simple:
            fn = fns[0]
        else:
            # On coroutine workers a function that is not known to be plain may give something to await.
            unknown = options.on == "async" and not all(map(is_plain_function, fns))
            fn = stage_function(hows, fns, awaits=unknown or any(map(is_coroutine_function, fns)))
        super().__init__(fn, supply, options, star=simple and hows[0] == STAR, total=total, functions=fns or None)

    def stages_failures(self) -> list[Failure]:
        """The items that failed for good, with the stage's name."""
        return [replace(failure, stage=self.culprit(failure.error)) for failure in self.failures]

    def culprit(self, error: BaseException) -> str:
        """The name of the part that raised the *error*; of all of them if that is not known."""
        place = getattr(error, PLACE, None)
        parts = self.stage.parts
        return parts[place].name if isinstance(place, int) and place < len(parts) else self.stage.name

    def _annotate(self, failure: Failure) -> None:
        annotate(failure, f" of stage {self.place} ({self.culprit(failure.error)})")


def steps_after(parts: Sequence[Part], *, keeps: bool) -> list[Gather | Spread | Leave]:
    """What is done with the results of a stage."""
    passes = is_passing if keeps else None
    steps: list[Gather | Spread | Leave] = []
    if any(part.how in {FILTER, EACH} for part in parts):
        steps.append(Leave(DROPPED))
    if parts and parts[-1].how == FLAT:
        steps.append(Spread(passes))
    return steps


def gathering(batches: Iterable[Batch], *, keeps: bool) -> list[Gather | Spread | Leave]:
    """How the input of a stage is gathered."""
    passes = is_passing if keeps else None
    return [Gather(batch.size, batch.timeout, monotonic, passes) for batch in batches]


def load_of(run: StageRun) -> tuple[str, float, str, Any]:
    """A stage's name, what it needs at least, its workers in words, and the story of its own."""
    explanation = run.explain()
    if not explanation.decisions:
        return f"stage {run.place}, {run.label}", 0.0, "", explanation
    plan = explanation.decisions[-1].plan
    workers = max(1, plan.workers)
    said = SAID[plan.kind].format(workers)
    return f"stage {run.place}, {run.label}", run.stats.busy / workers, said, explanation
