"""The schedule through interleavings that nobody would think of: Hypothesis decides what happens next.

A *tape* of bytes decides everything: what is read, which chunk arrives, what became of it, when somebody takes
results. When it has run out all goes well, so that every run must end. Each loop has a budget of steps: a
livelock fails instead of hanging.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NoReturn

from hypothesis import given, settings
from hypothesis import strategies as st

from weft._model.chunk import Chunk
from weft._model.outcome import Failure, Fault, Lost, Returned
from weft._schedule.policy import Policy
from weft._schedule.schedule import Schedule
from weft._schedule.verdicts import DEATHS_FORGIVEN
from weft.errors import TaskTimeout, WorkerDied
from weft.testing import ManualClock

WIDEST = 6
STEPS_AN_ITEM = 400


class Hostile:
    """A value whose every operation is an error: the schedule may carry it and no more."""

    def __init__(self, index: int) -> None:
        self.index = index

    def refuse(self, *args: object) -> NoReturn:
        raise AssertionError("the schedule looked at a value")

    __eq__ = __ne__ = __lt__ = __bool__ = __len__ = __hash__ = __iter__ = __repr__ = __str__ = refuse
    __getitem__ = __contains__ = __sizeof__ = refuse


class Trouble(Exception):
    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class Tape:
    """What chance decides; zeroes, which mean that all is well, for ever after its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def pick(self, most: int) -> int:
        """A number from 0 up to and including *most*."""
        if not self:
            return 0
        self._at += 1
        return self._data[self._at - 1] % (most + 1)

    def chance(self, percent: int) -> bool:
        """True so often in a hundred."""
        return bool(self) and self.pick(255) >= 256 - percent * 256 // 100


@dataclass
class Setting:
    """One case."""

    policy: Policy
    items: int
    width: int
    sized: bool
    breaks: bool
    tape: bytes
    prefetches: bool
    halts: bool  # whether workers end a chunk at the error that ends the run
    tells: bool  # whether workers say when each item began, and are stopped with their chunk


