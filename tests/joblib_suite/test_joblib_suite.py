"""joblib's own tests of Parallel, as they are installed with it, on weft's backend."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

joblib = pytest.importorskip("joblib")

# What is not run on weft, by name, each with the reason.
MEMMAP = "that large arrays are files, mapped into memory: weft's shared memory has no names, and arrays are arrays"
DEFAULT = "that there is one worker where nobody says: with weft, as with dask, as many as processors"

LEFT_OUT = {
    "test_auto_memmap_on_arrays_from_generator[weft]": MEMMAP,
    "test_memmapping_leaks[weft]": MEMMAP,
    "test_nested_backend_in_sequential[parallel_config-weft-None]": DEFAULT,
    "test_nested_backend_in_sequential[parallel_backend-weft-None]": DEFAULT,
}

SUITE = Path(joblib.__file__).with_name("test") / "test_parallel.py"
REGISTER = "import weft.joblib; weft.joblib.register()"

# Where the suite says which backends it is for, and the programs that its tests start.
CHANGES = (
    ("RETURN_GENERATOR_BACKENDS = BACKENDS.copy()", f"{REGISTER}\nRETURN_GENERATOR_BACKENDS = BACKENDS.copy()"),
    ('    PROCESS_BACKENDS = ["multiprocessing", "loky"]', '    PROCESS_BACKENDS = ["weft"]'),
    ('PARALLEL_BACKENDS = PROCESS_BACKENDS + ["threading"]', "PARALLEL_BACKENDS = PROCESS_BACKENDS"),
    ("\nfrom joblib import Parallel, delayed\n\ndef", f"\nfrom joblib import Parallel, delayed\n{REGISTER}\ndef"),
)  # fmt: skip


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """The suite, with weft among its backends and in the place of those that it asks for processes."""
    text = SUITE.read_text(encoding="utf-8")
    for old, new in CHANGES:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path_factory.mktemp("suite") / "test_here.py"
    path.write_text(text, encoding="utf-8")
    return path


def run(suite, *options):
    """Pytest's exit status and what it said."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "weft and not loky", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["JOBLIB_TEMP_FOLDER"] = str(suite.parent)  # what joblib maps into memory goes with the rest
    done = subprocess.run(  # noqa: PLW1510
        [*command, suite.name], cwd=suite.parent, env=environment, capture_output=True, text=True, timeout=550
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(600)
def test_joblibs_own_tests_pass(suite):
    """Whoever changes the backend's name finds Parallel as it was; what is left out is in left_out.py, with reasons."""
    status, said = run(suite, *(f"--deselect={suite.name}::{name}" for name in LEFT_OUT))
    assert status == 0, said[-8000:]
    assert int(re.search(r"(\d+) passed", said)[1]) > 60
    print(said.splitlines()[-1])


def test_what_is_left_out_is_there(suite):
    """A name that no test has any more would hide that there is nothing left to leave out."""
    _, said = run(suite, "--collect-only")
    assert not [name for name in LEFT_OUT if f"::{name}\n" not in said]
