"""What goes on while the caller is away, step by step: a clock that goes when told to, and no thread but where said."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any

import pytest

from weft._model.chunk import Chunk
from weft._model.outcome import Failure
from weft._schedule.driver import Driver
from weft._schedule.follower import BRISK, LULL, TICK, ThreadFollower
from weft._schedule.policy import Policy
from weft._schedule.schedule import Schedule
from weft._schedule.turns import UNTOLD_MOST, Turns
from weft.errors import TaskTimeout
from weft.testing import Fate, ScriptedCrew

LONG = 0.05  # seconds an item: more than a run has to last to be followed


class Looker:
    """A follower that looks when it is told to."""

    def __init__(self) -> None:
        self.runs: list[Any] = []

    def watch(self, run: Any) -> None:
        self.runs.append(run)

    def forget(self, run: Any) -> None:
        self.runs.remove(run)

    def nudge(self) -> None:
        pass


class Held:
    """A run, its caller and its follower."""

    def __init__(
        self,
        items: Iterable[Any],
        script: Callable[[Chunk], Fate] = lambda chunk: Fate(after=LONG * len(chunk.items)),
        *,
        listener: Callable[[Sequence[Any]], None] | None = None,
        width: int = 2,
        announce: bool = False,
        **asked: Any,
    ) -> None:
        self.crew = ScriptedCrew(lambda item: item * 10, script, width=width, announce=announce)
        self.schedule = Schedule(Policy(**asked), width, chance=lambda: 0.5)
        self.looker = Looker()
        self.driver = Driver(self.schedule, items, self.crew, self.crew.clock, listener, follower=self.looker)
        self.batches = self.driver.batches()

    @property
    def sent(self) -> int:
        return sum(len(chunk.items) for chunk in self.crew.sent)

    def away(self, seconds: float) -> None:
        """The caller is away for so long."""
        self.driver.follow()
        for _ in range(round(seconds / TICK)):
            self.crew.clock.advance(TICK)
            self.driver.follow()


def test_work_goes_on_while_the_caller_is_away() -> None:
    """All that fits into the window is done when it is back, in order; nothing beyond."""
    run = Held(list(range(1000)), buffersize=40)
    assert next(run.batches) == [0]
    assert run.sent < 10
    run.away(10.0)
    assert run.sent == 40
    assert run.schedule.stats(0).done == 40
    assert [next(run.batches)[0] for _ in range(30)] == [n * 10 for n in range(1, 31)]


def test_nothing_is_read_while_the_caller_is_away() -> None:
    """Not even where workers have nothing left to do; the next time they have more."""
    read: list[int] = []

    def items() -> Iterator[int]:
        for n in count():
            read.append(n)
            yield n

    run = Held(items())
    next(run.batches)
    before = len(read)
    run.away(1.0)
    assert len(read) == before
    assert not run.crew.in_hand
    for _ in range(20):  # those that were done, and then some
        next(run.batches)
    before, done = len(read), run.schedule.stats(0).done
    run.away(1.0)
    assert len(read) == before
    assert run.schedule.stats(0).done - done > 30  # of 40; the four that workers may hold are not many


def test_a_slow_input_is_not_read_ahead() -> None:
    """A caller gets its results, and does not wait for items that nobody needs yet."""
    read: list[int] = []

    def items() -> Iterator[int]:
        for n in count():
            run.crew.clock.advance(0.02)
            read.append(n)
            yield n

    run = Held(items())
    for _ in range(10):
        value = next(run.batches)[0] // 10
        run.away(1.0)
        assert len(read) - value <= 6


def test_a_caller_that_never_stays_away_finds_nothing_read_ahead() -> None:
    """What is read ahead is paid for in memory: only who is away for long needs it."""
    read: list[int] = []

    def items() -> Iterator[int]:
        for n in range(100):
            read.append(n)
            yield n

    run = Held(items())
    for (value,) in run.batches:
        assert len(read) - value // 10 <= 6


def test_it_follows_from_the_first_result_on() -> None:
    """However soon that comes: what the caller does then may take hours."""
    run = Held(range(10), lambda chunk: Fate(after=1e-6))
    next(run.batches)
    assert run.looker.runs == [run.driver]


def test_a_run_whose_results_come_all_at_once_is_not_followed() -> None:
    run = Held(range(1))
    assert list(run.batches) == [[0]]
    assert run.looker.runs == []


def test_a_crew_that_is_the_caller_is_not_followed() -> None:
    """Nobody else may run its items."""
    run = Held(range(10))
    run.crew.follows = False
    next(run.batches)
    assert run.looker.runs == []


def test_it_steps_only_if_the_caller_was_away_since_the_last_look() -> None:
    """A caller that comes and goes reads for itself."""
    run = Held(range(100))
    next(run.batches)
    polls: list[float | None] = []
    poll = run.crew.poll
    run.crew.poll = lambda timeout: polls.append(timeout) or poll(timeout)  # type: ignore[method-assign, func-returns-value]
    run.driver.follow()
    assert polls == []
    run.driver.follow()
    assert polls == [0]
    next(run.batches)
    polls.clear()
    run.driver.follow()
    assert polls == []


def test_it_does_nothing_while_the_caller_is_inside() -> None:
    run = Held(range(100))
    next(run.batches)
    run.driver.follow()
    polled = []
    run.crew.poll = lambda _: polled.append(1) or []  # type: ignore[method-assign, func-returns-value]
    with run.driver._turns.lock:
        assert TICK <= run.driver.follow() <= LULL
    assert polled == []


def test_a_caller_that_is_there_is_looked_for_less_and_less() -> None:
    """Until it is found away: each look wakes a thread, beside workers that want the processor."""
    run = Held(range(100))
    next(run.batches)
    with run.driver._turns.lock:
        pauses = [run.driver.follow() for _ in range(5)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (TICK, LULL)
    run.driver.follow()
    run.driver.follow()
    with run.driver._turns.lock:
        assert run.driver.follow() == TICK


def test_a_hang_is_ended_while_the_caller_is_away() -> None:
    """Its deadline is its deadline."""
    run = Held(
        [0, 1], lambda chunk: Fate(after=LONG if chunk.first == 0 else float("inf")),
        announce=True, timeout=0.3, on_error="keep",
    )  # fmt: skip
    assert next(run.batches) == [0]
    run.away(0.5)
    assert len(run.crew.killed) == 1
    (failure,) = next(run.batches)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, TaskTimeout)


def test_a_retry_comes_due_while_the_caller_is_away() -> None:
    faults = {1: OSError("flaky")}
    run = Held(
        [0, 1], lambda chunk: Fate(after=LONG, faults=faults if chunk.attempt == 1 and chunk.first == 1 else {}),
        retries=1,
    )  # fmt: skip
    assert next(run.batches) == [0]
    run.away(1.0)
    assert run.schedule.stats(0).done == 2
    assert run.schedule.stats(0).retried == 1


def test_what_goes_wrong_is_raised_when_the_caller_is_back() -> None:
    run = Held(range(100))
    next(run.batches)
    trouble = OSError("no more processes")

    def broken(timeout: float | None) -> Any:
        raise trouble

    run.crew.poll = broken  # type: ignore[method-assign]
    run.away(0.1)
    with pytest.raises(OSError, match="no more processes") as caught:
        next(run.batches)
    assert caught.value is trouble


def test_observers_are_told_when_the_caller_is_back() -> None:
    """They are user code, and may expect the thread that iterates."""
    told: list[int] = []
    run = Held(list(range(100)), listener=lambda _: told.append(run.schedule.stats(0).done))
    next(run.batches)
    before = len(told)
    run.away(1.0)
    assert len(told) == before
    next(run.batches)
    assert before < len(told) <= before + 3, "that there is news is told once, however much it is"


def test_nobody_follows_when_too_much_waits_to_be_told() -> None:
    """Workers that never stop talking are stopped by what they fill, as if nobody followed."""
    turns, steps = Turns(), 0

    def step() -> float:
        nonlocal steps
        steps += 1
        for _ in range(UNTOLD_MOST):
            turns.tell(told.append, steps)
        return 0.0

    told: list[int] = []
    with turns.lock:
        turns.begin()
    for _ in range(5):
        turns.follow(step)
    assert (steps, told) == (1, [])
    with turns.lock:
        turns.begin()
    assert told == [1] * UNTOLD_MOST


def test_with_nothing_to_do_it_looks_less_often() -> None:
    run = Held(list(range(1000)), buffersize=4)
    next(run.batches)
    run.away(5.0)
    assert run.driver.follow() == LULL


def test_a_run_that_was_stopped_is_not_followed() -> None:
    """What was cancelled must not send more."""
    run = Held(list(range(1000)))
    next(run.batches)
    run.driver.stop()
    before = run.sent
    run.away(1.0)
    assert run.sent == before
    assert len(list(run.batches)) <= 4  # those that had arrived
    assert run.sent == before


def test_garbage_collected_in_the_middle_of_its_own_step_a_run_ends_after_it() -> None:
    """The follower's unpickling may collect the very run that it drives."""
    run = Held(list(range(100)))
    next(run.batches)
    order: list[str] = []
    poll = run.crew.poll

    def collects(timeout: float | None) -> Any:
        run.driver.end(lambda: order.append("closed"))
        order.append("polled")
        return poll(timeout)

    run.crew.poll = collects  # type: ignore[method-assign]
    run.away(TICK)
    assert order == ["polled", "closed"]
    run.away(1.0)
    assert order == ["polled", "closed"]
    assert run.looker.runs == []


