"""The stairwell of runs: what was asked becomes a plan, the plan a crew and a schedule, and a driver runs them.

Every room is known here and nowhere above; no decision is made here that a room could make.
"""

from __future__ import annotations

import contextvars
import reprlib
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from time import monotonic

from ._choose.choose import plan_for
from ._choose.conduct import Conduct
from ._choose.effects import NOT_GIVEN, cannot_travel
from ._choose.machine import Machine
from ._choose.record import Record
from ._model.chunk import Call
from ._model.current import LOADING, WORKER
from ._model.event import Advanced, Decided, Ended, Event, Failed, Retrying, Span, Started, Stats
from ._model.noun import replace
from ._model.options import Options, medians, nbytes
from ._model.outcome import Failure
from ._model.plan import Decision, Plan
from ._model.storm import FRONTS, met_by_run
from ._observe.bus import Bus
from ._observe.progress import ProgressBar, wanted_by_default
from ._schedule.driver import Driver
from ._schedule.follower import FOLLOWER, LoopFollower
from ._schedule.policy import Policy
from ._schedule.schedule import Schedule
from ._workers.functions import is_coroutine_function, label_of
from ._workers.kinds import TRAITS, make
from ._workers.sealed import put
from .errors import WeftError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Sequence
    from typing import Any, Final

    from ._choose.explain import Explanation
    from ._choose.report import Report
    from ._model.protocols import Clock, Crew, Observer
    from ._opening import Opening
    from ._schedule.follower import Follower
    from ._schedule.reading import Supply

SAID: Final = {"auto": "the caller itself", **{kind: traits.said for kind, traits in TRAITS.items()}}
_NOTES: Final = reprlib.Repr()
_NOTES.maxstring = _NOTES.maxother = 80


