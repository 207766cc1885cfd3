"""How much memory there is for more processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft._workers.available import LONG_AGO, PLENTY, RECENT, Room, available_memory

MIB = 2**20


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text(f"MemTotal: {1024 * 100} kB\nMemFree: 1 kB\nMemAvailable: {1024 * 50} kB\n")
    return tmp_path


def group(place: Path, path: str, limit: str, used: int, idle: int | None, *, version: int) -> None:
    folder = place / "cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    if idle is not None:
        (folder / "memory.stat").write_text(f"anon 7\n{names[2]} {idle}\nfile 9\n")


def available(place: Path, own: str) -> int | None:
    (place / "own").write_text(own)
    return available_memory(str(place / "own"), str(place / "cgroup"), str(place / "meminfo"))


def test_without_groups_it_is_what_the_machine_has(place: Path) -> None:
    assert available(place, "") == 50 * MIB
    assert available(place, "0::/nobody/made/this\n") == 50 * MIB


def test_where_the_system_says_nothing_nothing_is_known(tmp_path: Path) -> None:
    assert available_memory(*[str(tmp_path / "nothing")] * 3) is None


@pytest.mark.parametrize(
    ("version", "root", "own"), [(2, "", "0::/a/b\n"), (1, "memory/", "3:cpu:/\n7:memory:/a/b\n0::/\n")]
)
def test_the_tightest_group_above_counts(place: Path, version: int, root: str, own: str) -> None:
    """Of both versions, from the process's own group up to the root of them."""
    group(place, f"{root}a/b", "max" if version == 2 else str(2**63 - 4096), 1 * MIB, 0, version=version)
    assert available(place, own) == 50 * MIB
    group(place, f"{root}a", str(20 * MIB), 8 * MIB, 0, version=version)
    assert available(place, own) == 12 * MIB
    group(place, root, str(9 * MIB), 8 * MIB, 0, version=version)
    assert available(place, own) == 1 * MIB
    group(place, root, str(9 * MIB), 10 * MIB, 0, version=version)
    assert available(place, own) == 0


def test_files_that_are_kept_in_memory_are_given_back(place: Path) -> None:
    """Else a group that has read a large file would get no second worker."""
    group(place, "a", str(20 * MIB), 19 * MIB, 15 * MIB, version=2)
    assert available(place, "0::/a\n") == 16 * MIB
    group(place, "a", str(20 * MIB), 19 * MIB, None, version=2)
    (place / "cgroup" / "a" / "memory.stat").unlink()
    assert available(place, "0::/a\n") == 1 * MIB


def test_this_machine_has_some() -> None:
    assert (available_memory() or MIB) >= MIB


class System:
    """What says how much there is, and when it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, nbytes: int | None) -> None:
        self.nbytes, self.asked, self.now = nbytes, 0, 1000.0
        monkeypatch.setattr("weft._workers.available.monotonic", lambda: self.now)

    def __call__(self) -> int | None:
        self.asked += 1
        return self.nbytes


def test_where_there_is_plenty_it_is_not_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(monkeypatch, 3 * PLENTY)
    room = Room(system)
    assert all(room.admits(MIB) for _ in range(100))
    assert system.asked == 1
    system.now += 2 * RECENT
    assert room.admits(MIB)
    assert system.asked == 1
    system.now += RECENT  # others may have had 3 GiB by now
    system.nbytes = MIB
    assert room.admits(MIB)
    assert not room.admits(2 * MIB)
    assert system.asked == 3


@pytest.mark.parametrize("nbytes", [2**60, None])
def test_after_a_while_it_is_asked_again_whatever_there_was(
    monkeypatch: pytest.MonkeyPatch, nbytes: int | None
) -> None:
    system = System(monkeypatch, nbytes)
    room = Room(system)
    for asked in (1, 2, 3):
        assert room.admits(MIB)
        assert room.admits(MIB)
        assert system.asked == asked
        system.now += LONG_AGO + 1


def test_those_who_were_admitted_count_until_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 that start together must not each take the same free memory for theirs."""
    system = System(monkeypatch, 5 * PLENTY)
    room = Room(system)
    assert all(room.admits(PLENTY) for _ in range(4))
    assert system.asked == 1
    system.nbytes = PLENTY - 1
    assert not room.admits(PLENTY)
    assert system.asked == 2


def test_where_nobody_knows_all_are_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(monkeypatch, None)
    room = Room(system)
    assert room.admits(2**60)
    assert room.admits(2**60)
    assert system.asked == 1