def test_a_forked_copy_has_no_follower_to_wait_for() -> None:
    """Its lock may have been held by a thread that is not in the copy."""
    turns = Turns()
    turns.lock.acquire()
    turns.renew()
    ended: list[bool] = []
    turns.end(lambda: ended.append(True))
    assert ended == [True]


class Seen:
    """A run that only notes who looks at it."""

    def __init__(self) -> None:
        self.looked = threading.Event()
        self.by: set[str] = set()

    def follow(self) -> float:
        self.by.add(threading.current_thread().name)
        self.looked.set()
        return 0.001

    def renew(self) -> None:
        raise AssertionError("nobody forked")


def test_one_thread_looks_after_all_runs_and_ends_with_the_last() -> None:
    """And starts again for the next."""
    follower = ThreadFollower()
    for _ in range(2):
        runs = [Seen() for _ in range(3)]
        for run in runs:
            follower.watch(run)
        assert all(run.looked.wait(10) for run in runs)
        assert set().union(*(run.by for run in runs)) == {"weft-follower"}
        assert sum(thread.name == "weft-follower" for thread in threading.enumerate()) == 1
        for run in runs:
            follower.forget(run)
        [thread] = [thread for thread in threading.enumerate() if thread.name == "weft-follower"] or [None]
        if thread is not None:
            thread.join(10)
            assert not thread.is_alive()


