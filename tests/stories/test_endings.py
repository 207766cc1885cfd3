"""Every way for a run and its program to end: nobody hangs, and nobody is left behind."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROMPTLY = 8.0  # seconds: "at once" on a busy machine, "never" for a sleep of a minute


def tracebacks(text: str) -> int:
    return len(re.findall(r"^(?:  \| )*Traceback", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("fn", "on"),
    [
        ("sleeps", "process"),
        ("computes", "process"),
        ("sleeps", "thread"),
        ("computes", "thread"),
        ("sleeps", "serial"),
        ("sleeps", "auto"),
        ("waits", "async"),
        ("waits", "thread"),
        ("waits", "process"),
        ("sleeps", "async"),
    ],
)
def test_ctrl_c_ends_a_program_promptly(start: Callable, slow: str, fn: str, on: str) -> None:
    """One traceback at most, and it is a KeyboardInterrupt; no worker adds its own."""
    program = start(slow + f"for _ in weft.map({fn}, range(50), on='{on}', max_workers=2): pass\n")
    program.wait_for("began", 1 if on in {"serial", "auto"} else 2)
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert tracebacks(ended.err) <= 1, ended.err
    assert ended.err.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize(
    ("fn", "on"),
    [
        ("sleeps", "process"),
        ("sleeps", "thread"),
        ("waits", "async"),
        ("sleeps", "async"),
        ("sleeps", "serial"),
        ("sleeps", "auto"),
    ],
)
def test_ctrl_c_ends_an_async_program_promptly(start: Callable, slow: str, fn: str, on: str) -> None:
    program = start(
        slow
        + f"""
async def main():
    async for _ in weft.map({fn}, range(50), on='{on}', max_workers=2): pass
asyncio.run(main())
"""
    )
    program.wait_for("began", 1 if on in {"serial", "auto"} else 2)
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert "KeyboardInterrupt" in ended.err


@pytest.mark.parametrize("on", ["process", "thread", "async", "serial"])
def test_the_command_line_says_interrupted_and_ends_with_130(
    start: Callable, slow: str, tmp_path: Path, on: str
) -> None:
    (tmp_path / "work.py").write_text(slow)
    program = start(words=["-m", "weft", "map", "work.py:sleeps", "a", "b", "--on", on])
    program.wait_for("began", 1 if on == "serial" else 2)
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert (ended.status, ended.out, ended.err) == (130, "", "weft: interrupted\n")


def test_ctrl_c_while_workers_are_starting_is_as_quiet(start: Callable, slow: str) -> None:
    """A terminal sends it to the workers too, and a new interpreter is not yet in a state to ignore it."""
    start(
        slow
        + """
import signal
from weft._workers import supervisor
begin_life = supervisor.Worker.__init__
def born(self, *given):
    begin_life(self, *given)
    os.kill(self.pid, signal.SIGINT)
supervisor.Worker.__init__ = born
assert weft.map(quick, range(9), on='process', max_workers=2, chunksize=1).results() == list(range(9))
"""
    ).end()


def test_ctrl_c_ends_what_the_workers_started_too(start: Callable, slow: str) -> None:
    """A worker does not heed it, but its own children are not made to ignore it."""
    program = start(
        slow
        + """
import subprocess
def runs(n):
    with subprocess.Popen(["sleep", "60"]): began(n)
for _ in weft.map(runs, range(2), on='process', max_workers=2, chunksize=1): pass
"""
    )
    program.wait_for("began", 2)
    program.interrupt()
    assert program.end(PROMPTLY, clean=False).status == -signal.SIGINT


@pytest.mark.parametrize("fn", ["sleeps", "computes"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent_however_it_ends(start: Callable, slow: str, fn: str, number: int) -> None:
    """Killed outright it can't tell them; they end even in the middle of a call."""
    program = start(slow + f"for _ in weft.map({fn}, range(50), on='process', max_workers=2): pass\n")
    program.wait_for("began", 2)
    assert program.others()
    program.send(number)
    assert program.end(PROMPTLY, clean=False).status == -number


