"""FUNCTION: what may be named, and what is said of what can't be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from weft._cli.function import find_function
from weft._cli.mistake import Mistake


def refused(text: str) -> str:
    with pytest.raises(Mistake) as caught:
        find_function(text)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("function", "result"),
    [
        ("work.py:upper", "AB"),
        ("work:upper", "AB"),
        ("work.py:twice", "abab"),
        ("work.py:thrice", "ababab"),
        ("work.py:fetch", "ba"),
        ("work.py:add", "ab!"),
        ("work.py:Texts.length", 2),
        ("work.py:Texts.first", "a"),
        ("work.py:Texts.named", "Textsab"),
        ("builtins:str.upper", "AB"),
        ("builtins:len", 2),
        ("os.path:basename", "ab"),
        ("pathlib:Path", "ab"),
    ],
)
@pytest.mark.parametrize("on", ["auto", "process"])
def test_whatever_can_be_called_can_be_named(weft: Callable, function: str, result: object, on: str) -> None:
    """Functions, lambdas, partials, coroutine functions, methods, classes and callable objects; in processes too."""
    said = weft("map", function, "ab", "--on", on)
    assert (said.status, said.results) == (0, [result]), said.err


def test_a_file_is_found_from_another_folder_together_with_its_neighbours(weft: Callable, folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "near.py").write_text("SUFFIX = '?'\n")
    (inner / "asks.py").write_text("from near import SUFFIX\ndef ask(text):\n    return text + SUFFIX\n")
    assert weft("map", "inner/asks.py:ask", "a", "--on", "process").results == ["a?"]


@pytest.mark.parametrize("stem", ["json", "test", "weft", "numpy", "socket", "random", "two words", "9-lives"])
def test_a_file_may_be_named_like_any_module(weft: Callable, folder: Path, stem: str) -> None:
    """``json.py`` and ``test.py`` are what people call their scripts; the library's own must go on working."""
    (folder / f"{stem}.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Pair:\n    left: str\n    right: 'str' = 'r'\n"
        "def helper(text):\n    return Pair(text)\n"
        "def loads(text):\n    return helper(text)\n"
    )
    for on in ("serial", "process"):
        said = weft("map", f"{stem}.py:loads", "l", "--on", on)
        assert (said.status, said.results) == (0, [{"left": "l", "right": "r"}]), said.err


def test_the_main_part_of_a_file_is_not_run(weft: Callable, folder: Path) -> None:
    (folder / "script.py").write_text(
        "def f(text):\n    return text\nif __name__ == '__main__':\n    raise SystemExit(9)\n"
    )
    assert weft("map", "script.py:f", "a").status == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("upper", "'upper' names no function: write module:name or path/to/file.py:name"),
        ("math.sqrt", "did you mean math:sqrt?"),
        ("work.py", "such as work.py:main"),
        ("work.py:", "names no function"),
        (":upper", "names no function"),
        ("nowhere.py:f", "there is no file 'nowhere.py'"),
        ("no_such_module:f", "there is no module 'no_such_module'"),
        ("no_such.module:f", "there is no module 'no_such'"),
        ("json.nothing:f", "there is no module 'json.nothing'"),
        ("work.py:uper", "'work.py' has no 'uper': did you mean 'upper'?"),
        ("work:uper", "'work' has no 'uper': did you mean 'upper'?"),
        ("work.py:Texts.lenth", "has no 'lenth': did you mean 'length'?"),
        ("work.py:zzz", "'work.py' has no 'zzz'"),
        ("work.py:number", "is a int and can't be called"),
        ("..up:f", "'..up' can't be imported: TypeError"),
    ],
)
def test_a_name_that_is_wrong_is_a_sentence_that_helps(text: str, wanted: str) -> None:
    assert wanted in refused(text)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (b"x = 1\ny = 1 / 0\n", "ZeroDivisionError: division by zero ("),
        (b"import no_such_thing\n", "ModuleNotFoundError: No module named 'no_such_thing'"),
        (b"def f(:\n", "invalid syntax ("),
        (b"raise ValueError('one\\ntwo')\n", "ValueError: one ("),
        (b"raise ValueError\n", "ValueError ("),
        (b"import sys; sys.exit(0)\n", "it ends the program where it is imported"),
        (b"\x7fELF\x00\x01\xff\xfe", "can't be imported: "),
        (b"s = '\xff'\n", "can't be imported: "),
        (b"from . import other\n", "attempted relative import"),
    ],
)
@pytest.mark.parametrize("form", ["{}.py:f", "{}:f"])
def test_a_module_that_fails_says_how_and_where(folder: Path, source: bytes, wanted: str, form: str) -> None:
    """The place named is the user's own line, never one of ours."""
    name = "broken_by_us"
    (folder / f"{name}.py").write_bytes(source)
    sentence = refused(form.format(name))
    if not (source.startswith(b"from .") and form == "{}:f"):
        assert wanted in sentence
    assert "_cli" not in sentence


def test_a_line_is_named(folder: Path) -> None:
    (folder / "broken.py").write_text("x = 1\ny = 1 / 0\n")
    assert refused("broken.py:f").endswith("broken.py, line 2)")
    (folder / "wrong.py").write_text("x = 1\ndef f(:\n")
    assert refused("wrong.py:f").endswith("wrong.py, line 2)")


def test_lookups_that_raise_are_told_too(folder: Path) -> None:
    (folder / "odd.py").write_text("def __getattr__(name):\n    raise RuntimeError('not today')\n")
    assert "RuntimeError: not today" in refused("odd.py:f")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(folder: Path) -> None:
    (folder / "work.py").chmod(0)
    assert "PermissionError" in refused("work.py:upper")


def test_a_folder_that_is_gone_is_no_reason_to_fail(
    weft: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert weft("map", "builtins:len", "abc").results == [3]


def test_a_function_that_cannot_be_sent_is_one_sentence(weft: Callable, folder: Path) -> None:
    source = "import threading\nlock = threading.Lock()\nf = lambda text, lock=lock: text\n"
    (folder / "locked.py").write_text(source)
    said = weft("map", "locked.py:f", "a", "--on", "process")
    assert said.status == 2
    assert "can't be sent to another process" in said.err
    assert said.err.count("\n") == 1