class Execution:
    """One run: made when it is asked for, begun when its first result is.

    Args:
        fn: The user's function.
        source: The input: one item, or one tuple of arguments, for each call.
        options: What was asked.
        star: Whether items are tuples of arguments.
        total: How many items there will be, if known.
        clock: The time.
        functions: Whose conduct is asked about, where *fn* is weft's own around the user's.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        source: Iterable[Any] | Supply,
        options: Options,
        *,
        star: bool,
        total: int | None,
        clock: Clock = monotonic,
        functions: Sequence[Callable[..., Any]] | None = None,
    ) -> None:
        halt = options.on_error == "raise" and options.retries == 0
        self.options = options
        self._bus = Bus(observers(options))
        self.call = Call(
            fn,
            star,
            options.name or label_of(fn),
            options.seed,
            halt=halt,
            announce=options.timeout is not None,
            hurry=options.chunksize is None,
            memory=nbytes(options.memory_limit),
            context=contextvars.copy_context(),
            variables=tuple(options.contextvars),
            said=self._say if self._bus else None,
        )
        self.begun = False
        self.sift: Callable[[list[Any]], list[Any]] | None = None
        self.ahead: Callable[[], int] | None = None
        self._source = source
        self._total = total
        self._clock = clock
        self._began_at = self._ended_at = 0.0
        self.over = False
        self._thread: int | None = None  # the one that iterates
        self._decisions: list[Decision] = []
        self._conduct = Conduct((fn,) if functions is None else functions, star=star)
        self._record = Record()
        self._schedule: Schedule | None = None
        self._driver: Driver | None = None
        self._opening: Opening | None = None

    # ── running it ────────────────────────────────────────────────────────────────────────────────────────

    def batches(self) -> Generator[list[Any]]:
        """The results, as many at a time as are ready; for callers that iterate."""
        driver, crew = self._begin(None)
        house = ExitStack()
        house.callback(self._end)
        house.callback(crew.close)
        try:
            yield from driver.batches()
        finally:
            driver.end(house.close)

    async def abatches(self) -> AsyncGenerator[list[Any]]:
        """The same for callers that ``async for``."""
        import asyncio

        driver, crew = self._begin(asyncio.get_running_loop())
        try:
            async for batch in driver.abatches():
                yield batch
        finally:
            try:
                driver.end(lambda: None)
                await crew.aclose()
            finally:
                self._end()

    def stop(self) -> bool:
        """End the run soon; from any thread. Whether this is the thread that runs it, or nobody does yet."""
        self.begun = True
        if self._driver is not None and not self.over:
            self._driver.stop()
        return self._thread in {None, threading.get_ident()}

    # ── what is known of it ───────────────────────────────────────────────────────────────────────────────

    @property
    def began_at(self) -> float:
        """When it began, by its clock; 0 if it has not."""
        return self._began_at

    @property
    def stats(self) -> Stats:
        """The figures so far."""
        if self._schedule is None:
            return Stats(total=self._total)
        until = self._ended_at if self.over else self._clock()
        return self._schedule.stats(until - self._began_at)

    @property
    def first(self) -> int:
        """The index of the first item of the batch that came last."""
        return 0 if self._schedule is None else self._schedule.first

    @property
    def failures(self) -> list[Failure]:
        """The items that failed for good, in input order."""
        if self._schedule is None:
            return []
        if self._driver is not None:
            self._driver.catch_up()
        return sorted(self._schedule.failures, key=lambda failure: failure.index)

    def explain(self) -> Explanation:
        """Which workers, and why."""
        from ._choose.explain import Explanation

        return Explanation(tuple(self._decisions), self.stats, SAID, self._record)

    @property
    def label(self) -> str:
        """The function's name, or what the run was called."""
        return self.call.label

    @property
    def title(self) -> str:
        """What was called, for people."""
        return f"weft.map({self.call.label}, …)"

    def meet_storm(self) -> None:
        """Be the next run that meets the chaos somebody tests with, if there is any and it is none yet."""
        if FRONTS and self.call.storm is None:
            self.call = replace(self.call, storm=met_by_run())

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, loop: AbstractEventLoop | None) -> tuple[Driver, Crew]:
        self.begun = True
        if LOADING:
            raise WeftError(
                f"a worker was importing a module to load {LOADING[-1]}, and the module started weft.map("
                f"{self.call.label}, …) itself: move that into a function, or under if __name__ == '__main__'"
            )
        self.meet_storm()
        self._thread = threading.get_ident()
        self._began_at = self._clock()
        machine = Machine.here()
        workers = {kind: traits.workers(machine.cpus) for kind, traits in TRAITS.items()}
        awaits = is_coroutine_function(self.call.fn)
        plan = plan_for(self.options, awaits=awaits, workers=workers, stays=self.stays)
        if plan.workers or plan.kind == "auto":
            self._decide(plan)
        follower = FOLLOWER if loop is None else LoopFollower(loop)
        crew = self._crew(plan, machine, workers, loop, follower)
        if not self._decisions:  # how many there are only the crew knows
            self._decide(replace(plan, workers=crew.width))
        options = self.options
        price = 0.0 if plan.kind == "auto" else TRAITS[plan.kind].price
        opening = self._opening = self._open(crew.width, price)
        policy = Policy(
            ordered=options.ordered,
            timeout=options.timeout if isinstance(options.timeout, int | float) else None,
            medians=medians(options.timeout),
            most=options.max_tasks_per_child,
            price=price,
            retries=options.retries,
            on_error=options.on_error,
            rate=options.rate,
            chunksize=options.chunksize,
            buffersize=options.buffersize,
            opening=opening.items if opening is not None else 1,
            early=opening.each if opening is not None else 1,
        )
        self._schedule = Schedule(
            policy, crew.width, total=self._total, on_retry=self._retrying, on_failure=self._failed
        )
        self._schedule.sift, self._schedule.ahead = self.sift, self.ahead
        told = self._advanced if self._bus else None
        since = self._began_at
        self._driver = Driver(self._schedule, self._source, crew, self._clock, told, follower=follower, since=since)
        if self._bus:
            from ._choose.explain import in_words

            self._bus(Started(self.call.label, self._total, plan, in_words(SAID, plan)))
        return self._driver, crew

    def _open(self, workers: int, price: float) -> Opening | None:
        """How it begins, where chunks have a *price*."""
        if not price:
            return None
        from ._opening import Opening

        return Opening(self.call.fn, self._source, star=self.call.star, workers=workers, price=price)

    def _crew(
        self,
        plan: Plan,
        machine: Machine,
        workers: dict[str, int],
        loop: AbstractEventLoop | None,
        follower: Follower,
    ) -> Crew:
        def crew_of(plan: Plan) -> Crew:
            options = self.options
            tasks, memory = options.max_tasks_per_child, nbytes(options.memory_limit)
            call = self.call if plan.threads == 1 else replace(self.call, threads=plan.threads)
            return make(call, replace(plan, start_method=options.started_by, memory=memory, tasks=tasks), loop)

        if plan.kind != "auto":
            return crew_of(plan)
        from ._auto import House, crew_that_chooses

        house = House(
            self.call,
            self.options,
            machine,
            workers=workers,
            make=crew_of,
            conduct=self._conduct,
            stays=self.stays,
            tell=self._decide,
            nudge=follower.nudge,
        )
        return crew_that_chooses(house, self._total, self._record)

    def take_note(self, item: object) -> None:
        """Remember what the function can reach, before it is called."""
        self._conduct.take_note(item)

    def alone(self) -> str | None:
        """Why two threads had better not call the function at once."""
        return self._conduct.alone()

    def stays(self, sample: tuple[Any, Any] = (NOT_GIVEN, None)) -> str | None:
        """Why the function, or an item and a result like *sample*, can't go to another process."""
        from ._transport.codec import dumps_apart
        from ._transport.importable import importable
        from ._workers.parcel import pack_call

        reached = self._conduct.stays(sample[0], importable)
        if reached is not None:
            return reached
        part = cannot_travel(*sample)
        if part is not None:
            return f"an item or a result is {part}, which can't be sent to another process"
        try:
            pack_call(self.call, apart=lambda buffers: [])  # nothing large is copied to find that out
            if sample[0] is not NOT_GIVEN:
                dumps_apart(sample)
        except Exception as error:  # noqa: BLE001  whatever refuses to be pickled is a reason to stay
            return f"it or its data can't be sent to another process ({error})"
        return None

    def _decide(self, plan: Plan) -> None:
        self._decisions.append(Decision(self._clock() - self._began_at, plan))
        if self._bus:
            from ._choose.explain import in_words

            self._say(Decided(plan, in_words(SAID, plan)))

    def _retrying(self, index: int, attempt: int, delay: float, error: BaseException) -> None:
        if self._bus:
            self._say(Retrying(index, attempt, delay, error))

    def _failed(self, failure: Failure) -> None:
        if self._driver is None:
            self._annotate(failure)
        else:
            self._driver.tell(self._annotate, failure)
        if self._bus:
            self._say(Failed(failure))

    def _annotate(self, failure: Failure) -> None:
        annotate(failure)

    def _say(self, event: Event) -> None:
        """Tell observers, in the thread that iterates."""
        if self._driver is None:
            self._bus(event)
        else:
            self._driver.tell(self._bus, event)

    def _advanced(self, spans: Sequence[Span]) -> None:
        self._bus(Advanced(self.stats, spans))

    def _end(self) -> None:
        self._ended_at, self.over = self._clock(), True
        error = self._schedule.error if self._schedule is not None else None
        if self._bus:
            self._bus(Ended(self.stats, error))
        if self._opening is not None:
            self._opening.learn(self.stats)
        if self._schedule is not None:
            self._schedule.forget()
        self._bus = Bus(())
        self._source, self._driver = (), None


