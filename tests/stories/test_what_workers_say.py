"""What workers print, log and warn of, seen from the parent."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextvars import ContextVar

import pytest

import weft
from weft.abc import Said

REQUEST: ContextVar[str] = ContextVar("request", default="none")


def say(n):
    print("out", n)
    print("err", n, file=sys.stderr)
    return n


# ── prints ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_prints_go_where_the_parents_go(capsys: pytest.CaptureFixture[str]) -> None:
    """Pytest, notebooks and IDEs replace sys.stdout; what workers print is found there."""
    weft.map(say, range(50), on="process").results()
    said = capsys.readouterr()
    assert sorted(said.out.splitlines()) == sorted(f"out {n}" for n in range(50))
    assert sorted(said.err.splitlines()) == sorted(f"err {n}" for n in range(50))


def test_prints_go_where_they_are_redirected_to() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        weft.map(say, range(3), on="process", max_workers=1).results()
    assert out.getvalue() == "out 0\nout 1\nout 2\n"
    assert err.getvalue() == "err 0\nerr 1\nerr 2\n"


def test_what_an_item_printed_is_there_before_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    seen = ""
    for n in weft.map(say, range(100), on="process", ordered=False, chunksize=3):
        seen += capsys.readouterr().out
        assert f"out {n}\n" in seen


def test_so_it_is_under_async_for(capsys: pytest.CaptureFixture[str]) -> None:
    import asyncio

    async def main() -> None:
        seen = ""
        async for n in weft.map(say, range(30), on="process"):
            seen += capsys.readouterr().out
            assert f"out {n}\n" in seen

    asyncio.run(main())


def test_so_it_is_for_a_submitted_call(capsys: pytest.CaptureFixture[str]) -> None:
    weft.submit(say, 7, on="process").result()
    assert capsys.readouterr().out == "out 7\n"


def test_what_is_printed_piece_by_piece_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of several workers never get into each other; one that is not finished comes with the chunk's end."""

    def pieces(n):
        for letter in "abcdef":
            print(letter, end="", flush=True)
            time.sleep(0.001)
        print(n, end="" if n == 7 else "\n")

    weft.map(pieces, range(8), on="process", chunksize=1).results()
    assert sorted(capsys.readouterr().out.replace("abcdef7", "abcdef7\n").splitlines()) == [
        f"abcdef{n}" for n in range(8)
    ]


def test_bytes_arrive_as_they_are(start: Callable) -> None:
    ended = start("""\
import sys, weft
def f(n):
    sys.stdout.buffer.write(bytes(range(256)))
    sys.stdout.buffer.flush()
weft.map(f, [1], on="process").results()
sys.stdout.flush()
sys.stdout.buffer.write(b"|")
""")
    ended.end()
    assert (ended.folder / "stdout").read_bytes() == bytes(range(256)) + b"|"


def test_streams_are_what_a_function_expects_of_them(capfd: pytest.CaptureFixture[str]) -> None:
    def look(_):
        with contextlib.redirect_stdout(io.StringIO()) as mine:
            print("mine")
        os.write(sys.stdout.fileno(), b"straight to the descriptor\n")
        return mine.getvalue(), sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.writable(), sys.stdout.name

    [found] = weft.map(look, "x", on="process").results()
    assert found == ("mine\n", False, "utf-8", True, "<stdout>")


def test_a_hundred_thousand_lines_arrive(capsys: pytest.CaptureFixture[str]) -> None:
    def many(k):
        for n in range(50_000):
            print(k, n)

    weft.map(many, range(2), on="process").results()
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(f"{k} {n}" for k in range(2) for n in range(50_000))


def test_nothing_is_lost_or_stuck_while_the_caller_is_busy(capsys: pytest.CaptureFixture[str]) -> None:
    """More is said than a socket holds, and nobody listens for a while."""

    def much(n):
        for _ in range(100):
            print(str(n) * 10_000)
        return n

    for _ in weft.map(much, range(6), on="process", chunksize=1, max_workers=2):
        time.sleep(0.1)
    assert len(capsys.readouterr().out) == 6 * 100 * 10_001


def test_calls_that_say_much_come_to_their_end_though_nobody_waits(capsys: pytest.CaptureFixture[str]) -> None:
    """More than the connection holds: a program that waits for something else (a file, a lock) is not stuck."""

    def loud(n: int) -> int:
        for _ in range(10):
            print("x" * 100_000)
        return n

    futures = [weft.submit(loud, n, on="process") for n in range(6)]
    ending = time.monotonic() + 30
    while not all(future.done() for future in futures) and time.monotonic() < ending:
        time.sleep(0.01)
    assert [future.result(0) for future in futures] == list(range(6))
    assert capsys.readouterr().out.count("x" * 100_000 + "\n") == 60


