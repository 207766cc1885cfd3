"""The stairwell of pipelines: what was asked becomes stages, each a run of its own, and links between them.

Who waits for what, and why nothing waits in a circle: docs/design/pipeline.md.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import aclosing, closing
from functools import partial
from time import monotonic

from ._choose.bottleneck import FlowExplanation, Load
from ._choose.fusing import stages_of
from ._choose.machine import Machine
from ._engine import observers
from ._model.copies import at_fork
from ._model.event import Advanced, Ended, Failed, Retrying, Said, Started, Stats
from ._model.interruption import uninterrupted
from ._model.locks import Condition, RLock
from ._model.noun import replace
from ._model.options import Options
from ._model.outcome import Failure
from ._model.plan import Plan
from ._model.stage import MAP, STAR, TAP, Batch, Part, Stage
from ._observe.bus import Bus
from ._schedule.ahead import Ahead
from ._schedule.link import Gather, Leave, Link, Spread, Spring
from ._schedule.reading import Stock, Supply, is_in_memory
from ._stages import StageRun, gathering, load_of, steps_after
from ._workers.functions import is_coroutine_function
from ._workers.kinds import TRAITS
from ._workers.steps import Passing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from ._model.event import Event

# How long whoever leaves a pipeline waits for a thread that is inside the user's code and can't be stopped.
GRACE: Final = 1.0  # seconds

_COUNTED: Final = {"thread", "async", "process", "interpreter"}
_ONE_FOR_ONE: Final = {MAP, STAR, TAP}


class Flow:
    """A pipeline that runs: what :class:`weft.Run` is over, as it is over an :class:`Execution`.

    Args:
        source: The input of the first stage.
        asked: The stages, in order.
        options: What was asked of the pipeline as a whole.
        total: How many items there are in the source, if it says so.
    """

    def __init__(
        self, source: Iterable[Any], asked: Sequence[Part | Batch], options: Options, total: int | None
    ) -> None:
        self.begun = self.over = False
        self.label = options.name or " → ".join(part.name for part in asked if isinstance(part, Part)) or "pipeline"
        self._options = options
        self._bus = Bus(observers(options))
        self._telling = RLock()
        self._thread: int | None = None
        self._began_at = self._ended_at = self._away = 0.0
        self._kept: dict[int, Failure] = {}
        self._threads: list[threading.Thread] = []
        self._links: list[Link] = []  # the link after each stage but the last
        self._runs: list[StageRun] = []
        self._total = total
        self._build(source, stages_of(asked, is_coroutine_function))

    def _build(self, source: Iterable[Any], stages: Sequence[Stage]) -> None:
        if not stages:
            stages = (Stage(()),)
        keeps, total = False, self._total
        before: tuple[Part, ...] = ()
        supply: Supply
        for place, stage in enumerate(stages, 1):
            steps = [*steps_after(before, keeps=keeps), *gathering(stage.batches, keeps=keeps)]
            if self._runs:
                supply = self._link_after(self._runs[-1], steps)
            elif is_in_memory(source) and not steps:
                supply = Stock(source, monotonic)
            else:
                supply = Spring(source, steps)
            if stage.batches:
                total = None
            self._runs.append(StageRun(stage, supply, self._of(stage, place), place=place, past=keeps, total=total))
            if not {part.how for part in stage.parts} <= _ONE_FOR_ONE:
                total = None
            keeps = keeps or any(part.options.on_error == "keep" for part in stage.parts)
            before = stage.parts
        self._total = total
        self._outlet = steps_after(before, keeps=keeps)
        self._keeps = keeps

    def _link_after(self, run: StageRun, steps: Sequence[Gather | Spread | Leave]) -> Link:
        """The link behind a stage, which is as far ahead as the next one makes good for, if nobody has said how far."""
        ahead = Ahead() if run.options.buffersize is None else None
        if ahead is not None:
            run.ahead = partial(getattr, ahead, "items")
        self._links.append(link := Link(steps, ahead=ahead))
        return link

    def _of(self, stage: Stage, place: int) -> Options:
        """What is asked of the workers of a stage."""
        hear = partial(self._hear, place) if self._bus else False
        if not stage.parts:  # gathering at the end is the caller's
            return Options(on="serial", ordered=self._options.ordered, progress=hear, name="batch")
        options, workers = stage.options, stage.options.max_workers
        if workers is None and isinstance(options.on, str) and options.on in _COUNTED:
            workers = TRAITS[options.on].workers(Machine.here().cpus)
            # Stages on processes are not each given a fixed part of the processors, as runs side by side are: which of
            # them has how much to do the system knows better. Waiting adds up.
            workers *= 1 if TRAITS[options.on].packs else len(stage.parts)
        if options.buffersize is None:
            options = replace(options, buffersize=self._options.buffersize)
        ordered = self._options.ordered
        return replace(options, max_workers=workers, ordered=ordered, progress=hear, name=stage.name)

    # ── running it ────────────────────────────────────────────────────────────────────────────────────────

    def batches(self) -> Generator[list[Any]]:
        """The results, as many at a time as are ready."""
        try:
            self._begin()
            for run, link in zip(self._runs, self._links, strict=False):
                self._start(f"weft-stage-{run.place}", self._drive, run, link)
            with closing(self._runs[-1].batches()) as batches:
                for batch in batches:
                    values = self._let_out(batch)
                    if values:
                        left = monotonic()
                        yield values
                        self._away += monotonic() - left
        except BaseException as error:
            self._end(error)
            raise
        finally:
            self._end(None)

    async def abatches(self) -> AsyncGenerator[list[Any]]:
        """The same for callers that ``async for``: all stages are tasks of their event loop."""
        import asyncio

        tasks: list[asyncio.Task[None]] = []
        try:
            self._begin()
            for run, link in zip(self._runs, self._links, strict=False):
                tasks.append(asyncio.create_task(self._adrive(run, link), name=f"weft-stage-{run.place}"))
            async with aclosing(self._runs[-1].abatches()) as batches:
                async for batch in batches:
                    values = self._let_out(batch)
                    if values:
                        left = monotonic()
                        yield values
                        self._away += monotonic() - left
        except BaseException as error:
            self._halt()
            if tasks:
                await asyncio.wait(tasks)
            self._end(error)
            raise
        finally:
            self._halt()
            if tasks:
                await asyncio.wait(tasks)
            self._end(None)

    def stop(self) -> bool:
        """End the run soon; from any thread. Whether this is the thread that runs it, or nobody does yet."""
        self.begun = True
        self._halt()
        return self._thread in {None, threading.get_ident()}

    def renew(self) -> None:
        """This is a forked copy: nobody else is in it."""
        self._threads.clear()
        self._telling = RLock()
        for run in self._runs:
            run.supply.changed = Condition()

    # ── what is known of it ───────────────────────────────────────────────────────────────────────────────

    @property
    def title(self) -> str:
        """What was called, for people."""
        return f"the pipeline {self.label}"

    @property
    def stats(self) -> Stats:
        """The figures so far: what has come out of the last stage, and all that happened in any."""
        if not self._began_at:
            return Stats(total=self._total)
        each = [run.stats for run in self._runs]
        return Stats(
            done=each[-1].done,
            failed=sum(stats.failed for stats in each),
            retried=sum(stats.retried for stats in each),
            lost=sum(stats.lost for stats in each),
            total=self._total,
            chunks=sum(stats.chunks for stats in each),
            seconds=(self._ended_at if self.over else monotonic()) - self._began_at,
            busy=sum(stats.busy for stats in each),
            cpu=sum(stats.cpu for stats in each),
            delay=sum(stats.delay for stats in each),
        )

    @property
    def first(self) -> int:
        """The index of the first item of the batch that came last, in the last stage's input."""
        return self._runs[-1].first

    @property
    def failures(self) -> list[Failure]:
        """The items that failed for good: by stage, then in input order."""
        return [failure for run in self._runs for failure in run.stages_failures()]

    def explain(self) -> FlowExplanation:
        """Which stage is the bottleneck, and by how much."""
        stats = self.stats
        spring = self._runs[0].supply
        loads = [("the source", spring.busy, "", None)] if isinstance(spring, Spring) else []
        ended = [*loads, *map(load_of, self._runs), ("the caller", self._away, "", None)]
        return FlowExplanation(
            tuple(
                Load(name, seconds, seconds / stats.seconds if stats.seconds else 0.0, workers, explanation)
                for name, seconds, workers, explanation in ended
            ),
            stats,
        )

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        self.begun = True
        self._thread = threading.get_ident()
        self._began_at = monotonic()
        for run in self._runs:
            run.meet_storm()  # in their order, whichever thread is the first
        _RUNNING.watch(self)
        if self._bus:
            self._bus(Started(self.label, self._total, Plan("pipeline", len(self._runs), "its stages decide")))
        spring = self._runs[0].supply
        if isinstance(spring, Spring):
            self._start("weft-source", spring.run)

    def _start(self, name: str, target: Callable[..., None], *given: Any) -> None:
        thread = threading.Thread(target=target, args=given, name=name, daemon=True)
        with uninterrupted:  # or it would be waited for, and not have begun
            self._threads.append(thread)
            thread.start()

    def _drive(self, run: StageRun, link: Link) -> None:
        """Have a stage's results go into the link after it; what its thread does."""
        error: BaseException | None = None
        try:
            with closing(run.batches()) as batches:
                for batch in batches:
                    if not link.put(self._pass_on(run, batch)):
                        break
        except BaseException as raised:  # noqa: BLE001  it is for whoever reads
            error = raised
        finally:
            self._done(run, link, error)
            del error  # or the traceback keeps this frame and this frame the error

    async def _adrive(self, run: StageRun, link: Link) -> None:
        error: BaseException | None = None
        try:
            async with aclosing(run.abatches()) as batches:
                async for batch in batches:
                    if not await link.aput(self._pass_on(run, batch)):
                        break
        except BaseException as raised:  # noqa: BLE001  it is for whoever reads
            error = raised
        finally:
            self._done(run, link, error)
            del error

    def _done(self, run: StageRun, link: Link, error: BaseException | None) -> None:
        """A stage is over: nobody needs what comes before it."""
        for earlier in self._runs[: run.place]:
            earlier.supply.halt()
        link.end(error)

    def _pass_on(self, run: StageRun, batch: list[Any]) -> list[Any]:
        if run.options.on_error != "keep":
            return batch
        return [self._stand_in(run, value) if type(value) is Failure else value for value in batch]

    def _stand_in(self, run: StageRun, failure: Failure) -> Passing:
        number = run.place + len(self._runs) * failure.index  # no two stages give the same
        self._kept[number] = replace(failure, stage=run.culprit(failure.error))
        return Passing(number)

    def _let_out(self, batch: list[Any]) -> list[Any]:
        if self._keeps:
            batch = self._pass_on(self._runs[-1], batch)
        values: list[Any] = batch
        for step in self._outlet:
            values = step.push(values)
        if self._keeps:
            values = [self._kept.pop(value.number) if type(value) is Passing else value for value in values]
        return values

    def _halt(self) -> None:
        for run in self._runs:
            run.supply.halt()

    def _end(self, error: BaseException | None) -> None:
        """Stop all stages and wait for them."""
        if self.over:
            return
        self._halt()
        own, ending = threading.current_thread(), monotonic() + GRACE
        for thread in self._threads:
            if thread is not own:  # whose garbage collection may have found this
                thread.join(max(0.0, ending - monotonic()))
        self._threads.clear()
        self._ended_at, self.over = monotonic(), True
        _RUNNING.forget(self)
        if self._bus:
            failed = error if isinstance(error, Exception) else None
            self._bus(Ended(self.stats, failed))
        self._bus = Bus(())

    def _hear(self, place: int, event: Event) -> None:
        """What a stage tells, for those who hear of the pipeline; from any stage's thread, one at a time."""
        with self._telling:
            if isinstance(event, Advanced):
                run = self._runs[place - 1]
                late = run.began_at - self._began_at
                spans = [replace(span, began=span.began + late, stage=run.label) for span in event.spans]
                self._bus(Advanced(self.stats, spans))
            elif isinstance(event, Failed | Retrying | Said):
                self._bus(event)


class _Running:
    """The pipelines that run in this process: they are stopped before the interpreter ends."""

    def __init__(self) -> None:
        self._flows: weakref.WeakSet[Flow] = weakref.WeakSet()
        self._registered = False
        at_fork(after_in_child=self._renew)

    def watch(self, flow: Flow) -> None:
        """One has begun."""
        self._flows.add(flow)
        if not self._registered:
            self._registered = True
            atexit.register(self._stop)

    def forget(self, flow: Flow) -> None:
        """It is over."""
        self._flows.discard(flow)

    def _stop(self) -> None:
        for flow in list(self._flows):
            flow._end(None)  # noqa: SLF001  a thread that the interpreter stops would keep what it holds

    def _renew(self) -> None:
        for flow in list(self._flows):
            flow.renew()


_RUNNING: Final = _Running()
