"""The command line as its users have it: words in, text and an exit status out."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from weft._cli import main

WORK = """\
import asyncio, dataclasses, functools, os, time

def upper(text):
    return text.upper()

def fails(text):
    raise ValueError(f"no {text}\\nat all")

def picky(text):
    if "bad" in text:
        raise ValueError(f"no {text}")
    return text

def echo(value):
    return value

async def fetch(text):
    await asyncio.sleep(0)
    return text[::-1]

def where(text):
    return os.getpid()

def sleeps(text):
    time.sleep(float(text))
    return text

def says(text):
    print(f"said {text}", flush=True)
    return text

twice = lambda text: text * 2
thrice = functools.partial(lambda times, text: text * times, 3)
number = 7

class Texts:
    def __init__(self, text):
        self.text = text

    def length(text):
        return len(text)

    @staticmethod
    def first(text):
        return text[0]

    @classmethod
    def named(cls, text):
        return cls.__name__ + text

@dataclasses.dataclass
class Record:
    name: str
    size: float

def record(text):
    return Record(text, len(text))

class Add:
    def __init__(self, more):
        self.more = more
    def __call__(self, text):
        return text + self.more

add = Add("!")
"""


@dataclass
class Said:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        """The JSON Lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def results(self) -> list[Any]:
        """The results alone, by index."""
        return [row["result"] for row in sorted(self.rows, key=lambda row: row["index"])]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with ``work.py`` in it, and we are there; what a command does to this interpreter is undone."""
    (tmp_path / "work.py").write_text(WORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def weft(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run a command in this process."""

    def run(*words: str, stdin: str | None = None) -> Said:
        monkeypatch.setattr(sys, "stdin", None if stdin is None else io.StringIO(stdin))
        try:
            status = main(words)
        except SystemExit as ending:
            status = int(ending.code or 0)
        said = Said(status, *capsys.readouterr())
        assert "Traceback" not in said.err
        return said

    return run


@pytest.fixture
def weft_alone() -> Callable[..., Said]:
    """Run a command as a process of its own."""

    def run(*words: str, stdin: bytes = b"", **settings: Any) -> Said:
        command = [sys.executable, "-m", "weft", *words]
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 30, **settings}
        done = subprocess.run(command, input=stdin, check=False, **settings)
        said = Said(done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode())
        assert "Traceback" not in said.err
        return said

    return run
