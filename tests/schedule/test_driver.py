"""The driver with workers that follow a script: no thread, no sleep, and the clock goes when somebody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft._model.chunk import Chunk
from weft._model.event import Span
from weft._model.noun import replace
from weft._model.outcome import Arrival, Failure, Returned
from weft._schedule.driver import WAIT_MOST, Driver
from weft._schedule.policy import Policy
from weft._schedule.schedule import Schedule
from weft.errors import TaskTimeout, WorkerDied
from weft.testing import Fate, ManualClock, ScriptedCrew

STEPS = 20_000


class Stuck(Exception):
    """The budget is spent."""


class Budget(ManualClock):
    """A manual clock that may be looked at so often: a driver that spins without end fails instead."""

    def __init__(self) -> None:
        super().__init__()
        self.left = STEPS

    def __call__(self) -> float:
        self.left -= 1
        if not self.left:
            raise Stuck
        return super().__call__()


def tenfold(item: int) -> int:
    return item * 10


def driver_of(
    items: Iterable[Any], crew: ScriptedCrew, *, listener: Callable[[Sequence[Span]], None] | None = None, **asked: Any
) -> Driver:
    schedule = Schedule(Policy(**asked), crew.width, chance=lambda: 0.5)
    return Driver(schedule, iter(items), crew, crew.clock, listener)


def crew_of(
    script: Callable[[Chunk], Fate] | None = None, fn: Callable[[Any], object] = tenfold, **how: Any
) -> ScriptedCrew:
    return ScriptedCrew(fn, script, clock=Budget(), **how)


def results(driver: Driver, *, run: str) -> list[Any]:
    """All results, by either loop."""
    if run == "sync":
        return [value for batch in driver.batches() for value in batch]

    async def collect() -> list[Any]:
        return [value async for batch in driver.abatches() for value in batch]

    return asyncio.run(collect())


both = pytest.mark.parametrize("run", ["sync", "async"])


@both
def test_results_come_in_order_whichever_chunk_arrives_first(run: str) -> None:
    """Both drivers, since they are written twice."""
    crew = crew_of(lambda chunk: Fate(after=10.0 - chunk.first), width=4)
    assert results(driver_of(range(4), crew), run=run) == [0, 10, 20, 30]
    crew = crew_of(lambda chunk: Fate(after=10.0 - chunk.first), width=4)
    assert results(driver_of(range(4), crew, ordered=False), run=run) == [30, 20, 10, 0]
    assert crew.clock() == 10.0


@both
def test_an_empty_input_needs_no_workers(run: str) -> None:
    """Nothing is sent and nobody waits."""
    crew = crew_of()
    assert results(driver_of([], crew), run=run) == []
    assert crew.sent == []


@both
def test_the_error_is_raised_itself_after_the_results_before_it(run: str) -> None:
    """The very object: wrapping it would break everybody's ``except``."""
    error = KeyError("third")
    crew = crew_of(lambda chunk: Fate(faults={2: error}), width=2, halt=True)
    driver = driver_of(range(100), crew, chunksize=3)
    seen: list[Any] = []
    with pytest.raises(KeyError) as caught:
        for batch in driver.batches():
            seen += batch
    assert caught.value is error
    assert seen == [0, 10]
    with pytest.raises(KeyError):
        results(driver_of(range(3), crew_of(lambda chunk: Fate(faults={2: error}))), run=run)


@both
def test_an_input_that_raises_ends_the_run_after_its_results(run: str) -> None:
    """What it gave before is worked on."""

    def breaking() -> Iterator[int]:
        yield from range(3)
        raise OSError("disk")

    seen: list[Any] = []
    driver = driver_of(breaking(), crew_of(), chunksize=8)
    with pytest.raises(OSError, match="disk"):
        for batch in driver.batches():
            seen += batch
    assert seen == [0, 10, 20]
    with pytest.raises(OSError, match="disk"):
        results(driver_of(breaking(), crew_of(), chunksize=8), run=run)


@both
def test_a_retry_waits_its_delay_on_the_clock_it_was_given(run: str) -> None:
    """0.1 s and 0.2 s, and nobody slept."""
    crew = crew_of(lambda chunk: Fate(faults={} if chunk.attempt == 3 else {0: OSError()}))
    assert results(driver_of([1], crew, retries=2), run=run) == [10]
    assert crew.clock() == pytest.approx(0.3)


@both
def test_items_that_are_skipped_make_room_for_others(run: str) -> None:
    """With nothing in flight and nothing to release, the driver must read on and not wait."""
    crew = crew_of(lambda chunk: Fate(faults={n: ValueError() for n in range(0, 10, 2)}))
    assert results(driver_of(range(10), crew, on_error="skip", buffersize=1), run=run) == [10, 30, 50, 70, 90]