@dataclass
class World:
    """Everything around the schedule, and a record of what it should come to."""

    setting: Setting
    log: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        setting = self.setting
        self.clock = ManualClock()
        self.tape = Tape(setting.tape)
        self.told: list[int] = []
        self.schedule = Schedule(
            setting.policy,
            setting.width,
            total=setting.items if setting.sized else None,
            chance=random.Random(0).random,
            on_failure=lambda failure: self.told.append(failure.index),
        )
        self.suit(setting.width)
        self.read = 0
        self.ended = False
        self.out: dict[int, Any] = {}  # chunks with workers
        self.begun: dict[int, float] = {}  # when
        self.ignored: set[int] = set()  # chunks nobody waits for any more
        self.attempts: Counter[int] = Counter()
        self.deaths: Counter[int] = Counter()  # in a row
        self.values: set[int] = set()  # items that came to a value which counts
        self.failed: dict[int, BaseException] = {}  # items that failed for good
        self.first_failed: int | None = None
        self.starts: list[float] = []
        self.delivered: list[Any] = []
        self.steps = 0

    def suit(self, width: int) -> None:
        self.schedule.suit(width, prefetches=self.setting.prefetches, tells=self.setting.tells)

    def spend(self) -> None:
        self.steps += 1
        assert self.steps < 1000 + STEPS_AN_ITEM * (self.setting.items + len(self.setting.tape)), "livelock"

    # ── the loop ──

    def run(self) -> None:
        while True:
            self.spend()
            self.feed()
            if self.tape.chance(70) or not self.tape:
                released = self.release()
                if not released and self.schedule.finished:
                    break
                if released:
                    continue
            if self.tape.chance(10):
                self.suit(1 + self.tape.pick(WIDEST - 1))
            self.happen()

    def feed(self) -> None:
        schedule, policy = self.schedule, self.setting.policy
        while True:
            self.spend()
            chunk = schedule.next_chunk(self.clock())
            if chunk is not None:
                self.start(chunk)
            elif wanted := schedule.wants_items():
                assert not self.ended, "asked for items after the end of the input"
                count = min(1 + self.tape.pick(wanted - 1) if self.tape else wanted, self.setting.items - self.read)
                schedule.add([Hostile(self.read + n) for n in range(count)])
                self.read += count
                if policy.buffersize is not None:
                    assert schedule.untaken <= policy.buffersize, "read too far ahead"
                if count < wanted and self.read == self.setting.items:
                    self.ended = True
                    schedule.end_input(OSError("input") if self.setting.breaks else None)
                    self.log.append("end")
            else:
                return

    def start(self, chunk: Any) -> None:
        policy = self.setting.policy
        assert [item.index for item in chunk.items] == list(range(chunk.first, chunk.first + len(chunk.items)))
        assert chunk.items, "a chunk of nothing"
        assert chunk.attempt <= policy.retries + 1
        assert chunk.attempt == 1 or len(chunk.items) == 1
        assert policy.chunksize is None or len(chunk.items) <= policy.chunksize
        for number, other in self.out.items():
            if number not in self.ignored:
                apart = chunk.first + len(chunk.items) <= other.first or other.first + len(other.items) <= chunk.first
                assert apart, "an item is in flight twice"
        for item in chunk.items:
            assert item.index not in self.values, "an item that is done was sent again"
            assert item.index not in self.failed, "an item that has failed for good was sent again"
        if policy.on_error == "raise" and self.failed:
            assert policy.ordered, "work went on after the failure that ends the run"
            assert chunk.first + len(chunk.items) <= min(self.failed), "what comes after the failure was sent"
        if (policy.timeout is not None and not self.setting.tells) or policy.rate is not None:
            assert len(chunk.items) == 1
        self.starts.append(self.clock())
        self.out[chunk.number] = chunk
        self.log.append(("send", self.clock(), chunk.number, chunk.first, len(chunk.items), chunk.attempt))

    def release(self) -> bool:
        batch = self.schedule.release()
        if batch is None:
            return False
        assert batch, "a release of nothing"
        self.delivered += [value.index for value in batch]
        for value in batch:
            if isinstance(value, Failure):
                assert self.setting.policy.on_error == "keep"
        self.schedule.taken()
        self.log.append(("release", len(batch)))
        return True

    def happen(self) -> None:
        """Let one thing happen: a worker says something, or time passes."""
        now = self.clock()
        wakeup = self.schedule.next_wakeup(now)
        waits = [chunk for number, chunk in self.out.items()]
        if waits and not self.tape.chance(15):
            self.arrive(waits[self.tape.pick(len(waits) - 1)])
        elif wakeup is not None:
            self.clock.advance(wakeup)
        elif not waits and self.tape:
            self.tape.pick(0)  # somebody who takes results comes later
        self.expire()

    def arrive(self, chunk: Any) -> None:
        policy, tape = self.setting.policy, self.tape
        if policy.timeout is not None and chunk.number not in self.begun:
            self.begun[chunk.number] = self.clock()
            self.schedule.began(chunk.number, self.clock())
            return
        counts = self.counts(chunk)
        if len(chunk.items) > 1 and tape.chance(20):
            self.give_part(chunk, counts, 1 + tape.pick(len(chunk.items) - 2))
            return
        del self.out[chunk.number]
        if tape.chance(5):
            self.leave_with_all(chunk, counts)
            return
        match tape.pick(9):
            case 1 | 2:
                self.lose(chunk, counts, begun=True)
            case 3:
                self.lose(chunk, counts, begun=False)
            case 4:
                self.give_back(chunk, counts, tried=tape.pick(len(chunk.items)), trouble=False)
            case 5 | 6 | 7:
                self.give_back(chunk, counts, tried=len(chunk.items) - tape.pick(1), trouble=True)
            case _:
                self.give_back(chunk, counts, tried=len(chunk.items), trouble=False)

    def give_part(self, chunk: Any, counts: bool, tried: int) -> None:
        """A worker sends what it has finished, and goes on."""
        rest = Chunk(chunk.number, chunk.first + tried, chunk.items[tried:], chunk.attempt)
        self.out[chunk.number] = rest
        self.begun.pop(chunk.number, None)
        part = Chunk(chunk.number, chunk.first, chunk.items[:tried], chunk.attempt)
        self.give_back(part, counts, tried=tried, trouble=self.tape.chance(30), more=True)
        if self.setting.policy.timeout is not None:
            self.schedule.began(chunk.number, self.clock())
            self.begun[chunk.number] = self.clock()

    def leave_with_all(self, chunk: Any, counts: bool) -> None:
        """A worker that is made to leave sends what it has finished, which happens to be all, and is gone."""
        self.give_back(chunk, counts, tried=len(chunk.items), trouble=self.tape.chance(30), more=True)
        self.schedule.lose(Lost(chunk.number, "w", "killed", begun=self.tape.chance(50)), self.clock())

    def counts(self, chunk: Any) -> bool:
        """Whether the schedule still wants to know of this chunk."""
        if chunk.number in self.ignored:
            return False
        if self.setting.policy.on_error != "raise" or not self.failed:
            return True
        return self.setting.policy.ordered and chunk.first < min(self.failed)

    def give_back(self, chunk: Any, counts: bool, *, tried: int, trouble: bool, more: bool = False) -> None:
        policy = self.setting.policy
        halt = policy.on_error == "raise" and policy.retries == 0 and self.setting.halts and not more
        values: list[Any] = []
        faults: dict[int, Fault] = {}
        late = policy.timeout is not None and self.tape.chance(10) and tried == 1
        for offset in range(tried):
            index = chunk.first + offset
            if trouble and self.tape.chance(50):
                faults[offset] = Fault(Trouble(index), "w")
                values.append(None)
                if halt:
                    break
            else:
                values.append(Hostile(index))
        seconds = (policy.timeout or 0) * 2 if late else self.tape.pick(5) * 0.001
        if counts:
            for offset in range(len(values)):
                self.deaths[chunk.first + offset] = 0
                if offset in faults or late:
                    self.fail(chunk.first + offset, chunk.attempt, faults.get(offset))
                else:
                    self.values.add(chunk.first + offset)
        self.schedule.settle(Returned(chunk.number, values, "w", seconds, faults, more=more), self.clock())

    def fail(self, index: int, attempt: int, fault: Fault | None) -> None:
        self.attempts[index] += 1
        assert self.attempts[index] == attempt <= self.setting.policy.retries + 1
        if attempt == self.setting.policy.retries + 1:
            self.end(index, fault.error if fault else TaskTimeout(index, 1))

    def end(self, index: int, error: BaseException) -> None:
        if self.first_failed is None:
            self.first_failed = index
        if self.setting.policy.on_error == "raise" and not self.setting.policy.ordered and self.failed:
            return
        self.failed[index] = error

    def lose(self, chunk: Any, counts: bool, *, begun: bool) -> None:
        first, span = None, len(chunk.items)
        if self.tape.chance(50):  # it is known where it was
            offset = self.tape.pick(len(chunk.items) - 1)
            first, span = chunk.first + offset, 1 + self.tape.pick(2)
        suspect = chunk.first if first is None else first
        alone = min(span, chunk.first + len(chunk.items) - suspect) == 1
        if counts and begun and alone and (self.setting.policy.on_error != "raise" or self.before_failure(suspect)):
            self.deaths[suspect] += 1
            assert self.deaths[suspect] <= DEATHS_FORGIVEN + 1
            if self.deaths[suspect] == DEATHS_FORGIVEN + 1:
                self.end(suspect, WorkerDied("w", "s"))
        self.schedule.lose(Lost(chunk.number, "w", "s", begun=begun, index=first, span=span), self.clock())

    def before_failure(self, index: int) -> bool:
        """Whether the item comes before the failure that the run will end with."""
        return not self.failed or (self.setting.policy.ordered and index < min(self.failed))

    def expire(self) -> None:
        now = self.clock()
        for number in self.schedule.overdue(now):
            chunk = self.out.get(number)
            if chunk is not None and self.counts(chunk):
                assert now >= self.begun[number] + (self.setting.policy.timeout or 0) - 1e-9
            if chunk is not None and self.setting.tells:
                self.stop(chunk)
                continue
            if chunk is not None and self.counts(chunk):
                self.fail(chunk.first, chunk.attempt, None)
            if self.tape.chance(50):
                self.ignored.add(number)  # could not be stopped: it comes back late
            else:
                self.out.pop(number, None)
            self.schedule.expire(number, now, "w", stopped=number not in self.ignored)
        assert not self.schedule.overdue(now)

    def stop(self, chunk: Any) -> None:
        """The worker of an item that takes too long is stopped; it may send what it has finished before that."""
        if len(chunk.items) > 1 and self.tape.chance(50):
            self.give_part(chunk, self.counts(chunk), 1)
            self.begun[chunk.number] = self.clock()
            chunk = self.out[chunk.number]
            self.schedule.lose(Lost(chunk.number, "w", "s", begun=False), self.clock())
        else:
            if self.counts(chunk):
                self.fail(chunk.first, chunk.attempt, None)
            self.schedule.lose(Lost(chunk.number, "w", "s", index=chunk.first, late=True), self.clock())
        del self.out[chunk.number]

    # ── what it should have come to ──

    def verdict(self) -> None:
        policy, schedule = self.setting.policy, self.schedule
        everything = list(range(self.setting.items))
        if policy.on_error == "raise" and self.failed:
            index = min(self.failed) if policy.ordered else self.first_failed
            assert index is not None
            if policy.ordered:
                assert self.delivered == everything[:index]
            else:
                assert sorted(self.delivered) == sorted(self.values)
            assert type(schedule.error) is type(self.failed[index])
            assert getattr(schedule.error, "index", None) in {index, None}
            assert [failure.index for failure in schedule.failures] == [index] == self.told
        else:
            expected = [n for n in everything if policy.on_error == "keep" or n not in self.failed]
            assert sorted(self.delivered) == expected
            if policy.ordered:
                assert self.delivered == expected
            assert isinstance(schedule.error, OSError) if self.setting.breaks else schedule.error is None
            assert {failure.index for failure in schedule.failures} == set(self.failed) == set(self.told)
            assert schedule.untaken == 0
            stats = schedule.stats(1.0)
            assert (stats.done, stats.failed) == (self.setting.items - len(self.failed), len(self.failed))
            assert stats.total == self.setting.items
        assert leftovers(schedule) == {}
        self.keep_pace()

    def keep_pace(self) -> None:
        rate = self.setting.policy.rate
        if rate is not None:
            for n, moment in enumerate(self.starts):
                assert moment >= self.starts[0] + (n - 1) / rate - 0.010 - 1e-9, "faster than asked for"


