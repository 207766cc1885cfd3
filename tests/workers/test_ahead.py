"""Short calls are sent to workers that are in others; none is lost by it, none runs twice, and none waits in vain."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace

import pytest

import weft
from weft import multiprocessing
from weft._workers.ahead import STUCK, Ahead, Permits, Queue

SHORT = 200
MOST, WELL_ON = 20_000, 60

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="nothing is sent ahead without an eventfd")


def noted(path: str, item: int) -> int:
    """Leaves a line, so that somebody can count how often it ran."""
    with open(path, "a") as file:
        file.write(f"{item}\n")
    return item


def until(path: str) -> str:
    while not os.path.exists(path):
        sleep(0.001)
    return "seen"


def die() -> None:
    os._exit(3)


def mark(path: str, at: int) -> None:
    """Leaves a mark where others, who have mapped the file, see it without waiting for anything."""
    file = os.open(path, os.O_WRONLY)
    os.pwrite(file, b"x", at)
    os.close(file)


@pytest.fixture
def slow_to_switch() -> Iterator[None]:
    """Threads that compute keep the GIL for long."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(10)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(params=[1, 2])
def executor(request: pytest.FixtureRequest) -> Iterator[weft.ProcessExecutor]:
    """Workers that are known to be asked for short calls."""
    with weft.ProcessExecutor(request.param) as made:
        for _ in range(3):
            assert [future.result() for future in [made.submit(abs, -n) for n in range(SHORT)]] == list(range(SHORT))
        yield made


def lines(path: Path) -> list[int]:
    return sorted(map(int, path.read_text().split()))


def test_every_call_runs_once(executor: weft.ProcessExecutor, tmp_path: Path) -> None:
    """Whether it was sent ahead, taken back and sent again, or not."""
    path = tmp_path / "ran"
    futures = []
    for n in range(SHORT):
        futures.append(executor.submit(noted, str(path), n))
        if n % 50 == 10:
            executor.submit(sleep, 0.02)
    assert [future.result(30) for future in futures] == list(range(SHORT))
    assert lines(path) == list(range(SHORT))


def test_a_call_may_wait_for_one_that_was_submitted_later(tmp_path: Path) -> None:
    """It does not wait behind it at the same worker while another worker idles."""
    with weft.ProcessExecutor(2) as executor:
        for _ in range(3):
            assert len([future.result() for future in [executor.submit(abs, -n) for n in range(SHORT)]]) == SHORT
        for again in range(3):
            path = tmp_path / f"flag{again}"
            waiting = executor.submit(until, str(path))
            others = [executor.submit(abs, -n) for n in range(SHORT)]
            last = executor.submit(path.touch)
            assert waiting.result(30) == "seen"
            assert [other.result(30) for other in others] == list(range(SHORT))
            last.result(30)


def test_what_is_cancelled_never_runs(executor: weft.ProcessExecutor, tmp_path: Path) -> None:
    """Though its worker has it already; what has begun can't be cancelled."""
    path = tmp_path / "ran"
    first = [executor.submit(sleep, 0.3) for _ in range(2)]
    futures = [executor.submit(noted, str(path), n) for n in range(SHORT)]
    cancelled = {n for n, future in enumerate(futures) if n % 3 == 0 and future.cancel()}
    done = [future.result(30) for n, future in enumerate(futures) if n not in cancelled]
    assert cancelled
    assert all(futures[n].cancelled() for n in cancelled)
    assert done == [n for n in range(SHORT) if n not in cancelled]
    assert lines(path) == done
    assert [future.result(30) for future in first] == [None, None]


def test_a_death_costs_nothing_that_was_only_waiting(executor: weft.ProcessExecutor, tmp_path: Path) -> None:
    """Only the call that its worker was in is charged."""
    path = tmp_path / "ran"
    before = [executor.submit(noted, str(path), n) for n in range(100)]
    deadly = executor.submit(die)
    after = [executor.submit(noted, str(path), n) for n in range(100, 200)]
    assert isinstance(deadly.exception(30), weft.WorkerDied)
    assert [future.result(30) for future in before + after] == list(range(200))
    assert lines(path) == list(range(200))


