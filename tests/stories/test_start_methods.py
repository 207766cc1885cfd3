"""Whole programs under each start method: what is promised of process workers does not depend on how they start."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

METHODS = ("forkserver", "fork", "spawn")
PROMPTLY = 8.0  # seconds

HEAD = """\
import hashlib, os, pathlib, sys, time, warnings, weft
warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later warn of any fork beside threads
def began(n): pathlib.Path(f"began-{n}").touch()
def sleeps(n): began(n); time.sleep(60)
def computes(n): began(n); sum(range(10**12))
def hashes(n): began(n); hashlib.pbkdf2_hmac("sha512", b"x", b"y", 10**9)
def quick(n): return n
"""


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def options(method: str) -> str:
    return f"on='process', start_method='{method}', max_workers=2, chunksize=1"


@pytest.mark.parametrize("fn", ["sleeps", "computes", "hashes"])
def test_a_parent_that_is_killed_leaves_no_worker_even_in_a_c_call(start: Callable, options: str, fn: str) -> None:
    """Nobody is there to tell them, and they would not listen."""
    program = start(HEAD + f"for _ in weft.map({fn}, range(50), {options}): pass\n")
    program.wait_for("began", 2)
    assert program.others()
    program.send(signal.SIGKILL)
    assert program.end(PROMPTLY, clean=False).status == -signal.SIGKILL


def test_nor_one_that_is_idle(start: Callable, options: str) -> None:
    program = start(HEAD + f"weft.map(quick, range(9), {options}).results(); began('idle'); time.sleep(60)\n")
    program.wait_for("began-idle")
    assert program.others()
    program.send(signal.SIGKILL)
    program.end(PROMPTLY, clean=False)


@pytest.mark.parametrize("fn", ["sleeps", "computes"])
def test_ctrl_c_is_quiet_and_prompt(start: Callable, options: str, fn: str) -> None:
    """One traceback, the caller's."""
    program = start(HEAD + f"for _ in weft.map({fn}, range(50), {options}): pass\n")
    program.wait_for("began", 2)
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert len(re.findall("^Traceback", ended.err, re.MULTILINE)) == 1, ended.err
    assert ended.err.rstrip().endswith("KeyboardInterrupt")


def test_ctrl_c_at_any_moment_of_a_start_is_quiet(start: Callable, options: str) -> None:
    """It reaches the server and the workers too, whatever they are in the middle of."""
    ended = start(
        HEAD
        + f"""
import signal, threading
from weft._workers.kinds import stop_idle_workers
for pause in range(12):
    try:
        threading.Timer(pause * 0.006, os.killpg, (0, signal.SIGINT)).start()
        weft.map(time.sleep, [1.0] * 4, {options}).results()
    except KeyboardInterrupt:
        pass
    stop_idle_workers()
assert weft.map(quick, range(9), {options}).results() == list(range(9))
"""
    ).end(60, clean=False)
    assert (ended.status, ended.err) == (0, "")


def test_an_interpreter_may_exit_with_work_in_flight(start: Callable, options: str) -> None:
    program = start(
        HEAD
        + f"""
import threading
run = weft.map(sleeps, range(50), {options})
threading.Thread(target=lambda: list(run), daemon=True).start()
while len(list(pathlib.Path(".").glob("began-*"))) < 2: time.sleep(0.01)
"""
    )
    program.end(PROMPTLY)


@pytest.mark.parametrize("words", [["program.py"], ["-m", "program"]])
def test_no_start_method_runs_or_imports_the_program_again(
    start: Callable, tmp_path: Path, options: str, words: list[str]
) -> None:
    """No main guard is needed, and what the program does at its top happens once."""
    text = f"""\
import sys, weft
with open("began", "a") as file: file.write("x")
def f(n): return n + 1, sys.modules["__main__"].__dict__.get("__file__")
def inner(n): return f(n)[0]
print([value for value, _ in weft.map(f, range(3), {options})], weft.map(inner, range(3), {options}).results())
"""
    (tmp_path / "program.py").write_text(text)
    ended = start(words=words).end()
    assert ended.out == "[1, 2, 3] [1, 2, 3]\n"
    assert (tmp_path / "began").read_text() == "x"