def test_idle_workers_end_with_their_parent(start: Callable, slow: str) -> None:
    program = start(slow + "weft.map(quick, range(9), on='process').results(); began('idle'); time.sleep(60)\n")
    program.wait_for("began-idle")
    assert program.others()
    program.send(signal.SIGKILL)
    program.end(PROMPTLY, clean=False)


def test_a_worker_that_is_born_an_orphan_does_nothing(start: Callable, slow: str, tmp_path: Path) -> None:
    """The parent may be gone before the worker is there to notice."""
    program = start(
        slow
        + """
import signal, threading
from weft._workers import supervisor
began_life = supervisor.Worker.__init__
def born(self, *given):
    began_life(self, *given)
    os.kill(self.pid, signal.SIGSTOP)  # it is slow to start
    began("born")
supervisor.Worker.__init__ = born
list(weft.map(sleeps, range(2), on='process', max_workers=1))
"""
    )
    program.wait_for("began-born")
    workers = program.others()
    program.kill()
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    program.end(PROMPTLY, clean=False)
    assert program.marks("began-0") == 0


@pytest.mark.parametrize(
    "leave",
    [
        "for result in run: break",
        "with run: next(run)",
        "next(run); run.cancel()",
        "next(run); del run",
        "next(run); me = [run]; me.append(me); del run, me; import gc; gc.collect()",
        "try:\n    for result in run: raise KeyError('mine')\nexcept KeyError: pass",
    ],
)
@pytest.mark.parametrize("on", ["process", "thread", "async"])
def test_leaving_a_run_early_ends_what_it_began(start: Callable, slow: str, leave: str, on: str) -> None:
    """The program goes on at once, its workers are gone or idle, and the next run works."""
    fn = "waits" if on == "async" else "sleeps"
    program = start(
        slow
        + f"""
def first_is_quick(n):
    return n if n == 0 else {fn}(n)
async def first_is_quick_async(n):
    return n if n == 0 else await waits(n)
fn = first_is_quick_async if "{on}" == "async" else first_is_quick
run = weft.map(fn, range(50), on='{on}', max_workers=2, chunksize=1)
{leave}
run = result = None
began("left")
assert weft.map(quick, range(5), on='{on}').results() == [0, 1, 2, 3, 4]
began("again")
"""
    )
    program.wait_for("began-again")
    program.end(PROMPTLY)


@pytest.mark.parametrize("on", ["process", "thread", "async"])
def test_a_program_may_end_with_a_run_half_way(start: Callable, slow: str, on: str) -> None:
    fn = "waits" if on == "async" else "sleeps"
    program = start(
        slow
        + f"run = weft.map({fn}, range(50), on='{on}', max_workers=2, ordered=False)\n"
        + """
import threading
threading.Thread(target=lambda: list(run), daemon=True).start()
while len(list(pathlib.Path(".").glob("began-*"))) < 2: time.sleep(0.01)
"""
    )
    ended = program.end(PROMPTLY, clean=False)
    assert (ended.status, tracebacks(ended.err)) == (0, 0), ended.err


@pytest.mark.parametrize("on", ["process", "thread", "async"])
def test_calls_that_were_submitted_are_finished_at_exit(start: Callable, slow: str, tmp_path: Path, on: str) -> None:
    start(
        slow
        + f"""
def done(n): time.sleep(0.2); pathlib.Path(f"done-{{n}}").touch()
async def adone(n): await asyncio.sleep(0.2); pathlib.Path(f"done-{{n}}").touch()
for n in range(5): weft.submit(adone if '{on}' == 'async' else done, n, on='{on}')
"""
    ).end()
    assert len(list(tmp_path.glob("done-*"))) == 5


@pytest.mark.parametrize("on", ["process", "thread", "async"])
def test_so_are_those_that_had_not_begun_by_then(start: Callable, slow: str, tmp_path: Path, on: str) -> None:
    start(
        slow
        + f"""
def done(n): time.sleep(0.01); pathlib.Path(f"done-{{n}}").touch()
for n in range(150): weft.submit(done, n, on='{on}')
"""
    ).end()
    assert len(list(tmp_path.glob("done-*"))) == 150