def leftovers(schedule: Schedule) -> dict[str, int]:
    """What the schedule still holds on to, by the name of the container."""
    backlog = schedule._backlog
    held = {name: len(getattr(backlog, name)) for name in ("unsent", "in_flight", "due", "_uncut")}
    held |= {"deaths": len(schedule._verdicts), "outlet": len(schedule._outlet), "begun": len(schedule._limit._begun)}
    return {name: count for name, count in held.items() if count}


# Bytes that Hypothesis makes up shrink well but are few and small; seeded ones reach deep.
tapes = st.binary(max_size=100) | st.builds(
    lambda seed, size: random.Random(seed).randbytes(size), st.integers(0, 2**32), st.integers(10, 600)
)
policies = st.builds(
    Policy,
    ordered=st.booleans(),
    timeout=st.none() | st.none() | st.sampled_from([0.5, 3.0]),
    retries=st.integers(0, 3),
    on_error=st.sampled_from(["raise", "keep", "skip"]),
    rate=st.none() | st.none() | st.sampled_from([0.5, 10.0, 5000.0]),
    chunksize=st.none() | st.integers(1, 9),
    buffersize=st.none() | st.integers(1, 12),
)
worlds = st.builds(
    Setting,
    policy=policies,
    items=st.integers(0, 40),
    width=st.integers(1, WIDEST),
    sized=st.booleans(),
    breaks=st.booleans(),
    tape=tapes,
    prefetches=st.booleans(),
    halts=st.booleans(),
    tells=st.booleans(),
)


