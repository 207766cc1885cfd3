"""What every test is held to: when it is over, nothing of it is left."""

from __future__ import annotations

import gc
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from weft import _single
from weft._transport import boards
from weft._workers import kinds
from weft._workers.beside import IDLE
from weft._workers.loop import BACKGROUND
from weft._workers.supervisor import SUPERVISOR

os.environ["WEFT_CACHE"] = "off"  # what one test learned of a function is nothing to the next

NUMBER = re.compile(r"(?<![0-9A-Za-z])\d+(?![0-9A-Za-z])")  # in a name, apart from the rest of it
DEADLINE = 5.0  # seconds until what is on its way out must be gone


def eventually(condition: Callable[[], bool], deadline: float = DEADLINE) -> bool:
    """Wait until *condition* holds; whether it came to that."""
    ending = time.monotonic() + deadline
    pause = threading.Event()
    while not condition():
        if time.monotonic() > ending:
            return False
        pause.wait(0.005)
    return True


def tracker() -> tuple[int | None, int | None]:
    """The process, and the descriptor to it, that the standard library's pools start once and keep for good."""
    module = sys.modules.get("multiprocessing.resource_tracker")
    kept = getattr(module, "_resource_tracker", None)
    return getattr(kept, "_pid", None), getattr(kept, "_fd", None)


def forkserver() -> tuple[int | None, int | None]:
    """The same for its fork server."""
    module = sys.modules.get("multiprocessing.forkserver")
    kept = getattr(module, "_forkserver", None)
    return getattr(kept, "_forkserver_pid", None), getattr(kept, "_forkserver_alive_fd", None)


def children() -> set[int]:
    """The processes that this one has started, itself or by its servers, those and the warm workers apart."""
    servers = {server.pid for server in SUPERVISOR.servers}
    found = set().union(*map(children_of, {os.getpid(), *servers}))
    return found - servers - {worker.pid for worker in SUPERVISOR.idle} - {tracker()[0], forkserver()[0]}


def children_of(pid: int) -> set[int]:
    found = set()
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
                found |= set(map(int, (task / "children").read_text().split()))
    return found


def descriptors() -> set[str]:
    """What this process has open, what it holds for its servers and for warm workers apart."""
    warm = set().union(*(held.descriptors for held in (*SUPERVISOR.idle, *SUPERVISOR.servers)))
    found = set()
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd not in warm and fd not in {tracker()[1], forkserver()[1]}:
            with suppress(OSError):  # the one that listed them
                link = os.readlink(f"/proc/self/fd/{fd}")
                if "/libffi.so" not in link:  # it keeps itself open, once it has made a callback for ctypes
                    found.add(f"{fd} {link}")
    return found


def threads() -> set[threading.Thread]:
    """All but those that warm interpreters live in, and those beside an event loop that have nothing to do."""
    warm = {worker.name for worker in SUPERVISOR.idle} | {IDLE}
    return {thread for thread in threading.enumerate() if thread.name not in warm}


# Names that other libraries give, and leave when their program is killed; weft gives none of them.
FOREIGN = ("sem.loky-", "sem.mp-", "joblib_memmapping_folder_", "plasma")


def shared() -> set[str]:
    return {name for name in os.listdir("/dev/shm") if not name.startswith(FOREIGN)}


def without_others(names: set[str]) -> set[str]:
    """Those among *names* in /dev/shm that no other program has, by holding it open or by a name with its pid."""
    others = {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if not is_ours(pid)}
    held = {name for pid in others for name in held_by(pid)}
    return {name for name in names - held if not others.intersection(map(int, NUMBER.findall(name)))}


@pytest.fixture(name="without_others")
def _without_others() -> Callable[[set[str]], set[str]]:
    return without_others


def is_ours(pid: int) -> bool:
    """Whether a process is this one or comes from it; an orphan of this session may."""
    above = set(ancestors(os.getpid()))
    line = [pid, *ancestors(pid)]
    if os.getpid() in line:
        return True
    return pid not in above and not above.intersection(line) and lineage(line[-1])[1] == os.getsid(0)


def ancestors(pid: int) -> list[int]:
    """Its parent, that one's and so on, as far as they are anybody."""
    found = []
    while (pid := lineage(pid)[0]) > 1:
        found.append(pid)
    return found


def lineage(pid: int) -> tuple[int, int]:
    """Its parent and its session."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    return int(fields[1]), int(fields[3])


def held_by(pid: int) -> set[str]:
    """What of /dev/shm the process has open or mapped."""
    found = []
    with suppress(OSError):
        found += [line.split(maxsplit=5)[-1] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    with suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return {path.split("/")[3] for path in found if path.startswith("/dev/shm/")}


LOOKS = {"threads": threads, "processes": children, "descriptors": descriptors, "shared memory": shared}


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """No thread, process, descriptor or shared memory outlives the test that made it; warm workers are idle."""
    before = {what: look() for what, look in LOOKS.items()}
    yield
    _single.DISPATCHERS.finish()
    BACKGROUND.stop()
    left: dict[str, object] = {}

    def clean() -> bool:
        left.clear()
        SUPERVISOR.tidy()
        boards.sweep()
        for what, look in LOOKS.items():
            more = look() - before[what]
            if more and (what != "shared memory" or (more := without_others(more))):
                left[what] = more
        return not left

    if not eventually(clean, 1.0):
        if any(worker.birth.method == "interpreter" for worker in SUPERVISOR.idle):
            kinds.stop_idle_workers()  # what runs inside them keep warm is theirs, and ends with them
        gc.collect()
        assert eventually(clean), f"left behind: {left}"


@pytest.fixture(autouse=True, scope="session")
def no_worker_outlives_the_session() -> Iterator[None]:
    yield
    kinds.stop_idle_workers()
    assert not children()