@pytest.mark.parametrize("on", ["process", "thread", "async"])
def test_ctrl_c_does_not_wait_for_calls_that_were_submitted(
    start: Callable, slow: str, tmp_path: Path, on: str
) -> None:
    """Whether the program was waiting for one or not; whoever still waits for them is told."""
    fn = "waits" if on == "async" else "sleeps"
    program = start(
        slow
        + f"""
import threading
futures = [weft.submit({fn}, n, on='{on}') for n in range(200)]
def tell():
    errors = {{type(future.exception()).__name__ for future in futures}}
    pathlib.Path("told-" + "-".join(errors)).touch()
threading.Thread(target=tell).start()
pathlib.Path("submitted").touch()
futures[0].result()
"""
    )
    program.wait_for("began", 2)
    program.wait_for("submitted")
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert tracebacks(ended.err) == 1, ended.err
    assert (tmp_path / "told-CancelledError").exists()


def test_a_program_that_caught_ctrl_c_has_its_calls_finished(start: Callable, slow: str, tmp_path: Path) -> None:
    """It is not of Ctrl-C that it ends."""
    program = start(
        slow
        + """
def done(n): time.sleep(0.2); pathlib.Path(f"done-{n}").touch()
try: sleeps(0)
except KeyboardInterrupt:
    for n in range(3): weft.submit(done, n, on='process')
"""
    )
    program.wait_for("began")
    program.interrupt()
    program.end()
    assert len(list(tmp_path.glob("done-*"))) == 3


@pytest.mark.parametrize("times", [2, 3])
def test_ctrl_c_many_times_at_once_is_as_ctrl_c_once(start: Callable, slow: str, times: int) -> None:
    """A key that is held down: one traceback, and nothing half ended."""
    program = start(slow + "for _ in weft.map(sleeps, range(50), on='process', max_workers=2): pass\n")
    program.wait_for("began", 2)
    for _ in range(times):
        program.interrupt()
        time.sleep(0.002)
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert tracebacks(ended.err) == 1, ended.err


def test_an_exception_of_the_program_is_its_own(start: Callable, slow: str) -> None:
    program = start(
        slow
        + """
def f(n): return n if n == 0 else sleeps(n)
for result in weft.map(f, range(50), on='process', max_workers=2, chunksize=1):
    raise LookupError("mine")
"""
    )
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status == 1
    assert tracebacks(ended.err) == 1
    assert ended.err.rstrip().endswith("LookupError: 'mine'") or ended.err.rstrip().endswith("LookupError: mine")


@pytest.mark.parametrize("death", ["os._exit(3)", "os._exit(0)", "os.kill(os.getpid(), 9)", "os.abort()"])
def test_a_worker_that_dies_costs_its_own_item_and_no_other(start: Callable, death: str) -> None:
    ended = start(f"""\
import os, weft
def f(n):
    if n == 37: {death}
    return n
found = weft.map(f, range(100), on="process", max_workers=2, on_error="keep").results()
failure = found.pop(37)
assert found == [n for n in range(100) if n != 37]
assert isinstance(failure.error, weft.WorkerDied) and failure.index == failure.item == 37
print(failure.error)
assert weft.map(abs, [-1], on="process").results() == [1]
""").end(30, clean=False)
    assert ended.status == 0, ended.err
    assert "died" in ended.out


def test_a_worker_that_is_killed_from_outside_loses_nothing(start: Callable) -> None:
    start("""\
import os, random, signal, threading, weft
def f(n): return n, os.getpid()
pids, found = set(), []
for n, pid in weft.map(f, range(5000), on="process", max_workers=2, chunksize=5):
    found.append(n)
    if n % 1000 == 500:
        try: os.kill(pid, signal.SIGKILL)
        except ProcessLookupError: pass
assert found == list(range(5000))
""").end(30)


def test_warm_workers_that_died_are_not_used_again(start: Callable) -> None:
    start("""\
import os, signal, weft
def pid(_): return os.getpid()
for _ in range(3):
    for victim in set(weft.map(pid, range(50), on="process", max_workers=2).results()):
        os.kill(victim, signal.SIGKILL)
assert weft.map(abs, [-1, -2], on="process").results() == [1, 2]
""").end()


