"""Functions to another process: by name where it can import them, by value where it can't."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pytest

from weft._transport.callables import dump_with_function
from weft._transport.importable import importable

SOURCE = """
FACTOR = 3

def helper(n):
    return n * FACTOR

def triple(n):
    return helper(n)

class Tripler:
    def __call__(self, n):
        return helper(n)

    def method(self, n):
        return helper(n)
"""


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module loaded from a file that is not on the path, as plugins and tests are."""
    path = tmp_path / "stranger.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("stranger", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "stranger", module)
    spec.loader.exec_module(module)
    return module


def elsewhere(data: bytes) -> Any:
    """What the function in *data* makes of 14, in an interpreter that has seen nothing."""
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer)(14))"
    done = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.parametrize(
    "pick",
    [
        lambda module: module.triple,
        lambda module: functools.partial(functools.partial(module.triple)),
        lambda module: module.Tripler(),
        lambda module: module.Tripler().method,
    ],
    ids=["function", "partial", "callable", "method"],
)
def test_what_another_process_can_not_import_travels_by_value_with_what_it_uses(
    stranger: ModuleType, pick: Any
) -> None:
    """A file loaded by path is nowhere else."""
    fn = pick(stranger)
    assert elsewhere(dump_with_function(fn, fn)[0]) == 42


def test_registrations_of_others_are_left_as_they_were(stranger: ModuleType) -> None:
    """The list is the process's, not ours."""
    before = set(cloudpickle.list_registry_pickle_by_value())
    dump_with_function(stranger.triple, stranger.triple)
    assert cloudpickle.list_registry_pickle_by_value() == before
    cloudpickle.register_pickle_by_value(stranger)
    try:
        dump_with_function(stranger.triple, stranger.triple)
        assert "stranger" in cloudpickle.list_registry_pickle_by_value()
    finally:
        cloudpickle.unregister_pickle_by_value(stranger)


def test_what_can_be_imported_travels_by_name() -> None:
    """A few bytes instead of a module's source."""
    assert dump_with_function(json.dumps, json.dumps)[0] == pickle.dumps(json.dumps, 5)
    assert len(dump_with_function(len, len)[0]) < 60


def test_a_module_is_importable_if_a_new_interpreter_would_find_the_same_file(
    stranger: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not just one of the same name."""
    assert importable(json)
    assert importable(sys)
    assert importable(sys.modules["json.decoder"])
    assert importable(sys.modules["__main__"])
    assert not importable(stranger)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert importable(stranger)
    other = tmp_path / "other"
    other.mkdir()
    (other / "stranger.py").write_text("")
    monkeypatch.syspath_prepend(str(other))
    assert not importable(stranger)
    assert not importable(ModuleType("made_up"))


def test_a_module_found_from_the_working_directory_is_found_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a shell that is the empty entry of sys.path; a program may go elsewhere, and new workers begin there."""
    name = "found_from_here"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    (elsewhere := tmp_path / "elsewhere").mkdir()
    monkeypatch.syspath_prepend("")
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    try:
        assert importable(module)
        monkeypatch.chdir(elsewhere)
        assert not importable(module)
    finally:
        del sys.modules[name]


def test_a_module_of_a_package_that_is_nowhere_is_not_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parent would have to be imported first."""
    module = ModuleType("nowhere.inside")
    module.__spec__ = importlib.util.spec_from_file_location("nowhere.inside", __file__)
    assert not importable(module)
