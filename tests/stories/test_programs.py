"""Programs of every shape: no main guard, no module, no file; and they run once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RUN_ONCE = """\
import os, weft
with open("began", "a") as file:
    file.write(f"{os.getpid()}\\n")
FACTOR = 3
def times(n):
    return n * FACTOR
print(weft.map(times, range(10), on="process").results())
print(weft.map(lambda n: n + FACTOR, range(3), on="process").results())
"""


def test_a_script_needs_no_main_guard_and_runs_once(start: Callable, tmp_path: Path) -> None:
    ended = start(RUN_ONCE).end()
    assert ended.out.splitlines() == [str([n * 3 for n in range(10)]), "[3, 4, 5]"]
    assert (tmp_path / "began").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (["-m", "pkg"], None),
        (["-m", "pkg.tool"], None),
        (["pkg"], None),
        (["-c", RUN_ONCE], None),
        (["-"], RUN_ONCE),
        (["-i", "-q", "-c", RUN_ONCE], ""),
        (["-I", "-c", RUN_ONCE], None),
        (["-O", "-W", "error", "program with spaces.py"], None),
    ],
)
def test_so_does_a_program_of_any_other_shape(
    start: Callable, tmp_path: Path, words: list[str], stdin: str | None
) -> None:
    (tmp_path / "pkg").mkdir()
    for name in ("pkg/__init__.py", "pkg/__main__.py", "pkg/tool.py", "program with spaces.py"):
        (tmp_path / name).write_text("" if name.endswith("__init__.py") else RUN_ONCE)
    ended = start(words=words, stdin=stdin).end(clean="-i" not in words)
    assert ended.out.splitlines() == [str([n * 3 for n in range(10)]), "[3, 4, 5]"]
    assert (tmp_path / "began").read_text().count("\n") == 1


def test_what_is_defined_in_the_program_travels_both_ways(start: Callable) -> None:
    """Classes of ``__main__`` as items, results and errors are the very classes when they are back."""
    start("""\
import dataclasses, enum, weft
@dataclasses.dataclass
class Item:
    n: int
class Result(Item):
    def twice(self): return self.n * 2
class Color(enum.Enum):
    RED = 1
class Trouble(Exception):
    pass
def outer():
    offset = 10
    class Inner:
        pass
    def inner(item):
        assert isinstance(item, Item), type(item)
        if item.n == 3:
            raise Trouble(item)
        return Result(item.n + offset), Color.RED, Inner()
    return inner, Inner
fn, Inner = outer()
found = weft.map(fn, map(Item, range(6)), on="process", on_error="keep").results()
failure = found.pop(3)
assert type(failure.error) is Trouble and type(failure.error.args[0]) is Item
for result, color, inner in found:
    assert type(result) is Result and color is Color.RED and type(inner) is Inner
assert [result.twice() for result, _, _ in found] == [20, 22, 24, 28, 30]
""").end()


def test_a_notebook_cell_is_enough(start: Callable) -> None:
    """Functions whose source is in no file, in a namespace that is no module, defined again between runs."""
    start("""\
import weft
cells = [
    "import weft\\ndef f(n): return n + 1",
    "a = weft.map(f, range(3), on='process').results()",
    "def f(n): return g(n) * 10\\ndef g(n): return n - 1",
    "b = weft.map(f, range(3), on='process').results()",
]
space = {"__name__": "__main__"}
for number, cell in enumerate(cells):
    exec(compile(cell, f"<cell {number}>", "exec"), space)
assert space["a"] == [1, 2, 3], space["a"]
assert space["b"] == [-10, 0, 10], space["b"]
""").end()


def test_a_function_of_the_program_that_uses_weft_itself(start: Callable) -> None:
    """Weft inside a process worker, and inside a thread."""
    start("""\
import weft
def inner(n): return n + 1
def outer(on):
    return weft.map(inner, range(3), on=on, max_workers=2).results()
for on in ("serial", "thread", "process", "async"):
    kinds = ["serial", "thread", "process", "async", "auto"]
    assert weft.map(outer, kinds, on=on, max_workers=2).results() == [[1, 2, 3]] * 5, on
""").end()


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_workers_print_appears(start: Callable, monkeypatch: pytest.MonkeyPatch, unbuffered: str) -> None:
    """Line by line, and no line torn by another worker's, however the interpreter buffers."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    ended = start("""\
import sys, weft
def f(n):
    print("out", n)
    print("err", n, file=sys.stderr)
