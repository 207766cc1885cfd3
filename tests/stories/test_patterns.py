"""Programs with a pipeline or a task group in them: however they end, nobody hangs, and nobody is left behind."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

import pytest

PROMPTLY = 8.0  # seconds: "at once" on a busy machine, "never" for a sleep of a minute

FLOW = """\
import asyncio, itertools, os, pathlib, sys, time, weft
def began(n): pathlib.Path(f"began-{n}").touch()
def quick(n): time.sleep(0.001); return n
async def later(n): await asyncio.sleep(0.001); return n
def stuck(n):
    if n == 20: began(n); time.sleep(60)
    return n
"""


@pytest.mark.parametrize("on", ["process", "thread", "async"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_ctrl_c_ends_a_pipeline_promptly(start: Callable, place: int, on: str) -> None:
    """Wherever it is stuck: one traceback, a KeyboardInterrupt."""
    stages = ["quick", "quick", "quick"]
    stages[place] = "stuck"
    chain = "".join(f".map({fn}, on='{on}', max_workers={n + 1})" for n, fn in enumerate(stages))
    program = start(FLOW + f"for _ in weft.pipeline(itertools.count()){chain}: pass\n")
    program.wait_for("began")
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert len(re.findall(r"^Traceback", ended.err, re.MULTILINE)) <= 1, ended.err
    assert ended.err.rstrip().endswith("KeyboardInterrupt")


def test_ctrl_c_while_the_source_is_stuck(start: Callable) -> None:
    """It is in a thread, which nothing can stop; the program ends all the same."""
    program = start(
        FLOW + "def source():\n    yield 1\n    began(1); time.sleep(60)\n"
        "for _ in weft.pipeline(source()).map(quick, on='process').map(quick, on='thread'): pass\n"
    )
    program.wait_for("began")
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert ended.err.rstrip().endswith("KeyboardInterrupt")


def test_a_program_may_end_in_the_middle_of_one(start: Callable) -> None:
    """With runs that nobody finished, held by globals, by a cycle and by a generator."""
    start(
        FLOW + "flow = weft.pipeline(itertools.count()).map(quick, on='thread').map(quick, on='process').map(later)\n"
        "run = flow.run(); next(run)\n"
        "other = flow.run(); next(other); other.itself = other\n"
        "third = (n for n in flow); next(third)\n"
    ).end(PROMPTLY)


def test_when_the_program_is_killed_its_workers_end(start: Callable) -> None:
    program = start(
        FLOW + "flow = weft.pipeline(itertools.count()).map(quick, on='process').map(quick, on='thread')\n"
        "flow = flow.map(stuck, on='process')\n"
        "for n in flow: pass\n"
    )
    program.wait_for("began")
    assert program.others()
    program.send(signal.SIGKILL)
    program.end(PROMPTLY, clean=False)


def test_a_forked_copy_may_drop_a_pipeline_and_run_another(start: Callable) -> None:
    start(
        FLOW + "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
        "flow = weft.pipeline(itertools.count()).map(quick, on='thread').map(quick, on='process')\n"
        "run = flow.run(); next(run)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    status = 1\n"
        "    try:\n"
        "        del run\n"
        "        assert list(weft.pipeline(range(5)).map(quick, on='thread').map(abs, on='process'))[3:] == [3, 4]\n"
        "        weft._workers.kinds.stop_idle_workers()\n"
        "        status = 0\n"
        "    finally: os._exit(status)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
        "assert next(run) == 1\n"
        "run.cancel()\n"
    ).end(20)


def test_a_pipeline_runs_inside_a_worker(start: Callable) -> None:
    start(
        FLOW + "def inner(n): return sum(weft.pipeline(range(n)).map(quick, on='thread').map(abs, on='process'))\n"
        "for on in ('thread', 'process'):\n"
        "    assert list(weft.pipeline(range(5)).map(inner, on=on, max_workers=2).map(abs)) == [0, 0, 1, 3, 6]\n"
    ).end(40)


@pytest.mark.parametrize("on", ["process", "thread", "async"])
def test_ctrl_c_ends_a_task_group(start: Callable, on: str) -> None:
    """A process is killed, a coroutine cancelled; a thread is waited for."""
    program = start(
        FLOW + "async def waits(): began(1); await asyncio.sleep(60)\n"
        "def sleeps(): began(1); time.sleep(1)\n"
        "def sleeps_on(): began(1); time.sleep(60)\n"
        "group = weft.TaskGroup()\n"
        f"fn = {{'process': sleeps_on, 'thread': sleeps, 'async': waits}}['{on}']\n"
        f"with group: group.submit(fn, on='{on}')\n"
    )
    program.wait_for("began")
    program.interrupt()
    ended = program.end(PROMPTLY, clean=False)
    assert ended.status in {-signal.SIGINT, 130}
    assert "KeyboardInterrupt" in ended.err