@both
def test_a_chunk_that_hangs_is_given_up_on_after_the_timeout(run: str) -> None:
    """And so is one that was to start later: its own time counts from its own start."""
    crew = crew_of(lambda chunk: Fate(after=float("inf")), width=1, announce=True)
    driver = driver_of([1, 2], crew, timeout=5.0, on_error="keep")
    out = results(driver, run=run)
    assert [type(failure.error) for failure in out] == [TaskTimeout, TaskTimeout]
    assert crew.killed == [chunk.number for chunk in crew.sent]
    assert crew.clock() == 10.0


def test_a_chunk_that_can_not_be_stopped_comes_back_to_nobody() -> None:
    """Its late result is dropped and the others are right."""
    crew = crew_of(lambda chunk: Fate(after=9.0 if chunk.first == 0 else 1.0), width=1, announce=True, stops=False)
    out = results(driver_of(range(4), crew, timeout=5.0, on_error="keep"), run="sync")
    assert isinstance(out[0], Failure)
    assert out[1:] == [10, 20, 30]


@both
def test_the_rate_is_kept_over_all_workers(run: str) -> None:
    """Ten items at two a second: the last starts after 4.5 s."""
    crew = crew_of(width=8)
    assert len(results(driver_of(range(10), crew, rate=2.0), run=run)) == 10
    assert crew.clock() == pytest.approx(4.5)


@both
def test_a_timeout_of_months_is_waited_for_in_parts(run: str) -> None:
    """poll(2) takes 24 days at most, and an endless wait is an error in most places."""
    for timeout in (1e9, float("inf")):
        waits: list[float | None] = []
        crew = crew_of(lambda chunk: Fate(after=3 * WAIT_MOST), announce=True)
        poll = crew.poll

        def watched(timeout: float | None, poll: Any = poll, waits: list[float | None] = waits) -> Any:
            waits.append(timeout)
            return poll(timeout)

        crew.poll = watched  # type: ignore[method-assign]
        assert results(driver_of([1], crew, timeout=timeout), run=run) == [10]
        assert max(wait for wait in waits if wait is not None) == WAIT_MOST


