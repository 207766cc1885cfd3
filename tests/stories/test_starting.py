"""How a program starts: its server before its engine, light, and nothing run that was not asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

HEAVY = {"dataclasses", "inspect", "logging", "cloudpickle", "socket", "tempfile", "traceback", "asyncio"}


def test_a_run_that_is_not_iterated_runs_nothing_and_leaves_nothing(start: Callable) -> None:
    """Its server may be there already; it ends with the program."""
    ended = start(
        """
import sys, warnings, weft
from pathlib import Path
warnings.simplefilter("ignore")
run = weft.map(lambda n: Path("ran").touch(), range(4), on="process")
from weft._workers.servers import SERVERS
print(len(SERVERS.all), "weft._workers.supervisor" in sys.modules)
"""
    ).end()
    assert ended.out == "1 False\n"


@pytest.mark.parametrize(
    "asked", ["on='thread'", "on='process', start_method='spawn'", "on='process', start_method='fork'", "on='auto'"]
)
def test_no_server_is_started_for_those_who_need_none(start: Callable, asked: str) -> None:
    ended = start(
        f"""
import weft
def double(n): return 2 * n
print(weft.map(double, range(4), {asked}).results())
from weft._workers.servers import SERVERS
print(len(SERVERS.all))
"""
    ).end()
    assert ended.out == "[0, 2, 4, 6]\n0\n"


def test_a_forked_copy_of_the_program_lets_go_of_a_server_that_was_started_ahead(start: Callable) -> None:
    """It would keep it alive."""
    ended = start(
        """
import os, warnings, weft
warnings.simplefilter("ignore")
run = weft.map(abs, range(4), on="process")
from weft._workers.servers import SERVERS
held = SERVERS.all[0].descriptors
pid = os.fork()
if pid == 0:
    os._exit(len(SERVERS.all) + sum(os.path.exists(f"/proc/self/fd/{fd}") for fd in held))
print(os.waitpid(pid, 0)[1])
print(run.results())
"""
    ).end()
    assert ended.out == "0\n[0, 1, 2, 3]\n"


def test_what_takes_long_to_import_is_not_on_the_way_to_a_result(start: Callable) -> None:
    """Neither in the program nor in its workers."""
    ended = start(
        f"""
import sys, weft
def loaded(n):
    return sorted(sys.modules)
[there] = weft.map(loaded, [1], on="process").results()
print(*sorted({HEAVY!r} & {{*there, *sys.modules}}))
"""
    ).end()
    assert ended.out == "\n"


@pytest.mark.parametrize("method", ["forkserver", "fork", "spawn"])
def test_what_a_worker_leaves_open_is_finished_when_it_ends(start: Callable, method: str) -> None:
    """Files are flushed, threads waited for, exit functions run; the parent's files are the parent's."""
    program = start(
        f"""
import weft
def leave(n):
    import atexit, builtins, threading, time
    from pathlib import Path
    builtins.KEPT = open("written", "w")
    builtins.KEPT.write("in the buffer")
    atexit.register(Path("exited").touch)
    return n
mine = open("mine", "w")
mine.write("once")
print(weft.map(leave, [1], on="process", start_method={method!r}).results())
"""
    )
    assert program.end().out == "[1]\n"
    assert (program.folder / "written").read_text() == "in the buffer"
    assert (program.folder / "exited").exists()
    assert (program.folder / "mine").read_text() == "once"