@settings(max_examples=1500, deadline=None)
@given(worlds)
def test_every_item_comes_to_its_one_result_whatever_happens(setting: Setting) -> None:
    """Nothing is lost, doubled, out of order, in flight twice or tried too often, and nothing stays behind."""
    world = World(setting)
    world.run()
    world.verdict()


@settings(max_examples=150, deadline=None)
@given(worlds)
def test_the_same_facts_lead_to_the_same_decisions(setting: Setting) -> None:
    """Nothing but facts and the given chance decides: a run that went wrong can be played again."""
    logs = []
    for _ in range(2):
        world = World(setting)
        world.run()
        logs.append(world.log)
    assert logs[0] == logs[1]


@settings(max_examples=300, deadline=None)
@given(worlds, st.integers(0, 60))
def test_a_run_that_is_cancelled_ends_with_what_may_still_leave(setting: Setting, after: int) -> None:
    """At any moment: what comes out is in order and once, there is no error, and nobody waits for more."""
    world = World(setting)
    schedule = world.schedule
    for _ in range(after):
        world.feed()
        if world.tape.chance(50) and not world.release() and schedule.finished:
            return
        world.happen()
    schedule.cancel()
    schedule.cancel()
    assert schedule.wants_items() == 0
    assert schedule.next_chunk(world.clock()) is None
    failed = schedule.error
    for chunk in list(world.out.values()):
        world.schedule.settle(Returned(chunk.number, [None], "w", 0.0), world.clock())
    budget = 2 * setting.items + 2
    while world.release():
        budget -= 1
        assert budget
    assert schedule.finished, "a cancelled run that waits for ever"
    assert schedule.next_wakeup(world.clock()) is None
    assert schedule.error is failed
    assert len(set(world.delivered)) == len(world.delivered)
    if setting.policy.ordered:
        assert world.delivered == sorted(world.delivered)
    assert leftovers(schedule) == {}
