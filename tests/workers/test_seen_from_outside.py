"""What the chooser measures of workers: the caller's accounts, the price of travel, how long processes take to come."""

from __future__ import annotations

import hashlib
import pickle
import sys
import threading
import time
from typing import Any

import pytest

from weft._choose.handover import AT_ONCE, SOON, Handover
from weft._choose.heartbeat import LATER, Heartbeat
from weft._model.chunk import Call, Chunk
from weft._model.outcome import Returned
from weft._workers import delay, starting
from weft._workers.calls import run_chunk
from weft._workers.delay import Account, SelfWatch, queued
from weft._workers.freight import freight_of
from weft._workers.parcel import pack_returned, unpack_returned
from weft._workers.serial import SerialCrew
from weft._workers.starting import COLD, SERVED, WARM, Starts

LARGE = bytes(1 << 22)


def digest() -> None:
    hashlib.sha256(LARGE)


def spin(seconds: float) -> None:
    ending = time.thread_time() + seconds
    while time.thread_time() < ending:
        pass


def accounts_in_the_middle(work: Any) -> Any:
    """What another thread sees while a chunk of one item is being run."""
    seen: list[Any] = []
    crew = SerialCrew(Call(lambda _: (work(), seen.append(look())), star=False, label="f"), watched=True)

    def look() -> Any:
        found: list[Any] = []
        looker = threading.Thread(target=lambda: found.append(crew.glance()))
        looker.start()
        looker.join()
        return found[0]

    crew.send(Chunk(1, 0, [None]))
    crew.poll(None)
    after = crew.glance()
    crew.close()
    return seen[0], after


def test_work_that_computes_is_seen_to_compute_before_it_is_done() -> None:
    """An item of ten seconds is judged while it runs."""
    middle, after = accounts_in_the_middle(lambda: spin(0.05))
    assert middle.in_hand > 0
    assert 0.05 <= middle.cpu <= middle.seconds + 0.01
    assert after.in_hand == 0
    assert after.cpu >= middle.cpu


def test_work_that_waits_is_seen_to_wait() -> None:
    """Time passes, and nothing is computed."""
    middle, _ = accounts_in_the_middle(lambda: time.sleep(0.05))
    assert middle.in_hand >= 0.05
    assert middle.cpu < 0.02


def test_accounts_go_on_in_another_thread() -> None:
    """Under ``async for`` every chunk is run in a thread of its own."""
    watch = SelfWatch()

    def work() -> None:
        watch.begin()
        spin(0.01)
        watch.end()

    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    seen = watch.glance()
    watch.close()
    assert seen is not None
    assert seen.cpu >= 0.03


def test_nobody_asks_the_system_of_who_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks lets go of the GIL; where the function holds it that is a switch interval, each time."""
    asked: list[int] = []
    monkeypatch.setattr(Account, "queued", lambda self: asked.append(1) or 0.0)
    watch = SelfWatch()
    watch.begin()
    for _ in range(20):  # on a machine that is busy itself somebody may have had the processor at every look
        asked.clear()
        for _ in range(5):
            spin(0.01)
            assert watch.glance() is not None
        if len(asked) < 5:
            break
    busy, wall = len(asked), time.perf_counter()
    while time.perf_counter() - wall < 0.02:
        time.sleep(0.005)
    watch.glance()
    watch.close()
    assert busy < 5
    assert len(asked) > busy


def test_an_account_is_opened_once_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs one system call and not three."""
    opened: list[str] = []
    before = delay._opened
    monkeypatch.setattr(delay, "_opened", lambda path: opened.append(path) or before(path))
    account = Account(threading.get_native_id())
    assert [account.queued() >= 0 for _ in range(3)] == [True] * 3
    assert all(account.ready() for _ in range(3))
    assert len(opened) == 2
    account.close()
    assert (account.queued(), account.ready()) == (0.0, False)
    assert len(opened) == 2


def test_a_chunk_ends_with_the_item_in_hand_where_there_is_something_to_decide() -> None:
    """The caller decides by itself, rather than beside somebody who wants the GIL for it."""
    crew = SerialCrew(Call(lambda n: n if n != 2 else crew.cut_short() or n, star=False, label="f"), watched=True)
    crew.send(Chunk(1, 0, list(range(10))))
    [returned] = crew.poll(None)
    crew.send(Chunk(2, 3, list(range(3, 10))))
    [rest] = crew.poll(None)
    crew.cut_short()
    crew.send(Chunk(3, 10, [10, 11, 12]))
    [single] = crew.poll(None)
    crew.close()
    assert (returned.values, returned.more) == ([0, 1, 2], False)
    assert rest.values == list(range(3, 10))  # the next is not cut short
    assert single.values == [10]  # but where it was asked for before that


