"""How workers are born, what is known of their ends, and what they do not inherit; for each start method."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import weft
from weft._model.current import LIMITS
from weft._workers import child, lives, supervisor
from weft._workers.allocator import SETTINGS, allocator_settings
from weft._workers.births import Birth
from weft._workers.budget import Budget, native_limits, share_of
from weft._workers.kinds import stop_idle_workers
from weft._workers.preload import goes_by_value, worth_preloading
from weft._workers.supervisor import SUPERVISOR
from weft._workers.worker import Worker

METHODS = ("forkserver", "fork", "spawn")

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def worker(method: str) -> Iterator[Worker]:
    worker = SUPERVISOR.lease(Birth(method, cpus=12345))  # so many that it is nobody else's
    yield worker
    SUPERVISOR.kill(worker)


def run(fn: Any, items: Any, method: str, **asked: Any) -> list[Any]:
    return weft.map(fn, items, on="process", max_workers=2, chunksize=1, start_method=method, **asked).results()


def crash(_: int) -> None:
    faulthandler.disable()  # a fork has pytest's, which would tell at length
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("death", "status"),
    [
        (lambda n: os._exit(3), "exit status 3"),
        (lambda n: os._exit(0), "exit status 0"),
        (lambda n: os.kill(os.getpid(), signal.SIGKILL), "SIGKILL"),
        (crash, "SIGSEGV"),
    ],
    ids=["3", "0", "SIGKILL", "SIGSEGV"],
)
def test_how_a_worker_ended_is_said(method: str, death: Any, status: str) -> None:
    """It is the first thing one wants to know: killed for its memory, or a crash, or an exit of its own."""
    with pytest.raises(weft.WorkerDied) as caught:
        run(death, [1], method)
    assert caught.value.status == status


def test_a_worker_that_is_idle_can_be_killed_and_its_end_be_known(worker: Worker) -> None:
    assert worker.alive
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.reap(10) == "SIGTERM"
    assert not worker.alive


def test_one_that_is_condemned_ends_by_its_lifeline_born_or_not(worker: Worker) -> None:
    """Nobody need wait for it to be born first."""
    worker.condemn()
    assert worker.reap(10) in {"SIGKILL", "exit status 1"}


def test_workers_of_one_run_do_not_hold_each_others_ends(method: str) -> None:
    """Or the death of one would be noticed only when the others are gone."""

    def look(_: int) -> int:
        return os.getpid()

    def sockets(pid: int) -> set[str]:
        found = set()
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
            except OSError:
                continue
        return {name for name in found if name.startswith(("socket:", "pipe:"))}

    stop_idle_workers()
    ours = sockets(os.getpid())
    workers = [SUPERVISOR.lease(Birth(method)) for _ in range(3)]
    run(look, range(2), method)  # by now those three have settled in
    try:
        own = [sockets(worker.pid) - ours for worker in workers]
        for at, mine in enumerate(own):
            for theirs in own[at + 1 :]:
                assert not mine & theirs
    finally:
        for worker in workers:
            SUPERVISOR.kill(worker)


def test_warm_workers_are_kept_apart_by_how_they_were_born() -> None:
    """Whoever asks for spawn must not get a fork of something."""
    pids = {method: set(run(lambda _: os.getpid(), range(20), method)) for method in METHODS}
    again = {method: set(run(lambda _: os.getpid(), range(20), method)) for method in METHODS}
    for one in METHODS:
        for other in METHODS:
            assert bool(pids[one] & again[other]) == (one == other)


def test_a_worker_that_rests_long_is_let_go(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be about to leave by itself: nobody is given work on the way out."""
    assert child.RESTS > supervisor.RESTED
    before = set(run(lambda _: os.getpid(), range(9), method))
    monkeypatch.setattr(supervisor, "RESTED", 0.0)
    assert not before & set(run(lambda _: os.getpid(), range(9), method))


