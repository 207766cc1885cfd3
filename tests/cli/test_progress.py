"""The bar of ``weft map``: there for people at a terminal, nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def at_a_terminal(*words: str, results_too: bool = False) -> tuple[int, str, str]:
    """Run a command whose stderr is a terminal; status, stdout, what the terminal got."""
    ours, theirs = pty.openpty()
    out = theirs if results_too else subprocess.PIPE
    command = [sys.executable, "-m", "weft", "map", *words]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "NO_COLOR": "1"}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=theirs, env=env) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not data:
                break
            seen += data
        stdout = b"" if results_too else process.stdout.read()  # type: ignore[union-attr]
    os.close(ours)
    return process.returncode, stdout.decode(), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())


def test_a_bar_says_how_many_are_done_and_failed_and_how_fast(folder: Path) -> None:
    status, out, seen = at_a_terminal("work.py:picky", "a", "bad", "c", "--progress")
    assert status == 1
    assert len(out.splitlines()) == 3
    assert "picky" in seen
    assert "2/3" in seen
    assert "1 failed" in seen
    assert "/s" in seen


def test_a_short_run_shows_none(folder: Path) -> None:
    status, out, seen = at_a_terminal("work.py:upper", "a")
    assert (status, out.count("\n"), seen) == (0, 1, "")


def test_a_long_run_shows_one_by_default(folder: Path) -> None:
    status, _, seen = at_a_terminal("work.py:sleeps", "0.7", "0.7", "--on", "serial")
    assert status == 0
    assert "sleeps" in seen
    _, _, seen = at_a_terminal("work.py:sleeps", "0.7", "0.7", "--on", "serial", "--no-progress")
    assert seen == ""


def test_results_on_the_same_terminal_are_progress_enough(folder: Path) -> None:
    status, _, seen = at_a_terminal("work.py:sleeps", "0.7", "0.7", "--on", "serial", results_too=True)
    assert status == 0
    assert [line[:12] for line in seen.split()] == [line[:12] for line in seen.split() if "sleeps" not in line]
    assert seen.count('"result"') == 2


def test_without_a_terminal_there_is_none_unless_asked_for(weft_alone: Callable) -> None:
    assert weft_alone("map", "work.py:sleeps", "1.2", "--on", "serial").err == ""
    assert "sleeps" in weft_alone("map", "work.py:sleeps", "0", "--progress").err


@pytest.mark.parametrize("word", ["doctor", "map"])
def test_help_fits(weft: Callable, word: str) -> None:
    said = weft(word, "--help")
    assert said.status == 0
    assert said.out.startswith(f"usage: weft {word}")
