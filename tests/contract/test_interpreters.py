"""What is promised of interpreters alone: that they share a process, and nothing in it."""

from __future__ import annotations

import logging
import os
import pickle
import string
import subprocess
import sys
import threading
import time

import pytest

import weft
from weft._workers.kinds import stop_idle_workers
from weft._workers.supervisor import SUPERVISOR

here = pytest.mark.skipif(sys.version_info < (3, 14), reason="interpreters are workers from Python 3.14 on")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="for those who have none")
@pytest.mark.parametrize("ask", [lambda: weft.map(abs, [1], on="interpreter").results(), weft.InterpreterExecutor])
def test_where_there_are_none_that_is_said(ask):
    """And what to use in their place."""
    with pytest.raises(weft.KindUnavailable, match=r"needs Python 3\.14, and this is 3\.1\d; use .*[pP]rocess"):
        ask()


@here
def test_they_are_of_this_process_and_share_nothing():
    """One process; a module's globals are each interpreter's own."""

    def mark(n):
        import string

        string.weft_was_here = n
        return os.getpid()

    assert set(weft.map(mark, range(20), on="interpreter")) == {os.getpid()}
    assert not hasattr(string, "weft_was_here")


@here
def test_they_stay_warm_between_runs():
    """A second run finds the first one's."""
    name = weft.map(lambda n: weft.current_worker().name, [1], on="interpreter").results()
    assert weft.map(lambda n: weft.current_worker().name, [1], on="interpreter").results() == name


@here
def test_they_see_the_environment_as_it_is(monkeypatch):
    """It is the process's; a warm one hears of what has changed."""
    for value in ("one", "two"):
        monkeypatch.setenv("WEFT_TEST_SEEN", value)
        assert weft.map(os.environ.get, ["WEFT_TEST_SEEN"], on="interpreter").results() == [value]
    monkeypatch.delenv("WEFT_TEST_SEEN")
    assert weft.map(os.environ.get, ["WEFT_TEST_SEEN"], on="interpreter").results() == [None]


@here
@pytest.mark.parametrize("nbytes", [10, 70_000, 3 * 2**20])
@pytest.mark.parametrize("make", [bytes, bytearray])
def test_bytes_in_and_out(make, nbytes):
    """By socket or by shared memory, as to a process."""
    sent = [make([n]) * nbytes for n in range(20)]
    extra = make(b"!" * nbytes)
    got = weft.map(lambda data: (type(data), data + extra), sent, on="interpreter").results()
    assert got == [(make, data + extra) for data in sent]


@here
def test_what_takes_too_long_is_left_behind():
    """Nobody can stop an interpreter: the item fails in time, another takes the rest, and it leaves when it is done."""
    began = time.monotonic()
    results = weft.map(time.sleep, [0, 0.8, 0, 0], on="interpreter", timeout=0.2, on_error="keep").results()
    assert time.monotonic() - began < 0.7
    assert [type(result) for result in results] == [type(None), weft.Failure, type(None), type(None)]
    assert "could not be stopped" in str(results[1].error)
    left = [worker for worker in SUPERVISOR._retired if worker.birth.method == "interpreter"]
    assert len(left) == 1
    assert left[0].reap(5) == "exit status 0"


@here
def test_a_module_that_refuses_is_named():
    """NumPy's C code is for one interpreter of a process: it is said, with what to use, wherever it is met."""
    np = pytest.importorskip("numpy")
    says = r"numpy can't be loaded in an interpreter .* Use on='process'"
    with pytest.raises(weft.KindUnavailable, match=says):
        weft.map(lambda n: np.sum([n]), [1], on="interpreter").results()

    def imports(n):
        import numpy

        return numpy.sum(n)

    for ask in (
        lambda: weft.map(imports, [1], on="interpreter").results(),
        lambda: weft.submit(imports, 1, on="interpreter").result(),
        lambda: weft.map(lambda n: weft.rng().random(), [1], on="interpreter", seed=1).results(),
    ):
        with pytest.raises(ImportError) as refused:
            ask()
        assert any("Use on='process'" in note for note in refused.value.__notes__)


@here
def test_an_executor_of_them_has_its_own():
    """Named by its prefix, new, and gone with it."""
    with weft.InterpreterExecutor(2, "knitter") as executor:
        names = set(executor.map(lambda n: weft.current_worker().name, range(50), chunksize=1))
        assert names
        assert all(name.startswith("knitter_") for name in names)
        assert {thread.name for thread in threading.enumerate()} >= names
    assert not {thread.name for thread in threading.enumerate()} & names


@here
def test_initializers_leave_their_mark_in_each():
    """Whatever one sets in a module is there for its interpreter's calls."""
    with weft.InterpreterExecutor(2, initializer=setattr, initargs=(Mark, "value", 7)) as executor:
        assert set(executor.map(lambda n: Mark.value, range(20))) == {7}
    assert Mark.value == 0


class Mark:
    value = 0


class Unpickled:
    """Leaves whole, and can't be unpickled."""

    def __call__(self, item):
        return item

    def __reduce__(self):
        return int, ("no number",)


