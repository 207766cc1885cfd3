"""A message that is laid where the other side looks for it arrives once, whoever goes to sleep when."""

from __future__ import annotations

import itertools
import mmap
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import weft
from weft._transport import line as lines
from weft._transport.area import HEAD, TRAY
from weft._transport.channel import HEADER_SIZE, Frame
from weft._transport.line import RING
from weft._transport.tray import CONTENT, Tray
from weft._workers.supervisor import SUPERVISOR

ROOM = TRAY - CONTENT - HEADER_SIZE


def frame(body: bytes = b"", chunk: int = 3) -> Frame:
    return Frame(1, 2, chunk, 4, 5, body)


@pytest.fixture
def ends() -> Iterator[tuple[Tray, Tray]]:
    """Who writes, and who reads."""
    memory = mmap.mmap(-1, HEAD)
    both = Tray(memory), Tray(memory)
    yield both
    for each in both:
        each.close()
    memory.close()


def test_what_is_looked_for_arrives_once(ends: tuple[Tray, Tray]) -> None:
    """All fields; small messages, and those that just fit."""
    writer, reader = ends
    for body in (b"", b"x", bytes(range(256)), bytes(ROOM)):
        assert reader.take() == []
        reader.expect()
        sent = Frame(255, 2**32 - 1, 2**64 - 1, 2**64 - 1, 2**32 - 1, body)
        assert writer.put(sent)
        assert not writer.deserted
        assert reader.take() == [sent]
        assert reader.take() == []


def test_what_nobody_looks_for_goes_another_way(ends: tuple[Tray, Tray]) -> None:
    """Before anybody does, after he has gone, and as long as he has not taken the last one."""
    writer, reader = ends
    assert not writer.put(frame())
    reader.expect()
    assert reader.desert() == []
    assert not writer.put(frame())
    reader.expect()
    assert writer.put(frame(b"one"))
    assert not writer.put(frame(b"two"))
    assert reader.take() == [frame(b"one")]
    assert not writer.put(frame(b"two")), "he looks for no other yet"
    reader.expect()
    assert writer.put(frame(b"two"))
    assert reader.desert() == [frame(b"two")]


@pytest.mark.parametrize("large", [frame(bytes(ROOM + 1)), frame()._replace(fd=7)])
def test_what_does_not_fit_goes_another_way(ends: tuple[Tray, Tray], large: Frame) -> None:
    """What is long, and what brings a descriptor; what is looked for still is."""
    writer, reader = ends
    reader.expect()
    assert not writer.put(large)
    assert writer.put(frame())
    assert reader.take() == [frame()]


def test_whoever_looks_into_one_that_was_closed_finds_nothing(ends: tuple[Tray, Tray]) -> None:
    """As a thread may, while another ends the worker."""
    _, reader = ends
    reader.expect()
    reader.close()
    assert reader.take() == []


# ── every order of steps ──────────────────────────────────────────────────────────────────────────────────────