def name_of(fn: Callable[..., Any]) -> str:
    """The function's name, for people; where it was defined is left out."""
    return label_of(fn).rpartition("<locals>.")[2]


def examine() -> Report:
    """What this machine offers."""
    from ._choose.report import examine as look

    return look()


def annotate(failure: Failure, stage: str = "") -> None:
    """Note on the error which item it was, of which *stage*, on which attempt, on which worker."""
    try:
        item = _NOTES.repr(failure.item)
    except Exception:  # noqa: BLE001  a user's __repr__ may do anything
        item = f"a {type(failure.item).__name__}"
    note = f"weft: item {failure.index} ({item}){stage}, attempt {failure.attempts}, on {failure.worker}"
    notes = getattr(failure.error, "__notes__", None)
    kept = [line for line in notes if not str(line).startswith("weft: item ")] if isinstance(notes, list) else []
    put(failure.error, "__notes__", [*kept, note])


def observers(options: Options) -> Iterator[Observer]:
    """Who wants to know what happens."""
    if callable(options.progress):
        observer = options.progress
        yield lambda event: _tell(observer, event)
    elif options.progress or (options.progress is None and not WORKER and wanted_by_default()):
        yield ProgressBar(0.0) if options.progress else ProgressBar()


def _tell(observer: Callable[[Event], object], event: Event) -> None:
    observer(event)