def test_an_input_slower_than_its_work_is_read_one_by_one_and_results_leave_meanwhile() -> None:
    """Somebody who reads a slow stream wants each result when it is there, not when a chunk is full."""
    crew = crew_of(width=2)
    pulled: list[int] = []

    def slow() -> Iterator[int]:
        for n in range(30):
            crew.clock.advance(0.5)
            pulled.append(n)
            yield n

    ahead = []
    for batch in driver_of(slow(), crew, chunksize=10).batches():
        ahead += [len(pulled) - value // 10 for value in batch]
    assert len(ahead) == 30
    assert max(ahead) <= 4, "results were held back while the input was read"


def test_a_fast_input_is_read_in_large_portions() -> None:
    """Looking at the clock for each item would cost more than many a function."""
    crew = crew_of(lambda chunk: Fate(seconds=1e-7 * len(chunk.items)))
    spent = crew.clock.left  # type: ignore[attr-defined]
    assert len(results(driver_of(range(100_000), crew), run="sync")) == 100_000
    assert spent - crew.clock.left < 2000  # type: ignore[attr-defined]


def test_nothing_is_read_while_results_are_not_taken() -> None:
    """A consumer that stops stops everything: an endless input stays where it is."""
    read: list[int] = []

    def endless() -> Iterator[int]:
        n = 0
        while True:
            read.append(n)
            yield n
            n += 1

    batches = driver_of(endless(), crew_of(width=3), buffersize=7).batches()
    next(batches)
    assert len(read) <= 7
    batches.close()


@both
def test_stop_ends_the_run_without_an_error(run: str) -> None:
    """What was on its way is forgotten; results that wait for it go with it."""
    crew = crew_of(lambda chunk: Fate(after=float("inf") if chunk.first == 1 else 1.0), width=4)
    driver = driver_of(range(4), crew)
    if run == "sync":
        batches = driver.batches()
        assert next(batches) == [0]
        driver.stop()
        assert list(batches) == []
        return

    async def stopped() -> None:
        batches = driver.abatches()
        assert await anext(batches) == [0]
        driver.stop()
        assert [batch async for batch in batches] == []

    asyncio.run(stopped())


def test_stop_before_the_first_result_reads_nothing() -> None:
    """Stopping is for whoever changed his mind early, too."""
    crew = crew_of()
    driver = driver_of(iter(lambda: pytest.fail("the input was read"), None), crew)
    driver.stop()
    assert results(driver, run="sync") == []


def test_whoever_listens_is_told_of_arrivals() -> None:
    """The progress bar lives on it."""
    told: list[float] = []
    crew = crew_of(lambda chunk: Fate(after=1.0))
    crew.prefetches = False
    results(driver_of(range(5), crew, listener=lambda _: told.append(crew.clock()), chunksize=1), run="sync")
    assert told == [1.0, 2.0, 3.0, 4.0, 5.0]


class Elsewhere(ScriptedCrew):
    """Workers that say when they had what, by a clock of their own that is so much *ahead*."""

    ahead = 0.0

    def poll(self, timeout: float | None) -> list[Arrival]:
        return [
            replace(back, began=self.ahead + self.clock() - back.seconds, ended=self.ahead + self.clock())
            if isinstance(back, Returned)
            else back
            for back in super().poll(timeout)
        ]


@pytest.mark.parametrize("ahead", [0.0, 1e6, -1e6], ids=["here", "ahead", "behind"])
def test_spans_are_told_in_the_runs_own_time_whatever_clock_a_worker_has(ahead: float) -> None:
    """A worker on another machine counts from another beginning: what it took counts back from when it came."""
    crew = Elsewhere(tenfold, lambda chunk: Fate(after=2.0), clock=Budget())
    crew.ahead = ahead
    crew.clock.advance(5.0)  # the run begins later than the clock
    spans: list[Span] = []
    results(driver_of(range(4), crew, listener=spans.extend, chunksize=2), run="sync")
    assert [(span.first, span.items, span.began, span.seconds) for span in spans] == [(0, 2, 0, 2), (2, 2, 2, 2)]


def test_a_crew_that_grows_is_used_at_once() -> None:
    """Auto begins with the caller alone and goes on with many."""
    crew = crew_of(lambda chunk: Fate(after=1.0), width=1)

    def growing() -> Iterator[int]:
        for n in range(10):
            crew.width = 1 if n < 2 else 8
            yield n

    assert results(driver_of(growing(), crew, chunksize=1), run="sync") == [n * 10 for n in range(10)]
    assert crew.clock() == 3.0


def test_a_worker_that_dies_each_time_ends_the_run() -> None:
    """Neither hanging nor trying for ever."""
    crew = crew_of(lambda chunk: Fate(lost=chunk.first == 1), width=2)
    with pytest.raises(WorkerDied):
        results(driver_of(range(5), crew), run="sync")


def fates(draw_from: bytes) -> Callable[[Chunk], Fate]:
    """A script made of bytes; all is well after the last."""
    tape = iter(draw_from)

    def script(chunk: Chunk) -> Fate:
        what = next(tape, 0)
        after = (what >> 4) * 0.25
        match what & 15:
            case 1 | 2:
                return Fate(after, lost=True)
            case 3:
                return Fate(after, lost=True, begun=False)
            case 4 | 5:
                return Fate(after, tried=(what >> 4) % (len(chunk.items) + 1))
            case 6 | 7 | 8:
                return Fate(after, faults={chunk.first + what % len(chunk.items): ValueError(what)})
            case 9:
                return Fate(float("inf"))
            case _:
                return Fate(after, seconds=after / 1000)

    return script


@settings(max_examples=400, deadline=None)
@given(
    tape=st.binary(max_size=60)
    | st.builds(lambda seed, size: Random(seed).randbytes(size), st.integers(0, 2**32), st.integers(0, 80)),
    items=st.integers(0, 50),
    pauses=st.sets(st.integers(0, 50)),
    width=st.integers(1, 5),
    ordered=st.booleans(),
    on_error=st.sampled_from(["keep", "skip", "raise"]),
    retries=st.integers(0, 2),
    chunksize=st.none() | st.integers(1, 8),
    buffersize=st.none() | st.integers(1, 10),
    stops=st.booleans(),
)
def test_every_result_is_delivered_once_whatever_the_workers_do(
    tape: bytes,
    items: int,
    pauses: set[int],
    width: int,
    ordered: bool,
    on_error: str,
    retries: int,
    chunksize: int | None,
    buffersize: int | None,
    stops: bool,
) -> None:
    """The loops and the schedule together, against workers that die, hang, hurry back and fail."""
    script = fates(tape)
    hangs = any(byte & 15 == 9 for byte in tape)
    crew = crew_of(script, width=width, announce=hangs, stops=stops)
    if hangs and not stops:
        crew.width = width + len(tape)  # those that hang keep their place

    def source() -> Iterator[int]:
        for n in range(items):
            if n in pauses:
                crew.clock.advance(0.1)
            yield n

    schedule = Schedule(
        Policy(ordered, 7.0 if hangs else None, retries, on_error, None, chunksize, buffersize), crew.width
    )
    driver = Driver(schedule, source(), crew, crew.clock)
    out: list[Any] = []
    error: BaseException | None = None
    try:
        for batch in driver.batches():
            out += batch
    except (ValueError, WorkerDied, TaskTimeout) as raised:
        error = raised
    assert schedule.finished
    failed = [failure.index for failure in schedule.failures]
    if on_error == "raise" and failed:
        assert error is schedule.failures[0].error
        if ordered:
            assert out == [n * 10 for n in range(failed[0])]
    else:
        assert error is None
        places = [value.index * 10 if isinstance(value, Failure) else value for value in out]
        expected = [n * 10 for n in range(items) if on_error == "keep" or n not in failed]
        assert sorted(places) == expected
        assert places == expected or not ordered
    assert len(set(failed)) == len(failed)
