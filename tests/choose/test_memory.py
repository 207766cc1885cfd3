"""What was learned of a function is there in the next run, and nothing that happens to the file is an error."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from weft._choose import memory
from weft._choose.fingerprint import key_of
from weft._choose.machine import Machine
from weft._choose.memory import Learned, Memory

HERE = Machine(2, 2, 2, None, gil=True)
KNOWN = Learned("process", 2, 0.004, 0.98, 0.97, 0.0, 480.0, 4, 900, frozenset({"thread"}))


def key(n: int) -> bytes:
    return random.Random(n).randbytes(16)


def table(folder: Path) -> Path:
    return folder / f"auto-{memory.VERSION}.table"


def test_what_was_noted_is_recalled_by_another(tmp_path: Path) -> None:
    Memory(str(tmp_path)).note(key(1), KNOWN)
    found = Memory(str(tmp_path)).recall(key(1))
    assert found is not None
    assert (found.kind, found.workers, found.runs) == ("process", 2, 1)
    assert (found.cost, found.rate) == (pytest.approx(0.004), pytest.approx(480))
    assert (found.share, found.held, found.native) == (pytest.approx(0.98), pytest.approx(0.97), 0.0)
    assert (found.threads, found.items, found.lost) == (4, 900, {"thread"})
    assert 0 <= found.age < 60
    assert Memory(str(tmp_path)).recall(key(2)) is None


def test_runs_that_agree_are_counted(tmp_path: Path) -> None:
    """How far it may be trusted depends on that."""
    mine = Memory(str(tmp_path))
    for _ in range(3):
        mine.note(key(1), KNOWN)
    assert mine.recall(key(1)).runs == 3  # type: ignore[union-attr]
    mine.note(key(1), Learned("thread", 8, 0.004))
    found = mine.recall(key(1))
    assert found is not None
    assert (found.kind, found.runs) == ("thread", 1)


def test_its_size_is_bounded_and_the_oldest_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Memory(str(tmp_path))
    now = [1_000.0]
    monkeypatch.setattr(memory, "time", lambda: now[0])
    for n in range(2 * memory.PLACES):
        now[0] += 1
        mine.note(key(n), KNOWN)
    assert table(tmp_path).stat().st_size <= memory.SIZE
    late = [n for n in range(2 * memory.PLACES - 100, 2 * memory.PLACES) if mine.recall(key(n))]
    assert len(late) == 100
    assert sum(mine.recall(key(n)) is not None for n in range(500)) < 100


def test_the_environment_says_where_and_whether(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("WEFT_CACHE", raising=False)
    assert Memory.here().path == str(table(tmp_path / "xdg" / "weft"))
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "mine"))
    Memory.here().note(key(1), KNOWN)
    assert table(tmp_path / "mine").exists()
    for word in ("off", "0", "NO"):
        monkeypatch.setenv("WEFT_CACHE", word)
        assert Memory.here().path is None
        Memory.here().note(key(1), KNOWN)
        assert Memory.here().recall(key(1)) is None
        Memory.here().clear()
    monkeypatch.setenv("WEFT_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Memory.here().path == str(table(tmp_path / "home" / ".cache" / "weft"))


def test_one_call_forgets_everything(tmp_path: Path) -> None:
    mine = Memory(str(tmp_path))
    mine.note(key(1), KNOWN)
    mine.clear()
    assert mine.recall(key(1)) is None
    mine.clear()


@pytest.mark.parametrize("content", [b"", b"nonsense", os.urandom(memory.SIZE), b"\0" * memory.SIZE, b"\xff" * 100])
def test_a_file_that_is_not_ours_reads_as_nothing_and_is_taken_over(tmp_path: Path, content: bytes) -> None:
    table(tmp_path).write_bytes(content)
    mine = Memory(str(tmp_path))
    assert mine.recall(key(1)) is None
    mine.note(key(1), KNOWN)
    assert mine.recall(key(1)).kind == "process"  # type: ignore[union-attr]


def test_a_torn_record_reads_as_nothing(tmp_path: Path) -> None:
    """Somebody was killed while writing, or the disk was full."""
    mine = Memory(str(tmp_path))
    mine.note(key(1), KNOWN)
    data = bytearray(table(tmp_path).read_bytes())
    at = data.index(key(1))
    data[at + 20] ^= 0xFF
    table(tmp_path).write_bytes(data)
    assert mine.recall(key(1)) is None
    table(tmp_path).write_bytes(data[: at + 30])
    assert mine.recall(key(1)) is None


@pytest.mark.parametrize("where", ["file/inside", "folder", "\0", "/proc/nowhere"])
def test_a_place_that_can_not_be_written_is_no_error(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    table(tmp_path / "folder").mkdir(parents=True)
    mine = Memory(where if where.startswith("/") else f"{tmp_path}/{where}")
    mine.note(key(1), KNOWN)
    assert mine.recall(key(1)) is None
    mine.clear()


def test_a_full_disk_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    mine = Memory(str(tmp_path))
    mine.note(key(1), KNOWN)
    assert mine.recall(key(1)) is None


def test_figures_that_make_no_sense_are_no_error(tmp_path: Path) -> None:
    mine = Memory(str(tmp_path))
    mine.note(key(1), Learned("thread", 10**9, 1e300, float("inf"), -1.0, float("nan")))
    found = mine.recall(key(1))
    assert found is not None
    assert found.kind == "thread"


def test_many_processes_write_at_once(tmp_path: Path) -> None:
    """No record of one is spoilt by another: each is found whole, or is not there."""
    code = (
        "import random, sys; from weft._choose.memory import Learned, Memory\n"
        "mine, number = Memory(sys.argv[1]), int(sys.argv[2])\n"
        "for n in range(200):\n"
        "    key = random.Random(n).randbytes(16)\n"
        "    mine.note(key, Learned('thread', n + 1, n / 1000))\n"
        "    found = mine.recall(key)\n"
        "    assert found is None or found.workers == n + 1, found\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)]) for n in range(4)]
    assert [each.wait(60) for each in running] == [0] * 4
    mine = Memory(str(tmp_path))
    found = [mine.recall(key(n)) for n in range(200)]
    assert sum(each is not None for each in found) >= 190  # a bucket that all four filled may have lost one
    assert all(each is None or each.workers == n + 1 for n, each in enumerate(found))


def test_nothing_of_the_users_is_in_the_file(tmp_path: Path) -> None:
    mine = Memory(str(tmp_path))
    mine.note(key_of(secretive, "a secret value", HERE), KNOWN)
    assert mine.recall(key_of(secretive, "another as long", HERE)) is not None
    data = table(tmp_path).read_bytes()
    for word in (b"secret", b"password", b"test_memory", b"value"):
        assert word not in data
    assert table(tmp_path).stat().st_mode & 0o077 == 0


def test_it_needs_no_module_that_takes_long_to_import() -> None:
    code = (
        "import sys, weft._engine; before = set(sys.modules); import weft._choose.memory\n"
        "import weft._choose.fingerprint as f\n"
        "from weft._choose.machine import Machine\n"
        "f.key_of(len, 'a', Machine.here()); m = weft._choose.memory.Memory(sys.argv[1])\n"
        "m.note(bytes(16), weft._choose.memory.Learned('thread', 1, 1.0)); m.recall(bytes(16))\n"
        "sys.exit(bool({'json', 'hashlib', 'struct', 'sqlite3', 'pickle', 'pathlib'} & (set(sys.modules) - before)))"
    )
    assert subprocess.run([sys.executable, "-c", code, "/proc/nowhere"], check=False).returncode == 0


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────


def secretive(item: str) -> str:
    password = "a password"
    return item + password


def around(fn: Callable[[Any], Any], more: Any = 1) -> Callable[[Any], Any]:
    def inner(item: Any) -> Any:
        return fn(item), more

    return inner


class Adds:
    def __call__(self, item: int) -> int:
        return item + 1


def test_the_key_is_the_same_in_every_process() -> None:
    code = (
        "import sys; from weft._choose.fingerprint import key_of; from weft._choose.machine import Machine\n"
        "fn = lambda x: x in {'a', 'b', 'c', 'd'}\n"
        "sys.stdout.write(key_of(fn, ['x'], Machine(2, 2, 2, None, gil=True)).hex())"
    )
    environment = [{**os.environ, "PYTHONHASHSEED": seed} for seed in "123"]
    keys = {
        subprocess.run([sys.executable, "-c", code], env=each, capture_output=True, check=True).stdout
        for each in environment
    }
    assert len(keys) == 1
    assert len(keys.pop()) == 32


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((len, "a"), (len, [1])),
        ((len, "a" * 100), (len, "a" * 100_000)),
        ((lambda x: x + 1, 1), (lambda x: x + 2, 1)),
        ((lambda x: x + 1, 1), (lambda x: x - 1, 1)),
        ((secretive, "a"), (str.upper, "a")),
        ((around(secretive), "a"), (around(str.upper), "a")),
        ((around(len), "a"), (around(len, [1, 2, 3]), "a")),
        ((partial(pow, 2), 1), (partial(int, 2), 1)),
        ((Adds(), 1), (len, 1)),
        ((len, [1, 2]), (len, ["a", "b"])),
    ],
)
def test_other_work_has_another_key(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    assert key_of(*one, HERE) != key_of(*other, HERE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((len, "a" * 1000), (len, "b" * 1010)),
        ((secretive, "a"), (secretive, "b")),
        ((Adds(), 1), (Adds(), 2)),
        ((Adds().__call__, 1), (Adds().__call__, 5)),
    ],
)
def test_the_same_work_has_the_same(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    assert key_of(*one, HERE) == key_of(*other, HERE)


def test_another_machine_has_another_key() -> None:
    assert key_of(len, "a", HERE) != key_of(len, "a", Machine(16, 16, 16, None, gil=True))
    assert key_of(len, "a", HERE) != key_of(len, "a", Machine(2, 2, 2, None, gil=False))


def test_an_argument_list_is_more_than_a_tuple() -> None:
    assert key_of(len, (1, "a"), HERE, star=True) == key_of(len, (2, "b"), HERE, star=True)
    assert key_of(len, (1, "a"), HERE, star=True) != key_of(len, ("a", 1), HERE, star=True)
