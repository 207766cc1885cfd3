"""What a crew sends its workers: packed once, with what each has to know first, and minded where a line is full."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from weft._model.chunk import Call, Chunk
from weft._model.outcome import Returned
from weft._transport.carried import carried
from weft._transport.channel import Frame
from weft._transport.codec import loads
from weft._workers.births import Birth
from weft._workers.lesson import Curriculum
from weft._workers.ops import Op
from weft._workers.outgoing import Outgoing
from weft.errors import NotSendable


class Wire:
    """As much of a worker's channel and line as is written to."""

    def __init__(self) -> None:
        self.sent: list[Frame] = []
        self.handed: list[Frame] = []  # what was laid where the worker looks
        self.looks = False  # whether it does
        self.quiet = self.clogged = self.expects = False
        self.carried = 0

    def fileno(self) -> int:
        return 5

    def send(self, frame: Frame) -> None:
        self.quiet = False
        self.sent.append(frame)

    def send_all(self, frames: Sequence[Frame]) -> None:
        self.quiet = False
        self.sent += frames

    def hand(self, frame: Frame) -> bool:
        if self.looks and self.quiet:
            self.handed.append(frame)
        return self.looks and self.quiet

    def expect(self) -> None:
        self.expects = True

    def stow(self, stem: bytes, buffers: Sequence[Any]) -> bytes:
        self.carried = len(stem)
        return stem


class Minded:
    """What is waited for besides answers."""

    def __init__(self) -> None:
        self.writable: set[int] = set()

    def change(self, fd: int, *, writable: bool) -> None:
        (self.writable.add if writable else self.writable.discard)(fd)


class Worker:
    """As much of a worker as is asked for."""

    def __init__(self) -> None:
        self.channel = self.line = Wire()
        self.knows = self.tasks = 0
        self.held: list[int] = []


def worker() -> Any:
    return Worker()


class Desk:
    """An :class:`Outgoing` with all that is around it."""

    def __init__(self, fn: Any = abs, **asked: Any) -> None:
        call = Call(fn, star=False, label="fn", **asked)
        self.curriculum = Curriculum(call, Birth("forkserver", 1))
        self.minded = Minded()
        self.refused: list[Returned] = []
        self.outgoing = Outgoing(call, self.curriculum, 2, self.minded, self.refused.append)  # type: ignore[arg-type]

    def give(self, worker: Any, chunk: Chunk) -> list[int]:
        """What the worker is sent by that, by what it is."""
        before = len(worker.channel.sent)
        packed = self.outgoing.pack(chunk)
        assert packed is not None
        self.outgoing.give(worker, packed)
        return [frame.op for frame in worker.channel.sent[before:]]


@pytest.fixture
def desk() -> Any:
    made: list[Desk] = []

    def make(*args: Any, **asked: Any) -> Desk:
        made.append(Desk(*args, **asked))
        return made[-1]

    yield make
    for each in made:
        each.curriculum.close()


def test_a_worker_is_told_once_what_it_is_all_about(desk: Any) -> None:
    """Before its first chunk; the second comes alone."""
    here, there = desk(), worker()
    assert here.give(there, Chunk(1, 0, [1, 2])) == [Op.CALL, Op.CHUNK]
    assert here.give(there, Chunk(2, 2, [3])) == [Op.CHUNK]
    assert (there.held, there.tasks, sorted(here.outgoing.chunks)) == ([1, 2], 3, [1, 2])


def test_a_chunk_with_an_item_that_cannot_travel_is_sent_item_by_item(desk: Any) -> None:
    """The others must not pay for it."""
    here, there = desk(), worker()
    assert here.give(there, Chunk(1, 0, [1, threading.Lock()])) == [Op.CALL, Op.PARTS]
    assert not here.refused


def test_what_a_worker_could_not_read_comes_again_item_by_item_and_counts_once(desk: Any) -> None:
    here, there = desk(), worker()
    chunk = Chunk(1, 0, [1, 2])
    here.give(there, chunk)
    there.held.remove(1)
    here.outgoing.give_parts(there, chunk)
    assert [frame.op for frame in there.channel.sent][-1] == Op.PARTS
    assert (there.held, there.tasks) == ([1], 2)


def test_a_single_call_that_cannot_travel_is_refused_where_it_was_made(desk: Any) -> None:
    """No worker hears of it."""
    here = desk(alone=True)
    assert here.outgoing.pack(Chunk(7, 0, [(abs, (threading.Lock(),), {})])) is None
    [returned] = here.refused
    assert returned.chunk == 7
    assert isinstance(returned.faults[0].error, NotSendable)