for _ in weft.map(f, range(100), on="process"): pass
""").end(clean=False)
    assert sorted(ended.out.splitlines()) == sorted(f"out {n}" for n in range(100))
    assert sorted(ended.err.splitlines()) == sorted(f"err {n}" for n in range(100))


def test_warm_workers_see_where_the_program_is_now(start: Callable, tmp_path: Path) -> None:
    """The folder, the environment and the import path of the moment, and not of the workers' birth."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "found_late.py").write_text("VALUE = 42\n")
    start("""\
import os, sys, weft
def look(_):
    try:
        from found_late import VALUE
    except ImportError:
        VALUE = None
    return os.getpid(), os.getcwd(), os.environ.get("SAID"), VALUE
def ask(): return weft.map(look, range(20), on="process", max_workers=1, chunksize=1).results()
before = set(ask())
os.chdir("elsewhere"); os.environ["SAID"] = "so"; sys.path.append(os.getcwd())
after = set(ask())
os.chdir(".."); del os.environ["SAID"]
again = set(ask())
assert len(before) == len(after) == len(again) == 1, (before, after, again)
(p, here, said, value), (q, there, told, known), (r, back, unsaid, _) = *before, *after, *again
assert p == q == r, "it was to be the same worker"
assert (here, said, value) == (os.getcwd(), None, None)
assert (there, told, known) == (os.path.join(here, "elsewhere"), "so", 42)
assert (back, unsaid) == (here, None)
""").end()


def test_a_module_written_while_the_program_runs_is_found(start: Callable) -> None:
    start("""\
import importlib, sys, os, weft
sys.path.insert(0, os.getcwd())
assert weft.map(abs, [-1], on="process", max_workers=1).results() == [1]
with open("fresh.py", "w") as file: file.write("def f(n): return n * 2\\n")
importlib.invalidate_caches()
import fresh
assert weft.map(fresh.f, [1, 2], on="process", max_workers=1).results() == [2, 4]
""").end()


def test_fork_leaves_parent_and_child_with_workers_of_their_own(start: Callable) -> None:
    start("""\
import os, warnings, weft
warnings.simplefilter('ignore', DeprecationWarning)  # 3.12 and later warn of any fork beside threads
def pid(_): return os.getpid()
def ask(): return set(weft.map(pid, range(8), on="process", max_workers=2).results())
warm, kinds = ask(), ("thread", "process", "async")
for on in kinds: assert weft.map(abs, [-1, -2], on=on).results() == [1, 2]
child = os.fork()
if child == 0:
    status = 1
    try:
        own = ask()
        assert own and not own & warm, (own, warm)
        for on in kinds:
            assert weft.map(abs, [-1, -2], on=on).results() == [1, 2]
        weft._workers.kinds.stop_idle_workers()
        status = 0
    except BaseException:
        import traceback; traceback.print_exc()
    finally:
        os._exit(status)
assert ask() <= warm
_, status = os.waitpid(child, 0)
assert status == 0, status
assert ask() <= warm
""").end(30)


@pytest.mark.parametrize("on", ["thread", "process", "async"])
def test_fork_leaves_submit_working_too(start: Callable, on: str) -> None:
    start(f"""\
import os, warnings, weft
warnings.simplefilter('ignore', DeprecationWarning)  # 3.12 and later warn of any fork beside threads
assert weft.submit(abs, -1, on="{on}").result(5) == 1
child = os.fork()
if child == 0:
    try: os._exit(weft.submit(abs, -3, on="{on}").result(2))
    finally: os._exit(1)
assert weft.submit(abs, -2, on="{on}").result(5) == 2
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
""").end()


def test_several_threads_may_use_processes_at_once(start: Callable) -> None:
    start("""\
import threading, weft
answers = {}
def use(k):
    for _ in range(5):
        answers[k] = weft.map(lambda n: n * k, range(200), on="process", max_workers=2).results()
threads = [threading.Thread(target=use, args=(k,)) for k in range(6)]
for t in threads: t.start()
for t in threads: t.join()
assert answers == {k: [n * k for n in range(200)] for k in range(6)}
""").end(40)


def test_an_input_of_millions_is_read_no_further_than_needed(start: Callable) -> None:
    start("""\
import itertools, weft
def work(n): return n
for on in ("auto", "serial", "thread", "process", "async"):
    counter = itertools.count()
    source = (next(counter) for _ in range(10_000_000))
    for result in weft.map(work, source, on=on):
        if result == 100: break
    assert next(counter) < 200_000, on
    counter = itertools.count()
    for result in weft.map(work, (next(counter) for _ in range(10_000_000)), on=on, buffersize=10):
        if result == 100: break
    assert next(counter) <= 112, on
""").end()
