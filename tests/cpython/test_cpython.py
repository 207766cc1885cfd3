"""CPython's own tests of executors, pools and queues, as they come with this interpreter, on weft's."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")
NO_TESTS = 3  # as run.py has it: some systems have them in a package apart
AT_ONCE = 4  # programs; they sleep most of the time
PARTS = {
    "executors": ["test_wait", "test_process_pool", "test_deadlock", "asynchronous", "test_shutdown",
                  "test_as_completed", "test_thread_pool", "test_init"],
    "pools": ["fork", "forkserver", "spawn"],
    "queues": ["all"],
}  # fmt: skip
if sys.version_info >= (3, 14):
    PARTS["executors"].append("test_interpreter_pool")
NAMED = {(3, 13), (3, 14)}  # the versions whose names are in left_out.py


def run(suite, name):
    """What the program said, and how it ended."""
    arguments = [sys.executable, "-X", "faulthandler", str(RUN), suite, name]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=300, env=dict(os.environ))
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.timeout(600)
@pytest.mark.parametrize("suite", PARTS)
def test_the_standard_librarys_own_tests_pass(suite):
    """Whoever changes one import finds everything as it was; what is left out is in left_out.py, with the reasons."""
    names = PARTS[suite]
    with ThreadPoolExecutor(AT_ONCE) as programs:
        for name, (status, said) in zip(names, programs.map(lambda name: run(suite, name), names), strict=True):
            if status == NO_TESTS:
                pytest.skip(said.strip())
            assert status == 0, f"{suite} {name}: exit status {status}\n{said[-8000:]}"
            print(said.splitlines()[-1])


@pytest.mark.skipif(sys.version_info[:2] not in NAMED, reason="the names are another version's")
@pytest.mark.parametrize("suite", PARTS)
def test_what_is_left_out_is_there(suite):
    """A name that no test has any more would hide that there is nothing left to leave out."""
    status, said = run(suite, "check")
    if status == NO_TESTS:
        pytest.skip(said.strip())
    assert status == 0, said