class Turns:
    """Lets two threads make one step each, in an order that was laid down."""

    def __init__(self, order: tuple[int, ...]) -> None:
        self._order = iter(order)
        self._over = [False, False]
        self._changed = threading.Condition()
        self._turn = next(self._order)

    def step(self, me: int) -> None:
        """Wait until it is *me* who has the next step, and take it."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._turn == me or self._over[1 - me], timeout=10)
            self._turn = next(self._order, me)
            self._changed.notify_all()

    def leave(self, me: int) -> None:
        """*me* has no more steps."""
        with self._changed:
            self._over[me] = True
            self._changed.notify_all()


class Words:
    """Those of a tray, whose every use is a step."""

    def __init__(self, words: Any, step: Callable[[], None]) -> None:
        self._words, self._step = words, step

    def __getitem__(self, at: int) -> int:
        self._step()
        word: int = self._words[at]
        return word

    def __setitem__(self, at: int, word: int) -> None:
        self._step()
        self._words[at] = word


WRITES, READS = 0, 1


def sent_and_taken(order: tuple[int, ...]) -> tuple[list[str], list[Frame]]:
    """How a message went, and what the reader had of it when all was over; both take their steps in that *order*."""
    memory = bytearray(HEAD)
    writer, reader = Tray(memory), Tray(memory)  # type: ignore[arg-type]
    turns = Turns(order)
    writer._words = Words(writer._words, lambda: turns.step(WRITES))  # type: ignore[assignment]
    reader._words = Words(reader._words, lambda: turns.step(READS))  # type: ignore[assignment]
    went: list[str] = []
    taken: list[Frame] = []

    def write() -> None:
        if not writer.put(frame(b"news")):
            went.append("by the channel")
        elif writer.deserted:
            went.append("with a ring")
        else:
            went.append("silently")
        turns.leave(WRITES)

    def read() -> None:
        reader.expect()
        taken.extend(reader.take() or reader.desert())
        turns.leave(READS)

    threads = [threading.Thread(target=each) for each in (write, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if went == ["with a ring"]:  # it wakes who sleeps
        taken.extend(reader.desert())
    return went, taken


def test_no_message_is_lost_or_there_twice_in_any_order_of_steps() -> None:
    """Five of whoever goes to sleep, and up to three of whoever has something."""
    ways = set()
    for places in itertools.combinations(range(8), 3):
        order = tuple(WRITES if place in places else READS for place in range(8))
        [way], taken = sent_and_taken(order)
        ways.add(way)
        assert taken == ([] if way == "by the channel" else [frame(b"news")]), order
    assert ways == {"by the channel", "with a ring", "silently"}


# ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(not lines.KEEPS_ORDER, reason="this processor lets what is written first arrive last")
def test_who_sleeps_already_is_rung_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ring comes by the channel; what comes after it does, too."""
    from .test_line import connected

    parent, worker = connected(2**20)
    parent.channel.quiet = True
    worker.expect()
    put = Tray.put
    monkeypatch.setattr(Tray, "put", lambda self, each: put(self, each) and worker.desert() is not None)
    monkeypatch.setattr(Tray, "take", lambda self: [])  # he has just looked
    assert parent.hand(frame(b"news"))
    monkeypatch.undo()
    assert [each.op for each in worker.channel.receive()] == [RING]
    assert worker.desert() == [frame(b"news")]
    assert not parent.hand(frame(b"more")), "the ring may not have been read"
    for each in (parent, worker):
        each.close()


@pytest.mark.skipif(not lines.KEEPS_ORDER, reason="this processor lets what is written first arrive last")
def test_what_comes_by_the_channel_ends_the_look() -> None:
    """Whoever has it goes on with that, and may go to sleep next: nothing may be laid there then."""
    from .test_line import connected

    parent, worker = connected(2**20)
    worker.expect()
    parent.channel.send(frame(b"first"))
    found = next(found for found in iter(worker.glance, None) if found)
    assert [bytes(each.body) for each in found] == [b"first"]
    parent.channel.quiet = True
    assert not parent.hand(frame(b"second"))
    for each in (parent, worker):
        each.close()


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────


def pid_and(x: int) -> tuple[int, int]:
    import os

    return os.getpid(), x


def pause(microseconds: int) -> int:
    """Take so long, without giving the processor away."""
    import time

    ending = time.perf_counter() + microseconds / 1e6
    while time.perf_counter() < ending:
        pass
    return microseconds


@pytest.mark.parametrize("keeps_order", [lines.KEEPS_ORDER, False])
def test_single_calls_come_back_whatever_the_processor_does(keeps_order: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With trays, and where there are none."""
    SUPERVISOR.stop()
    monkeypatch.setattr(lines, "KEEPS_ORDER", keeps_order)
    assert [weft.submit(pid_and, n, on="process").result()[1] for n in range(200)] == list(range(200))


def test_calls_are_answered_also_when_somebody_is_just_about_to_sleep() -> None:
    """Both sides look for 200 µs: calls, and pauses between them, that take about as long."""
    for call, between in itertools.product(range(0, 400, 25), repeat=2):
        assert weft.submit(pause, call, on="process").result(timeout=30) == call
        pause(between)


def test_what_a_call_says_is_there_before_its_answer(capfd: pytest.CaptureFixture[str]) -> None:
    """Also where answers go another way."""
    for n in range(50):
        assert weft.submit(lambda x: x, n, on="process").result() == n
    for n in range(20):
        weft.submit(print, f"call {n}", flush=True, on="process").result()
        assert capfd.readouterr().out == f"call {n}\n"