@here
def test_executors_fail_as_the_standard_librarys_do(caplog):
    """Whoever had one keeps the except clauses; and weft's own errors are there as well, with all they tell."""
    from concurrent.futures.interpreter import BrokenInterpreterPool
    from concurrent.interpreters import ExecutionFailed, NotShareableError

    def check(number):
        raise ValueError(f"not {number}")

    lock = threading.Lock()
    with weft.InterpreterExecutor(1) as executor:
        with pytest.raises(ValueError, match="not 3") as failed:
            executor.submit(check, 3).result()
        assert type(failed.value.__cause__) is ExecutionFailed
        assert failed.value.__cause__.excinfo.type.__qualname__ == "ValueError"
        assert "in check\n" in str(failed.value.__cause__)
        assert failed.value.__cause__.worker in str(failed.value.__cause__)
        for ask in (
            lambda: executor.submit(id, Unpickled()).result(),
            lambda: list(executor.map(id, [Unpickled()])),
            lambda: list(executor.map(Unpickled(), [1])),
        ):
            for error in (NotShareableError, weft.NotSendable):
                with pytest.raises(error, match=r"args not shareable: .* \(ValueError: .*no number") as failed:
                    ask()
            assert isinstance(failed.value.__cause__, ExecutionFailed)
            assert isinstance(failed.value.__cause__.__cause__, ValueError)
        for ask in (
            lambda: executor.submit(id, lock).result(),
            lambda: list(executor.map(id, [lock])),
            lambda: list(executor.map(lambda n: lock, [1])),
            lambda: executor.submit(threading.Lock).result(),
        ):
            for error in (NotShareableError, weft.NotSendable):
                with pytest.raises(error, match=r"_thread\.lock"):
                    ask()
    with weft.InterpreterExecutor(1, initializer=check, initargs=(5,)) as executor:
        for error in (BrokenInterpreterPool, weft.errors.InitializerFailed):
            with pytest.raises(error, match="ValueError: not 5"):
                executor.submit(abs, -1).result()
    [logged] = [record for record in caplog.records if record.name == "concurrent.futures"]
    assert "ExecutionFailed: ValueError: not 5" in logging.Formatter().format(logged)


@here
def test_errors_of_executors_survive_pickling():
    """They may be raised in workers, too."""
    from weft.errors.interpreters import InterpreterUnfit, NotShareable, Unreadable

    for error in (
        NotShareable("item 1", ".lock", "_thread.lock", "cannot pickle"),
        Unreadable("the call", "InterpreterExecutor-0_1", "ValueError: no"),
        InterpreterUnfit("InterpreterExecutor-0_1", "ValueError: no"),
    ):
        back = pickle.loads(pickle.dumps(error))
        assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


@here
def test_runs_have_the_errors_that_all_runs_have():
    """No kind of worker has errors of its own there."""
    with pytest.raises(ValueError, match="no number") as failed:
        weft.map(id, [Unpickled()], on="interpreter").results()
    assert isinstance(failed.value.__cause__, weft.errors.WorkerTraceback)


@here
def test_many_come_and_go():
    """Again and again, several runs at once: nobody waits for ever, nothing is lost."""

    def run(found):
        found.append(weft.map(lambda n: n * n, range(500), on="interpreter", max_workers=3).results())

    for _ in range(5):
        found = []
        threads = [threading.Thread(target=run, args=(found,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [[n * n for n in range(500)]] * 4


@here
def test_workers_of_a_worker_end_with_it():
    """What runs inside an interpreter keep warm ends when the interpreter does; conftest looks for what is left."""
    assert weft.map(lambda n: weft.map(abs, [-n], on="process").results(), [1, 2], on="interpreter").results() == [
        [1],
        [2],
    ]


@here
@pytest.mark.filterwarnings("ignore:This process .*:DeprecationWarning")
def test_a_fork_finds_none_that_rest():
    """CPython's fork crashes beside other interpreters: those that are warm end before it."""
    assert weft.map(abs, [-1], on="interpreter").results() == [1]
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert weft.map(abs, [-1, -2], on="process", start_method="fork").results() == [1, 2]


@here
def test_beside_those_at_work_nothing_is_forked():
    """That is said, instead of a crash of every child."""
    stop_idle_workers()  # a warm process need not be forked
    with weft.InterpreterExecutor(1) as executor:
        executor.submit(abs, -1).result()
        with pytest.raises(weft.KindUnavailable, match=r"can't be forked, and .* does: use start_method='forkserver'"):
            weft.map(abs, [-1], on="process", start_method="fork").results()


@here
def test_a_program_that_ends_starts_none(tmp_path):
    """What atexit calls after weft's own end is told, instead of a crash, or an end that never comes."""
    (tmp_path / "late.py").write_text(
        "import atexit, weft\n"
        "def late():\n"
        "    print(weft.map(abs, [-1, -2], on='process').results())\n"
        "    weft.map(abs, [-1, -2], on='interpreter').results()\n"
        "atexit.register(late)\n"
        "print(weft.map(abs, [-1, -2], on='interpreter').results())\n"
    )
    words = [sys.executable, "late.py"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (0, "[1, 2]\n[1, 2]\n")
    assert "KindUnavailable: the program is ending" in ended.stderr
