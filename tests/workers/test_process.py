"""Process workers: a death or a hang costs the item in hand, and says where it was."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import weft
from weft._choose.machine import Machine
from weft._transport.spin import Spin
from weft._workers.kinds import stop_idle_workers
from weft._workers.lives import Served
from weft._workers.memory import is_refusal
from weft._workers.report import tell
from weft._workers.supervisor import SUPERVISOR, Supervisor
from weft.errors import LimitReached, MemoryExceeded


def ran(folder: Path) -> Counter[int]:
    """How often each item was run."""
    return Counter(int(path.name.split("-")[0]) for path in folder.iterdir())


def mark(folder: Path, n: int) -> None:
    (folder / f"{n}-{os.getpid()}-{time.monotonic_ns()}").touch()


def lives(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def eventually(condition: Any) -> bool:
    ending = time.monotonic() + 20
    while not condition() and time.monotonic() < ending:
        time.sleep(0.01)
    return bool(condition())


def processes(fn: Any, items: Any, **asked: Any) -> weft.Run[Any]:
    return weft.map(fn, items, on="process", **{"max_workers": 2, "on_error": "keep", **asked})


# ── hanging ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_item_that_hangs_costs_none_of_its_neighbours(tmp_path: Path) -> None:
    """What was finished in the same chunk is kept and not run again; what had not begun goes to another worker."""

    def hangs_at_7(n: int) -> int:
        mark(tmp_path, n)
        if n == 7:
            time.sleep(60)
        return n

    results = processes(hangs_at_7, range(20), chunksize=20, max_workers=1, timeout=0.5).results()
    failure = results.pop(7)
    assert results == [n for n in range(20) if n != 7]
    assert isinstance(failure.error, weft.TaskTimeout)
    assert failure.error.index == failure.index == 7
    assert ran(tmp_path) == dict.fromkeys(range(20), 1)


def test_a_timeout_says_where_it_hung() -> None:
    def deep_in_the_woods(n: int) -> None:
        time.sleep(60)

    [failure] = processes(deep_in_the_woods, [1], timeout=0.3).results()
    assert "deep_in_the_woods" in failure.error.stack
    assert "test_process.py" in failure.error.stack
    assert failure.error.stack in str(failure.error.__cause__)
    assert failure.error.stopped


def test_an_item_that_can_not_be_asked_to_stop_is_killed() -> None:
    def deaf(n: int) -> int:
        if n == 1:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            sum(range(10**12))
        return n

    zero, failure, two = processes(deaf, range(3), timeout=0.3).results()
    assert (zero, two) == (0, 2)
    assert isinstance(failure.error, weft.TaskTimeout)


def test_many_short_items_travel_together_and_none_is_late_for_its_chunk() -> None:
    """The time counts for an item and not for the chunk that it is in."""
    run = processes(time.sleep, [0.05] * 12, chunksize=12, max_workers=1, timeout=0.3)
    assert run.results() == [None] * 12
    assert run.stats.chunks == 1


@pytest.mark.parametrize("method", ["forkserver", "spawn", "fork"])
@pytest.mark.parametrize("way", ["late", "left", "fat"])
def test_what_an_item_started_ends_with_its_worker(tmp_path: Path, way: str, method: str) -> None:
    """However the worker is ended: a program that it waits for goes on for nobody."""
    note = tmp_path / "note"

    def starts(n: int) -> int:
        if n == 0:
            return 0
        script = f"sleep 60 & echo $! $$ > {note}.part; mv {note}.part {note}; wait"
        program = subprocess.Popen(["sh", "-c", script])
        while not note.exists():
            time.sleep(0.001)
        hoard = []
        with suppress(MemoryError):  # it is to be weighed, and not only refused
            while way == "fat":
                hoard.append(bytearray(1 << 20))
                time.sleep(0.002)
        time.sleep(60)
        return program.pid + len(hoard)

    asked: dict[str, Any] = {"late": {"timeout": 1}, "left": {}, "fat": {"memory_limit": "100 MiB"}}[way]
    with processes(starts, range(2), start_method=method, **asked) as run:
        assert next(run) == 0
        if way != "left":
            assert isinstance(next(run), weft.Failure)
        else:
            assert eventually(note.exists)
    pids = list(map(int, note.read_text().split()))
    assert len(pids) == 2
    assert eventually(lambda: not any(map(lives, pids)))


def test_a_retry_after_a_timeout_has_the_whole_time_again(tmp_path: Path) -> None:
    def slow_at_first(n: int) -> int:
        mark(tmp_path, n)
        if n == 3 and ran(tmp_path)[3] == 1:
            time.sleep(60)
        return n

    assert processes(slow_at_first, range(6), timeout=0.5, retries=1).results() == list(range(6))


def test_a_limit_may_be_a_multiple_of_the_median() -> None:
    def usually_quick(n: int) -> int:
        time.sleep(60 if n == 15 else 0.02)
        return n

    run = processes(usually_quick, range(30), timeout="10x median")
    results = run.results()
    assert [type(result) for result in results].count(int) == 29
    assert isinstance(results[15].error, weft.TaskTimeout)
    assert 0.1 <= results[15].error.timeout < 30


# ── dying ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_death_costs_nothing_that_was_finished_some_time_before(tmp_path: Path) -> None:
    def dies_at_12(n: int) -> int:
        mark(tmp_path, n)
        if n == 12 and ran(tmp_path)[12] == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.01)
        return n

    run = processes(dies_at_12, range(20), chunksize=20, max_workers=1)
    assert run.results() == list(range(20))
    counts = ran(tmp_path)
    assert counts.pop(12) == 2
    assert counts == {n: 1 for n in range(20) if n != 12}
    assert run.failures == []


def test_an_item_that_kills_its_worker_three_times_is_set_aside() -> None:
    def fatal(n: int) -> int:
        if n == 5:
            os._exit(3)
        return n

    results = processes(fatal, [n * 1 for n in range(10)]).results()
    failure = results.pop(5)
    assert results == [n for n in range(10) if n != 5]
    error = failure.error
    assert isinstance(error, weft.WorkerDied)
    assert (error.index, error.item, error.status, error.attempts) == (5, 5, "exit status 3", 3)
    assert 5 << 20 < error.memory < 5 << 30
    assert "MiB at most" in str(error)
    assert failure.attempts == 3


def test_a_crash_says_where_it_was() -> None:
    def crashes_in_here(n: int) -> int:
        os.kill(os.getpid(), signal.SIGSEGV)
        return n

    [failure] = processes(crashes_in_here, [1]).results()
    assert failure.error.status == "SIGSEGV"
    assert "crashes_in_here" in failure.error.stack
    assert "crashes_in_here" in str(failure.error.__cause__)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_somebody_kills_is_replaced(number: signal.Signals, tmp_path: Path) -> None:
    def waits_for_its_murderer(n: int) -> int:
        mark(tmp_path, n)
        if n == 30 and ran(tmp_path)[30] == 1:
            os.kill(os.getpid(), number)
            time.sleep(60)
        return n

    assert processes(waits_for_its_murderer, range(60)).results() == list(range(60))


def test_what_a_function_forks_does_not_answer_in_its_place() -> None:
    """A copy of the worker that is told to end must not send what the worker has in hand."""

    def forks(n: int) -> int:
        if n == 2:
            copy = os.fork()
            if not copy:
                time.sleep(60)
            os.kill(copy, signal.SIGTERM)  # it may not even have returned from fork() yet
            os.waitpid(copy, 0)
        return n

    assert processes(forks, range(5), chunksize=5, max_workers=1).results() == list(range(5))


def test_what_a_function_forks_ends_at_once() -> None:
    """Though it is in C, where a handler of Python's would wait for ever; one that the function has made is left."""

    def forks(n: int) -> int:
        if n:
            signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
        copy = os.fork()
        if not copy:
            if n:
                time.sleep(60)
            pow(3, 10**9)  # hours
        os.kill(copy, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])

    assert processes(forks, [0], max_workers=1).results() == [-signal.SIGTERM]
    assert processes(forks, [1], max_workers=1, max_tasks_per_child=1).results() == [7]


# ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_item_that_wants_too_much_memory_is_one_failed_item() -> None:
    """Not a dead machine, and no neighbour's trouble."""

    def hoards_at_5(n: int) -> int:
        hoard = []
        while n == 5:
            hoard.append(bytearray(2 << 20))
            time.sleep(0.005)
        return n

    results = processes(hoards_at_5, range(12), memory_limit="200 MB").results()
    failure = results.pop(5)
    assert results == [n for n in range(12) if n != 5]
    error = failure.error
    assert isinstance(error, weft.errors.MemoryExceeded)
    assert isinstance(error, weft.WorkerDied)
    assert (error.index, error.item, error.limit) == (5, 5, 200 * 10**6)
    assert error.memory > error.limit
    assert "hoards_at_5" in error.stack


def test_what_grows_faster_than_it_is_weighed_is_refused_by_the_system() -> None:
    def hoards_at_once(n: int) -> int:
        return len(bytearray(2 << 30)) if n == 1 else n

    zero, failure, two = processes(hoards_at_once, range(3), memory_limit=300 << 20).results()
    assert (zero, two) == (0, 2)
    assert isinstance(failure.error, weft.errors.MemoryExceeded)
    assert failure.error.item == 1
    assert "memory_limit=300 MiB" in str(failure.error)