def test_who_comes_while_it_sleeps_for_another_is_looked_after_at_once() -> None:
    """A run that begins just after one that wanted nothing: its first item is looked at while it runs."""

    class Calm(Seen):
        def follow(self) -> float:
            return super().follow() and 60.0

    follower, calm, brisk = ThreadFollower(), Calm(), Seen()
    follower.watch(calm)
    assert calm.looked.wait(10)
    follower.forget(calm)
    follower.watch(brisk)
    assert brisk.looked.wait(10)
    follower.end()


def test_a_run_that_is_dropped_is_not_kept_alive() -> None:
    follower, run = ThreadFollower(), Seen()
    follower.watch(run)
    assert run.looked.wait(10)
    gone = threading.Event()
    weakref.finalize(run, gone.set)
    del run
    gc.collect()
    assert gone.wait(10)


def test_after_the_end_nobody_is_followed() -> None:
    """Threads that an interpreter stops keep the locks they hold."""
    follower, run = ThreadFollower(), Seen()
    follower.watch(run)
    follower.end()
    assert not any(thread.name == "weft-follower" for thread in threading.enumerate())
    follower.watch(run)
    assert not any(thread.name == "weft-follower" for thread in threading.enumerate())


class Working(ScriptedCrew):
    """Works in the thread that polls, and has others beside it; a follower may look meanwhile."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__(lambda item: item * 10, width=2)
        self.lends, self.meanwhile = 0.002, meanwhile

    def poll(self, timeout: float | None) -> Any:
        if timeout != 0:
            self.meanwhile()
        return super().poll(timeout if self.in_hand else 0)


@pytest.mark.parametrize("looks", [1, 3])
def test_while_the_caller_works_a_follower_drives(looks: int) -> None:
    """The caller lends its turn: what others have finished is collected, and they get more, before its item is done."""
    looker = Looker()
    sent: list[int] = []

    def meanwhile() -> None:
        [run] = looker.runs
        for _ in range(looks):
            thread = threading.Thread(target=run.follow)
            thread.start()
            thread.join()
        sent.append(len(crew.sent))

    crew = Working(meanwhile)
    schedule = Schedule(Policy(chunksize=1), crew.width)
    driver = Driver(schedule, range(6), crew, crew.clock, follower=looker)
    values = [value for batch in driver.batches() for value in batch]
    assert values == [n * 10 for n in range(6)]
    assert sent[0] > 2
    driver.end(lambda: None)


def test_who_does_not_lend_is_not_looked_after_meanwhile() -> None:
    """A poll that only waits has nobody drive beside it."""
    looker = Looker()
    crew = ScriptedCrew(lambda item: item, width=2)
    driver = Driver(Schedule(Policy(), crew.width), range(6), crew, crew.clock, follower=looker)
    watched: list[int] = []
    poll = crew.poll
    crew.poll = lambda timeout: watched.append(len(looker.runs)) or poll(timeout)  # type: ignore[method-assign, func-returns-value]
    next(driver.batches())
    assert watched
    assert not any(watched)


def test_who_lends_its_turn_no_more_is_looked_after_ever_more_rarely() -> None:
    """The first items were the caller's, and what is left is others': a thread that wakes is in their way."""
    turns, nudged, now = Turns(), [], threading.Event()

    def looks() -> list[float]:
        pauses: list[float] = []
        other = threading.Thread(target=lambda: pauses.extend(turns.follow(lambda: 1.0) for _ in range(4)))
        other.start()
        other.join(10)
        return pauses

    turns.take()
    turns.lend(lambda: nudged.append(now))
    turns.take_back()
    assert looks() == [BRISK, 2 * TICK, LULL, LULL]
    assert nudged == []  # nobody slept
    turns.lend(lambda: nudged.append(now))
    turns.take_back()
    assert nudged == [now]
    assert looks()[0] == BRISK
    turns.leave()


def test_a_turn_that_was_lent_is_taken_back() -> None:
    """Also in a forked copy, whose follower is not there to give it back."""
    turns = Turns()
    lock = turns.lock
    turns.take()
    turns.lend()
    assert not lock.locked()
    turns.take_back()
    assert lock.locked()
    turns.lend()
    lock.acquire()  # a follower has it at the moment of the fork
    turns.renew()
    turns.take_back()
    assert turns.lock.locked()
    turns.leave()
    assert not turns.lock.locked()


def test_a_turn_that_could_not_be_lent_is_still_the_callers() -> None:
    """As when Ctrl-C comes just before; and what comes just after is done once too often."""
    turns = Turns()
    turns._rests = True

    def interrupt() -> None:
        raise KeyboardInterrupt

    turns.take()
    with pytest.raises(KeyboardInterrupt):
        turns.lend(interrupt)
    turns.take_back()
    assert turns.lock.locked()
    turns.lend()
    turns.take_back()
    turns.take_back()
    assert turns.lock.locked()
    turns.leave()
    turns.leave()
    assert not turns.lock.locked()


def test_a_run_that_ends_in_the_callers_turn_waits_for_nobody() -> None:
    """As when Ctrl-C came where the turn was to be given up."""
    turns, ended = Turns(), []
    turns.take()
    turns.end(lambda: ended.append(True))
    assert ended
    assert not turns.lock.locked()


def test_a_caller_that_is_interrupted_when_it_has_lent_its_turn_leaves_the_run_as_it_should() -> None:
    """Wherever Ctrl-C has come: the turn was taken back, or was never gone."""
    crew = ScriptedCrew(lambda item: item)
    crew.lends = 0.01
    schedule = Schedule(Policy(chunksize=1), crew.width)
    driver = Driver(schedule, range(4), crew, crew.clock, follower=Looker())
    turns = driver._turns
    poll, times = crew.poll, count()

    def interrupted(timeout: float | None) -> Sequence[Any]:
        if timeout == 0:
            return poll(timeout)
        raise KeyboardInterrupt

    def too_late() -> None:
        next(times)
        raise KeyboardInterrupt

    crew.poll, turns.take_back = interrupted, too_late  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        next(driver.batches())
    assert next(times) == 1
    assert not turns.lock.locked()
