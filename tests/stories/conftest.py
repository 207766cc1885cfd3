"""Whole programs, as users have them: written to a folder, run as processes of their own, watched from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 20.0  # seconds for what should take one: a machine may be busy
# Functions that begin, say so with a file, and then take a minute, each in a way of its own; and one that does not.
SLOW = """\
import asyncio, os, pathlib, sys, time, weft
def began(n): pathlib.Path(f"began-{n}").touch()
def sleeps(n): began(n); time.sleep(60)
def computes(n):
    began(n)
    ending = time.monotonic() + 60
    while time.monotonic() < ending: pass
async def waits(n): began(n); await asyncio.sleep(60)
def quick(n): return n
"""

PROMPTLY = 8.0  # seconds that count as "at once" on a busy machine, and as "never" for a sleep of a minute


def eventually(condition: Callable[[], Any], deadline: float = PATIENCE) -> bool:
    """Wait until *condition* holds; whether it came to that."""
    ending = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > ending:
            return False
        time.sleep(0.01)
    return True


def session_of(pid: int) -> int | None:
    """The session of a process that lives, ``None`` for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[3])


@dataclass
class Ended:
    """How a program ended."""

    status: int
    out: str
    err: str


class Program:
    """A program that runs, in a session of its own, so that nothing it leaves behind can hide."""

    def __init__(self, words: list[str], folder: Path, stdin: str | None) -> None:
        self.folder = folder
        self._files = [(folder / name).open("w+b") for name in ("stdout", "stderr")]
        self._process = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=self._files[0],
            stderr=self._files[1],
            start_new_session=True,
        )
        if stdin is not None and self._process.stdin is not None:
            with self._process.stdin as pipe:
                pipe.write(stdin.encode())

    def others(self) -> set[int]:
        """The processes of the session, this one apart."""
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return {pid for pid in pids if pid != self._process.pid and session_of(pid) == self._process.pid}

    def marks(self, name: str) -> int:
        """How many files of that name, or beginning with it, the program has made."""
        return len(list(self.folder.glob(f"{name}*")))

    def wait_for(self, name: str, count: int = 1) -> None:
        """Wait until the program has made so many files that begin with *name*."""
        enough = eventually(lambda: self.marks(name) >= count or self._process.poll() is not None)
        assert enough, f"no {name} ×{count} in time"
        assert self.marks(name) >= count, f"no {name} ×{count}; it said: {self._text(1)}"

    def interrupt(self) -> None:
        """Ctrl-C: the terminal sends it to all processes."""
        os.killpg(self._process.pid, signal.SIGINT)

    def send(self, number: int) -> None:
        """Send a signal to this process alone."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End this process alone, by force, and wait until it is gone and all that it had open is closed."""
        self._process.kill()
        self._process.wait()

    def end(self, deadline: float = PATIENCE, *, clean: bool = True) -> Ended:
        """Wait until it has ended, by itself, leaving nobody; *clean*: with status 0 and nothing on stderr."""
        try:
            status = self._process.wait(deadline)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {deadline} s; it said: {self._text(0)}{self._text(1)}")
        assert eventually(lambda: not self.others(), PROMPTLY), "processes were left behind"
        ended = Ended(status, self._text(0), self._text(1))
        if clean:
            assert (ended.status, ended.err) == (0, "")
        return ended

    def close(self) -> None:
        """End whatever is left of it."""
        for pid in self.others() | {self._process.pid}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        for file in self._files:
            file.close()

    def _text(self, which: int) -> str:
        return (self.folder / ("stdout", "stderr")[which]).read_text(errors="replace")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a program: its text, or the interpreter's own words after ``words=``."""
    started: list[Program] = []

    def run(text: str = "", *, words: list[str] | None = None, stdin: str | None = None) -> Program:
        if words is None:
            (tmp_path / "program.py").write_text(text)
            words = ["program.py"]
        program = Program(words, tmp_path, stdin)
        started.append(program)
        return program

    yield run
    for program in started:
        program.close()


@pytest.fixture
def slow() -> str:
    """What a program begins with whose functions take long."""
    return SLOW