@pytest.mark.parametrize("method", ["forkserver", "spawn", "fork"])
@pytest.mark.parametrize("size", [40, 1000, 60_000])
def test_who_is_refused_the_last_byte_is_one_failed_item_all_the_same(
    size: int, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then there is not even memory to note the error: nobody dies of that, and nothing is printed."""
    monkeypatch.setattr("weft._workers.watch.WEIGH", 60)

    def hoard(n: int) -> int:
        hoarded = []
        while n == 2:
            hoarded.append(b"x" * size + str(len(hoarded)).encode())
        return n

    results = processes(hoard, range(5), memory_limit="60 MiB", start_method=method).results()
    failure = results.pop(2)
    assert isinstance(failure.error, MemoryExceeded)
    assert (failure.error.index, failure.attempts) == (2, 1)
    assert results == [0, 1, 3, 4]


def test_an_error_that_there_was_no_memory_for_is_one_of_memory() -> None:
    """The interpreter finds a call that failed and did not say why."""
    unsaid = SystemError("<function f at 0x7f0f> returned NULL without setting an exception")
    assert is_refusal(unsaid)
    assert is_refusal(MemoryError())
    assert not is_refusal(SystemError("bad argument to internal function"))


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_limit_below_what_a_worker_has_anyway_fails_the_items(method: str) -> None:
    """Its workers are ended in an item, and not before they have one: the run comes to an end."""
    results = processes(time.sleep, [30.0] * 3, memory_limit="1 KiB", start_method=method).results()
    assert [type(failure.error) for failure in results] == [MemoryExceeded] * 3


def test_by_fork_such_a_limit_ends_the_run_as_well() -> None:
    """A copy of a large parent may have let go of more than it has got for itself: then it is not over the limit."""
    results = processes(time.sleep, [0.3] * 3, memory_limit="1 KiB", start_method="fork").results()
    assert {type(result if result is None else result.error) for result in results} <= {type(None), MemoryExceeded}


def test_what_a_fork_has_of_its_parent_is_not_counted() -> None:
    """The parent has more than the limit; its workers have the same pages."""
    ballast = random.Random(0).randbytes(1 << 20) * 120
    results = processes(time.sleep, [0.05] * 3, memory_limit="60 MiB", start_method="fork").results()
    assert results == [None] * 3
    assert len(ballast) == 120 << 20


@pytest.mark.parametrize("method", ["forkserver", "spawn", "fork"])
def test_an_item_that_is_too_large_itself_is_the_one_that_fails(method: str) -> None:
    """It needs that much memory already when it arrives."""

    def length(data: bytes) -> int:
        time.sleep(0.2 if len(data) > 9 else 0)
        return len(data)

    results = processes(length, [b"", bytes(150 << 20), b"abc"], memory_limit="100 MiB", start_method=method).results()
    failure = results.pop(1)
    assert isinstance(failure.error, MemoryExceeded)
    assert failure.attempts == 1
    assert results == [0, 3]


def test_the_limit_is_that_of_the_run_and_of_no_later_one() -> None:
    processes(abs, range(3), memory_limit=300 << 20).results()
    assert processes(lambda n: len(bytearray(n)), [600 << 20]).results() == [600 << 20]


def test_a_worker_that_keeps_memory_is_replaced_between_two_items() -> None:
    """A leak costs a new worker now and then, and no item."""
    kept: list[bytearray] = []

    def leaks(n: int) -> int:
        kept.append(bytearray(40 << 20))
        return os.getpid()

    run = processes(leaks, range(20), memory_limit="200 MiB", max_workers=1, chunksize=1)
    pids = run.results()
    assert run.failures == []
    assert len(set(pids)) > 1


@pytest.mark.parametrize("tasks", [1, 3])
def test_a_worker_lives_for_so_many_tasks(tasks: int) -> None:
    def who(n: int) -> int:
        return os.getpid()

    run = processes(who, range(12), max_tasks_per_child=tasks)
    assert max(Counter(run.results()).values()) <= tasks
    assert run.failures == []


def test_tasks_are_counted_over_runs() -> None:
    pids = [pid for _ in range(4) for pid in processes(lambda _: os.getpid(), range(2), max_tasks_per_child=3)]
    assert max(Counter(pids).values()) <= 3


def test_never_more_workers_at_once_than_were_asked_for(tmp_path: Path) -> None:
    """Also while one takes the place of another."""

    def alone(n: int) -> int:
        others = [path for path in tmp_path.iterdir() if path.name.startswith("at-work")]
        mine = tmp_path / f"at-work-{n}"
        mine.touch()
        time.sleep(0.01)
        mine.unlink()
        return len(others)

    assert max(processes(alone, range(12), max_workers=1, max_tasks_per_child=1)) == 0


def slow_pid(_: int) -> int:
    time.sleep(0.01)
    return os.getpid()


def stillborn(supervisor: Any, birth: Any, name: str, fds: Any) -> Served:
    """What a server reports that may not fork any more."""
    heard, report = os.pipe()
    tell(report, 0, errno.EAGAIN)
    os.close(report)
    return Served(heard)


def test_fewer_workers_where_no_more_processes_are_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is met is nobody's failure, and no item is charged with it."""
    stop_idle_workers()
    serve, births = Supervisor._serve, count(1)

    def only_one(*given: Any) -> Any:
        return (serve if next(births) == 1 else stillborn)(*given)

    monkeypatch.setattr(Supervisor, "_serve", only_one)
    run = weft.map(slow_pid, range(40), on="process", max_workers=6, chunksize=1)
    assert len(set(run)) == 1
    assert next(births) > 3
    assert run.failures == []


def test_a_run_that_can_have_no_worker_at_all_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And blames no item."""
    stop_idle_workers()
    monkeypatch.setattr(Supervisor, "_serve", stillborn)
    with pytest.raises(LimitReached, match=r"no process is left for a worker process.*ulimit -u"):
        weft.map(slow_pid, range(40), on="process", max_workers=3, on_error="keep").results()
    with pytest.raises(LimitReached, match=r"no process is left for a worker process.*ulimit -u"):
        weft.submit(slow_pid, 1, on="process").result(30)


def test_what_could_not_be_started_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """See conftest.py."""
    stop_idle_workers()

    def refuse(*_: Any) -> Any:
        raise OSError(errno.EMFILE, "too many")

    for place in "Supervisor._serve", "lay_line", "StatusPage":
        with monkeypatch.context() as patch:
            module = "supervisor" if "." in place else "worker"
            patch.setattr(f"weft._workers.{module}.{place}", refuse)
            with pytest.raises(LimitReached, match=r"no open file is left for a worker process.*ulimit -n"):
                weft.map(slow_pid, range(4), on="process").results()


def test_fewer_workers_where_memory_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is started only if there is room for what one may have."""
    from weft._workers import payroll
    from weft._workers.available import Room

    monkeypatch.setattr(payroll, "ROOM", Room(lambda: 100 << 20))

    def who(n: int) -> int:
        time.sleep(0.002)
        return os.getpid()

    assert len(set(processes(who, range(50), memory_limit="1 GiB", max_workers=4))) == 1
    monkeypatch.setattr(payroll, "ROOM", Room(lambda: 100 << 30))
    assert len(set(processes(who, range(50), memory_limit="1 GiB", max_workers=4))) > 1


# ── calls one by one ──────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_makes_one_call_after_the_other_hears_all_workers(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one of them works at a time, and is heard first, though it be never late."""

    def patiently(_: Spin, look: Any) -> Any:
        while not (found := look()):
            pass
        return found

    def talk() -> None:
        def go_on() -> None:
            for _ in range(200):
                print("hear me", flush=True)
                time.sleep(0.02)

        threading.Thread(target=go_on, daemon=True).start()

    with weft.ProcessExecutor(2) as executor:
        busy = executor.submit(time.sleep, 0.5)
        executor.submit(talk).result(30)  # another worker's
        busy.result(30)
        monkeypatch.setattr(Spin, "until", patiently)
        heard, ending = 0, time.monotonic() + 20
        while heard < 3 and time.monotonic() < ending:
            capfd.readouterr()
            for n in range(500):
                assert executor.submit(abs, -n).result(30) == n
            heard += "hear me" in capfd.readouterr().out
    assert heard == 3


def test_a_call_is_answered_where_somebody_sleeps_for_another_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was given by a second thread, while there were processors to look on; only the channel wakes who sleeps."""
    here = Machine.here()
    monkeypatch.setattr(Machine, "here", staticmethod(lambda: replace(here, cpus=8)))
    released = tmp_path / "released"

    def until_released(path: str) -> None:
        ending = time.monotonic() + 30
        while not os.path.exists(path) and time.monotonic() < ending:
            time.sleep(0.01)

    with weft.ProcessExecutor(4) as executor:
        for n in range(200):  # the workers look as well
            assert executor.submit(abs, -n).result(30) == n
        long = executor.submit(until_released, str(released))
        sleeper = threading.Thread(target=long.result)
        sleeper.start()
        time.sleep(0.2)
        try:
            for n in range(20):
                future = executor.submit(abs, -n)
                time.sleep(0.001)
                assert future.result(10) == n
            assert long.running()
        finally:
            released.touch()
            sleeper.join()


def test_an_answer_outlives_ctrl_c_as_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been laid where nobody looks from then on."""

    def late(look: Any) -> Any:
        ending = time.monotonic() + 0.05
        while time.monotonic() < ending:  # it is there, and has not been taken
            pass
        raise KeyboardInterrupt

    with weft.ProcessExecutor(2) as executor:
        for n in range(200):
            assert executor.submit(abs, -n).result(30) == n
        with monkeypatch.context() as patch:
            patch.setattr(Spin, "until", lambda _, look: late(look))
            future = executor.submit(abs, -5)
            with pytest.raises(KeyboardInterrupt):
                future.result(30)
        assert future.result(30) == 5


# ── Ctrl-C ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ctrl_c_as_a_worker_is_hired_leaves_none_that_nobody_knows_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes when the worker has something to do; then all are given back."""
    lease, leased = SUPERVISOR.lease, []

    def interrupted(*args: Any, **asked: Any) -> Any:
        leased.append(lease(*args, **asked))
        signal.raise_signal(signal.SIGINT)
        return leased[-1]

    monkeypatch.setattr(SUPERVISOR, "lease", interrupted)
    with pytest.raises(KeyboardInterrupt):
        weft.map(abs, range(100), on="process", progress=False).results()
    monkeypatch.undo()
    assert leased
    assert all(worker.gone or worker in SUPERVISOR.idle for worker in leased)
    assert weft.map(abs, [-1], on="process", progress=False).results() == [1]