def test_threads_that_the_function_starts_are_heard_too(capsys: pytest.CaptureFixture[str]) -> None:
    def threads(k):
        def speak(t):
            for n in range(200):
                sys.stdout.write(f"{k} {t} {n}\n")

        started = [threading.Thread(target=speak, args=(t,)) for t in range(4)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()

    weft.map(threads, range(3), on="process", chunksize=1).results()
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(
        f"{k} {t} {n}" for k in range(3) for t in range(4) for n in range(200)
    )


@pytest.mark.parametrize("how", ["os._exit(3)", "os.kill(os.getpid(), 9)", "ctypes.string_at(0)"])
def test_the_last_words_of_a_worker_that_dies_arrive(start: Callable, how: str) -> None:
    """They are what one looks for."""
    ended = start(f"""\
import ctypes, os, weft
def f(n):
    print("about to go", n)
    if n == 2:
        {how}
weft.map(f, range(3), on="process", chunksize=1, max_workers=1, on_error="skip").results()
""").end(clean=False)
    assert ended.status == 0
    lines = ended.out.splitlines()
    assert lines[:3] == ["about to go 0", "about to go 1", "about to go 2"]
    assert set(lines) == set(lines[:3])


def test_so_do_those_of_one_that_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    def hang(n):
        print("began", n)
        time.sleep(60)

    weft.map(hang, [1], on="process", timeout=0.5, on_error="skip").results()
    assert capsys.readouterr().out == "began 1\n"


def test_a_function_that_closes_its_streams_closes_them_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """The next run's functions may print: they have no part in it that the worker is the same."""

    def closes(_: int) -> None:
        sys.stdout.close()
        sys.stderr.close()

    def says(n: int) -> None:
        print("said", n)
        print("told", n, file=sys.stderr)

    weft.map(closes, range(4), on="process", max_workers=2).results()
    weft.map(says, range(2), on="process", max_workers=2).results()
    said = capsys.readouterr()
    assert sorted(said.out.splitlines()) == ["said 0", "said 1"]
    assert sorted(said.err.splitlines()) == ["told 0", "told 1"]


def test_a_run_that_is_left_early_leaves_streams_that_work(capsys: pytest.CaptureFixture[str]) -> None:
    for n in weft.map(say, range(10_000), on="process"):
        if n == 20:
            break
    capsys.readouterr()
    weft.map(say, [1], on="process").results()
    assert "out 1\n" in capsys.readouterr().out


def test_a_worker_that_prints_for_ever_can_be_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    def flood(_):
        while True:
            print("flood " * 10)

    began = time.monotonic()
    weft.map(flood, [1], on="process", timeout=0.5, on_error="skip").results()
    assert time.monotonic() - began < 8


def test_a_pipe_that_nobody_reads_ends_the_program(start: Callable) -> None:
    """As it would if the program had printed itself: `program | head -1`."""
    program = start(
        words=["-c", "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1], shell=True).returncode)",
               f"{sys.executable} -c 'import weft; list(weft.map(print, range(100000), on=\"process\"))' | head -1"]
    )  # fmt: skip
    ended = program.end(clean=False)
    assert ended.out.count("\n") == 1
    assert "BrokenPipeError" in ended.err


def test_a_forked_copy_of_a_worker_keeps_off_the_channel(start: Callable) -> None:
    ended = start("""\
import os, warnings, weft
def f(n):
    warnings.simplefilter("ignore")
    print("parent", n)
    pid = os.fork()
    if pid == 0:
        for k in range(100): print("copy", n, k)
        import sys; sys.stdout.flush(); os._exit(0)
    os.waitpid(pid, 0)
    return n
assert weft.map(f, range(10), on="process").results() == list(range(10))
""").end()
    assert len(ended.out.splitlines()) == 10 + 1000


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_thread_that_goes_on_after_the_run_is_heard_all_the_same(
    start: Callable, monkeypatch: pytest.MonkeyPatch, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    ended = start("""\
import threading, time, weft
def f(n):
    def later():
        time.sleep(0.5)
        print("later")
    threading.Thread(target=later, daemon=True).start()
weft.map(f, [1], on="process").results()
time.sleep(1.5)
""").end()
    assert ended.out == "later\n"


def test_observers_are_told_who_said_what() -> None:
    events: list[object] = []
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        weft.map(say, range(3), on="process", progress=events.append).results()
    said = [event for event in events if isinstance(event, Said)]
    assert sorted((s.index, s.stream, s.text) for s in said) == sorted(
        (n, stream, f"{stream[3:]} {n}\n") for n in range(3) for stream in ("stdout", "stderr")
    )
    assert all(s.worker.startswith("weft-process-") for s in said)


# ── logging ───────────────────────────────────────────────────────────────────────────────────────────────────


def log(n):
    logger = logging.getLogger("app.work")
    logger.debug("debug %d", n)
    logger.info("info %d", n)
    logger.error("error %d", n)
    return logger.isEnabledFor(logging.DEBUG), logger.isEnabledFor(logging.INFO)


def test_records_reach_the_parents_handlers(caplog: pytest.LogCaptureFixture) -> None:
    """With the worker's name and the item; at the parent's level, below which none is even made."""
    with caplog.at_level(logging.INFO, "app"):
        enabled = weft.map(log, range(3), on="process").results()
    assert enabled == [(False, True)] * 3
    found = sorted((r.weft_index, r.levelname, r.getMessage()) for r in caplog.records)
    assert found == sorted((n, level, f"{level.lower()} {n}") for n in range(3) for level in ("INFO", "ERROR"))
    for record in caplog.records:
        assert record.name == "app.work"
        assert record.processName == record.weft_worker
        assert record.weft_worker.startswith("weft-process-")
        assert record.process != os.getpid()
        assert record.funcName == "log"


def test_a_level_that_is_taken_back_is_taken_back_in_warm_workers(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "app"):
        weft.map(log, [0], on="process").results()
    caplog.clear()
    assert weft.map(log, [1], on="process").results() == [(False, False)]
    assert [record.getMessage() for record in caplog.records] == ["error 1"]


def test_what_is_disabled_stays_quiet(caplog: pytest.LogCaptureFixture) -> None:
    logging.disable(logging.ERROR)
    try:
        weft.map(log, [0], on="process").results()
    finally:
        logging.disable(logging.NOTSET)
    assert not caplog.records


def test_the_parents_filters_apply(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(record):
        return record.weft_index != 1

    logger = logging.getLogger("app.work")
    logger.addFilter(refuse)
    try:
        weft.map(log, range(3), on="process").results()
    finally:
        logger.removeFilter(refuse)
    assert sorted(record.getMessage() for record in caplog.records) == ["error 0", "error 2"]


def test_a_traceback_comes_along_and_extra_too(caplog: pytest.LogCaptureFixture) -> None:
    def fail(n):
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger().exception("went %s", "wrong", extra={"lock": threading.Lock(), "n": n})

    weft.map(fail, [3], on="process").results()
    [record] = caplog.records
    assert record.getMessage() == "went wrong"
    assert "ZeroDivisionError" in logging.Formatter().format(record)
    assert record.n == 3
    assert record.lock.startswith("<unlocked _thread.lock")


def test_a_script_configures_logging_once_for_all(start: Callable) -> None:
    """Handlers, format and levels of the script, which workers never run."""
    ended = start("""\
import logging, weft
logging.basicConfig(level=logging.INFO, format="%(processName).12s|%(levelname)s|%(name)s|%(message)s", filename="log")
logging.getLogger("quiet").setLevel(logging.ERROR)
log = logging.getLogger(__name__)
def f(n):
    logging.basicConfig(level=logging.DEBUG)  # done already, by the parent
    log.debug("no %d", n); log.info("yes %d", n); logging.getLogger("quiet.one").warning("no")
weft.map(f, range(2), on="process").results()
""")
    ended.end()
    lines = (ended.folder / "log").read_text().splitlines()
    assert sorted(lines) == [f"weft-process|INFO|__main__|yes {n}" for n in range(2)]


def test_what_nobody_configured_looks_as_in_the_parent(start: Callable) -> None:
    """Warnings and worse, bare, on stderr, once."""
    ended = start("""\
import logging, weft
def f(n):
    logging.getLogger("x").warning("careful %d", n); logging.getLogger("x").info("no")
f(0)
weft.map(f, [1], on="process").results()
""").end(clean=False)
    assert ended.err == "careful 0\ncareful 1\n"


def test_a_function_that_configures_logging_itself_is_left_to_it(start: Callable) -> None:
    ended = start("""\
import logging, weft
def f(n):
    logging.basicConfig(level=logging.INFO, format="mine: %(message)s")
    logging.info("hello %d", n)
weft.map(f, [1], on="process").results()
""").end(clean=False)
    assert ended.err == "mine: hello 1\n"


# ── warnings ──────────────────────────────────────────────────────────────────────────────────────────────────


class Careful(UserWarning):
    """One of our own."""


def warn(n):
    warnings.warn(f"careful {n % 2}", Careful, stacklevel=1)
    return n


def test_warnings_are_the_parents() -> None:
    with pytest.warns(Careful) as caught:
        weft.map(warn, range(4), on="process").results()
    assert {str(w.message) for w in caught} == {"careful 0", "careful 1"}
    assert {w.filename for w in caught} == {__file__}
    assert {type(w.message) for w in caught} == {Careful}


def test_once_for_each_place_means_all_workers_together() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        weft.map(warn, range(40), on="process", chunksize=1, max_workers=2).results()
        warn(0)
    assert sorted(str(w.message) for w in caught) == ["careful 0", "careful 1"]


def test_always_means_always() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        weft.map(warn, range(40), on="process").results()
    assert len(caught) == 40


@pytest.mark.parametrize("message", ["careful", ""])
def test_a_warning_that_is_an_error_is_one_in_the_worker(message: str) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message, Careful)
        [failure] = weft.map(warn, [3], on="process", on_error="keep").results()
    assert type(failure.error) is Careful


def test_a_warning_that_is_ignored_is_not_sent() -> None:
    events: list[object] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weft.map(warn, range(3), on="process", progress=events.append).results()
    assert not [event for event in events if isinstance(event, Said)]


def test_a_function_may_catch_its_own_warnings() -> None:
    def catch(n):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("mine", UserWarning, stacklevel=1)
        return len(caught)

    assert weft.map(catch, range(3), on="process").results() == [1, 1, 1]


def test_a_deprecation_in_the_script_itself_is_shown(start: Callable) -> None:
    """As Python does by default for __main__, and for nothing else."""
    ended = start("""\
import warnings, weft
def f(n):
    warnings.warn("old", DeprecationWarning)
weft.map(f, range(4), on="process", chunksize=1).results()
""").end(clean=False)
    assert ended.err.count("DeprecationWarning: old") == 1
    assert "program.py:3" in ended.err


# ── context variables ─────────────────────────────────────────────────────────────────────────────────────────


def ask(_):
    value = REQUEST.get()
    REQUEST.set("changed")
    return value


@pytest.mark.parametrize("on", ["thread", "process", "async"])
def test_a_declared_context_variable_has_its_value_of_the_call(on: str) -> None:
    before = REQUEST.set("r1")
    try:
        run = weft.map(ask, range(2), on=on, contextvars=[REQUEST], chunksize=1, max_workers=1)
        REQUEST.set("too late")
        assert run.results() == ["r1", "r1"]
        assert weft.map(ask, [0], on="process").results() == ["none"]
    finally:
        REQUEST.reset(before)


def test_what_a_module_sets_when_it_is_imported_holds(start: Callable) -> None:
    """The decimal module keeps its precision in a context variable."""
    start("""\
import os, sys
with open("precise.py", "w") as file:
    file.write("import decimal\\ndecimal.getcontext().prec = 5\\n"
               "def f(n): return str(1 / decimal.Decimal(n))\\n")
sys.path.insert(0, os.getcwd())
import precise, weft
for _ in range(2):
    assert weft.map(precise.f, [3, 3], on="process", max_workers=1, chunksize=1).results() == ["0.33333"] * 2
""").end()


def test_one_of_the_script_is_the_same_in_the_function(start: Callable) -> None:
    start("""\
import contextvars, weft
user = contextvars.ContextVar("user")
def f(n):
    return user.get("nobody")
assert weft.map(f, [1], on="process").results() == ["nobody"]
user.set("ada")
assert weft.map(f, [1], on="process").results() == ["nobody"]
assert weft.map(f, [1], on="process", contextvars=[user]).results() == ["ada"]
assert weft.map(lambda _: weft.map(f, [1], on="process", contextvars=[user]).results(), [1],
                on="process", contextvars=[user]).results() == [["ada"]]
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
    assert weft.map(f, [1], on=pool, contextvars=[user]).results() == ["ada"]
""").end()


def test_a_value_that_cannot_travel_is_named() -> None:
    stuck: ContextVar[object] = ContextVar("stuck")
    stuck.set(threading.Lock())
    with pytest.raises(weft.NotSendable, match="context variable 'stuck'"):
        weft.map(abs, [1], on="process", contextvars=[stuck]).results()


@pytest.mark.parametrize("wrong", [REQUEST, ["request"], "request", {REQUEST}])
def test_only_a_list_of_variables_will_do(wrong: object) -> None:
    with pytest.raises(weft.BadOption, match="contextvars"):
        weft.map(abs, [1], contextvars=wrong)  # type: ignore[call-overload]


def test_a_signal_handler_may_print_in_the_midst_of_a_print(start: Callable) -> None:
    """It finds the channel taken, and leaves its line to whoever has it."""
    start("""\
import os, signal, sys, time, weft
def f(n):
    heard = []
    def handler(*_):
        try: os.write(1, b""), print("signal", file=sys.stderr), heard.append(1)
        except RuntimeError: pass  # reentrant call, as Python's own streams say
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    for k in range(20000): print("line", k)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return len(heard)
[heard] = weft.map(f, [1], on="process").results()
assert heard
sys.stderr = None  # what it said is not looked at
""").end(clean=False)
    assert signal.SIGALRM
