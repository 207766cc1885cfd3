"""The house keeps its own rules: public names, docstrings, a light front door, one place for options, a true map."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import weft
import weft.errors
from weft._model.asked import Asked
from weft._model.options import Options

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "weft"
PUBLIC = {
    "Actor", "AsyncExecutor", "BadOption", "Barrier", "Channel", "Condition", "Counter", "Dict", "Event", "Failure",
    "InterpreterExecutor", "KindUnavailable", "Lock", "MissingPackage", "NotSendable", "Pipe", "Pipeline",
    "ProcessExecutor", "RLock", "RayExecutor", "Run", "Semaphore", "ShutDown", "TaskGroup", "TaskTimeout",
    "ThreadExecutor", "UnknownOption", "Value", "WeftError", "WorkerDied", "advise", "current_worker", "doctor",
    "map", "pipeline", "pure", "rng", "share", "starmap", "submit", "thread_unsafe", "worklist",
}  # fmt: skip


def test_the_public_names_are_these():
    """A name becomes public on purpose, and stays."""
    assert set(weft.__all__) == PUBLIC
    for name in weft.__all__:
        assert getattr(weft, name).__name__ == name
    assert set(dir(weft)) >= PUBLIC


def test_a_name_that_does_not_exist_says_so():
    with pytest.raises(AttributeError, match="module 'weft' has no attribute 'mapp'"):
        weft.mapp  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", ["multiprocessing", "asyncio", "sqlite3", "rich", "numpy", "cloudpickle", "ray"])
def test_importing_weft_does_not_load(module):
    """The front door is light: heavy rooms open when somebody walks in."""
    code = f"import sys, weft; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", ["serial", "thread", "process"])
def test_a_run_without_coroutines_does_not_load_asyncio(kind):
    """The asyncio module alone costs more than starting the workers."""
    code = f"import sys, weft; weft.map(abs, [1], on={kind!r}).results(); sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", ["serial", "thread", "process", "async", "auto"])
def test_a_run_on_other_kinds_loads_nothing_of_ray(kind):
    """Neither Ray nor what weft has for it."""
    rooms = {"ray", "weft._workers.ray", "weft._workers.ray_cluster", "weft._patterns.ray_executor"}
    code = f"import sys, weft; weft.map(abs, [1], on={kind!r}).results(); sys.exit(bool({rooms} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_first_run_that_needs_no_more_than_the_caller_loads_no_more():
    """Neither what remembers where nothing is to be, nor what explains where nobody asks, nor what packs what stays."""
    rooms = {"weft._choose.memory", "weft._choose.explain", "weft._choose.report", "weft._workers.freight"}
    work = "weft.map(lambda n: sum(range(n)), [20_000] * 100, max_workers=1, progress=False).results()"
    code = f"import sys, weft; {work}; sys.exit(bool({rooms} & set(sys.modules)))"
    environ = {**os.environ, "WEFT_CACHE": "off"}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environ).returncode == 0


def test_options_are_declared_once():
    """What type checkers know and what is checked at run time are the same names; so is what the docstring tells."""
    assert set(Asked.__annotations__) == {field.name for field in fields(Options)}
    told = set(re.findall(r"^ +``(\w+)``$", inspect.getdoc(weft.map), re.MULTILINE))
    assert told == set(Asked.__annotations__)


def test_every_error_is_in_the_tree_on_top_of_its_file():
    """The first thing one reads in errors is what there is."""
    tree = weft.errors.__doc__
    for name in weft.errors.__all__:
        assert re.search(rf"\b{name}\b", tree), name


def test_weft_errors_survive_pickling():
    """They are raised in workers too."""
    import pickle

    for error in (
        weft.TaskTimeout(3, 1.5, stopped=False),
        weft.WorkerDied("weft-process-1", "SIGKILL", 4, 3),
        weft.NotSendable("item 1", ".lock", "_thread.lock", "cannot pickle"),
        weft.errors.InitializerFailed("weft-process-1", "ValueError: no"),
        weft.UnknownOption("max_worker", "max_workers", ["max_workers"]),
        weft.BadOption("timeout", -1, "a number"),
        weft.MissingPackage("weft.rng()", "NumPy", "numpy"),
        weft.errors.LimitReached(24, "no open file is left for a worker process"),
    ):
        back = pickle.loads(pickle.dumps(error))
        assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


def test_the_map_is_the_tree():
    """src/weft/README.md names every file, each once, and nothing that is gone."""
    text = (SOURCE / "README.md").read_text()
    drawn = re.findall(r"\b([\w]+\.py)\b", text.split("```")[1])
    real = [path.name for path in SOURCE.rglob("*.py") if path.name != "__init__.py"]
    for name in set(real) | set(drawn):
        if name != "__init__.py":
            assert drawn.count(name) == real.count(name), (
                f"{name}: drawn {drawn.count(name)}×, there {real.count(name)}×"
            )


def test_no_room_is_a_drawer_for_everything():
    """Names that say nothing collect everything."""
    names = {path.stem for path in SOURCE.rglob("*.py")}
    assert not names & {"utils", "util", "helpers", "common", "misc", "_impl", "manager", "handler"}