def test_a_call_that_was_sent_ahead_tells_when_it_runs(tmp_path: Path) -> None:
    """``running()`` is what it says, also of calls that nobody has answered for."""
    with weft.ProcessExecutor(1) as executor:
        for _ in range(3):
            assert len([future.result() for future in [executor.submit(abs, -n) for n in range(SHORT)]]) == SHORT
        path = tmp_path / "flag"
        futures = [executor.submit(abs, -n) for n in range(20)]
        waiting = executor.submit(until, str(path))
        later = executor.submit(abs, -1)
        assert [future.result(30) for future in futures] == list(range(20))
        ending = monotonic() + 30
        while not waiting.running() and monotonic() < ending:
            sleep(0.001)
        assert waiting.running()
        assert not waiting.cancel()
        assert not later.running()
        assert later.cancel()
        path.touch()
        assert waiting.result(30) == "seen"


def test_a_burst_from_many_threads_is_answered() -> None:
    """Whoever waits reads for all, and what was held back for company is sent."""
    with multiprocessing.Pool(2) as pool:
        found: list[list[int]] = []

        def ask() -> None:
            for _ in range(5):
                results = [pool.apply_async(abs, (-n,)) for n in range(50)]
                found.append([result.get(30) for result in results])

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert found == [list(range(50))] * 20


def test_a_call_that_nobody_waits_for_is_sent_all_the_same(executor: weft.ProcessExecutor, tmp_path: Path) -> None:
    """One that waits for company leaves without it soon."""
    path = tmp_path / "ran"
    for n in range(10):
        executor.submit(noted, str(path), n)
    ending = monotonic() + 30
    while not path.exists() or len(lines(path)) < 10:
        assert monotonic() < ending
        sleep(0.005)


def test_whoever_submits_without_a_pause_keeps_no_worker_waiting(tmp_path: Path, slow_to_switch: None) -> None:
    """Nobody else gets the GIL meanwhile, and nobody reads what they answer but he."""
    path = tmp_path / "marks"
    path.write_bytes(bytes(MOST))
    with path.open("r+b") as file, mmap(file.fileno(), 0) as marks, weft.ProcessExecutor(2) as executor:
        assert executor.submit(mark, str(path), 0).result(30) is None
        futures = []
        while not marks[WELL_ON] and len(futures) < MOST - 1:
            futures.append(executor.submit(mark, str(path), len(futures) + 1))
        assert marks[WELL_ON], "workers had little to do while so many calls were submitted"
        assert [future.result(30) for future in futures] == [None] * len(futures)


def test_callbacks_are_not_called_within_submit(tmp_path: Path, slow_to_switch: None) -> None:
    """Whoever submits may hold a lock that they want."""
    path = tmp_path / "marks"
    path.write_bytes(bytes(MOST))
    here, where, submitting = threading.get_ident(), [], True

    def note(future: object) -> None:
        where.append((threading.get_ident(), submitting))

    with path.open("r+b") as file, mmap(file.fileno(), 0) as marks, weft.ProcessExecutor(2) as executor:
        futures = []
        while not marks[WELL_ON] and len(futures) < MOST - 1:
            futures.append(executor.submit(mark, str(path), len(futures) + 1))
            if len(futures) < WELL_ON:
                futures[-1].add_done_callback(note)
        submitting = False
        assert [future.result(30) for future in futures] == [None] * len(futures)
    assert len(where) == min(len(futures), WELL_ON - 1)
    assert (here, True) not in where


def test_permits_are_taken_back_from_the_end() -> None:
    """What the worker has begun it keeps; of the rest the last goes first."""
    permits = Permits.none()
    queue = Queue(permits)
    queue.grant([7, 8, 9, 10])
    assert permits.use()  # 7 begins
    assert queue.take_back(9) == [9, 10]
    assert queue.take_back() == [8]
    assert not permits.use()
    assert 7 in queue
    queue.answered(7)
    assert not queue
    queue.close()


def test_what_waits_behind_something_long_is_taken_back_when_another_worker_is_free() -> None:
    """And not before: nobody else could begin it, and it would only be sent once more."""
    queue, told, released = Queue(Permits.none()), [], []
    worker = SimpleNamespace(ahead=queue, held=deque([7, 8]), name="w", channel=SimpleNamespace(send=told.append))
    payroll = SimpleNamespace(workers={1: worker}, spare=0)
    ahead = Ahead(1, payroll, threading.Lock(), SimpleNamespace(release=released.append))  # type: ignore[arg-type]
    queue.grant([7, 8])
    queue._permits.use()  # 7 begins
    sleep(2 * STUCK)
    assert ahead.overdue() == []
    assert list(worker.held) == [7, 8]
    payroll.spare = 1
    assert [lost.chunk for lost in ahead.overdue()] == released == [8]
    assert list(worker.held) == [7]
    assert len(told) == 1
    queue.close()