def test_a_function_that_was_pickled_before_is_not_pickled_again(desk: Any) -> None:
    """It follows what is, and the frame says how long it is."""
    here, there = desk(alone=True), worker()
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def f(n): return n + 1", space)
    sent = carried(space["f"])
    here.give(there, Chunk(1, 0, [(sent, (5,), {})]))
    frame = there.channel.sent[-1]
    assert frame.first >> 1 == len(sent.packed)
    assert loads(frame.body) == ((5,), {})
    assert loads(frame.body[-(frame.first >> 1) :])(5) == 6


def test_a_line_that_is_full_is_waited_for(desk: Any) -> None:
    """What does not fit goes when there is room, and nobody blocks until then."""
    here, there = desk(), worker()
    there.channel.clogged = True
    here.give(there, Chunk(1, 0, [1]))
    assert here.minded.writable == {5}
    there.channel.clogged = False
    here.outgoing.mind(there)
    assert not here.minded.writable


def test_the_caller_spins_only_for_calls_that_have_a_processor_to_spare(desk: Any) -> None:
    """A worker that knows it looks out for the next one for a moment, too."""
    here, there = desk(alone=True), worker()
    assert here.outgoing.spins
    for number in (1, 2):
        here.give(there, Chunk(number, 0, [(abs, (-number,), {})]))
    assert not here.outgoing.spins
    assert [bool(frame.first & 1) for frame in there.channel.sent if frame.op == Op.ALONE] == [True, False]
    here.outgoing.release(2)
    assert here.outgoing.spins
    assert not desk().outgoing.spins


def test_a_call_is_laid_where_its_worker_looks_for_it(desk: Any) -> None:
    """Not before the worker has read all that was sent: what it has to know first comes by the channel."""
    here, there = desk(alone=True), worker()
    there.line.looks = True

    def call(number: int) -> list[int]:
        return here.give(there, Chunk(number, 0, [(abs, (-number,), {})]))

    def answered(number: int) -> None:
        there.held.remove(number)
        here.outgoing.release(number)

    assert call(1) == [Op.CALL, Op.ALONE]
    answered(1)
    assert call(2) == []
    assert call(3) == [Op.ALONE], "it is in another"
    answered(2)
    answered(3)
    assert call(4) == [Op.ALONE], "it had not read the one before when that was sent"
    answered(4)
    assert call(5) == []
    answered(5)
    there.channel.send(Frame(Op.FORGET, 9, 0, 0, 0, b""))
    assert call(6) == [Op.ALONE], "there is something else that it may not have read"
    assert [frame.chunk for frame in there.line.handed] == [2, 5]


def test_an_answer_is_expected_of_one_worker_by_who_will_look_for_it(desk: Any) -> None:
    """Not where he sleeps already, and of no second one: only one of them is looked at without a pause."""
    here, first, second = desk(alone=True), worker(), worker()
    here.outgoing.sleeps = True
    here.give(first, Chunk(1, 0, [(abs, (-1,), {})]))
    assert (here.outgoing.expected, first.line.expects) == (None, False)
    first.held.remove(1)
    here.outgoing.release(1)
    here.outgoing.sleeps = False
    here.give(first, Chunk(2, 0, [(abs, (-2,), {})]))
    assert (here.outgoing.expected, first.line.expects) == (first, True)
    here.outgoing.release(2)  # by another way
    here.give(second, Chunk(3, 0, [(abs, (-3,), {})]))
    assert (here.outgoing.expected, second.line.expects) == (first, False)


def test_calls_that_came_later_are_taught_before_their_first_chunk(desk: Any) -> None:
    here, there = desk(alone=True), worker()
    later = Call(len, star=False, label="later")
    here.curriculum.add(later)
    assert here.give(there, Chunk(1, 0, ["ab", "c"], 1, later)) == [Op.CALL, Op.CALL, Op.CHUNK]
    assert here.give(there, Chunk(2, 2, ["d"], 1, later)) == [Op.CHUNK]
    assert there.tasks == 2, "a chunk of another call is one task of a worker's life"


def test_what_an_item_weighs_on_its_way_is_that_of_the_last(desk: Any) -> None:
    here, there = desk(), worker()
    here.give(there, Chunk(1, 0, [bytes(1000), bytes(1000)]))
    assert 1000 <= here.outgoing.weight <= 1200
    assert loads(there.channel.sent[-1].body) == [bytes(1000)] * 2