def test_output_that_waits_is_written_once(start: Callable, options: str) -> None:
    """A fork has a copy of what the parent has not written yet."""
    ended = start(
        HEAD
        + f"""
print("before", end=" ")
def says(n): print("said", n)
weft.map(says, range(2), {options}).results()
print("after")
"""
    ).end()
    assert sorted(ended.out.split()) == ["0", "1", "after", "before", "said", "said"]


@pytest.mark.parametrize("stream", ["io.StringIO()", "Odd()", "None"])
def test_prints_reach_a_stream_that_is_no_file(start: Callable, options: str, stream: str) -> None:
    """A notebook's, a test's, anybody's; a worker is not born with them."""
    start(
        HEAD
        + f"""
import contextlib, io
class Odd:
    def __init__(self): self.text = ""
    def write(self, text): self.text += text
    def flush(self): pass
    def getvalue(self): return self.text
def says(n): print("said", n); return n
with contextlib.redirect_stdout({stream}) as said:
    assert weft.map(says, range(3), {options}).results() == [0, 1, 2]
if said is not None:
    assert sorted(said.getvalue().splitlines()) == ["said 0", "said 1", "said 2"], said.getvalue()
"""
    ).end()


def test_a_log_record_is_handled_once_and_by_the_program(start: Callable, options: str) -> None:
    """Also where a worker is a copy of the program, with all its handlers and filters."""
    ended = start(
        HEAD
        + f"""
import logging
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="root %(message)s")
log, deaf, odd = map(logging.getLogger, ("mine", "mine.deaf", "mine.odd"))
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("odd %(message)s"))
odd.addHandler(handler)
odd.propagate = False
deaf.disabled = True
pids = []
log.addFilter(lambda record: pids.append(os.getpid()) or True)
def logs(n): log.info("%s", n); odd.info("%s", n); deaf.warning("%s", n)
weft.map(logs, range(3), {options}).results()
assert pids == [os.getpid()] * 3
"""
    ).end()
    assert sorted(ended.out.splitlines()) == [f"{name} {n}" for name in ("odd", "root") for n in range(3)]


def test_workers_write_where_the_program_writes_now(start: Callable, options: str, tmp_path: Path) -> None:
    """A server knows only where that was when it was started."""
    start(
        HEAD
        + f"""
from weft._workers.kinds import stop_idle_workers
from weft._workers.supervisor import SUPERVISOR
def says(n): print("said", n)
weft.map(quick, range(2), {options}).results()
for worker in SUPERVISOR.idle: worker.kill()
os.dup2(os.open("elsewhere", os.O_WRONLY | os.O_CREAT), 1)
weft.map(says, [1], {options}).results()
"""
    ).end()
    assert (tmp_path / "elsewhere").read_text() == "said 1\n"


def test_what_a_worker_registered_for_its_end_is_done(start: Callable, options: str, tmp_path: Path) -> None:
    """And what the program registered for its own is not done by workers."""
    start(
        HEAD
        + f"""
import atexit
def leaves(n): atexit.register(lambda: pathlib.Path(f"left-{{n}}").touch())
atexit.register(lambda: open("program-left", "a").write("x"))
weft.map(leaves, [1], {options}).results()
"""
    ).end()
    assert (tmp_path / "left-1").exists()
    assert (tmp_path / "program-left").read_text() == "x"