@pytest.mark.parametrize("on", ["thread", "process", "async"])
def test_a_second_ctrl_c_does_no_harm(start: Callable, slow: str, on: str) -> None:
    """Impatience is human."""
    fn = "waits" if on == "async" else "sleeps"
    program = start(slow + f"for _ in weft.map({fn}, range(50), on='{on}', max_workers=2): pass\n")
    program.wait_for("began", 2)
    program.interrupt()
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130, 1}


def test_a_program_that_catches_ctrl_c_goes_on(start: Callable, slow: str) -> None:
    program = start(
        slow
        + """
for on, fn in [("process", sleeps), ("thread", sleeps), ("async", waits)]:
    try:
        for _ in weft.map(fn, [on], on=on): pass
    except KeyboardInterrupt:
        assert weft.map(quick, range(3), on=on).results() == [0, 1, 2]
"""
    )
    for on in ("process", "thread", "async"):
        program.wait_for(f"began-{on}")
        program.interrupt()
    program.end(PROMPTLY)


# A run that is followed when it is left alone, since its caller is somewhere else.
FOLLOWED = """\
import itertools
def nap(n): time.sleep(0.002); return n
async def nap_later(n): await asyncio.sleep(0.002); return n
def held(on):
    run = weft.map(nap_later if on == 'async' else nap, itertools.count(), on=on, max_workers=2)
    while run.stats.seconds < 0.1: next(run)
    return run
"""


@pytest.mark.parametrize("on", ["process", "thread", "async"])
@pytest.mark.parametrize("ending", ["", "sys.exit()", "sys.setswitchinterval(1)", "del run"])
def test_a_program_ends_quietly_though_a_run_goes_on_in_the_background(
    start: Callable, slow: str, on: str, ending: str
) -> None:
    """A thread that the interpreter stops would keep the lock of the run that it drives."""
    start(slow + FOLLOWED + f"run = held('{on}')\ntime.sleep(0.02)\n{ending}\n").end()


@pytest.mark.parametrize("on", ["process", "thread"])
def test_a_fork_while_a_run_goes_on_in_the_background_hangs_nobody(start: Callable, slow: str, on: str) -> None:
    """The copy has the run but not the thread; the parent goes on."""
    start(
        slow
        + FOLLOWED
        + f"""
import warnings
warnings.simplefilter('ignore', DeprecationWarning)  # 3.12 and later warn of any fork beside threads
for turn in range(20):
    run = held('{on}') if turn % 5 == 0 else run
    time.sleep(0.007)
    child = os.fork()
    if not child:
        run.cancel()
        del run
        assert weft.map(quick, range(9), on='thread', max_workers=2).results() == list(range(9))
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    next(run)
"""
    ).end()


@pytest.mark.parametrize(
    ("on", "kind", "lock"), [("process", "ProcessCrew", "_lock"), ("thread", "ThreadCrew", "_counting")]
)
def test_a_fork_in_the_midst_of_what_another_thread_does_to_the_run_hangs_nobody(
    start: Callable, slow: str, on: str, kind: str, lock: str
) -> None:
    """That thread is not in the copy, and would never let go of what it holds."""
    start(
        slow
        + FOLLOWED
        + f"""
import gc, threading, warnings
warnings.simplefilter('ignore', DeprecationWarning)  # 3.12 and later warn of any fork beside threads
run = held('{on}')
[lock] = [crew.{lock} for crew in gc.get_objects() if type(crew).__name__ == '{kind}']
holds, over = threading.Event(), threading.Event()
def hold():
    with lock: holds.set(); over.wait()
holder = threading.Thread(target=hold)
holder.start()
holds.wait()
child = os.fork()
if not child:
    run.cancel()
    os._exit(0)
over.set()
holder.join()
assert os.waitpid(child, 0) == (child, 0)
next(run)
"""
    ).end()


def test_a_consumer_that_is_interrupted_leaves_nothing(start: Callable, slow: str) -> None:
    """Ctrl-C comes to the caller, wherever the follower is."""
    program = start(slow + FOLLOWED + "run = held('process')\nbegan(0)\nfor _ in run: time.sleep(0.02)\n")
    program.wait_for("began")
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert tracebacks(ended.err) <= 1, ended.err