def test_chunks_that_somebody_has_sized_are_not_cut() -> None:
    """``chunksize=`` is kept to."""
    call = Call(lambda n: crew.cut_short() or n, star=False, label="f", hurry=False)
    crew = SerialCrew(call, watched=True)
    crew.send(Chunk(1, 0, list(range(10))))
    [returned] = crew.poll(None)
    crew.close()
    assert returned.values == list(range(10))


def test_who_keeps_no_accounts_has_none() -> None:
    """``on="serial"`` pays for nothing of this."""
    assert SerialCrew(Call(abs, star=False, label="abs")).glance() is None


def test_who_computes_is_ready_and_who_sleeps_is_not() -> None:
    """Whether it has a processor or waits for one: the difference to waiting for anything else."""
    asleep, ending = threading.Event(), threading.Event()
    found: list[int] = []

    def sleep() -> None:
        found.append(threading.get_native_id())
        asleep.set()
        ending.wait()

    thread = threading.Thread(target=sleep)
    thread.start()
    asleep.wait()
    time.sleep(0.01)  # until it does
    try:
        assert ready(threading.get_native_id())
        assert not ready(found[0])
        assert not ready(2**22 + 1)
    finally:
        ending.set()
        thread.join()


def ready(thread: int) -> bool:
    account = Account(thread)
    try:
        return account.ready()
    finally:
        account.close()


def test_what_a_chunk_waited_for_a_processor_is_no_part_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine an item of 20 ms is in hand for 60, and is one of 20 all the same."""
    waited = [0.0]
    monkeypatch.setattr(Account, "queued", lambda self: waited[0])
    watch = SelfWatch()
    watch.begin()
    time.sleep(0.03)
    waited[0] = 0.02
    seen = watch.glance()
    watch.close()
    assert seen is not None
    assert seen.delay == pytest.approx(0.02, abs=0.002)
    assert seen.in_hand == pytest.approx(seen.seconds)
    assert seen.in_hand >= 0.01


def in_a_thread(work: Any) -> Any:
    """What *work* comes to in a thread of its own, which has not waited for anything so far."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_what_a_thread_waited_for_a_processor_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as there is room for it in the time that it did not compute."""
    waits = iter([0.5, 0.5, 0.75, 5.0, 4.0])
    monkeypatch.setattr(delay, "queued", lambda thread: next(waits))
    assert in_a_thread(lambda: [delay.queued_here(1.0) for _ in range(5)]) == [0.5, 0.0, 0.25, 1.0, 0.0]


def test_a_worker_tells_how_long_it_had_no_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """By that the time that it waited for anything else is told from it; where it computed nobody asks."""
    asked: list[int] = []

    def queued_since(thread: int) -> float:
        asked.append(thread)
        return 0.015

    monkeypatch.setattr(delay, "queued", queued_since)

    def run(item: Any) -> Returned:
        call = Call(lambda _: item(), star=False, label="f")
        returned: Returned = in_a_thread(lambda: run_chunk(call, Chunk(1, 0, [None]), "w", kind="thread"))
        return returned

    waited = run(lambda: time.sleep(0.03))
    assert waited.delay == 0.015
    assert waited.seconds >= 0.03
    asked.clear()
    assert run(lambda: None).delay == 0.0
    assert not asked


def test_what_a_worker_process_tells_of_its_waiting_arrives() -> None:
    """It is said with the chunk, and added up in the run's figures."""
    told = Returned(1, ["a"], "w", 2.0, cpu=0.5, nbytes=9, began=1.0, ended=3.0, delay=1.25)
    back = unpack_returned(pack_returned(told, 0, pickle.dumps), pickle.loads)
    assert (back.seconds, back.cpu, back.began, back.ended, back.delay) == (2.0, 0.5, 1.0, 3.0, 1.25)