def test_a_smaller_run_waits_for_none_of_those_that_are_too_many(start: Callable, options: str) -> None:
    """They leave in their own time, and what they registered for their end is done, however long that takes."""
    larger = options.replace("max_workers=2", "max_workers=4")
    start(
        HEAD
        + f"""
import atexit
from weft._workers.supervisor import SUPERVISOR
def leaves():
    while not pathlib.Path("go").exists(): time.sleep(0.01)
    pathlib.Path(f"left-{{os.getpid()}}").touch()
def registers(n):
    atexit.register(leaves)
    pathlib.Path(f"here-{{n}}").touch()
    while len(list(pathlib.Path(".").glob("here-*"))) < 4: time.sleep(0.01)
weft.map(registers, range(4), {larger}).results()
assert len(SUPERVISOR.idle) == 4
weft.map(quick, range(9), {options}).results()
assert len(SUPERVISOR.idle) == 2
pathlib.Path("go").touch()
ending = time.monotonic() + 20
while len(list(pathlib.Path(".").glob("left-*"))) < 2: assert time.monotonic() < ending; time.sleep(0.01)
""",
    ).end(40)


def test_a_forked_copy_of_the_program_has_workers_of_its_own(start: Callable, options: str) -> None:
    start(
        HEAD
        + f"""
def pid(_): return os.getpid()
def ask(): return set(weft.map(pid, range(8), {options}).results())
warm = ask()
child = os.fork()
if child == 0:
    status = 1
    try:
        own = ask()
        assert own and not own & warm, (own, warm)
        status = 0
    finally:
        weft._workers.kinds.stop_idle_workers()
        os._exit(status)
assert os.waitpid(child, 0)[1] == 0
assert ask() <= warm
"""
    ).end(30)


def test_runs_inside_runs_do_not_wait_for_each_other(start: Callable, options: str) -> None:
    """Workers of a worker are its own: there is no pool to run dry."""
    start(
        HEAD
        + f"""
def inner(n): return n + 1
def middle(n): return sum(weft.map(inner, range(n), {options}))
def outer(n): return sum(weft.map(middle, range(n), {options}))
assert weft.map(outer, range(4), {options}).results() == [0, 0, 1, 4]
"""
    ).end(60)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_program_with_many_threads_may_start_workers_from_any(start: Callable, options: str) -> None:
    start(
        HEAD
        + f"""
import threading
answers = []
def use():
    for _ in range(3):
        answers.append(weft.map(quick, range(20), {options}).results())
threads = [threading.Thread(target=use) for _ in range(5)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert answers == [list(range(20))] * 15
"""
    ).end(40)


def test_two_runs_of_default_width_share_the_processors(start: Callable, method: str) -> None:
    """Together they are as wide as one, and at least one worker each."""
    start(
        HEAD
        + f"""
from weft._workers.supervisor import SUPERVISOR
cpus = len(os.sched_getaffinity(0))
def naps(n): time.sleep(0.002); return n
def begin(): return weft.map(naps, range(400), on="process", start_method="{method}", chunksize=1)
leased = []
for one, other in zip(begin(), begin(), strict=True):
    assert one == other
    leased.append(len(SUPERVISOR._leased))
assert min(leased[100:300]) <= max(2, cpus), leased
"""
    ).end(40)


def test_a_program_with_few_descriptors_has_fewer_workers(start: Callable, method: str) -> None:
    """As many as there can be: a limit is no reason to fail. Those that rest make room for those of another kind."""
    start(
        HEAD
        + f"""
import resource
asked = dict(on="process", max_workers=30)
few = 40 + len(os.listdir("/proc/self/fd"))
def pid(n): time.sleep(0.05); return os.getpid()
resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
for method in "{method}", "spawn" if "{method}" == "forkserver" else "forkserver":
    pids = weft.map(pid, range(60), start_method=method, **asked).results()
    assert len(pids) == 60 and 2 <= len(set(pids)) < 30, pids
"""
    ).end(40)


@pytest.mark.parametrize("asked", ["start_method='spawn'", "mp_context=multiprocessing.get_context('spawn')"])
def test_a_context_of_multiprocessing_says_the_same_as_the_name(start: Callable, asked: str) -> None:
    start(
        HEAD
        + f"""
import multiprocessing
def parent(n): return os.getppid()
assert set(weft.map(parent, range(3), on="process", {asked}).results()) == {{os.getpid()}}
served = weft.map(parent, range(3), on="process").results()
assert os.getpid() not in served
"""
    ).end()
