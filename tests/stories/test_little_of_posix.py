"""Where a system has little of POSIX, as Windows: what needs no processes works, and what does says what to do.

No such system is at hand: a Python of this one is stripped of what theirs does not have, before weft is imported.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

# Imported first is what of the standard library makes up its mind about the system as it is imported.
STRIPPED = """\
import asyncio, builtins, concurrent.futures, logging, multiprocessing.pool, os, random, select, signal, socket
import subprocess, sys, tempfile, threading, _signal, _socket

def strip(module, *names):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

strip(
    os, "fork", "register_at_fork", "memfd_create", "sched_yield", "sched_getaffinity", "sched_setaffinity", "sysconf",
    "pread", "pwrite", "preadv", "pwritev", "posix_spawn", "waitid", "pipe2", "getuid", "geteuid", "getloadavg",
    "uname", "wait3", "wait4", "killpg", "getpgid", "setsid", "nice", "eventfd", "pidfd_open", "WNOHANG", "O_CLOEXEC",
    "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY",
)
strip(select, "epoll", "poll")
for module in socket, _socket:
    strip(module, "AF_UNIX", "SCM_RIGHTS", "MSG_DONTWAIT", "MSG_CMSG_CLOEXEC", "send_fds", "recv_fds")
for module in signal, _signal:
    strip(module, "SIGCHLD", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGHUP", "SIGSTOP", "pthread_kill", "sigwait")
for name in "fcntl", "resource", "pwd", "grp", "termios", "_posixsubprocess", "_posixshmem":
    sys.modules[name] = None

def pair(*_):
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        return here, server.accept()[0]
socket.socketpair = pair

def without_proc(opens):
    def open_(path, *args, **how):
        if str(path).startswith(("/proc", "/sys", "/dev/shm")):
            raise FileNotFoundError(path)
        return opens(path, *args, **how)
    return open_
os.open, builtins.open = without_proc(os.open), without_proc(builtins.open)

os.environ.pop("WEFT_CACHE", None)
sys.platform = "win32"
import weft
from weft.errors import KindUnavailable
from weft.multiprocessing import Pool, ThreadPool

def square(n):
    return n * n
async def waited(n):
    await asyncio.sleep(0)
    return n * n
def busy(n):
    return sum(i * n for i in range(20000))
SQUARES = [n * n for n in range(100)]
"""

WORKS = {
    "in the caller": "assert weft.map(square, range(100), on='serial').results() == SQUARES",
    "threads": "assert weft.map(square, range(100), on='thread').results() == SQUARES",
    "coroutines": "assert weft.map(waited, range(100)).results() == SQUARES",
    "whatever is right": "assert weft.map(busy, range(100)).results() == [busy(n) for n in range(100)]",
    "some kinds": "assert weft.map(busy, range(9), on=('thread', 'process')).results() == [busy(n) for n in range(9)]",
    "timeouts": (
        "import time; [late] = weft.map(time.sleep, [60], on='thread', timeout=0.1, on_error='keep'); "
        "assert isinstance(late.error, weft.TaskTimeout); os._exit(0)"
    ),
    "a call": "assert weft.submit(square, 3).result(20) == weft.submit(waited, 3).result(20) == 9",
    "an executor": "with weft.ThreadExecutor(2) as them: assert list(them.map(square, range(100))) == SQUARES",
    "a loop's executor": "with weft.AsyncExecutor() as them: assert list(them.map(waited, range(100))) == SQUARES",
    "a pool": "with ThreadPool(2) as them: assert them.map(square, range(100)) == SQUARES",
    "somebody's executor": (
        "with concurrent.futures.ThreadPoolExecutor(2) as them: "
        "assert weft.map(square, range(100), on=them).results() == SQUARES"
    ),
    "a pipeline": "assert weft.pipeline(range(100)).map(abs, on='thread').map(square).run().results() == SQUARES",
    "advice": "assert 'this system lacks' in weft.advise(busy, range(1000), seconds=0.5).left_out['process']",
    "what there is": "assert 'usable processors' in str(weft.doctor())",
}


@pytest.mark.parametrize("block", WORKS.values(), ids=WORKS)
def test_what_needs_no_processes_works(start: Callable, block: str) -> None:
    """The guide says so: use threads there."""
    start(f"{STRIPPED}{block}\n").end()


@pytest.mark.parametrize(
    "block",
    ["weft.map(square, [1], on='process').results()", "weft.ProcessExecutor(2).submit(square, 1)", "Pool(2)"],
)
def test_processes_say_what_to_use_in_their_place(start: Callable, block: str) -> None:
    """Before anything was begun."""
    start(
        f"""{STRIPPED}
try:
    {block}
except KindUnavailable as error:
    assert "use on='thread'" in str(error)
else:
    raise AssertionError
"""
    ).end()


@pytest.mark.parametrize("what", ["Lock()", "Semaphore(2)", "Event()", "Counter()", "Value('i', 0)", "Dict()"])
def test_shared_data_says_what_is_missing(start: Callable, what: str) -> None:
    """And not that some module of Python's is."""
    start(
        f"""{STRIPPED}
try:
    weft.{what}
except OSError as error:
    assert "which this system does not have" in str(error)
else:
    raise AssertionError
"""
    ).end()
