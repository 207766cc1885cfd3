"""What looks after every test looks at the test's own leavings, and at all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HOLDS = """
import mmap, os, sys
if os.fork(): sys.exit()
os.setsid()
with open(sys.argv[1], "w+b") as file: file.truncate(4096)
file = open(sys.argv[1], "r+b")
held = mmap.mmap(file.fileno(), 4096) if sys.argv[2] == "map" else file
if sys.argv[2] == "map": file.close()
print("ready", os.getpid(), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["map", "open"])
def test_what_another_program_holds_is_not_a_tests(without_others: Callable[[set[str]], set[str]], how: str) -> None:
    """Somebody may use this machine meanwhile."""
    name = f"weft-test-of-another-{os.urandom(4).hex()}x"
    command = [sys.executable, "-c", HOLDS, f"/dev/shm/{name}", how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline().startswith(b"ready")
            assert without_others({name}) == set()
        finally:
            Path("/dev/shm", name).unlink()
            assert program.stdin is not None
            program.stdin.close()


def test_what_is_called_by_the_pid_of_another_program_is_not_a_tests(
    without_others: Callable[[set[str]], set[str]],
) -> None:
    """As joblib's folders are."""
    assert without_others({f"folder_{os.getppid()}_x"}) == set()
    assert without_others({f"folder_{os.getpid()}_x", f"psm_a{os.getppid()}"}) == {
        f"folder_{os.getpid()}_x",
        f"psm_a{os.getppid()}",
    }


def test_what_a_test_leaves_is_found(without_others: Callable[[set[str]], set[str]]) -> None:
    """Held by its own processes or by nobody."""
    path = Path("/dev/shm", f"weft-test-of-our-own-{os.urandom(4).hex()}x")
    try:
        with path.open("w"):
            assert without_others({path.name}) == {path.name}
        assert without_others({path.name}) == {path.name}
    finally:
        path.unlink()