def test_a_worker_that_no_run_wants_leaves_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook that is left open over night need not keep them; they are not missed."""
    monkeypatch.setattr(child, "RESTS", 0.1)  # a fork has it from here
    worker = SUPERVISOR.lease(Birth("fork", cpus=12345))
    assert worker.reap(10) == "exit status 0"
    SUPERVISOR.bury(worker)


def test_a_worker_that_a_run_has_stays_however_long_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow input is no reason to leave."""
    monkeypatch.setattr(child, "RESTS", 0.05)
    monkeypatch.setattr(supervisor, "RESTED", 0.0)

    def slowly() -> Iterator[int]:
        for n in range(3):
            yield n
            run(abs, [1], "spawn") if n else None  # takes longer than workers rest

    stop_idle_workers()
    found = weft.map(lambda n: os.getpid(), slowly(), on="process", max_workers=1, start_method="fork").results()
    assert len(set(found)) == 1


def test_a_server_that_is_killed_is_replaced_and_its_workers_go_on() -> None:
    """Nobody else's death may cost a run anything."""
    stop_idle_workers()
    found = []
    for n, _ in enumerate(weft.map(abs, range(2000), on="process", max_workers=2, chunksize=1)):
        found.append(n)
        if n in {100, 500, 900}:
            for server in SUPERVISOR.servers:
                os.kill(server.pid, signal.SIGKILL)
            for worker in list(SUPERVISOR._leased)[: n // 500]:
                if pid := worker.pid:  # 0 if its server died before it was born: that would be all of this group
                    os.kill(pid, signal.SIGKILL)
    assert found == list(range(2000))
    stop_idle_workers()


def test_of_a_worker_whose_server_is_gone_the_end_is_noticed_all_the_same() -> None:
    worker = SUPERVISOR.lease(Birth("forkserver", cpus=12345))
    pid = worker.pid
    for server in SUPERVISOR.servers:
        os.kill(server.pid, signal.SIGKILL)
        server.life.ended(None)
    assert worker.alive
    os.kill(pid, signal.SIGKILL)
    assert worker.reap(10) == "how it ended is not known"
    SUPERVISOR.kill(worker)
    stop_idle_workers()


def test_what_cannot_be_forked_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may be full."""
    life = lives.Served(os.open(os.devnull, os.O_RDONLY))  # a server that is gone before it could say anything
    assert (life.ended(0), life.pid) == (lives.UNKNOWN, 0)
    assert lives.how_it_ended(life, 11) == f"it could not be started: {os.strerror(11)}"
    life.disown()


def test_nobody_waits_for_a_birth_to_weigh_a_worker() -> None:
    """Whether there is memory for one more is asked while the first is still being born."""
    heard, report = os.pipe()
    life = lives.Served(heard)
    assert not life.born
    os.close(report)
    assert life.born  # and it is known that it never will be
    life.disown()


def test_random_numbers_differ_from_worker_to_worker(method: str) -> None:
    """A fork that goes on where its parent's generators stand gives everybody the same numbers."""

    def draw(_: int) -> tuple[int, float, float]:
        import random

        return os.getpid(), random.random(), float(np.random.random())

    np.random.seed(1)
    stop_idle_workers()
    first: dict[int, tuple[float, float]] = {}
    for pid, plain, numpys in run(draw, range(50), method):
        first.setdefault(pid, (plain, numpys))
    for part in zip(*first.values(), strict=True):
        assert len(set(part)) == len(first)


def test_native_libraries_keep_within_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many threads as a worker has processors, where the user has not said something else."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)

    def look(_: int) -> list[str | None]:
        return [os.environ.get(name) for name in names]

    cpus = SUPERVISOR_CPUS
    for width in (1, cpus, 3 * cpus):
        share = str(max(1, cpus // width))
        assert weft.map(look, [1], on="process", max_workers=width).results() == [[share] * 3]
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert weft.map(look, [1], on="process").results() == [["7", None, None]]


SUPERVISOR_CPUS = len(os.sched_getaffinity(0))


def test_numpy_has_as_many_threads_in_a_worker_as_the_worker_has_processors() -> None:
    def look(_: int) -> int:
        square = np.ones((300, 300))
        square @ square
        return len(os.listdir("/proc/self/task"))

    for method in ("forkserver", "spawn"):
        found = weft.map(look, range(4), on="process", max_workers=SUPERVISOR_CPUS, start_method=method).results()
        assert found == [1] * 4


def test_a_run_inside_a_worker_has_the_workers_share() -> None:
    """A tree of runs is no wider than the machine."""

    def inner(_: int) -> int:
        from weft._choose.machine import Machine

        return Machine.here().cpus

    def outer(n: int) -> list[int]:
        return weft.map(inner, [n], on="process").results()

    width = SUPERVISOR_CPUS
    assert weft.map(outer, range(2), on="process", max_workers=width).results() == [[1], [1]]
    assert LIMITS == {}


def test_shares_add_up() -> None:
    assert [share_of(8, workers) for workers in (1, 2, 3, 8, 20)] == [8, 4, 2, 1, 1]
    assert share_of(None, 3) is None
    assert native_limits(2, {}).keys() > native_limits(2, {"OMP_NUM_THREADS": "1"}).keys()
    budget, busy = Budget(), {"a": True, "b": True, "c": False}
    for name, out in busy.items():
        budget.join(name, lambda out=out: out)
    assert [budget.width(name, 5) for name in "ab"] == [3, 2]
    assert budget.width("c", 5) == 1  # it asks, so it is about to have something out
    budget.leave("a")
    assert budget.width("b", 5) == 5
    assert [budget.width(name, 1) for name in "bc"] == [1, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="it is glibc that is asked")
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_memory_that_an_item_frees_is_there_for_the_next(method: str) -> None:
    """The C library would give eight blocks of a megabyte back each time, and the system clear their pages anew."""

    def faults(_: int) -> int:
        import resource

        def go_through() -> int:
            return len([b"x" * 2**20 for _ in range(8)])

        go_through()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        go_through()
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    assert max(run(faults, range(2), method)) < 256


@pytest.mark.parametrize("method", METHODS)
def test_what_the_allocator_was_told_is_in_nobodys_environment(method: str) -> None:
    """Neither in a worker's own nor in that of the programs it starts."""

    def told(_: int) -> list[str]:
        there = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout.splitlines()
        return sorted({*(line.partition("=")[0] for line in there), *os.environ})

    assert [name for names in run(told, range(2), method) for name in names if name in SETTINGS] == []


@pytest.mark.skipif(sys.platform != "linux", reason="it is glibc that is asked")
@pytest.mark.parametrize("said", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"])
def test_who_has_told_the_allocator_something_is_not_contradicted(said: str) -> None:
    assert allocator_settings({}) == SETTINGS
    assert allocator_settings({said: "131072"}) == {}


def test_what_is_preloaded_is_known_to_bear_it() -> None:
    """Never the user's own modules: they may make connections that workers must not share."""

    def uses() -> object:
        return np.ones(1)

    assert worth_preloading(uses) == ("numpy",)
    assert worth_preloading(len) == ()
    assert goes_by_value(uses)
    assert goes_by_value(lambda: None)
    assert not goes_by_value(os.path.join)


@pytest.mark.parametrize(
    "trouble", ["threading.Thread(target=threading.Event().wait, daemon=True).start()", "open(__file__)"]
)
def test_a_server_that_is_not_clean_after_a_preload_starts_anew_without(tmp_path: Path, trouble: str) -> None:
    """A process with threads must not be forked, and descriptors must not be shared."""
    (tmp_path / "troubled.py").write_text(f"import threading\nkept = {trouble}\n")
    (tmp_path / "program.py").write_text("""\
import os, troubled, weft
from weft._workers import preload
preload.DEAR = ("troubled",)
def f(n): return len(os.listdir("/proc/self/task")), len(os.listdir(f"/proc/{os.getppid()}/task")), troubled.__name__
def g(n): import sys; return "troubled" in sys.modules
cpus = len(os.sched_getaffinity(0))
print(preload.worth_preloading(f))
print(weft.map(f, range(2), on="process", max_workers=cpus, chunksize=1).results()[0][1])
""")
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.split("\n")[:2], done.stderr) == (["('troubled',)", "1"], "")