def test_who_has_heard_nothing_takes_it_that_the_gil_is_held() -> None:
    """The function got no processor while it was listened to: nothing is known, and most code holds it."""
    over = threading.Event()
    heart = Heartbeat(lambda: False, lambda: 0.0, Account, over.set)
    time.sleep(0.01)
    heart.end()
    assert over.wait(10)
    assert (heart.beats, heart.held) == (0, 1.0)


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="nobody tells what another thread computed")
@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="nobody holds the GIL")
@pytest.mark.parametrize(("work", "held"), [(lambda: sum(range(500)), True), (digest, False)])
def test_who_holds_the_gil_is_heard_soon_and_somebody_is_told(work: Any, held: bool) -> None:
    """Three late beats, of 1.5 ms each: meanwhile threads are asked to hand over the GIL that soon, and no longer."""
    before, over = sys.getswitchinterval(), threading.Event()
    clock = time.pthread_getcpuclockid(threading.get_ident())
    heart = Heartbeat(lambda: True, lambda: time.clock_gettime(clock), Account, over.set)
    assert sys.getswitchinterval() == pytest.approx(SOON)
    ending = time.perf_counter() + 10
    while not over.is_set() and time.perf_counter() < ending:
        work()
    assert heart.sure(waits=False)
    heart.end()
    assert sys.getswitchinterval() == before
    assert (heart.held > 0.5) is held


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="nobody tells what another thread computed")
@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="nobody holds the GIL")
@pytest.mark.parametrize("hurried", [False, True])
def test_where_little_depends_on_it_one_late_beat_is_enough(hurried: bool) -> None:
    over = threading.Event()
    clock = time.pthread_getcpuclockid(threading.get_ident())
    heart = Heartbeat(lambda: True, lambda: time.clock_gettime(clock), Account, over.set)
    if hurried:
        heart.hurry()
    ending = time.perf_counter() + 10
    while not over.is_set() and time.perf_counter() < ending:
        sum(range(500))
    heart.end()
    assert heart.late >= (1 if hurried else LATER)
    assert heart.late < LATER or not hurried


def test_whoever_listens_for_the_gil_gets_it_when_he_expects_to() -> None:
    """Workers that others bring meanwhile would have it handed over sooner, and so it would seem to be let go of."""
    handover, before = Handover(), sys.getswitchinterval()
    try:
        handover.hasten(AT_ONCE)
        assert sys.getswitchinterval() == pytest.approx(AT_ONCE)
        handover.hasten(listens=True)
        assert sys.getswitchinterval() == pytest.approx(SOON)
        handover.leave(listens=True)
        assert sys.getswitchinterval() == pytest.approx(AT_ONCE)
        handover.leave(AT_ONCE)
        assert sys.getswitchinterval() == before
    finally:
        sys.setswitchinterval(before)


def test_what_a_program_says_of_the_switch_interval_stays_said() -> None:
    """It was shortened for a look, by two; what somebody sets meanwhile is nobody's to undo."""
    handover, before = Handover(), sys.getswitchinterval()
    try:
        handover.hasten()
        handover.hasten()
        handover.leave()
        assert sys.getswitchinterval() == pytest.approx(SOON)
        handover.leave()
        assert sys.getswitchinterval() == before
        handover.hasten()
        sys.setswitchinterval(0.02)
        handover.leave()
        assert sys.getswitchinterval() == pytest.approx(0.02)
        sys.setswitchinterval(0.0005)
        handover.hasten()
        assert sys.getswitchinterval() == pytest.approx(0.0005)
        handover.leave()
        assert sys.getswitchinterval() == pytest.approx(0.0005)
    finally:
        sys.setswitchinterval(before)


def test_a_thread_that_is_not_there_has_not_waited() -> None:
    """Nor has any where the system does not tell."""
    assert queued(2**22 + 1) == 0.0
    assert queued(threading.get_native_id()) >= 0.0


def test_what_is_large_is_dear_at_the_end_that_copies_it() -> None:
    """Eight million bytes take a while to write, however little there is to pickle."""
    small, large = freight_of([1], [1]), freight_of([bytes(8_000_000)], [1])
    assert large.nbytes > 8_000_000 > small.nbytes
    assert large.here > 0.0005
    assert freight_of([1], [bytes(8_000_000)]).there > 0.0005


def test_a_batch_is_measured_where_one_is_cheap() -> None:
    """The clock can't tell what a single number costs; sixty-four share the price of a message."""
    found = freight_of(range(1000), [])
    assert found.nbytes < 100
    assert found.here < 0.001


def test_what_can_not_travel_says_so() -> None:
    """It is a reason to stay."""
    with pytest.raises(Exception, match="pickle"):
        freight_of([threading.Lock()], [])


def test_starting_is_learnt_from_how_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apart for nothing there, a server, and warm workers; one bad day is not for ever."""
    there = "cold"
    monkeypatch.setattr(starting, "_what_is_there", lambda workers: there)
    starts = Starts()
    assert starts.expect(2) == COLD
    starts.learn(0.105)
    assert starts.expect(2) == pytest.approx((COLD + 0.105) / 2)
    there = "served"
    assert starts.expect(2) == SERVED
    there = "warm"
    assert starts.expect(2) == WARM
    starts.learn(60.0)
    assert starts.expect(2) < 0.01
